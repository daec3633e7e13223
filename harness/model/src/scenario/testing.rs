//! What tests about scenarios share: a small topology, and the way from steps as they are written to what they mean.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use super::{Scenario, ScenarioFile, expand};
use crate::diag::{Diagnostic, Source};
use crate::topology::{self, Topology};
use crate::yaml;

/// A cluster node of that name, linked with gw1 by eth1 and with gw2 by eth2.
pub fn topology(node: &str) -> Topology {
    let text = format!(
        "
name: t
topology:
  nodes:
    {node}:
      kind: linux
      image: 'frr:8.4.4'
      labels: {{ routeproof.role: cluster-node }}
      exec: [ip link add vlan7 link eth1 type vlan id 7]
    gw1: {{ kind: linux, image: 'frr:8.4.4' }}
    gw2: {{ kind: linux, image: 'frr:8.4.4' }}
  links:
    - endpoints: ['{node}:eth1', 'gw1:eth1']
    - endpoints: ['{node}:eth2', 'gw2:eth1']
"
    );
    topology::load(&Source::new("/t/t.clab.yml", text)).unwrap()
}

/// The scenario that has these steps, written as the list that a file has. The node is `n`.
pub fn scenario(steps: &str) -> Result<Scenario, Diagnostic> {
    let text = format!("name: s\nabout: a\ntopology: t\nmetallb: {{ version: v0.13.10 }}\nsteps:\n{steps}\n");
    let source = Source::new("/t/scenario.yaml", text);
    let file: ScenarioFile = yaml::parse(&source)?;
    expand(&file, &source, &topology("n"))
}

/// What is wrong with one step.
pub fn mistake(step: &str) -> Option<Diagnostic> {
    scenario(&format!("  - {step}")).err()
}
