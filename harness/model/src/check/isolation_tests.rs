//! Segments by plain interfaces with tables of their own, and by VRFs, which this machine's kernel need not know.

use std::net::IpAddr;

use super::*;
use crate::fact::{Change, HostPort, KernelEvent, Link, Mono, NextHop, Object, Route, Rule};
use crate::scenario::Segment;

#[path = "isolation_tests/declared.rs"]
mod declared;

fn segment(interface: &str, host: &str, table: u32, prefixes: &[&str]) -> Segment {
    let prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
    let (interface, host) = (interface.into(), host.into());
    Segment { interface, host, port: None, vrf: None, table: Some(table), prefixes }
}

fn expect() -> ExpectIsolation {
    let segments = [
        ("red", segment("eth1", "gw1", 101, &["10.1.0.0/16"])),
        ("blue", segment("eth2", "gw2", 102, &["10.2.0.0/16"])),
    ];
    let segments = segments.map(|(name, segment)| (name.to_string(), segment)).into();
    ExpectIsolation { node: "worker".into(), segments, leaks: Vec::new() }
}

fn in_vrfs() -> ExpectIsolation {
    let mut expect = expect();
    for (name, segment) in &mut expect.segments {
        (segment.vrf, segment.table) = (Some(format!("vrf-{name}")), None);
    }
    expect
}

fn book() -> AddressBook {
    let mut book = AddressBook::default();
    book.insert("10.1.0.1".parse().unwrap(), "gw1");
    book.insert("10.2.0.1".parse().unwrap(), "gw2");
    book
}

fn route(prefix: &str, table: u32, via: Option<&str>, device: &str) -> Route {
    let hop = NextHop::new(via.map(|via| via.parse().unwrap()), Some(device));
    Route {
        table,
        prefix: prefix.parse().unwrap(),
        protocol: "static".into(),
        kind: "unicast".into(),
        nexthops: NextHop::set([hop]),
        ..Route::default()
    }
}

fn rule(priority: u32, iif: Option<&str>, table: u32) -> Rule {
    let action = if table == 0 { "unreachable" } else { "table" };
    Rule { priority, iif: iif.map(Into::into), table, action: action.into(), ..Rule::default() }
}

fn links() -> Vec<Object> {
    let link = |index, name: &str, master, vrf_table| {
        Object::Link(Link { index, name: name.into(), master, vrf_table, up: true, ..Link::default() })
    };
    vec![
        link(1, "vrf-red", None, Some(101)),
        link(2, "vrf-blue", None, Some(102)),
        link(3, "eth1", Some(1), None),
        link(4, "eth2", Some(2), None),
        link(5, "eth3", None, None),
    ]
}

/// Both segments' tables, and the rules that send each to its own and nowhere else.
fn isolated() -> Vec<Object> {
    let mut objects = links();
    objects.extend([
        Object::Route(route("10.1.0.0/16", 101, Some("10.1.0.1"), "eth1")),
        Object::Route(route("10.2.0.0/16", 102, Some("10.2.0.1"), "eth2")),
        Object::Route(route("10.1.0.0/24", 254, None, "eth1")),
        Object::Route(route("10.2.0.0/24", 254, None, "eth2")),
    ]);
    let rules = [
        rule(0, None, 255),
        rule(1010, Some("eth1"), 101),
        rule(1011, Some("eth1"), 0),
        rule(1020, Some("eth2"), 102),
        rule(1021, Some("eth2"), 0),
        rule(32766, None, 254),
    ];
    objects.extend(rules.map(Object::Rule));
    objects
}

/// The rules of a kernel with VRFs: the main table follows l3mdev's.
fn with_l3mdev() -> Vec<Object> {
    let mut objects: Vec<Object> =
        isolated().into_iter().filter(|object| !matches!(object, Object::Rule(_))).collect();
    // The routes of an interface move to its VRF's table.
    objects.retain(|object| !matches!(object, Object::Route(route) if route.table == 254));
    let l3mdev = Rule { l3mdev: true, ..rule(1000, None, 0) };
    let rules = [rule(0, None, 255), Rule { action: "table".into(), ..l3mdev }, rule(32766, None, 254)];
    objects.extend(rules.map(Object::Rule));
    objects
}

fn kernel(objects: Vec<Object>) -> KernelState {
    let mut state = KernelState::default();
    for object in objects {
        state.apply(&KernelEvent { at: Mono(1), change: Change::New(object) });
    }
    state
}

fn with(mut objects: Vec<Object>, more: impl IntoIterator<Item = Object>) -> KernelState {
    objects.extend(more);
    kernel(objects)
}

const SEGMENTS: [(&str, &str, &str, u32, &str); 2] =
    [("blue", "gw2", "eth2", 102, "10.2.0.1"), ("red", "gw1", "eth1", 101, "10.1.0.1")];

