//! Extras under reloads: the documented `permit 20` comes and goes on every FRR, `permit 10` stays.

use rstest::rstest;

use crate::evidence::all;
use crate::run;

/// What the kernel held of the prefix at each look: once the extras took effect, and after each of three reloads.
async fn looks(frr: &str, form: &str, bug: &str) -> Option<Vec<(u64, bool, String)>> {
    let ran = run("extras-survive-reloads", &[("frr", frr), ("form", form)]).await?;
    ran.assert_passed();
    assert_eq!(ran.single().observed["bug"], bug);
    let mut samples = all(ran.single(), "sample");
    // The diagnosis repeats what it concludes from.
    samples.truncate(4);
    let look = |value: &serde_json::Value| {
        let entry = value["route_map"].as_array().unwrap().last().unwrap().as_str().unwrap();
        (value["reloads"].as_u64().unwrap(), value["in_kernel"].as_bool().unwrap(), entry.to_string())
    };
    Some(samples.iter().map(|sample| look(&sample.value)).collect())
}

#[rstest]
#[tokio::test]
async fn the_documented_form_alternates(#[values("7.5.1", "10.3")] frr: &str) {
    let Some(looks) = looks(frr, "permit-20", "present").await else { return };
    assert_eq!(looks.len(), 4);
    for pair in looks.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1, "one reload between two looks: {looks:?}");
        assert_ne!(pair[0].2, pair[1].2, "the running entry flips at each reload: {looks:?}");
    }
    let learnt: Vec<bool> = looks.iter().map(|look| look.1).collect();
    match frr {
        // Two defects in one: FRR 7.5 does not tell bgpd of the flips, so what it has learnt stays, against its own
        // running configuration, until the session is reset.
        "7.5.1" => assert_eq!(learnt, [true; 4], "{looks:?}"),
        _ => assert_eq!(learnt, [true, false, true, false], "{looks:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn a_lower_sequence_number_is_stable(#[values("7.5.1", "10.3")] frr: &str) {
    let Some(looks) = looks(frr, "permit-10", "absent").await else { return };
    assert_eq!(looks.len(), 4);
    assert!(looks.iter().all(|look| look.1), "{looks:?}");
    assert!(looks[3].0 > looks[0].0, "the reloads did happen: {looks:?}");
}
