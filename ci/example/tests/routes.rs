//! The manifests of `scenarios/node-routes` as they are applied to the cluster, each time with another FRR.
//!
//! Each case is a test of its own, so that `cargo nextest run --partition hash:1/3` shares them out over machines.

use std::path::{Path, PathBuf};

use routeproof_engine::{LabOptions, LiveLab, RunOptions, Scenario, preflight};
use rstest::rstest;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Without namespaces there is no lab. It is said aloud, and with `ROUTEPROOF_REQUIRE=namespaces` it is a failure.
async fn labs() -> bool {
    let found = preflight::kernel().await;
    let missing = found.iter().find(|capability| capability.name == "namespaces" && !capability.present);
    if let Some(missing) = missing {
        preflight::skip_test("namespaces", &missing.detail);
    }
    missing.is_none()
}

/// The scenario has an axis `frr`; a version that the file does not have is an error, not a test that passes.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nodes_learn_routes_with(#[values("8.4.4", "10.3")] frr: &str) {
    if !labs().await {
        return;
    }
    let scenario = Scenario::load(here("scenarios/node-routes")).expect("the scenario is good");
    let scenario = scenario.only("frr", frr).expect("the scenario has this FRR");
    scenario.run(&RunOptions::default()).await.expect("the lab can be booted").assert_passed();
}

/// The same step by step, in the words of scenario files: for what a test wants to decide in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_goes_with_the_link_to_its_gateway() -> Result<(), Box<dyn std::error::Error>> {
    if !labs().await {
        return Ok(());
    }
    let manifests =
        ["peers.yaml", "extras.yaml"].map(|name| here("scenarios/node-routes/manifests").join(name));
    let options =
        LabOptions { frr: Some("8.4.4".into()), manifests: manifests.to_vec(), ..LabOptions::default() };
    let mut lab = LiveLab::boot(here("topologies/lab.clab.yml"), &options).await?;
    let learnt = "{ expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1] } }, within: 20s }";
    lab.step(learnt).await?.assert_passed();
    lab.step("fault: { link: { node: gw1, interface: eth1, state: down } }").await?.assert_passed();
    // The link is one veth pair: the node's end loses its carrier, and its kernel the route.
    let gone = "convergence: { node: worker, prefix: 172.16.1.0/24, absent: true, stable: 500ms }";
    lab.step(&format!("{{ expect: {{ {gone} }}, within: 5s }}")).await?.assert_passed();
    lab.down().await?;
    Ok(())
}
