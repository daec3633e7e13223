//! The images that runs in containers are made of.

use std::collections::BTreeSet;

use routeproof_model::plan::Plan;
use routeproof_model::real::{Image, container_image, images_of, metallb_image};
use routeproof_model::topology::Role;

use super::error::RunError;
use crate::cluster::read_manifest;
use crate::containers::{ContainerError, Settings};

/// Of every node of the plan's runs, and of their MetalLB's pods. kind's node image is among them where it is named; kind's own default is not.
/// `say` is told of downloads.
///
/// # Errors
/// A name that no container engine knows; a manifest that cannot be had.
pub async fn container_images(
    plan: &Plan,
    settings: &Settings,
    say: &(dyn Fn(String) + Sync),
) -> Result<BTreeSet<Image>, RunError> {
    let registry = settings.registry.as_deref();
    let mut found = BTreeSet::new();
    for run in &plan.runs {
        for node in run.topology.nodes.iter().filter(|node| node.role != Role::Bridge) {
            let image = container_image(&run.images[&node.name], registry);
            found.insert(image.map_err(|source| ContainerError::Image { node: node.name.clone(), source })?);
        }
        let manifest = settings.manifest(&run.metallb.version, run.metallb.mode, say).await?;
        for written in images_of(&read_manifest(&manifest)?) {
            // The nodes' own FRR takes the place of the manifest's.
            let image = metallb_image(&written, &run.metallb.version, registry).ok();
            found.extend(image.filter(|image| !image.is_frr()));
        }
        let of_topology = run.topology.clusters.iter().filter_map(|cluster| cluster.image.as_deref());
        let node = match &settings.node_image {
            Some(image) => container_image(image, None).ok(),
            None => of_topology.filter_map(|image| container_image(image, registry).ok()).next(),
        };
        found.extend(node);
    }
    Ok(found)
}
