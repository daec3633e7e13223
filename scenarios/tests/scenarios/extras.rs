//! Extras under reloads: the documented `permit 20` comes and goes on every FRR, or never comes; `permit 10` stays.

use rstest::rstest;

use crate::evidence::all;
use crate::{left_out, run};

/// What the kernel held of the prefix at each of the scenario's looks: reloads so far, learnt, last running entry.
async fn looks(scenario: &str, frr: &str, form: &str, bug: &str) -> Option<Vec<(u64, bool, String)>> {
    let ran = run(scenario, &[("frr", frr), ("form", form)]).await?;
    ran.assert_passed();
    assert_eq!(ran.single().observed["bug"], bug);
    let mut samples = all(ran.single(), "sample");
    // The diagnosis repeats what it concludes from.
    samples.truncate(samples.len() / 2);
    let look = |value: &serde_json::Value| {
        let entry = value["route_map"].as_array().unwrap().last().unwrap().as_str().unwrap();
        (value["reloads"].as_u64().unwrap(), value["in_kernel"].as_bool().unwrap(), entry.to_string())
    };
    Some(samples.iter().map(|sample| look(&sample.value)).collect())
}

#[rstest]
#[tokio::test]
async fn the_documented_form_alternates(#[values("7.5.1", "10.3")] frr: &str) {
    let Some(looks) = looks("extras-survive-reloads", frr, "permit-20", "present").await else { return };
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
    let Some(looks) = looks("extras-survive-reloads", frr, "permit-10", "absent").await else { return };
    assert_eq!(looks.len(), 4);
    assert!(looks.iter().all(|look| look.1), "{looks:?}");
    assert!(looks[3].0 > looks[0].0, "the reloads did happen: {looks:?}");
}

#[rstest]
#[tokio::test]
async fn extras_in_an_earlier_reload_than_the_peer(
    #[values("7.5.1", "8.4.4", "10.3")] frr: &str,
    #[values("permit-20", "permit-10")] form: &str,
) {
    if left_out() {
        return;
    }
    let bug = if form == "permit-20" { "present" } else { "absent" };
    let Some(looks) = looks("extras-before-peers", frr, form, bug).await else { return };
    let seen: Vec<_> = looks.iter().map(|(_, learnt, entry)| (*learnt, entry.as_str())).collect();
    match form {
        // The next reload brings `permit 20` back; FRR 7.5 does not tell bgpd.
        "permit-20" => assert_eq!(seen, [(false, "deny 20"), (frr != "7.5.1", "permit 20")]),
        _ => assert_eq!(seen, [(true, "deny 20"); 2], "behind `permit 10`"),
    }
}
