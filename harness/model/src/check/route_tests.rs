//! `route` over kernel states made by hand; `harness/engine/tests/planted.rs` has those of a real kernel.

use super::*;
use crate::fact::{Change, KernelEvent, Mono, Object};

fn book() -> AddressBook {
    let mut book = AddressBook::default();
    book.insert("192.168.1.5".parse().unwrap(), "gw1");
    book.insert("fe80::5".parse().unwrap(), "gw1");
    book.insert("192.168.1.6".parse().unwrap(), "gw2");
    book
}

fn hop(gateway: &str, weight: u16) -> NextHop {
    NextHop { weight, ..NextHop::new(Some(gateway.parse().unwrap()), Some("eth1")) }
}

fn state(hops: &[NextHop]) -> KernelState {
    let route = Route {
        table: 254,
        prefix: "172.16.1.0/24".parse().unwrap(),
        metric: 20,
        protocol: "bgp".into(),
        kind: "unicast".into(),
        scope: "global".into(),
        nexthops: NextHop::set(hops.iter().cloned()),
        ..Route::default()
    };
    let mut state = KernelState::default();
    state.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Route(route)) });
    state
}

fn expect() -> ExpectRoute {
    ExpectRoute::any("worker", "172.16.1.0/24".parse().unwrap())
}

fn via(names: &[&str]) -> ExpectRoute {
    ExpectRoute { via: names.iter().map(ToString::to_string).collect(), ..expect() }
}

#[test]
fn the_set_of_gateways_is_exact_unless_said_otherwise() {
    let both = state(&[hop("192.168.1.5", 1), hop("192.168.1.6", 1)]);
    assert!(route(&via(&["gw1", "gw2"]), &both, &book()).holds);
    assert!(route(&via(&["gw2", "192.168.1.5"]), &both, &book()).holds);
    let only = route(&via(&["gw1"]), &both, &book());
    insta::assert_snapshot!(only.status, @"worker has 172.16.1.0/24, but via gw2 (192.168.1.6) dev eth1 weight 1, which is not expected (via gw1 (192.168.1.5) dev eth1 weight 1 and via gw2 (192.168.1.6) dev eth1 weight 1)");
    assert!(!only.holds);
    assert!(route(&ExpectRoute { exact: false, ..via(&["gw1"]) }, &both, &book()).holds);
    let missing = route(&via(&["gw1", "gw2"]), &state(&[hop("192.168.1.5", 1)]), &book());
    insta::assert_snapshot!(missing.status, @"worker has 172.16.1.0/24, but not via gw2 (via gw1 (192.168.1.5) dev eth1 weight 1)");
}

#[test]
fn each_attribute_counts() {
    let kernel = state(&[hop("192.168.1.5", 2)]);
    let wrong: Vec<ExpectRoute> = vec![
        ExpectRoute { proto: Some("static".into()), ..expect() },
        ExpectRoute { kind: Some("blackhole".into()), ..expect() },
        ExpectRoute { metric: Some(10), ..expect() },
        ExpectRoute { scope: Some("link".into()), ..expect() },
        ExpectRoute { src: Some("10.0.0.1".parse().unwrap()), ..expect() },
        ExpectRoute { table: 10, ..expect() },
        ExpectRoute { vrf: Some("red".into()), ..expect() },
        ExpectRoute { nexthops: vec![weighted(1)], ..expect() },
    ];
    for wrong in &wrong {
        assert!(!route(wrong, &kernel, &book()).holds, "{wrong:?}");
    }
    assert!(route(&ExpectRoute { nexthops: vec![weighted(2)], ..expect() }, &kernel, &book()).holds);
}

fn weighted(weight: u16) -> ExpectNextHop {
    ExpectNextHop {
        via: Some("gw1".into()),
        dev: Some("eth1".into()),
        weight: Some(weight),
        onlink: Some(false),
    }
}

