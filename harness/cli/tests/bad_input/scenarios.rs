//! Mistakes in `scenario.yaml`.

use insta::assert_snapshot;

use crate::{SCENARIO, check_after, folder};

#[test]
fn unknown_field() {
    assert_snapshot!(check_after(SCENARIO, "requirements:", "requirement:"), @r"
    exit 2
    error: unknown field `requirement`
     --> scenarios/learn-routes/scenario.yaml:3:1
      |
    3 | requirement: [LEARN-1.1, LEARN-1.2]
      | ^^^^^^^^^^^
      |
    help: did you mean `requirements`?
    help: known here: name, about, requirements, topology, metallb, axes, expected, initial, allow,
          tightest-timer, on-request, steps
    ");
}

#[test]
fn unknown_step() {
    assert_snapshot!(check_after(SCENARIO, "- apply: manifests/peers.yaml", "- aply: manifests/peers.yaml"), @r"
    exit 2
    error: unknown field `aply`
      --> scenarios/learn-routes/scenario.yaml:10:5
       |
    10 |   - aply: manifests/peers.yaml
       |     ^^^^
       |
    help: did you mean `apply`?
    help: known here: apply, delete, restart-speaker, settle, expect, observe, fault, stream, diagnose,
          when, within, holds, witness
    ");
}

#[test]
fn two_verbs_in_one_step() {
    let two = "- apply: manifests/peers.yaml\n    settle: { node: worker }";
    assert_snapshot!(check_after(SCENARIO, "- apply: manifests/peers.yaml", two), @r"
    exit 2
    error: a step does one thing: one of apply, delete, restart-speaker, settle, fault, stream, expect, observe or diagnose
      --> scenarios/learn-routes/scenario.yaml:10:5
       |
    10 |   - apply: manifests/peers.yaml
       |     ^^^^^
    ");
}

#[test]
fn unknown_node() {
    assert_snapshot!(check_after(SCENARIO, "session: { node: worker, peer: 192", "session: { node: wroker, peer: 192"), @r"
    exit 2
    error: unknown node `wroker`
      --> scenarios/learn-routes/scenario.yaml:11:32
       |
    11 |   - expect: { session: { node: wroker, peer: 192.168.1.5 } }
       |                                ^^^^^^
       |
    help: did you mean `worker`?
    help: known: worker, gw1
    ");
}

#[test]
fn a_prefix_that_is_none() {
    assert_snapshot!(check_after(SCENARIO, "prefix: 172.16.9.0/24", "prefix: 172.16.9.0/33"), @r"
    exit 2
    error: `172.16.9.0/33` is not a prefix such as 172.16.1.0/24 or fc00:1::/64
      --> scenarios/learn-routes/scenario.yaml:17:46
       |
    17 |   - expect: { route: { node: worker, prefix: 172.16.9.0/33, via: [gw1], proto: bgp } }
       |                                              ^^^^^^^^^^^^^
    ");
}

#[test]
fn no_route_without_a_witness() {
    let step = "expect: { no-route: { node: worker, prefix: 10.0.0.0/8 } }\n    holds: 6s";
    let old =
        "expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1], proto: bgp } }\n    holds: 6s";
    assert_snapshot!(check_after(SCENARIO, old, step), @r"
    exit 2
    error: absence proves nothing without a positive witness
      --> scenarios/learn-routes/scenario.yaml:22:5
       |
    22 |   - expect: { no-route: { node: worker, prefix: 10.0.0.0/8 } }
       |     ^^^^^^
       |
    help: `witness: PREFIX` names a prefix that must be in the node's kernel during the same window
    help: `no-route: { peer: GATEWAY }` demands an Established session over which the gateway advertises
    ");
}

#[test]
fn no_route_within() {
    let step = "expect: { no-route: { node: worker, prefix: 10.0.0.0/8 } }\n    within: 6s";
    let old =
        "expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1], proto: bgp } }\n    holds: 6s";
    assert_snapshot!(check_after(SCENARIO, old, step), @r"
    exit 2
    error: `no-route` needs `holds`: a route that is absent now may come a moment later
      --> scenarios/learn-routes/scenario.yaml:22:5
       |
    22 |   - expect: { no-route: { node: worker, prefix: 10.0.0.0/8 } }
       |     ^^^^^^
       |
    help: for instance `holds: 6s`: bgpd re-evaluates route maps after 5 s
    ");
}

#[test]
fn a_duration_that_is_none() {
    assert_snapshot!(check_after(SCENARIO, "within: 20s", "within: soon"), @r"
    exit 2
    error: `soon` is not a duration such as 20s or 500ms: expected number at 0
      --> scenarios/learn-routes/scenario.yaml:12:13
       |
    12 |     within: soon
       |             ^^^^
    ");
}

#[test]
fn unknown_frr_version() {
    assert_snapshot!(check_after(SCENARIO, "frr: [7.5.1,", "frr: [7.5.2,"), @r"
    exit 2
    error: `frr:7.5.2` is neither an FRR version that comes from Debian nor an imported image
     --> scenarios/learn-routes/scenario.yaml:7:9
      |
    7 |   frr: [7.5.2, 8.4.4, 10.3]
      |         ^^^^^
      |
    help: known images: frr:7.5.1, frr:8.4.4, frr:10.3
    help: any other FRR: `routeproof images pull frr:VERSION --from FOLDER-OR-ARCHIVE`
    ");
}

#[test]
fn an_frr_version_that_is_none() {
    assert_snapshot!(check_after(SCENARIO, "frr: [7.5.1,", "frr: [\"new ones!\","), @r#"
    exit 2
    error: `frr:new ones!` is not the name of an FRR image: it has no FRR version
     --> scenarios/learn-routes/scenario.yaml:7:9
      |
    7 |   frr: ["new ones!", 8.4.4, 10.3]
      |         ^^^^^^^^^^^
      |
    help: known images: frr:7.5.1, frr:8.4.4, frr:10.3
    help: any other FRR: `routeproof images pull frr:VERSION --from FOLDER-OR-ARCHIVE`
    "#);
}

#[test]
fn unknown_metallb_release() {
    assert_snapshot!(check_after(SCENARIO, "v0.13.10", "v0.13.99"), @r"
    exit 2
    error: there is no MetalLB release `v0.13.99`
     --> scenarios/learn-routes/scenario.yaml:5:21
      |
    5 | metallb: { version: v0.13.99, mode: frr }
      |                     ^^^^^^^^
      |
    help: did you mean v0.13.12?
    ");
}

#[test]
fn unknown_axis_in_a_path() {
    assert_snapshot!(check_after(SCENARIO, "manifests/extras.yaml", "manifests/extras-${form}.yaml"), @r"
    exit 2
    error: unknown axis `form`
     --> scenarios/learn-routes/scenario.yaml:9:12
      |
    9 |   - apply: manifests/extras-${form}.yaml
      |            ^^^^^^^^^^^^^^^^^^
      |
    help: did you mean `frr`?
    help: known: frr
    ");
}

#[test]
fn missing_manifest() {
    assert_snapshot!(check_after(SCENARIO, "manifests/extras.yaml", "manifests/extra.yaml"), @r"
    exit 2
    error: there is no manifest scenarios/learn-routes/manifests/extra.yaml
     --> scenarios/learn-routes/scenario.yaml:9:12
      |
    9 |   - apply: manifests/extra.yaml
      |            ^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn missing_topology() {
    assert_snapshot!(check_after(SCENARIO, "one-gateway.clab.yml", "one-gatway.clab.yml"), @r"
    exit 2
    error: there is no topology topologies/one-gatway.clab.yml
     --> scenarios/learn-routes/scenario.yaml:4:11
      |
    4 | topology: ../../topologies/one-gatway.clab.yml
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn unknown_scenario() {
    let folder = folder();
    assert_snapshot!(folder.routeproof(&["run", "learn-route"]), @r"
    exit 2
    error: there is no scenario `learn-route`: neither a file nor a folder below ./scenarios
    hint: did you mean `learn-routes`?
    ");
    assert_snapshot!(folder.routeproof(&["check", "learn-route"]), @r"
    exit 2
    error: there is no scenario `learn-route`: neither a file nor a folder below ./scenarios
    hint: did you mean `learn-routes`?
    ");
    assert_snapshot!(folder.routeproof(&["check", "nowhere/"]), @r"
    exit 2
    error: there is no scenario `nowhere/`: neither a file nor a folder below ./scenarios
    hint: known: learn-routes
    ");
}

#[test]
fn no_scenarios_here() {
    let empty = crate::support::Folder::empty();
    assert_snapshot!(empty.routeproof(&["run"]), @r"
    exit 2
    error: there is no folder ./scenarios here (No such file or directory (os error 2))
    hint: run this in a checkout of routeproof, or name a scenario's folder
    ");
}
