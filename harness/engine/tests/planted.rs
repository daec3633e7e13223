//! T1: `route` judges what a real kernel holds. Each case is planted with `ip` in a namespace of the test's own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(
    clippy::disallowed_methods,
    reason = "the test prepares its namespaces with `ip`, outside of any lab"
)]

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use routeproof_engine::observe::{Monitor, Sockets};
use routeproof_engine::preflight::skip_test;
use routeproof_model::check::{AddressBook, route};
use routeproof_model::scenario::{ExpectNextHop, ExpectRoute};

const GW1: &str = "02:00:00:00:00:05";

/// A node with two gateways on eth1 and one on eth2, as the lab's book has them.
const NODE: &str = "link set lo up
    link add eth1 type veth peer name far1
    link add eth2 type veth peer name far2
    link set far1 up
    link set far2 up
    link set eth1 up
    link set eth2 up
    addr add 192.0.2.1/24 dev eth1
    addr add 198.51.100.1/24 dev eth2
    addr add 2001:db8:1::1/64 dev eth1 nodad
    addr add 2001:db8:2::1/64 dev eth2 nodad";

fn book() -> AddressBook {
    let mut book = AddressBook::default();
    let owners = [
        ("192.0.2.5", "gw1"),
        ("2001:db8:1::5", "gw1"),
        ("fe80::5", "gw1"),
        ("192.0.2.6", "gw2"),
        ("2001:db8:1::6", "gw2"),
        ("198.51.100.7", "gw3"),
        ("203.0.113.9", "gw4"),
    ];
    for (address, node) in owners {
        book.insert(address.parse().unwrap(), node);
    }
    book.set_link_layer("gw1", [GW1.to_string()]);
    book.set_link_layer("gw2", ["02:00:00:00:00:06".to_string()]);
    book
}

/// Runs `ip -batch` and gives what `route` says of the result.
fn judged(plant: &'static str, expect: ExpectRoute) -> Option<Result<(), String>> {
    let thread = std::thread::spawn(move || {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            skip_test("CAP_SYS_ADMIN", &format!("a network namespace: {error}; nothing was tested"));
            return None;
        }
        ip(NODE);
        ip(plant);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let state = runtime.block_on(async {
            Monitor::start(Sockets::new(netlink(), netlink()), Box::new(|_| {})).await.unwrap().snapshot()
        });
        let checked = route(&expect, &state, &book());
        Some(if checked.holds { Ok(()) } else { Err(checked.status) })
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn ip(lines: &str) {
    let mut child = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let lines: Vec<&str> = lines.lines().map(str::trim).collect();
    child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "ip -batch failed on:\n{lines:?}");
}

fn netlink() -> OwnedFd {
    socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute).unwrap()
}

fn to(prefix: &str) -> ExpectRoute {
    ExpectRoute::any("worker", prefix.parse().unwrap())
}

fn via(prefix: &str, gateways: &[&str]) -> ExpectRoute {
    ExpectRoute { via: gateways.iter().map(ToString::to_string).collect(), ..to(prefix) }
}

fn hop(via: &str, weight: u16) -> ExpectNextHop {
    ExpectNextHop { via: Some(via.into()), dev: None, weight: Some(weight), onlink: None }
}

fn kind(prefix: &str, kind: &str) -> ExpectRoute {
    ExpectRoute { kind: Some(kind.into()), ..to(prefix) }
}

#[track_caller]
fn passes(plant: &'static str, expect: ExpectRoute) {
    if let Some(verdict) = judged(plant, expect) {
        assert_eq!(verdict, Ok(()), "{plant}");
    }
}

/// Shows what is said of a wrong answer; nothing where no namespace can be had.
#[track_caller]
fn fails(plant: &'static str, expect: ExpectRoute, status: &str) {
    if let Some(verdict) = judged(plant, expect) {
        assert_eq!(verdict, Err(status.to_string()), "{plant}");
    }
}

const RESILIENT: &str = "nexthop add id 1 via 192.0.2.5 dev eth1
    nexthop add id 2 via 192.0.2.6 dev eth1
    nexthop add id 10 group 1/2,3 type resilient buckets 8
    route add 172.16.1.0/24 nhid 10 proto bgp metric 20";