/// A look at a node that keeps the segments apart.
fn seen() -> Isolation {
    let port = |host: &str| HostPort { node: host.into(), interface: "eth1".into() };
    let mut seen = Isolation {
        node: "worker".into(),
        from: Mono(1),
        at: Mono(2),
        ports: SEGMENTS.map(|(name, host, ..)| (name.to_string(), port(host))).into(),
        lookups: Vec::new(),
        probes: Vec::new(),
        dropped: 0,
    };
    for (from, _, device, table, source) in SEGMENTS {
        for (to, host, _, _, dst) in SEGMENTS {
            let (source, dst): (IpAddr, IpAddr) = (source.parse().unwrap(), dst.parse().unwrap());
            let own = from == to;
            let way = || route(&format!("{dst}/32"), table, None, device);
            let chosen = if own { Ok(way()) } else { Err("Network is unreachable".to_string()) };
            let (from, to) = (from.to_string(), to.to_string());
            seen.lookups.push(Crossing {
                from: from.clone(),
                to: to.clone(),
                source,
                dst,
                chosen,
                entry: None,
            });
            let shot = |sender| Shot {
                sender,
                from: from.clone(),
                to: to.clone(),
                source,
                dst,
                refused: None,
                reached_node: sender == Shooter::Host,
                left: own.then(|| device.to_string()).into_iter().collect(),
                arrived: own.then(|| port(host)).into_iter().collect(),
            };
            seen.probes.extend(own.then(|| shot(Shooter::Node)));
            seen.probes.push(shot(Shooter::Host));
        }
    }
    seen
}

fn shot<'a>(seen: &'a mut Isolation, sender: Shooter, from: &str, to: &str) -> &'a mut Shot {
    let mut all = seen.probes.iter_mut();
    all.find(|s| s.sender == sender && s.from == from && s.to == to).unwrap()
}

fn crossing<'a>(seen: &'a mut Isolation, from: &str, to: &str) -> &'a mut Crossing {
    seen.lookups.iter_mut().find(|c| c.from == from && c.to == to).unwrap()
}

fn judged(expect: &ExpectIsolation, kernel: &KernelState, seen: &Isolation) -> String {
    let checked = isolation(expect, kernel, seen, &book());
    assert_eq!(checked.holds, checked.status.starts_with("worker keeps"), "{}", checked.status);
    let without_witness = checked.status.starts_with("no leak was seen, but the witness is missing");
    assert_eq!(checked.unproved, without_witness, "{}", checked.status);
    checked.status
}

#[test]
fn nothing_leaks_and_everything_works() {
    let checked = isolation(&expect(), &kernel(isolated()), &seen(), &book());
    assert!(checked.holds, "{}", checked.status);
    let matrix: IsolationMatrix = serde_json::from_value(checked.evidence[0].value.clone()).unwrap();
    let cells: Vec<String> = matrix.cells.iter().map(|c| format!("{} {}: {c}", c.from, c.to)).collect();
    assert_eq!(cells, ["blue blue: works", "blue red: isolated", "red blue: isolated", "red red: works"]);
    assert_eq!(matrix.cells[1].looks.len(), 4);
    assert!(isolation_tables(&expect(), &kernel(isolated()), &book()).holds);
}

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

