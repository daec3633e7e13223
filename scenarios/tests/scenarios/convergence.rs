//! Convergence, by sources that know nothing of each other: the kernel's messages and packets that were captured.

use routeproof_model::result::{Evidence, RunResult};
use rstest::rstest;
use serde_json::Value;

use crate::evidence::{all, last};
use crate::{left_out, run};

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
async fn a_restart_is_graceful_if_it_is_short(
    #[values("7.5.1", "10.3")] frr: &str,
    #[values("soon", "late")] back: &str,
) {
    if left_out() {
        return;
    }
    let Some(ran) = run("graceful-restart", &[("frr", frr), ("back", back)]).await else { return };
    ran.assert_passed();
    let found = all(ran.single(), "convergence");
    let stages = |e: &&Evidence| serde_json::from_value::<Vec<Value>>(e.value.clone()).unwrap();
    let gone =
        |e: &&Evidence| stages(e).iter().map(|stage| stage["routes"] == "no route").collect::<Vec<_>>();
    let gone_of: Vec<Vec<bool>> = found.iter().map(gone).collect();
    let without = vec![false, true];
    match back {
        "soon" => {
            assert_eq!(gone_of, [vec![false], without], "gw1 is kept, gw2 is not");
            assert_eq!(last::<u64>(ran.single(), "loss", "/lost"), 0);
        }
        _ => {
            assert_eq!(gone_of, [vec![false], without.clone(), without]);
            // The restart time of 10 s counts from the end of the session, some 3 s before the restart.
            let after = stages(&found[1])[1]["after_ms"].as_f64().unwrap();
            assert!((4000.0..8000.0).contains(&after), "gw1 was back long before: {after} ms");
        }
    }
}
