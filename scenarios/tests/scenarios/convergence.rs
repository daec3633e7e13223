//! Convergence, by sources that know nothing of each other: the kernel's messages and packets that were captured.

use routeproof_model::result::RunResult;
use rstest::rstest;
use serde_json::Value;

use crate::evidence::{all, last};
use crate::run;

/// The flows that went from one gateway to the other.
fn moved(run: &RunResult) -> Value {
    let ways: Vec<Value> = last(run, "loss", "/ways");
    let found = ways.into_iter().find(|way| way["before"] == "gw2" && way["after"] == "gw1");
    found.unwrap_or_else(|| panic!("no flow of gw2 went to gw1: {:?}", all(run, "loss")))
}

#[rstest]
#[tokio::test]
async fn the_kernel_and_the_packets_agree(#[values("7.5.1", "8.4.4", "10.3")] frr: &str) {
    let Some(ran) = run("bfd-failover", &[("frr", frr)]).await else { return };
    ran.assert_passed();
    let run = ran.single();
    let stages: Vec<Value> = last(run, "convergence", "");
    assert_eq!(stages.len(), 2, "from both gateways to one: {stages:?}");
    let kernel = stages[1]["after_ms"].as_f64().unwrap();
    let moved = moved(run);
    let packets = moved["moved_ms"][0].as_f64().unwrap();
    // Tests run side by side: what the sender and our own timers are late is known, and no disagreement.
    let late = last::<f64>(run, "loss", "/late_ms") + last::<f64>(run, "host", "/late_ms");
    assert!(
        (packets - kernel).abs() <= 10.0 + late,
        "kernel {kernel} ms, packets {packets} ms, {late} ms late"
    );
    // BFD was the reason, and its detection time is 3 times 100 ms, less what had passed since the last packet.
    assert!((190.0..490.0).contains(&kernel), "{kernel} ms");
    assert!(moved["lost"].as_u64().unwrap() > 0);
    let of_gw1: Vec<Value> = last(run, "loss", "/ways");
    let of_gw1 = of_gw1.iter().find(|way| way["before"] == "gw1").unwrap();
    assert_eq!((&of_gw1["after"], &of_gw1["lost"]), (&"gw1".into(), &0.into()), "the others are not touched");
}

#[rstest]
#[tokio::test]
async fn without_graceful_restart_the_route_goes(
    #[values("7.5.1", "10.3")] frr: &str,
    #[values("bgpd", "router")] restart: &str,
) {
    let Some(ran) = run("graceful-restart", &[("frr", frr), ("restart", restart)]).await else { return };
    ran.assert_passed();
    let stages: Vec<Vec<Value>> = all(ran.single(), "convergence")
        .iter()
        .map(|e| serde_json::from_value(e.value.clone()).unwrap())
        .collect();
    let routes =
        |stages: &[Value]| -> Vec<bool> { stages.iter().map(|s| s["routes"] == "no route").collect() };
    assert_eq!(routes(&stages[0]), [false], "gw1: kept");
    assert_eq!(routes(&stages[1]), [false, true], "gw2: gone");
    assert_eq!(last::<u64>(ran.single(), "loss", "/lost"), 0);
}
