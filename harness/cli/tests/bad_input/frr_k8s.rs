//! Mistakes about MetalLB's modes.

use insta::assert_snapshot;

use crate::support::Folder;
use crate::{SCENARIO, check_after, folder};

const LEARN: &str = "scenarios/frr-k8s-learn-routes";

#[test]
fn extras_in_frr_k8s_mode() {
    assert_snapshot!(check_after(SCENARIO, "version: v0.13.10, mode: frr", "version: v0.16.1, mode: frr-k8s"), @r"
    exit 2
    error: MetalLB in frr-k8s mode refuses ConfigMap `bgpextras`: extra info not supported in frr-k8s mode
     --> scenarios/learn-routes/manifests/extras.yaml:7:3
      |
    7 |   extras: |
      |   ^^^^^^
      |
    help: its speakers stop at this error before they open a session: delete the ConfigMap
    help: routes are learnt by `toReceive` of an FRRConfiguration that has the same neighbor as the
          BGPPeer
    ");
}

#[test]
fn a_release_without_the_mode() {
    assert_snapshot!(check_after(SCENARIO, "mode: frr", "mode: frr-k8s"), @r"
    exit 2
    error: MetalLB v0.13.10 has no mode frr-k8s: it came with v0.14.0
     --> scenarios/learn-routes/scenario.yaml:5:37
      |
    5 | metallb: { version: v0.13.10, mode: frr-k8s }
      |                                     ^^^^^^^
      |
    help: `mode: frr` runs MetalLB's own FRR container
    ");
    assert_snapshot!(check_after(SCENARIO, "mode: frr", "mode: frrk8s"), @r"
    exit 2
    error: unknown value `frrk8s`
     --> scenarios/learn-routes/scenario.yaml:5:37
      |
    5 | metallb: { version: v0.13.10, mode: frrk8s }
      |                                     ^^^^^^
      |
    help: did you mean `frr-k8s`?
    help: known here: frr, frr-k8s
    ");
}

/// The user's object is where to look, though the object it clashes with is MetalLB's.
#[test]
fn a_neighbor_that_is_not_the_bgppeers() {
    let folder = Folder::with(&["frr-k8s-learn-routes"]);
    let file = format!("{LEARN}/manifests/receive-all.yaml");
    folder.edit(&file, "address: 192.168.1.5\n", "address: 192.168.1.5\n            ebgpMultiHop: true\n");
    assert_snapshot!(folder.without_images(&["check", "frr-k8s-learn-routes"]), @r"
    exit 2
    error: frr-k8s refuses FRRConfiguration `learn` together with `metallb-k8s-worker`, which MetalLB generates: conflicting ebgp-multihop specified for 192.168.1.5
      --> scenarios/frr-k8s-learn-routes/manifests/receive-all.yaml:14:27
       |
    14 |             ebgpMultiHop: true
       |                           ^^^^
       |
    help: `ebgpMultiHop` must mean the same: true in FRRConfiguration `learn`, false in
          `metallb-k8s-worker`
    ");
}

#[test]
fn the_frr_configuration_of_frr_mode() {
    let folder = folder();
    let render = ["render", "scenarios/learn-routes/manifests/peers.yaml", "--frr-configuration"];
    assert_snapshot!(folder.routeproof(&render), @r"
    exit 2
    error: --frr-configuration: MetalLB writes none in frr mode
    hint: add --mode frr-k8s
    ");
}
