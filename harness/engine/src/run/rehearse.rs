//! A run's manifests, applied in order to a cluster without nodes: what MetalLB would refuse in the middle of a run is
//! found before a lab is booted.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use routeproof_model::metallb::lint::{Finding, FrrVersion, Lint};
use routeproof_model::metallb::{self, Applied, NodeInfo, Objects, Release, RenderError};
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
    /// The shortest detection time of a BFD profile that is there at some time, in milliseconds.
    pub bfd_detection_ms: Option<u64>,
    /// What is wrong with the extras that the run applies.
    pub findings: Vec<Finding>,
}

/// Applies and deletes what the run does, and renders after each change as the speakers would.
pub fn rehearse(
    run: &PlannedRun,
    release: &'static Release,
    frr: Option<FrrVersion>,
) -> Result<Rehearsed, RunError> {
    let mut objects = Objects::new();
    let mut found = Rehearsed::default();
    let mut lint = Lint::new(release, frr);
    let applied = apply(&mut objects, &run.initial)?;
    found.look(run, release, &objects)?;
    lint.look(&objects, &applied);
    for step in &run.steps {
        let mut applied = Vec::new();
        match &step.verb {
            Verb::Apply { manifests } => applied = apply(&mut objects, manifests)?,
            Verb::Delete { manifests } => {
                for manifest in manifests {
                    objects.delete(&read(manifest)?)?;
                }
            }
            _ => continue,
        }
        found.look(run, release, &objects)?;
        lint.look(&objects, &applied);
    }
    found.findings = lint.findings();
    Ok(found)
}

impl Rehearsed {
    fn look(&mut self, run: &PlannedRun, release: &Release, objects: &Objects) -> Result<(), RunError> {
        self.warnings = render(run, release, objects)?;
        self.pods.extend(pods_of(objects));
        self.bfd_detection_ms = self.bfd_detection_ms.into_iter().chain(objects.bfd_detection_ms()).min();
        Ok(())
    }
}

/// Every pod of the cluster, with its node.
pub(super) fn pods_of(objects: &Objects) -> impl Iterator<Item = (IpAddr, Option<String>)> {
    objects.endpoints().filter_map(|e| Some((e.address()?, e.node_name.clone())))
}

/// As one `kubectl apply` of several files.
pub(super) fn apply(objects: &mut Objects, manifests: &[PathBuf]) -> Result<Vec<Applied>, RunError> {
    let mut all = Vec::new();
    for manifest in manifests {
        let source = read(manifest)?;
        let applied = objects.apply(&source)?;
        if applied.is_empty() {
            // As kubectl says, and for the same reason: somebody meant something by this file.
            return Err(source.error("there is no object in this manifest").into());
        }
        all.extend(applied);
    }
    Ok(all)
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