#[test]
fn resilient_groups() {
    let nexthops = vec![hop("gw1", 1), hop("gw2", 3)];
    passes(RESILIENT, ExpectRoute { nexthops: nexthops.clone(), ..to("172.16.1.0/24") });
    fails(
        RESILIENT,
        ExpectRoute { nexthops: vec![hop("gw1", 1), hop("gw2", 1)], ..to("172.16.1.0/24") },
        "worker has 172.16.1.0/24, but not via gw2 weight 1 (via gw1 (192.0.2.5) dev eth1 weight 1 and via gw2 (192.0.2.6) dev eth1 weight 3)",
    );
    fails(
        "nexthop add id 1 via 192.0.2.5 dev eth1
         nexthop add id 2 via 192.0.2.6 dev eth1
         nexthop add id 10 group 1/2,3 type resilient buckets 8
         route add 172.16.1.0/24 nhid 10 proto bgp metric 20
         nexthop replace id 10 group 1 type resilient buckets 8",
        ExpectRoute { nexthops, ..to("172.16.1.0/24") },
        "worker has 172.16.1.0/24, but not via gw2 weight 3 (via gw1 (192.0.2.5) dev eth1 weight 1)",
    );
}

#[test]
fn holes_with_and_without_objects() {
    let object = "nexthop add id 4 blackhole\nroute add 172.16.1.0/24 nhid 4 proto bgp";
    passes(object, kind("172.16.1.0/24", "blackhole"));
    fails(
        object,
        via("172.16.1.0/24", &["gw1"]),
        "worker has 172.16.1.0/24, but it is a blackhole route of protocol bgp",
    );
    for (plant, word) in [
        ("route add blackhole 172.16.1.0/24", "blackhole"),
        ("route add unreachable 172.16.1.0/24", "unreachable"),
        ("route add prohibit 172.16.1.0/24", "prohibit"),
    ] {
        passes(plant, kind("172.16.1.0/24", word));
        let status = format!("worker has 172.16.1.0/24, but it is a {word} route of protocol boot");
        fails(plant, via("172.16.1.0/24", &["gw1"]), &status);
        fails(
            plant,
            kind("172.16.1.0/24", "unicast"),
            &format!("worker has 172.16.1.0/24, but of type {word}, not unicast"),
        );
    }
    for (plant, word) in [
        ("route add blackhole fc00:1::/64", "blackhole"),
        ("route add unreachable fc00:1::/64", "unreachable"),
        ("route add prohibit fc00:1::/64", "prohibit"),
    ] {
        passes(plant, kind("fc00:1::/64", word));
        let status = format!("worker has fc00:1::/64, but it is a {word} route of protocol boot");
        fails(plant, via("fc00:1::/64", &["gw1"]), &status);
    }
}

#[test]
fn a_hole_with_a_better_metric() {
    fails(
        "route add 172.16.1.0/24 via 192.0.2.5 proto bgp metric 20\nroute add blackhole 172.16.1.0/24",
        via("172.16.1.0/24", &["gw1"]),
        "worker has 172.16.1.0/24 as expected, but does not use it: boot blackhole comes first (metric 0)",
    );
    fails(
        "route add fc00:1::/64 via 2001:db8:1::5 proto bgp metric 20\nroute add unreachable fc00:1::/64 metric 10",
        via("fc00:1::/64", &["gw1"]),
        "worker has fc00:1::/64 as expected, but does not use it: boot unreachable comes first (metric 10)",
    );
    fails(
        "route add 172.16.1.0/24 via 192.0.2.5 proto bgp metric 20\nroute add 172.16.1.0/24 via 198.51.100.7",
        via("172.16.1.0/24", &["gw1"]),
        "worker has 172.16.1.0/24 as expected, but does not use it: boot via gw3 (198.51.100.7) dev eth2 weight 1 comes first (metric 0)",
    );
}

#[test]
fn ipv4_over_ipv6() {
    let plain = "route add 172.16.1.0/24 via inet6 2001:db8:1::5 dev eth1 proto bgp";
    passes(plain, via("172.16.1.0/24", &["gw1"]));
    passes(plain, via("172.16.1.0/24", &["2001:db8:1::5"]));
    fails(
        plain,
        via("172.16.1.0/24", &["192.0.2.5"]),
        "worker has 172.16.1.0/24, but not via 192.0.2.5 (via gw1 (2001:db8:1::5) dev eth1 weight 1)",
    );
    passes(
        "nexthop add id 7 via fe80::5 dev eth1\nroute add 172.16.1.0/24 nhid 7 proto bgp",
        via("172.16.1.0/24", &["gw1"]),
    );
    passes(
        "route add 172.16.1.0/24 proto bgp nexthop via inet6 2001:db8:1::5 dev eth1 nexthop via 192.0.2.6",
        via("172.16.1.0/24", &["gw1", "gw2"]),
    );
    // The entry that counts is that of the IPv6 next hop.
    fails(
        "route add 172.16.1.0/24 via inet6 2001:db8:1::5 dev eth1 proto bgp
         neigh replace 2001:db8:1::5 lladdr 02:00:00:00:00:99 dev eth1 nud permanent",
        via("172.16.1.0/24", &["gw1"]),
        "worker has 172.16.1.0/24 via gw1 (2001:db8:1::5) dev eth1, but the neighbour entry of 2001:db8:1::5 is 02:00:00:00:00:99 (permanent), which is no link-layer address of gw1",
    );
}

