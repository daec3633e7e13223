//! A run's manifests, applied in order to a cluster without nodes: what MetalLB would refuse in the middle of a run is
//! found before a lab is booted.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use routeproof_model::metallb::lint::{Finding, FrrVersion, Lint};
use routeproof_model::metallb::{self, Applied, NodeInfo, Objects, Release, RenderError, Rendered};
use routeproof_model::plan::PlannedRun;
use routeproof_model::scenario::Verb;
use routeproof_model::topology::{Devices, Role};

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
    /// Each VRF that the FRR of a cluster node is told of at some time, with the node.
    pub vrfs: BTreeSet<(String, String)>,
    /// What is wrong with the extras that the run applies.
    pub findings: Vec<Finding>,
}

/// Applies and deletes what the run does, and renders after each change as the speakers would.
pub fn rehearse(
    run: &PlannedRun,
    release: &'static Release,
    frr: Option<FrrVersion>,
) -> Result<Rehearsed, RunError> {
    let mut objects = Objects::of(release);
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
        self.warnings.clear();
        for info in node_infos(run) {
            let rendered = render(run, release, objects, &info)?;
            self.vrfs.extend(vrfs_of(&rendered.conf).map(|vrf| (info.name.clone(), vrf.to_string())));
            let new: Vec<String> =
                rendered.warnings.into_iter().filter(|w| !self.warnings.contains(w)).collect();
            self.warnings.extend(new);
        }
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

fn render(
    run: &PlannedRun,
    release: &Release,
    objects: &Objects,
    info: &NodeInfo,
) -> Result<Rendered, RunError> {
    metallb::render(release, run.metallb.mode, objects, info).map_err(|e| match e {
        RenderError::Refused(d) | RenderError::Pending(d) => RunError::Input(d),
        other => RunError::Config { node: info.name.clone(), what: other.to_string(), hints: Vec::new() },
    })
}

/// `red` of `router bgp 64513 vrf red`.
fn vrfs_of(conf: &str) -> impl Iterator<Item = &str> {
    conf.lines().filter_map(|line| {
        let mut words =
            line.strip_prefix("router bgp ")?.split_whitespace().skip_while(|word| *word != "vrf");
        words.nth(1)
    })
}

/// A VRF in which sessions are to be and that nobody makes: they would wait for it in silence.
pub fn unmade_vrfs(run: &PlannedRun, vrfs: &BTreeSet<(String, String)>) -> Vec<String> {
    let is_made = |node: &str, vrf: &str| {
        let node = run.topology.node(node);
        node.is_none_or(|node| Devices::of(&node.lines()).made().any(|device| device == vrf))
    };
    let unmade = vrfs.iter().filter(|(node, vrf)| !is_made(node, vrf));
    unmade
        .map(|(node, vrf)| {
            format!("there are BGP sessions in VRF {vrf} of {node}, but no `exec` line of {node} makes it")
        })
        .collect()
}
