//! A run on a guest kernel is a run: the same verdict, events and files, and nothing is left of it.
//!
//! Needs Debian's User-Mode Linux kernel and FRR 8.4.4, from the cache or a mirror; says so and passes where neither is to be
//! had (`ROUTEPROOF_REQUIRE=uml` makes that a failure).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::path::{Path, PathBuf};

use routeproof_engine::guest::{Choice, Guest, KernelSource};
use routeproof_engine::image::{ImageRef, Quiet};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::{RunOptions, Scenario, recorded, run};
use routeproof_model::replay::replay;
use routeproof_model::result::Outcome;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether there is a guest kernel, and an FRR to run on it.
async fn guests() -> bool {
    let store = run::store(Default::default()).unwrap();
    for name in ["uml:6.1", "frr:8.4.4"] {
        if let Err(e) = store.tree(&ImageRef::parse_any(name).unwrap(), &Quiet).await {
            skip_test("uml", &format!("{name}: {e}"));
            return false;
        }
    }
    true
}

fn on(choice: Choice, runs: &Path) -> RunOptions {
    let guest = Guest { choice, kernel: KernelSource::default() };
    RunOptions { guest, run_dir: Some(runs.to_path_buf()), ..RunOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_guest_kernel_is_a_run() {
    if !guests().await {
        return;
    }
    // A path that must be quoted on the kernel's command line.
    let folder = tempfile::Builder::new().prefix("a guest's ").tempdir().unwrap();
    let scenario = Scenario::load(repository().join("scenarios/learn-routes")).unwrap();
    let scenario = scenario.only("frr", "8.4.4").unwrap();
    let ran = scenario.run(&on(Choice::Uml, folder.path())).await.unwrap();
    ran.assert_passed();
    assert!(ran.single().steps.len() > 8, "{ran}");

    let events = fs::read_to_string(ran.directory.join("events.jsonl")).unwrap();
    for part in ["guest kernel 6.1.", "daemons", "FRR and the kernels agree"] {
        assert!(events.contains(part), "{part}: {events}");
    }
    let of_run = fs::read_dir(&ran.directory).unwrap().flatten().find(|e| e.path().is_dir()).unwrap().path();
    for file in
        ["observations.jsonl", "console.log", "nodes/gw1/bgpd.log", "nodes/k8s-worker/frr.conf.written"]
    {
        assert!(of_run.join(file).is_file(), "{file}");
    }
    for gone in ["guest", "guest.json", "lab"] {
        assert!(!of_run.join(gone).exists(), "{gone} is left");
    }
    // What was seen there is judged in the same way again, here.
    let recorded = recorded::read(&ran.directory).unwrap().remove(0);
    let again = replay(&recorded.planned, &recorded.recording.unwrap(), &ran.single().steps);
    assert_eq!(again.outcome, Outcome::Passed, "{:?}", again.steps);
}

/// What the host's kernel may lack is no obstacle: a trunk over a bond into a VRF, with a slow link.
const SEGREGATED: &str = "
name: segregated
topology:
  nodes:
    a:
      kind: linux
      image: frr:8.4.4
      exec:
        - ip link add bond0 type bond mode active-backup miimon 50
        - ip link set eth1 down
        - ip link set eth1 master bond0
        - ip link set bond0 up
        - ip link add link bond0 name bond0.100 type vlan id 100
        - ip link add red type vrf table 100
        - ip link set red up
        - ip link set bond0.100 master red
        - ip link set bond0.100 up
        - ip address add 10.100.0.1/24 dev bond0.100
        - tc qdisc add dev bond0.100 root netem delay 5ms
    b:
      kind: linux
      image: frr:8.4.4
      exec:
        - ip link add link eth1 name eth1.100 type vlan id 100
        - ip link set eth1.100 up
        - ip address add 10.100.0.2/24 dev eth1.100
        - ping -c 1 -W 5 10.100.0.1
  links:
    - endpoints: [\"a:eth1\", \"b:eth1\"]
";

const SCENARIO: &str = "
name: segregated
about: A trunk over a bond into a VRF.
requirements: [LEARN-1.1]
topology: t.clab.yml
metallb: { version: v0.13.10, mode: frr }
steps:
  - expect: { route: { node: a, prefix: 10.100.0.0/24, vrf: red, proto: kernel, exact: false } }
    within: 5s
";

#[tokio::test(flavor = "multi_thread")]
async fn auto_finds_a_kernel_that_has_what_a_topology_needs() {
    if !guests().await {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.clab.yml"), SEGREGATED).unwrap();
    fs::write(folder.path().join("scenario.yaml"), SCENARIO).unwrap();
    let scenario = Scenario::load(folder.path()).unwrap();
    let ran = scenario.run(&on(Choice::Auto, &folder.path().join("runs"))).await.unwrap();
    ran.assert_passed();

    // Where the host's kernel is chosen and lacks it, nothing is green.
    let on_host = scenario.run(&on(Choice::Host, &folder.path().join("runs"))).await.unwrap();
    let run = on_host.single();
    let lacks = routeproof_engine::preflight::kernel()
        .await
        .iter()
        .any(|c| ["vrf", "vlan", "bond", "netem"].contains(&c.name.as_str()) && !c.present);
    match lacks {
        true => assert!(run.outcome == Outcome::Skipped, "{on_host}"),
        false => assert!(run.outcome == Outcome::Passed, "{on_host}"),
    }
}
