//! T1: `run --mutate` on real labs. Pulls FRR 8.4.4 when it is not cached.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use support::{Folder, labs};

/// The second expectation is about the connected network: it is there without any router.
const SCENARIO: &str = "
name: vacuous
about: One expectation proves something, one does not.
topology: ../../topologies/one-gateway.clab.yml
metallb: { version: v0.13.10, mode: frr }
axes:
  frr: [8.4.4]
initial:
  - ../learn-routes/manifests/extras.yaml
  - ../learn-routes/manifests/peers.yaml
steps:
  - expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1], proto: bgp } }
    within: 20s
  - expect: { route: { node: worker, prefix: 192.168.1.0/24 } }
    within: 5s
";

/// What is followed over time. The fault changes nothing, so that leaving it out shows nothing.
const FOLLOWED: &str = "
  - stream: { name: paced, from: worker, to: 172.16.1.0/24, flows: 2 }
  - fault: { exec: { node: worker, command: ['true'] } }
  - expect: { convergence: { node: worker, prefix: 172.16.1.0/24, via: [gw1], at-most: 400ms, stable: 500ms } }
    within: 5s
  - expect: { loss: { stream: paced, lost-at-most: 20 } }
  - fault: { withdraw: { node: gw1, prefix: 172.16.1.0/24 } }
  - expect: { convergence: { node: worker, prefix: 172.16.1.0/24, absent: true, stable: 500ms } }
    within: 3s
";

#[test]
fn an_expectation_that_holds_without_bgp_is_reported() {
    if !labs() {
        return;
    }
    let folder = Folder::with(&["learn-routes"]);
    folder.write("scenarios/vacuous/scenario.yaml", format!("{}{}", SCENARIO.trim_end(), FOLLOWED));
    let said = folder.routeproof(&["run", "vacuous", "--mutate", "--json"]);
    assert_eq!(said.code, Some(1), "{said}");
    let report = said.json();
    assert_eq!(report["schema"], "routeproof/mutation/v1");
    let [learnt, connected, stays, lost, goes] =
        report["runs"][0]["expectations"].as_array().unwrap().as_slice()
    else {
        panic!("{report}");
    };
    let fates = |of: &serde_json::Value| {
        let fates = of["fates"].as_object().unwrap();
        let fates = fates.iter().map(|(m, fate)| format!("{m}: {}", fate["fate"].as_str().unwrap()));
        format!("{}: {}", of["shown"].as_str().unwrap(), fates.collect::<Vec<_>>().join(", "))
    };
    insta::assert_snapshot!(fates(learnt), @"can-fail: blackhole: killed, drop-extras: killed, link-down: killed, peer-down: killed, remove-route: killed");
    insta::assert_snapshot!(fates(connected), @"vacuous: drop-extras: survived, peer-down: survived");
    insta::assert_snapshot!(fates(stays), @"can-fail: blackhole: killed, flap: killed");
    insta::assert_snapshot!(fates(lost), @"can-fail: link-down: killed");
    insta::assert_snapshot!(fates(goes), @"can-fail: leak-route: killed, skip-change: killed");
}

#[test]
fn what_does_not_pass_unbroken_shows_nothing() {
    if !labs() {
        return;
    }
    let folder = Folder::with(&["learn-routes"]);
    folder.write("scenarios/vacuous/scenario.yaml", SCENARIO);
    folder.edit("scenarios/vacuous/scenario.yaml", "192.168.1.0/24", "192.168.77.0/24");
    let said = folder.routeproof(&["run", "vacuous", "--mutate"]);
    assert_eq!(said.code, Some(3), "{said}");
    assert!(
        said.stdout.contains("2 expectations: 0 can fail, 0 vacuous, 2 untested, 0 without a mutation"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("not everything passes before the mutation"), "{}", said.stdout);
}