#[test]
fn onlink() {
    let plants = [
        "route add 172.16.1.0/24 via 203.0.113.9 dev eth1 onlink proto bgp",
        "nexthop add id 8 via 203.0.113.9 dev eth1 onlink\nroute add 172.16.1.0/24 nhid 8 proto bgp",
    ];
    let wanted = |onlink| ExpectRoute {
        nexthops: vec![ExpectNextHop { weight: None, onlink: Some(onlink), ..hop("gw4", 1) }],
        ..to("172.16.1.0/24")
    };
    for plant in plants {
        passes(plant, wanted(true));
        fails(
            plant,
            wanted(false),
            "worker has 172.16.1.0/24, but not via gw4 not onlink (via gw4 (203.0.113.9) dev eth1 weight 1 onlink)",
        );
    }
}

#[test]
fn neighbour_entries() {
    passes(
        "route add 172.16.1.0/24 via 192.0.2.5
         neigh replace 192.0.2.5 lladdr 02:00:00:00:00:05 dev eth1 nud permanent",
        via("172.16.1.0/24", &["gw1"]),
    );
    fails(
        "route add 172.16.1.0/24 via 192.0.2.5
         neigh replace 192.0.2.5 lladdr 02:00:00:00:00:99 dev eth1 nud stale",
        via("172.16.1.0/24", &["gw1"]),
        "worker has 172.16.1.0/24 via gw1 (192.0.2.5) dev eth1, but the neighbour entry of 192.0.2.5 is 02:00:00:00:00:99 (stale), which is no link-layer address of gw1",
    );
    fails(
        "route add fc00:1::/64 via fe80::5 dev eth1
         neigh replace fe80::5 lladdr 02:00:00:00:00:06 dev eth1 nud permanent",
        via("fc00:1::/64", &["gw1"]),
        "worker has fc00:1::/64 via gw1 (fe80::5) dev eth1, but the neighbour entry of fe80::5 is 02:00:00:00:00:06 (permanent), which is gw2's and not gw1's",
    );
    fails(
        "route add 172.16.1.0/24 via 192.0.2.5
         neigh replace 192.0.2.5 dev eth1 nud failed",
        via("172.16.1.0/24", &["gw1"]),
        "worker has 172.16.1.0/24 via gw1 (192.0.2.5) dev eth1, but the neighbour entry of 192.0.2.5 is failed: gw1 does not answer",
    );
    // One of two ways is spoilt; the other does not help its share of the flows.
    fails(
        "route add 172.16.1.0/24 nexthop via 192.0.2.5 nexthop via 192.0.2.6
         neigh replace 192.0.2.6 lladdr 02:00:00:00:00:99 dev eth1 nud permanent",
        via("172.16.1.0/24", &["gw1", "gw2"]),
        "worker has 172.16.1.0/24 via gw2 (192.0.2.6) dev eth1, but the neighbour entry of 192.0.2.6 is 02:00:00:00:00:99 (permanent), which is no link-layer address of gw2",
    );
}

#[test]
fn devices_and_tables() {
    fails(
        "route add 172.16.1.0/24 via 192.0.2.5 dev eth2 onlink",
        ExpectRoute {
            nexthops: vec![ExpectNextHop { dev: Some("eth1".into()), weight: None, ..hop("gw1", 1) }],
            ..to("172.16.1.0/24")
        },
        "worker has 172.16.1.0/24, but not via gw1 dev eth1 (via gw1 (192.0.2.5) dev eth2 weight 1 onlink)",
    );
    // Whoever does not name the device still means one that leads to the gateway. (For IPv6 the kernel refuses this.)
    fails(
        "route add 172.16.1.0/24 via 192.0.2.5 dev eth2 onlink",
        via("172.16.1.0/24", &["gw1"]),
        "worker has 172.16.1.0/24 via gw1 (192.0.2.5) dev eth2, but 192.0.2.5 is on the link of eth1",
    );
    fails(
        "route add 172.16.1.0/24 via 192.0.2.5 table 100",
        via("172.16.1.0/24", &["gw1"]),
        "worker has no route to 172.16.1.0/24 in table main; it is in table 100: boot via gw1 (192.0.2.5) dev eth1 weight 1",
    );
    fails(
        "route add fc00:1::/64 via 2001:db8:1::5 table 100",
        ExpectRoute { table: 200, ..via("fc00:1::/64", &["gw1"]) },
        "worker has no route to fc00:1::/64 in table 200; it is in table 100: boot via gw1 (2001:db8:1::5) dev eth1 weight 1",
    );
}
