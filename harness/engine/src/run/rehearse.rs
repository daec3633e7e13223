//! A run's manifests, applied in order to a cluster without nodes: what MetalLB would refuse in the middle of a run is
//! found before a lab is booted.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use routeproof_model::metallb::{self, NodeInfo, Objects, Release, RenderError};
use routeproof_model::plan::PlannedRun;
use routeproof_model::scenario::Verb;
use routeproof_model::topology::Role;

use super::error::RunError;
use super::load::read;

/// What MetalLB knows of the cluster nodes. The kubelet sets the label.
pub(super) fn node_infos(run: &PlannedRun) -> impl Iterator<Item = NodeInfo> {
    let members = run.topology.nodes.iter().filter(|n| n.role == Role::ClusterNode);
    members.map(|n| NodeInfo {
        name: n.name.clone(),
        labels: [("kubernetes.io/hostname".to_string(), n.name.clone())].into_iter().collect(),
    })
}

/// What a rehearsal found.
#[derive(Debug, Default)]
pub struct Rehearsed {
    /// MetalLB's about the state that the run ends in: on the way there, extras may well name a peer that is still to come.
    pub warnings: Vec<String>,
    /// Every pod that an EndpointSlice names at some time, with its node.
    pub pods: BTreeSet<(IpAddr, Option<String>)>,
}

/// Applies and deletes what the run does, and renders after each change as the speakers would.
pub fn rehearse(run: &PlannedRun, release: &Release) -> Result<Rehearsed, RunError> {
    let mut objects = Objects::new();
    let mut found = Rehearsed::default();
    apply(&mut objects, &run.initial)?;
    found.look(run, release, &objects)?;
    for step in &run.steps {
        match &step.verb {
            Verb::Apply { manifests } => apply(&mut objects, manifests)?,
            Verb::Delete { manifests } => {
                for manifest in manifests {
                    objects.delete(&read(manifest)?)?;
                }
            }
            _ => continue,
        }
        found.look(run, release, &objects)?;
    }
    Ok(found)
}

impl Rehearsed {
    fn look(&mut self, run: &PlannedRun, release: &Release, objects: &Objects) -> Result<(), RunError> {
        self.warnings = render(run, release, objects)?;
        self.pods.extend(pods_of(objects));
        Ok(())
    }
}

/// Every pod of the cluster, with its node.
pub(super) fn pods_of(objects: &Objects) -> impl Iterator<Item = (IpAddr, Option<String>)> {
    objects.endpoints().filter_map(|e| Some((e.address()?, e.node_name.clone())))
}

fn apply(objects: &mut Objects, manifests: &[PathBuf]) -> Result<(), RunError> {
    for manifest in manifests {
        let source = read(manifest)?;
        if objects.apply(&source)?.is_empty() {
            // As kubectl says, and for the same reason: somebody meant something by this file.
            return Err(source.error("there is no object in this manifest").into());
        }
    }
    Ok(())
}

fn render(run: &PlannedRun, release: &Release, objects: &Objects) -> Result<Vec<String>, RunError> {
    let mut warnings = Vec::new();
    for info in node_infos(run) {
        let rendered = metallb::render(release, run.metallb.mode, objects, &info).map_err(|e| match e {
            RenderError::Refused(d) | RenderError::Pending(d) => RunError::Input(d),
            other => RunError::Config { node: info.name.clone(), what: other.to_string(), hints: Vec::new() },
        })?;
        warnings.extend(rendered.warnings.into_iter().filter(|w| !warnings.contains(w)).collect::<Vec<_>>());
    }
    Ok(warnings)
}
