//! The plan: everything that a run needs, resolved, as a value that can be printed and saved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::check::Diagnosed;
use crate::profile::Router;
use crate::race::{Kind, Perturbation, perturb, seed_of};
use crate::result::Outcome;
use crate::scenario::{AxisValues, Expect, MetallbFile, Step, Verb};
use crate::topology::{Role, Topology};

/// All runs of one invocation, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub runs: Vec<PlannedRun>,
}

/// One lab, booted once, and what is done with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedRun {
    pub scenario: String,
    pub about: String,
    pub requirements: Vec<String>,
    /// As it was named when it was read; empty for a lab that is kept.
    #[serde(default)]
    pub scenario_file: PathBuf,
    /// SHA-256 over everything that the scenario reads, in hexadecimal; empty for a lab that is kept.
    #[serde(default)]
    pub scenario_sha256: String,
    pub axes: AxisValues,
    /// Which repeat it is, from 1; 0 for what is not repeated.
    #[serde(default)]
    pub repeat: u32,
    /// What is done to the lab so that races show.
    #[serde(default)]
    pub perturbation: Option<Perturbation>,
    pub expected: BTreeMap<String, String>,
    pub metallb: MetallbFile,
    pub topology: Topology,
    /// Node name -> root filesystem (`frr:7.5.1`).
    pub images: BTreeMap<String, String>,
    /// Gateways that a profile describes: node name -> router. The others are FRR, with the topology's configuration.
    #[serde(default)]
    pub routers: BTreeMap<String, Router>,
    pub initial: Vec<PathBuf>,
    pub steps: Vec<Step>,
    /// The shortest time, in milliseconds, after which a daemon draws conclusions that the run's verdicts rest on: what the
    /// scenario says, and the detection times of its BFD profiles. Such a lab needs a host that lets it run.
    #[serde(default)]
    pub tightest_timer_ms: Option<u64>,
    /// What the kernel must have beyond namespaces, veth pairs and bridges, by the names of `doctor`: `vrf`, `vlan`, ...
    #[serde(default)]
    pub needs: BTreeSet<String>,
}

impl Plan {
    /// Every run as often as this, each repeat perturbed in these ways by a seed of its own. The first repeats of all come
    /// first, so that a plan that is stopped has as many of each.
    #[must_use]
    pub fn repeated(self, repeat: u32, kinds: &[Kind], seed: u64) -> Plan {
        let routers = |run: &PlannedRun| -> Vec<String> {
            let is_router = |role| matches!(role, Role::Gateway | Role::ClusterNode);
            let routers = run.topology.nodes.iter().filter(|node| is_router(node.role));
            routers.map(|node| node.name.clone()).collect()
        };
        let again = |number: u32, run: &PlannedRun| {
            let perturbation =
                (!kinds.is_empty()).then(|| perturb(seed_of(seed, number), kinds, &routers(run)));
            PlannedRun { repeat: number, perturbation, ..run.clone() }
        };
        let all = (1..=repeat).flat_map(|number| self.runs.iter().map(move |run| again(number, run)));
        Plan { runs: all.collect() }
    }
}

impl PlannedRun {
    /// The step from which a `convergence` measures: the last before it that changed something.
    pub fn change_before(&self, index: usize) -> Option<usize> {
        (0..index).rev().find(|earlier| self.steps[*earlier].verb.changes_something())
    }

    /// The expectation of each cluster node by itself, if it is one of all of them.
    pub fn each(&self, expect: &Expect) -> Option<Vec<Expect>> {
        if expect.node() != Expect::ALL || self.topology.find(Expect::ALL).is_some() {
            return None;
        }
        let members = self.topology.nodes.iter().filter(|node| node.role == Role::ClusterNode);
        members.map(|node| expect.on(node.alias.as_ref().unwrap_or(&node.name))).collect()
    }

    /// A session that did not come up does not fail a scenario that goes on to diagnose a known bug over it: without the
    /// session nothing is measured, which is `inconclusive`. Other verdicts stay as they are.
    pub fn spoilt_unless_passed(
        &self,
        index: usize,
        (outcome, why): (Outcome, Option<String>),
    ) -> (Outcome, Option<String>) {
        let Verb::Eventually { expect: Expect::Session(session), .. } = &self.steps[index].verb else {
            return (outcome, why);
        };
        let same = |name: &str| self.topology.find(name).map(|n| &n.name);
        let measured_over =
            |step: &Step| matches!(&step.verb, Verb::Diagnose(d) if same(&d.node) == same(&session.node));
        if outcome != Outcome::Failed || !self.steps[index + 1..].iter().any(measured_over) {
            return (outcome, why);
        }
        let why = why.unwrap_or_default();
        (Outcome::Inconclusive, Some(format!("{why}; without the session there is nothing to diagnose")))
    }

    /// A look-alike of a known bug fails a run, unless it is what the scenario expects to find.
    pub fn as_expected(&self, diagnosed: Diagnosed) -> Diagnosed {
        let expected = self.expected.get("bug").map(String::as_str);
        match diagnosed.bug.is_some() && diagnosed.bug == expected && diagnosed.outcome == Outcome::Failed {
            true => Diagnosed { outcome: Outcome::Passed, ..diagnosed },
            false => diagnosed,
        }
    }

    /// The run with `factor` times the patience: every `within`. Windows (`holds`) and what is claimed of times (`at-most`)
    /// stay.
    #[must_use]
    pub fn with_patience(mut self, factor: u32) -> PlannedRun {
        for step in &mut self.steps {
            match &mut step.verb {
                Verb::Eventually { within, .. } => *within *= factor,
                Verb::Diagnose(diagnosis) => diagnosis.within *= factor,
                _ => {}
            }
        }
        self
    }

    /// `frr-ordering-7.5.1-after-permit-all-ipv4`: safe as a folder's name.
    pub fn slug(&self) -> String {
        let parts =
            [self.scenario.as_str()].into_iter().chain(self.axes.iter().map(|(_, value)| value.as_str()));
        let joined = parts.collect::<Vec<_>>().join("-");
        joined.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect()
    }
}

/// Which root filesystem each node gets: cluster nodes the FRR under test, routers the image that the topology names,
/// hosts whatever the cluster nodes have (they only need `ip`, `ping` and a shell).
pub fn images(topology: &Topology, node_frr: &str) -> BTreeMap<String, String> {
    let of = |node: &crate::topology::Node| match (node.role, &node.image) {
        (Role::Gateway, Some(image)) => Some(image.clone()),
        (Role::Bridge, _) => None,
        _ => Some(format!("frr:{node_frr}")),
    };
    topology.nodes.iter().filter_map(|node| Some((node.name.clone(), of(node)?))).collect()
}