#[test]
fn a_dead_hop_is_not_there() {
    let dead = NextHop { dead: true, ..hop("192.168.1.6", 1) };
    assert!(!route(&via(&["gw1", "gw2"]), &state(&[hop("192.168.1.5", 1), dead]), &book()).holds);
}

/// The routes, in the order in which the kernel tells them, and neighbours.
fn kernel(routes: &[Route], neighbours: &[Neighbour]) -> KernelState {
    let mut state = KernelState::default();
    let objects =
        routes.iter().cloned().map(Object::Route).chain(neighbours.iter().cloned().map(Object::Neighbour));
    for object in objects {
        state.apply(&KernelEvent { at: Mono(1), change: Change::New(object) });
    }
    state
}

fn learnt(table: u32) -> Route {
    Route { table, ..state(&[hop("192.168.1.5", 1)]).routes().next().unwrap() }
}

fn refused(expect: &ExpectRoute, kernel: &KernelState, book: &AddressBook) -> String {
    let checked = route(expect, kernel, book);
    assert!(!checked.holds, "{}", checked.status);
    checked.status
}

#[test]
fn a_route_in_another_table_is_named() {
    let elsewhere = kernel(&[learnt(100)], &[]);
    insta::assert_snapshot!(refused(&via(&["gw1"]), &elsewhere, &book()), @"worker has no route to 172.16.1.0/24 in table main; it is in table 100: bgp via gw1 (192.168.1.5) dev eth1 weight 1");
    let vrf = ExpectRoute { vrf: Some("red".into()), ..expect() };
    insta::assert_snapshot!(refused(&vrf, &elsewhere, &book()), @"worker has no VRF red; it is in table 100: bgp via gw1 (192.168.1.5) dev eth1 weight 1");
    let mut with_vrf = elsewhere.clone();
    let link = crate::fact::Link { index: 7, name: "red".into(), vrf_table: Some(100), ..Default::default() };
    with_vrf.apply(&KernelEvent { at: Mono(2), change: Change::New(Object::Link(link)) });
    insta::assert_snapshot!(refused(&via(&["gw1"]), &with_vrf, &book()), @"worker has no route to 172.16.1.0/24 in table main; it is in table 100 (VRF red): bgp via gw1 (192.168.1.5) dev eth1 weight 1");
    assert!(route(&ExpectRoute { vrf: Some("red".into()), ..via(&["gw1"]) }, &with_vrf, &book()).holds);
    let nowhere = kernel(&[], &[]);
    insta::assert_snapshot!(refused(&via(&["gw1"]), &nowhere, &book()), @"worker has no route to 172.16.1.0/24 in table main");
}

/// `ip route add blackhole 172.16.1.0/24` stands beside the learnt route, with a better metric.
#[test]
fn a_better_route_takes_the_packets() {
    let hole = Route {
        metric: 0,
        kind: "blackhole".into(),
        protocol: "boot".into(),
        nexthops: NextHop::set([]),
        ..learnt(254)
    };
    insta::assert_snapshot!(refused(&via(&["gw1"]), &kernel(&[hole.clone(), learnt(254)], &[]), &book()), @"worker has 172.16.1.0/24 as expected, but does not use it: boot blackhole comes first (metric 0)");
    insta::assert_snapshot!(refused(&via(&["gw1"]), &kernel(std::slice::from_ref(&hole), &[]), &book()), @"worker has 172.16.1.0/24, but it is a blackhole route of protocol boot");
    // A worse one, one for other packets and one in another table take none.
    let others = [
        Route { metric: 30, ..hole.clone() },
        Route { tos: 16, ..hole.clone() },
        Route { table: 100, ..hole.clone() },
    ];
    for other in others {
        assert!(route(&via(&["gw1"]), &kernel(&[other, learnt(254)], &[]), &book()).holds);
    }
    // Who names the metric means this route, whatever else there is.
    let this = ExpectRoute { metric: Some(20), ..via(&["gw1"]) };
    assert!(route(&this, &kernel(&[hole, learnt(254)], &[]), &book()).holds);
}

