//! Image names that no store can turn into a root filesystem: found before anything is booted, at the user's line.

use std::path::Path;

use routeproof_model::diag::Seg;
use routeproof_model::plan::PlannedRun;
use routeproof_model::topology::{Role, Topology};

use super::error::RunError;
use super::load::{Loaded, read};
use crate::image::{Blame, ImageError, Store};

/// Whether each image of the scenario's runs can be had in principle. No network.
pub fn check_images(loaded: &Loaded, store: &Store) -> Result<(), RunError> {
    for run in &loaded.runs {
        let elsewhere = |image: &str| run.routers.values().any(|r| r.image.name == image && r.is_elsewhere());
        check_topology_images(&run.topology.file, [&run.topology], store, elsewhere)?;
        for (node, image) in &run.images {
            if is_of_topology(&run.topology, node) {
                continue;
            }
            known(image, store).or_else(|error| blame(error, &loaded.file, &version_place(loaded, run)))?;
        }
    }
    Ok(())
}

/// The same for the images that a topology names itself, but those that are none for embedded labs.
pub fn check_topology_images<'a>(
    file: &Path,
    topologies: impl IntoIterator<Item = &'a Topology>,
    store: &Store,
    elsewhere: impl Fn(&str) -> bool,
) -> Result<(), RunError> {
    for topology in topologies {
        for node in topology.nodes.iter().filter(|n| is_of_topology(topology, &n.name)) {
            let Some(image) = node.image.as_deref().filter(|image| !elsewhere(image)) else { continue };
            let place = ["topology", "nodes", &node.name, "image"].map(Seg::from);
            known(image, store).or_else(|error| blame(error, file, &place))?;
        }
    }
    Ok(())
}

/// See `routeproof_model::plan::images`: routers have the topology's image.
fn is_of_topology(topology: &Topology, node: &str) -> bool {
    topology.node(node).is_some_and(|n| n.role == Role::Gateway && n.image.is_some())
}

fn known(image: &str, store: &Store) -> Result<(), ImageError> {
    store.available(&store.image(image)?)
}

/// Where the FRR version of the cluster nodes comes from.
fn version_place(loaded: &Loaded, run: &PlannedRun) -> Vec<Seg> {
    let axis = loaded.axes.iter().find(|(name, _)| name == "frr");
    let value = run.axes.iter().find(|(name, _)| name == "frr").map(|(_, value)| value);
    match axis.and_then(|(_, values)| values.iter().position(|v| Some(v) == value)) {
        Some(index) => vec!["axes".into(), "frr".into(), Seg::Index(index)],
        None => vec!["metallb".into(), "version".into()],
    }
}

fn blame(error: ImageError, file: &Path, place: &[Seg]) -> Result<(), RunError> {
    if error.blame() != Blame::Input {
        return Err(error.into());
    }
    let diagnostic = read(file)?.error_at(place, error.to_string());
    Err(error.hints().into_iter().fold(diagnostic, |d, hint| d.hint(hint)).into())
}
