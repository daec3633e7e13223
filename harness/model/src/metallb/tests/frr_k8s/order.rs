//! frr-k8s reads its objects in no order: what they become must not depend on it.

use proptest::prelude::*;

use super::*;

/// One object's neighbor, in flow style, and its prefixes.
fn written() -> impl Strategy<Value = (String, String)> {
    let address = prop::sample::select(vec!["192.168.1.5", "192.168.1.6", "fd00::5"]);
    let timers = prop::sample::select(vec![
        "",
        ", holdTime: 3m, keepaliveTime: 1m",
        ", holdTime: 9s, keepaliveTime: 3s",
    ]);
    let port = prop::sample::select(vec!["", ", port: 179", ", port: 0"]);
    let received = prop::sample::select(vec![
        "",
        ", toReceive: {allowed: {mode: all}}",
        ", toReceive: {allowed: {prefixes: [{prefix: 10.0.0.0/8, le: 24}, {prefix: 9.0.0.0/8}]}}",
        ", toReceive: {allowed: {prefixes: [{prefix: 10.0.0.0/8, ge: 9}, {prefix: \"fc00::/7\"}]}}",
    ]);
    let advertised = prop::sample::select(vec![
        ("[10.1.0.0/24]", ""),
        ("[10.3.0.0/24, 10.2.0.0/24]", ", toAdvertise: {allowed: {mode: all}}"),
        (
            "[10.2.0.0/24]",
            ", toAdvertise: {allowed: {mode: all}, withCommunity: [{community: \"1:2\", prefixes: [10.2.0.0/24]}]}",
        ),
        (
            "[10.2.0.0/24]",
            ", toAdvertise: {allowed: {mode: all}, withLocalPref: [{localPref: 7, prefixes: [10.2.0.0/24]}]}",
        ),
    ]);
    (address, timers, port, received, advertised).prop_map(
        |(address, timers, port, received, (prefixes, out))| {
            // A session of one family carries no other's prefixes.
            let out = if address.contains(':') { "" } else { out };
            (
                format!("{{asn: 64512, address: \"{address}\"{timers}{port}{received}{out}}}"),
                prefixes.to_owned(),
            )
        },
    )
}

/// The file, or that there is none.
fn text(version: &str, written: &[(String, String)], name: impl Fn(usize) -> String) -> Option<String> {
    let manifests: Vec<String> = written
        .iter()
        .enumerate()
        .map(|(i, (neighbor, prefixes))| {
            configuration(&name(i), &format!("      prefixes: {prefixes}\n      neighbors: [{neighbor}]\n"))
        })
        .collect();
    let manifests: Vec<&str> = manifests.iter().map(String::as_str).collect();
    render_k8s(version, &objects(&manifests)).ok().map(|r| r.conf)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn objects_have_no_order(written in prop::collection::vec(written(), 1..5)) {
        // Older ones leave an object that stands alone as it is, but that is no matter of order.
        for version in ["v0.14.9", "v0.16.1"] {
            let forwards = text(version, &written, |i| format!("o{i}"));
            let backwards = text(version, &written, |i| format!("o{}", written.len() - i));
            prop_assert_eq!(forwards, backwards);
        }
    }
}
