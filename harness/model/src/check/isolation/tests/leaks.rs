//! Each way in which a packet may get from one segment into another, and what looks like one.

use super::*;

#[test]
fn a_route_in_the_wrong_table() {
    let of = |route| judged(&expect(), &with(isolated(), [Object::Route(route)]), &seen());
    let all = [
        of(route("10.2.0.0/16", 101, None, "eth2")),
        of(route("10.2.5.0/24", 101, Some("10.2.0.1"), "eth2")),
        // Not by the segment's interface, but to its gateway.
        of(route("0.0.0.0/0", 101, Some("10.2.0.1"), "eth3")),
        // The own table, the own device, whatever the gateway is called.
        of(route("10.9.0.0/16", 101, Some("10.2.0.1"), "eth1")),
        // Of no segment.
        of(route("10.2.0.0/16", 103, None, "eth2")),
        of(Route { kind: "blackhole".into(), ..route("10.2.0.0/16", 101, None, "eth2") }),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    red leaks into blue (ipv4) by table: table 101 of red has 10.2.0.0/16 dev eth2 weight 1 (protocol static)
    red leaks into blue (ipv4) by table: table 101 of red has 10.2.5.0/24 via gw2 (10.2.0.1) dev eth2 weight 1 (protocol static)
    red leaks into blue (ipv4) by table: table 101 of red has 0.0.0.0/0 via gw2 (10.2.0.1) dev eth3 weight 1 (protocol static)
    worker keeps blue and red apart
    worker keeps blue and red apart
    worker keeps blue and red apart
    ");
}

#[test]
fn a_rule_into_the_wrong_table() {
    let of = |rule| judged(&expect(), &with(isolated(), [Object::Rule(rule)]), &seen());
    let from = |prefix: &str| Some(prefix.parse().unwrap());
    let all = [
        of(rule(900, Some("eth1"), 102)),
        of(Rule { from: from("10.1.5.0/24"), ..rule(900, None, 102) }),
        of(Rule { fwmark: Some(7), ..rule(900, Some("eth1"), 102) }),
        of(Rule { not: true, ..rule(900, Some("eth2"), 102) }),
        of(rule(900, None, 102)),
        of(Rule { to: from("10.2.0.0/16"), ..rule(900, None, 102) }),
        // Too late: what comes in by eth1 is unreachable by then.
        of(rule(1012, Some("eth1"), 102)),
        // For others.
        of(rule(900, Some("eth3"), 102)),
        of(Rule { from: from("10.3.0.0/16"), ..rule(900, None, 102) }),
        of(Rule { to: from("10.3.0.0/16"), ..rule(900, None, 102) }),
        of(Rule { fwmark: Some(2), ..rule(900, None, 102) }),
        of(Rule { goto: Some(1010), action: "goto".into(), ..rule(800, None, 0) }),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    red leaks into blue (ipv4) by rules: rule 900 (iif eth1) looks into table 102 of blue
    red leaks into blue (ipv4) by rules: rule 900 (from 10.1.5.0/24) looks into table 102 of blue
    red leaks into blue (ipv4) by rules: rule 900 (iif eth1 fwmark 7) looks into table 102 of blue
    red leaks into blue (ipv4) by rules: rule 900 (not iif eth2) looks into table 102 of blue
    red leaks into blue (ipv4) by rules: rule 900 (of all) looks into table 102 of blue
    red leaks into blue (ipv4) by rules: rule 900 (to 10.2.0.0/16) looks into table 102 of blue
    worker keeps blue and red apart
    worker keeps blue and red apart
    worker keeps blue and red apart
    worker keeps blue and red apart
    worker keeps blue and red apart
    worker keeps blue and red apart
    ");
}

#[test]
fn what_is_jumped_over_does_not_count() {
    let jump = Rule { goto: Some(1000), action: "goto".into(), ..rule(800, None, 0) };
    let over = with(isolated(), [Object::Rule(jump), Object::Rule(rule(900, Some("eth1"), 102))]);
    assert!(isolation_tables(&expect(), &over, &book()).holds);
}

#[test]
fn the_kernels_own_answer_by_any_table() {
    let mut leaky = seen();
    let found = crossing(&mut leaky, "red", "blue");
    found.chosen = Ok(route("10.2.0.1/32", 254, None, "eth2"));
    found.entry = Some(route("10.2.0.0/24", 254, None, "eth2"));
    let mut elsewhere = seen();
    crossing(&mut elsewhere, "red", "blue").chosen = Ok(route("10.2.0.1/32", 101, Some("10.1.0.1"), "eth1"));
    let kernel = kernel(isolated());
    let all = [judged(&expect(), &kernel, &leaky), judged(&expect(), &kernel, &elsewhere)];
    insta::assert_snapshot!(all.join("\n"), @r"
    red leaks into blue (ipv4) by lookup: the kernel of worker sends what comes in by eth1 for 10.2.0.1 dev eth2 weight 1 (table main, 10.2.0.0/24)
    worker keeps blue and red apart
    ");
}

#[test]
fn a_packet_that_gets_across() {
    let kernel = kernel(isolated());
    let mut arrives = seen();
    let found = shot(&mut arrives, Shooter::Host, "red", "blue");
    found.left.insert("eth2".into());
    found.arrived.insert(HostPort { node: "gw2".into(), interface: "eth1".into() });
    let mut leaves = seen();
    shot(&mut leaves, Shooter::Host, "red", "blue").left.insert("eth2".into());
    let all = [judged(&expect(), &kernel, &arrives), judged(&expect(), &kernel, &leaves)];
    insta::assert_snapshot!(all.join("\n"), @r"
    red leaks into blue (ipv4) by probe: a probe of gw1 for 10.2.0.1 got to gw2 (eth1) through worker by eth2
    red leaks into blue (ipv4) by probe: a probe of gw1 for 10.2.0.1 left worker by eth2
    ");
}

#[test]
fn one_host_on_both_links_may_get_it_back() {
    let mut expect = expect();
    expect.segments.get_mut("blue").unwrap().host = "gw1".into();
    let mut seen = seen();
    let two = HostPort { node: "gw1".into(), interface: "eth2".into() };
    seen.ports.insert("blue".into(), two.clone());
    for sender in [Shooter::Node, Shooter::Host] {
        shot(&mut seen, sender, "blue", "blue").arrived = [two.clone()].into();
    }
    // Its own link has it back, by its own table: that is not the other segment.
    let back = shot(&mut seen, Shooter::Host, "red", "blue");
    back.left.insert("eth1".into());
    back.arrived.insert(HostPort { node: "gw1".into(), interface: "eth1".into() });
    assert_eq!(judged(&expect, &kernel(isolated()), &seen), "worker keeps blue and red apart");
    shot(&mut seen, Shooter::Host, "red", "blue").arrived.insert(two);
    assert!(judged(&expect, &kernel(isolated()), &seen).contains("leaks into blue (ipv4) by probe"));
}

/// As on a kernel: both VLANs of a trunk end at one host, whose ports have the same link-layer address.
#[test]
fn vlans_that_are_swapped_are_named_before_the_leaks_that_they_cause() {
    let mut seen = seen();
    let ports = seen.ports.clone();
    for shot in seen.probes.iter_mut().filter(|s| s.from == s.to && s.sender == Shooter::Node) {
        let other = if shot.from == "red" { "blue" } else { "red" };
        shot.arrived = [ports[other].clone()].into();
    }
    let leak = shot(&mut seen, Shooter::Host, "blue", "red");
    (leak.reached_node, leak.left) = (true, ["eth1".to_string()].into());
    insta::assert_snapshot!(judged(&expect(), &kernel(isolated()), &seen), @"VLANs are swapped or joined: what worker sends to 10.2.0.1 by eth2 arrives at gw1 (eth1), which is the port of red and not of blue");
    let checked = isolation(&expect(), &kernel(isolated()), &seen, &book());
    let kinds: Vec<&str> = checked.evidence.iter().map(|e| e.what.as_str()).collect();
    assert_eq!(kinds, ["isolation-matrix", "crossed-links", "leak-by-probe"]);
}
