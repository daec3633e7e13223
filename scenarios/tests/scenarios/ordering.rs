//! The FRR ordering bug: there on 7.5.1 and gone on 8.4.4, with every piece of evidence that tells it from its look-alikes.

use rstest::rstest;

use crate::evidence::last;
use crate::run;

fn cell<'a>(frr: &'a str, order: &'a str, family: &'a str) -> [(&'a str, &'a str); 4] {
    [("frr", frr), ("order", order), ("extras", "permit-all"), ("family", family)]
}

#[rstest]
#[tokio::test]
async fn extras_after_the_session_are_ignored_by_7_5(#[values("ipv4", "ipv6")] family: &str) {
    let Some(ran) = run("frr-ordering", &cell("7.5.1", "after", family)).await else { return };
    ran.assert_passed();
    let run = ran.single();
    assert_eq!(run.observed["bug"], "present");
    // The session was up before the extras came, and is the same one.
    assert!(
        last::<bool>(run, "session-before", "/established") && last::<bool>(run, "session", "/established")
    );
    for counter in ["/established_count", "/dropped_count"] {
        assert_eq!(
            last::<u64>(run, "session-before", counter),
            last::<u64>(run, "session", counter),
            "{counter}"
        );
    }
    assert!(
        last::<u64>(run, "session", "/uptime_ms") > last::<u64>(run, "session-before", "/uptime_ms") + 14_000,
        "a healthy node had 15 s to learn the prefix"
    );
    // The gateway could have been asked again, and was not.
    assert!(last::<bool>(run, "session", "/refresh_offered"));
    let [before, after] = last::<[Option<u64>; 2]>(run, "route-refresh-sent", "");
    assert!(before.is_some() && before == after, "ROUTE-REFRESH sent: {before:?}, then {after:?}");
    // Everything but bgpd's decision is as it should be.
    assert!(last::<Vec<String>>(run, "running-config-route-map", "").contains(&"permit 20".to_string()));
    assert!(last::<bool>(run, "advertised-by-gateway", ""));
    assert!(!last::<bool>(run, "in-bgp-table", ""));
    assert!(!last::<bool>(run, "in-kernel", ""));
}

#[rstest]
#[tokio::test]
async fn later_releases_ask_the_gateway_again(
    #[values("8.4.4", "10.3")] frr: &str,
    #[values("ipv4", "ipv6")] family: &str,
) {
    let Some(ran) = run("frr-ordering", &cell(frr, "after", family)).await else { return };
    ran.assert_passed();
    let run = ran.single();
    assert_eq!(run.observed["bug"], "absent");
    assert!(last::<bool>(run, "session-before", "/established"));
    assert_eq!(
        last::<u64>(run, "session", "/dropped_count"),
        last::<u64>(run, "session-before", "/dropped_count")
    );
    assert!(last::<bool>(run, "in-kernel", ""));
    assert_eq!(last::<String>(run, "kernel-route", "/protocol"), "bgp");
}

#[rstest]
#[case::together_with_the_peer("before")]
#[case::healed_by_a_restart("after-restart")]
#[tokio::test]
async fn the_ways_out_on_7_5(#[case] order: &str, #[values("ipv4", "ipv6")] family: &str) {
    let Some(ran) = run("frr-ordering", &cell("7.5.1", order, family)).await else { return };
    ran.assert_passed();
    assert_eq!(ran.single().observed["bug"], "absent");
    assert!(last::<bool>(ran.single(), "in-kernel", ""));
}
