//! VLANs, VRFs and bonds: on the host's kernel if it has them, else on a guest's. One FRR each; `routeproof run` does the others.

use routeproof_engine::preflight::skip_test;
use routeproof_model::result::Outcome;
use rstest::rstest;

use crate::{evidence, left_out, run};

#[rstest]
#[case::trunk("vlan-vrf", "10.3", &["vlan", "vrf"])]
#[case::bond("vlan-vrf-bond", "10.3", &["bond", "vlan", "vlan-filtering", "vrf"])]
#[case::ecmp("vlan-vrf-ecmp", "7.5.1", &["vlan", "vlan-filtering", "vrf"])]
#[case::overlap("vlan-vrf-overlap", "8.4.4", &["vlan", "vrf"])]
#[case::any_gateway("gateways-vrf", "8.4.4", &["vlan", "vrf"])]
#[case::asymmetric_return("vlan-return", "8.4.4", &["vlan", "vlan-filtering"])]
#[tokio::test(flavor = "multi_thread")]
async fn passes(#[case] scenario: &str, #[case] frr: &str, #[case] needs: &[&str]) {
    // Of the modes of bonds the one with a protocol.
    let bond = needs.contains(&"bond").then_some(("bond", "802.3ad"));
    // Of the routers the one that is not FRR.
    let gateway = scenario.starts_with("gateways-").then_some(("gateway", "bird-3"));
    let axes: Vec<_> = [("frr", frr)].into_iter().chain(bond).chain(gateway).collect();
    if left_out() {
        return;
    }
    let Some(ran) = run(scenario, &axes).await else { return };
    let run = ran.single();
    if run.outcome == Outcome::Skipped {
        return skip_test("uml", run.reason.as_deref().unwrap_or_default());
    }
    ran.assert_passed();
    assert!(run.steps.len() >= 8 && run.steps.iter().all(|step| step.outcome == Outcome::Passed));
    assert!(!evidence::all(run, "kernel-route").is_empty());
    let plan = std::fs::read_to_string(ran.directory.join("plan.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["runs"][0]["needs"], serde_json::json!(needs));
}