#[test]
fn without_its_witness_nothing_is_proved() {
    let kernel = kernel(isolated());
    let mut all = Vec::new();
    let mut of = |change: &dyn Fn(&mut Isolation)| {
        let mut seen = seen();
        change(&mut seen);
        all.push(judged(&expect(), &kernel, &seen));
    };
    of(&|s| crossing(s, "red", "red").chosen = Err("No route to host".into()));
    of(&|s| crossing(s, "red", "red").chosen = Ok(route("10.1.0.1/32", 254, None, "eth1")));
    of(&|s| crossing(s, "red", "red").chosen = Ok(route("10.1.0.1/32", 101, None, "eth3")));
    of(&|s| {
        let lost = shot(s, Shooter::Host, "red", "red");
        (lost.left, lost.arrived) = Default::default();
    });
    of(&|s| shot(s, Shooter::Host, "red", "red").arrived.clear());
    of(&|s| shot(s, Shooter::Node, "blue", "blue").arrived.clear());
    of(&|s| shot(s, Shooter::Host, "red", "blue").reached_node = false);
    of(&|s| {
        let refused = shot(s, Shooter::Node, "red", "red");
        (refused.refused, refused.arrived) = (Some("Network is down".into()), Default::default());
    });
    of(&|s| drop(s.ports.remove("blue")));
    of(&|s| s.probes.clear());
    of(&|s| s.lookups.clear());
    of(&|s| s.dropped = 3);
    insta::assert_snapshot!(all.join("\n"), @r"
    no leak was seen, but the witness is missing: red (ipv4) by lookup: what comes in by eth1 for 10.1.0.1 of red itself has no way (No route to host) (and 1 more)
    no leak was seen, but the witness is missing: red (ipv4) by lookup: what comes in by eth1 for 10.1.0.1 of red itself is looked up in table main, not in table 101 (and 1 more)
    no leak was seen, but the witness is missing: red (ipv4) by lookup: what comes in by eth1 for 10.1.0.1 of red itself leaves dev eth3 weight 1 (and 1 more)
    no leak was seen, but the witness is missing: red (ipv4) by probe: gw1 does not get what it sends to 10.1.0.1 through worker: the node does not send it on (does it forward?) (and 2 more)
    no leak was seen, but the witness is missing: red (ipv4) by probe: gw1 does not get what it sends to 10.1.0.1 through worker: it is lost behind the node (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: gw2 does not get what worker itself sends to 10.2.0.1 by eth2: it is lost on the link (and 2 more)
    no leak was seen, but the witness is missing: red to blue (ipv4) by probe: no probe for 10.2.0.1 got as far as worker: it was lost before
    no leak was seen, but the witness is missing: red (ipv4) by probe: gw1 does not get what worker itself sends to 10.1.0.1 by eth1: Network is down (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: gw2 has no port on the link of eth2 (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: no probe was sent to 10.2.0.0/16 of blue (and 3 more)
    no leak was seen, but the witness is missing: blue (ipv4) by lookup: no way within blue was asked for (and 3 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: 3 packets were not seen: the captures had no room (and 3 more)
    ");
}

#[test]
fn a_missing_witness_of_one_segment_unproves_its_pairs() {
    let mut seen = seen();
    shot(&mut seen, Shooter::Node, "blue", "blue").arrived.clear();
    let checked = isolation(&expect(), &kernel(isolated()), &seen, &book());
    let matrix: IsolationMatrix = serde_json::from_value(checked.evidence[0].value.clone()).unwrap();
    let cells: Vec<String> = matrix.cells.iter().map(|c| format!("{} {}: {c}", c.from, c.to)).collect();
    insta::assert_snapshot!(cells.join("\n"), @r"
    blue blue: unproved by probe
    blue red: unproved by probe
    red blue: unproved by probe
    red red: works
    ");
}

#[test]
fn every_prefix_must_have_been_looked_at() {
    let mut expect = expect();
    expect.segments.get_mut("blue").unwrap().prefixes.push("10.22.0.0/16".parse().unwrap());
    let status = judged(&expect, &kernel(isolated()), &seen());
    insta::assert_snapshot!(status, @r"no leak was seen, but the witness is missing: blue (ipv4) by probe: no probe was sent to 10.22.0.0/16 of blue (and 2 more)");
}

#[test]
fn vrfs_have_their_own_tables_and_devices() {
    let (expect, covered) = (in_vrfs(), || {
        let unreachable =
            |table| Route { kind: "unreachable".into(), ..route("0.0.0.0/0", table, None, "lo") };
        [unreachable(101), unreachable(102)].map(Object::Route)
    });
    let of = |objects: Vec<Object>, more: Vec<Object>| judged(&expect, &with(objects, more), &seen());
    let by_vrf = Object::Route(route("10.2.0.0/16", 101, None, "vrf-blue"));
    let lost = Object::Link(Link { index: 4, name: "eth2".into(), up: true, ..Link::default() });
    let all = [
        of(with_l3mdev(), covered().into()),
        of(with_l3mdev(), [covered().to_vec(), vec![by_vrf]].concat()),
        of(with_l3mdev(), [covered().to_vec(), vec![lost]].concat()),
        of(
            with_l3mdev().into_iter().filter(|o| !matches!(o, Object::Link(l) if l.index == 2)).collect(),
            vec![],
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    worker keeps blue and red apart
    red leaks into blue (ipv4) by table: table 101 of red has 10.2.0.0/16 dev vrf-blue weight 1 (protocol static)
    no leak was seen, but the witness is missing: blue (ipv4) by lookup: worker has eth2, but not in VRF vrf-blue (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by lookup: worker has no VRF vrf-blue (and 2 more)
    ");
}

#[test]
fn a_vrf_without_a_default_falls_through_to_the_main_table() {
    let mut expect = in_vrfs();
    let blue = expect.segments.get_mut("blue").unwrap();
    (blue.vrf, blue.table) = (None, None);
    let main = || [Object::Route(route("10.2.0.0/16", 254, None, "eth2"))];
    let leaky = isolation_tables(&expect, &with(with_l3mdev(), main()), &book());
    insta::assert_snapshot!(leaky.status, @r"red leaks into blue (ipv4) by rules: rule 32766 (of all) looks into table main of blue");
    let unreachable = Route { kind: "unreachable".into(), ..route("0.0.0.0/0", 101, None, "lo") };
    let covered = with(with_l3mdev(), [main().to_vec(), vec![Object::Route(unreachable)]].concat());
    assert!(isolation_tables(&expect, &covered, &book()).holds);
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