const GW1: &str = "02:00:00:00:00:05";

fn with_link_layer() -> AddressBook {
    let mut book = book();
    book.set_link_layer("gw1", [GW1.to_string(), "02:00:00:00:01:05".to_string()]);
    book.set_link_layer("gw2", ["02:00:00:00:00:06".to_string()]);
    book
}

fn entry(address: &str, mac: Option<&str>, state: &str) -> Neighbour {
    Neighbour {
        device: "eth1".into(),
        address: address.parse().unwrap(),
        mac: mac.map(str::to_string),
        state: state.into(),
        router: false,
        proxy: false,
    }
}

#[test]
fn a_wrong_neighbour_entry_is_named() {
    let on = |mac, state| {
        refused(
            &via(&["gw1"]),
            &kernel(&[learnt(254)], &[entry("192.168.1.5", mac, state)]),
            &with_link_layer(),
        )
    };
    insta::assert_snapshot!(on(Some("02:00:00:00:00:99"), "permanent"), @"worker has 172.16.1.0/24 via gw1 (192.168.1.5) dev eth1, but the neighbour entry of 192.168.1.5 is 02:00:00:00:00:99 (permanent), which is no link-layer address of gw1");
    insta::assert_snapshot!(on(Some("02:00:00:00:00:06"), "stale"), @"worker has 172.16.1.0/24 via gw1 (192.168.1.5) dev eth1, but the neighbour entry of 192.168.1.5 is 02:00:00:00:00:06 (stale), which is gw2's and not gw1's");
    insta::assert_snapshot!(on(None, "failed"), @"worker has 172.16.1.0/24 via gw1 (192.168.1.5) dev eth1, but the neighbour entry of 192.168.1.5 is failed: gw1 does not answer");
    let checked = route(
        &via(&["gw1"]),
        &kernel(&[learnt(254)], &[entry("192.168.1.5", None, "failed")]),
        &with_link_layer(),
    );
    let what: Vec<&str> = checked.evidence.iter().map(|e| e.what.as_str()).collect();
    assert_eq!(what, ["kernel-route", "kernel-neighbour"]);
}

#[test]
fn what_is_not_known_to_be_wrong_is_right() {
    let wrong = || entry("192.168.1.5", Some("02:00:00:00:00:99"), "permanent");
    let right = [
        vec![],
        vec![entry("192.168.1.5", Some(GW1), "reachable")],
        vec![entry("192.168.1.5", Some("02:00:00:00:01:05"), "stale")],
        vec![entry("192.168.1.5", None, "incomplete")],
        vec![Neighbour { device: "eth2".into(), ..wrong() }],
        vec![Neighbour { proxy: true, ..wrong() }],
        vec![entry("192.168.1.77", Some("02:00:00:00:00:99"), "permanent")],
    ];
    for entries in right {
        assert!(
            route(&via(&["gw1"]), &kernel(&[learnt(254)], &entries), &with_link_layer()).holds,
            "{entries:?}"
        );
    }
    let bad = kernel(&[learnt(254)], &[wrong()]);
    // Nothing is said of next hops, the gateway is not of this lab, or a recording is from before.
    assert!(route(&expect(), &bad, &with_link_layer()).holds);
    assert!(route(&via(&["192.168.1.5"]), &bad, &AddressBook::default()).holds);
    assert!(route(&via(&["gw1"]), &bad, &book()).holds);
    // A node that answers for others.
    let mut proxied = with_link_layer();
    proxied.proxy("gw2");
    let by_gw2 = kernel(&[learnt(254)], &[entry("192.168.1.5", Some("02:00:00:00:00:06"), "reachable")]);
    assert!(route(&via(&["gw1"]), &by_gw2, &proxied).holds);
    assert!(!route(&via(&["gw1"]), &by_gw2, &with_link_layer()).holds);
}
