//! T1: a lab in the hands of a test, by the public API alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};

use routeproof_engine::preflight::{probe, skip_test};
use routeproof_engine::run::RunError;
use routeproof_engine::{LabOptions, LiveLab};
use routeproof_model::result::Outcome;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

const BOTH: &str = "{ expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1, gw2], proto: bgp } }, within: 20s }";

#[tokio::test]
async fn steps_in_the_words_of_scenario_files() {
    let capabilities = probe().await;
    if let Some(missing) = capabilities.iter().find(|c| c.name == "namespaces" && !c.present) {
        return skip_test("namespaces", &missing.detail);
    }
    let manifests =
        ["peers.yaml", "extras.yaml"].map(|m| repository("scenarios/two-active-gateways/manifests").join(m));
    let options =
        LabOptions { frr: Some("8.4.4".into()), manifests: manifests.to_vec(), ..LabOptions::default() };
    let mut lab = LiveLab::boot(repository("topologies/two-gateways.clab.yml"), &options).await.unwrap();
    lab.step(BOTH).await.unwrap().assert_passed();

    // What is not so fails, and says what is.
    let wrong = lab.step(&BOTH.replace("[gw1, gw2]", "[gw1]").replace("20s", "200ms")).await.unwrap();
    assert_eq!(wrong.outcome, Outcome::Failed, "{wrong}");
    assert!(wrong.to_string().contains("via gw2 (192.168.1.6) dev eth1"), "{wrong}");

    // A mistake in the words is an error at its place.
    let error = lab.step("fault: { unplg: { node: gw2, interface: eth1 } }").await.unwrap_err();
    assert!(matches!(&error, RunError::Input(d) if d.to_string().contains("unplg")), "{error}");

    lab.step("fault: { withdraw: { node: gw2, prefix: 172.16.1.0/24 } }").await.unwrap().assert_passed();
    let converged = lab
        .step("{ expect: { convergence: { node: worker, prefix: 172.16.1.0/24, via: [gw1], never-absent: true } }, within: 10s }")
        .await
        .unwrap();
    converged.assert_passed();
    assert!(converged.message.as_ref().is_some_and(|m| m.starts_with("converged after")), "{converged}");

    let kernel = lab.node("worker").unwrap().monitor.snapshot();
    assert_eq!(kernel.routes_to("172.16.1.0/24".parse().unwrap()).count(), 1);
    let recorded = lab.directory().join("observations.jsonl");
    lab.down().await.unwrap();
    assert!(std::fs::read_to_string(recorded).unwrap().contains("172.16.1.0/24"));
}
