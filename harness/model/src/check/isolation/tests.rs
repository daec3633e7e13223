//! Segments by plain interfaces with tables of their own, and by VRFs, which this machine's kernel need not know.

mod declared;
mod leaks;
mod witness;

use std::net::IpAddr;

use super::*;
use crate::fact::{Change, HostPort, KernelEvent, Link, Mono, NextHop, Object, Route, Rule};
use crate::scenario::Segment;

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
