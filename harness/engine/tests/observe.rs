//! T1: the listener against a real kernel, in network namespaces of the test's own threads.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(
    clippy::disallowed_methods,
    reason = "the test prepares its namespaces with `ip`, outside of any lab"
)]

use std::io::Write as _;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use routeproof_engine::observe::{Lookup, Monitor, RouteQuery, Sockets, dump_all, route_get};
use routeproof_engine::preflight::skip_test;
use routeproof_model::fact::{
    Change, GapReason, Inspection, KernelEvent, KernelState, Kind, ResyncReason, Route, Window,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the test on a thread in a new network namespace with two veth pairs; says so where that is not allowed.
fn in_namespace(test: impl AsyncFnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            skip_test("CAP_SYS_ADMIN", &format!("a network namespace: {error}; nothing was tested"));
            return;
        }
        ip("link set lo up
            link add eth1 type veth peer name far1
            link add eth2 type veth peer name far2
            link set far1 up
            link set far2 up
            link set eth1 up
            link set eth2 up
            addr add 192.0.2.1/24 dev eth1
            addr add 198.51.100.1/24 dev eth2
            addr add 2001:db8:1::1/64 dev eth1 nodad
            addr add 2001:db8:2::1/64 dev eth2 nodad");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs lines of `ip -batch`, or one command with options.
fn ip(lines: &str) {
    if lines.starts_with('-') {
        assert!(Command::new("ip").args(lines.split(' ')).status().unwrap().success(), "ip {lines} failed");
        return;
    }
    let mut child = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let lines: Vec<&str> = lines.lines().map(str::trim).collect();
    child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "ip -batch failed on:\n{lines:?}");
}

fn netlink() -> OwnedFd {
    socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute).unwrap()
}

type Log = Arc<Mutex<Vec<KernelEvent>>>;

async fn monitor(buffer: Option<usize>) -> (Monitor, Log) {
    let log = Log::default();
    let mut sockets = Sockets::new(netlink(), netlink());
    sockets.buffer = buffer.unwrap_or(sockets.buffer);
    let copy = Arc::clone(&log);
    let sink = Box::new(move |event: &KernelEvent| copy.lock().unwrap().push(event.clone()));
    (Monitor::start(sockets, sink).await.unwrap(), log)
}

/// Waits until the state that the monitor holds is what a fresh reading shows.
async fn agrees_with_kernel(monitor: &Monitor, what: &str) {
    let agree = async {
        let mut seen = monitor.generation();
        while comparable(Inspection::from(&monitor.snapshot())) != comparable(dump_all(netlink()).unwrap()) {
            // A silent change of the kernel that we do not notice would leave us here until the time is up.
            seen = monitor.changed(seen).await.unwrap();
        }
    };
    if tokio::time::timeout(PATIENCE, agree).await.is_err() {
        let (ours, kernel) = (Inspection::from(&monitor.snapshot()), dump_all(netlink()).unwrap());
        let (ours, kernel) = (comparable(ours), comparable(kernel));
        let only = |a: &[String], b: &[String]| {
            a.iter().filter(|line| !b.contains(line)).cloned().collect::<Vec<_>>().join("\n")
        };
        panic!(
            "stale after {what}\nonly ours:\n{}\nonly the kernel's:\n{}",
            only(&ours, &kernel),
            only(&kernel, &ours)
        );
    }
}

/// Every object on a line, in an order of our own: the kernel lists addresses, and IPv6 routes of equal prefix and metric,
/// in an order that messages do not tell.
fn comparable(mut inspection: Inspection) -> Vec<String> {
    // Router solicitations and the like come and go.
    inspection.neighbours.clear();
    let value = serde_json::to_value(inspection).unwrap();
    let tables = value.as_object().unwrap().values().filter_map(|table| table.as_array());
    let mut lines: Vec<String> = tables.flatten().map(ToString::to_string).collect();
    lines.sort();
    lines
}

fn hops(route: &Route) -> String {
    route.nexthops.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[test]
fn follows_every_way_in_which_routes_change() {
    follow_all_changes("1");
}

/// With the compatibility mode off the kernel tells routes by next-hop object without their next hops, and does not
/// tell them again when an object changes.
#[test]
fn follows_next_hop_objects_without_the_kernels_help() {
    follow_all_changes("0");
}

fn follow_all_changes(compat_mode: &'static str) {
    let steps = [
        "route add 203.0.113.0/24 via 192.0.2.2 proto bgp metric 20",
        "route replace 203.0.113.0/24 proto bgp metric 20 nexthop via 192.0.2.2 nexthop via 198.51.100.2 weight 3",
        "route append 203.0.113.0/24 via 192.0.2.9 proto bgp metric 20",
        "route add 203.0.113.0/24 via 192.0.2.9 proto static metric 30",
        "route prepend 203.0.113.0/24 via 192.0.2.8 proto bgp metric 20",
        "route del 203.0.113.0/24 via 192.0.2.8 proto bgp metric 20",
        "route replace 203.0.113.0/24 via 198.51.100.7 proto bgp metric 20",
        "route add 203.0.114.0/24 via inet6 fe80::2 dev eth1 proto bgp",
        "route add 2001:db8:9::/48 via 2001:db8:1::2 proto bgp metric 20",
        "route append 2001:db8:9::/48 via 2001:db8:2::2 proto bgp metric 20",
        "route append 2001:db8:9::/48 via fe80::7 dev eth2 proto bgp metric 20",
        "route del 2001:db8:9::/48 via 2001:db8:1::2 proto bgp metric 20",
        "route replace 2001:db8:9::/48 proto bgp metric 20 nexthop via 2001:db8:1::3 nexthop via 2001:db8:2::3",
        "route add 2001:db8:8::/48 dev eth1 metric 20",
        "route append 2001:db8:8::/48 dev eth2 metric 20",
        "route add unreachable 2001:db8:7::/48",
        "route add blackhole 203.0.115.0/24 table 100",
        "route add prohibit 203.0.116.0/24",
        "rule add from 192.0.2.0/24 lookup 100 pref 1000",
        "nexthop add id 1 via 192.0.2.2 dev eth1 proto zebra",
        "nexthop add id 2 via 198.51.100.2 dev eth2 proto zebra",
        "nexthop add id 3 via 2001:db8:1::2 dev eth1 proto zebra",
        "nexthop add id 4 blackhole",
        "nexthop add id 10 group 1/2,7 proto zebra",
        "route add 203.0.117.0/24 nhid 10 proto bgp",
        "route add 203.0.118.0/24 nhid 1 proto bgp",
        "route add 203.0.119.0/24 nhid 4 proto bgp",
        "route add 2001:db8:6::/48 nhid 3 proto bgp",
        "nexthop replace id 1 via 192.0.2.77 dev eth1 proto zebra",
        "nexthop replace id 10 group 1/2 proto zebra",
        "nexthop del id 2",
        "nexthop del id 1",
        "nexthop replace id 4 via 192.0.2.78 dev eth1",
        "nexthop replace id 4 blackhole",
        "nexthop del id 4",
        "link set far2 down",
        "link set far2 up",
        "link set eth2 down",
        "link set eth2 up",
        "addr del 192.0.2.1/24 dev eth1",
        "addr add 192.0.2.1/24 dev eth1",
        "link set eth1 down",
        "link set eth1 name uplink1",
        "link set uplink1 up",
        "link del eth2",
        "-6 route flush proto bgp",
        "rule del pref 1000",
    ];
    in_namespace(async move || {
        std::fs::write("/proc/sys/net/ipv4/nexthop_compat_mode", compat_mode).unwrap();
        let (monitor, log) = monitor(None).await;
        for step in steps {
            ip(step);
            agrees_with_kernel(&monitor, step).await;
        }
        let mut replayed = KernelState::default();
        for event in log.lock().unwrap().iter() {
            let json = serde_json::to_string(event).unwrap();
            replayed.apply(&serde_json::from_str(&json).unwrap());
        }
        let live = monitor.snapshot();
        assert_eq!(Inspection::from(&replayed), Inspection::from(&live), "a replay ends elsewhere");
        assert_eq!(replayed.gap(), None);
    });
}

/// The listener stands still while the kernel fills its buffer: `ip` runs on the only thread of the runtime.
#[test]
fn an_overrun_is_a_gap_that_is_repaired_and_spoils_the_window_around_it() {
    in_namespace(async || {
        let route = |n: u32| format!("10.{}.{}.{}/32", n / 65536, n / 256 % 256, n % 256);
        let flood = |word: &str, routes: std::ops::Range<u32>| {
            let lines: Vec<String> =
                routes.map(|n| format!("route {word} {} via 192.0.2.2", route(n))).collect();
            ip(&lines.join("\n"));
        };
        let (monitor, log) = monitor(Some(4096)).await;
        ip("route add 203.0.113.0/24 via 192.0.2.2");
        agrees_with_kernel(&monitor, "one route").await;
        let mut window = Window::open(monitor.snapshot());
        let begun = log.lock().unwrap().len();

        // What is added is lost, and so is what goes while nobody looks.
        flood("add", 0..20_000);
        flood("del", 0..10_000);
        ip("route del 203.0.113.0/24");
        agrees_with_kernel(&monitor, "a flood").await;

        let events = log.lock().unwrap()[begun..].to_vec();
        for event in &events {
            let _ = window.see(event);
        }
        assert_eq!(window.missed(), Some(&GapReason::Overrun), "a buffer of 4 KiB cannot hold a flood");
        assert_eq!(Inspection::from(window.state()), Inspection::from(&monitor.snapshot()), "replayed");
        let gap = events.iter().position(|event| event.change == Change::Gap(GapReason::Overrun)).unwrap();
        let mended = events[gap..].iter().find_map(|event| match &event.change {
            Change::Resync { kinds, since, reason: ResyncReason::Gap, .. } if *kinds == Kind::all() => {
                Some(*since)
            }
            _ => None,
        });
        assert!(mended.is_some_and(|since| since >= events[gap].at), "read again after the loss");

        let state = monitor.snapshot();
        let has = |prefix: &str| state.route(254, prefix.parse().unwrap()).is_some();
        assert_eq!((has(&route(9_999)), has(&route(10_000)), has(&route(19_999))), (false, true, true));
        assert!(!has("203.0.113.0/24"), "its withdrawal was lost, its absence was read");
        assert_eq!(state.gap(), None);
        assert_eq!(Window::open(state).missed(), None, "what comes after is known again");
    });
}

/// A listener that is asked for all that has happened has all that has happened.
#[test]
fn a_listener_says_when_it_has_caught_up() {
    in_namespace(async || {
        let (monitor, _) = monitor(None).await;
        let count = |monitor: &Monitor| monitor.with_state(KernelState::route_count);
        let before = count(&monitor);
        for round in 0..20u8 {
            let lines: Vec<String> =
                (0..=255u8).map(|n| format!("route add 10.0.{round}.{n}/32 via 192.0.2.2")).collect();
            ip(&lines.join("\n"));
            monitor.caught_up().await.unwrap();
            // Addresses and links of the beginning may still be settling; what was installed is there.
            assert!(count(&monitor) >= before + 256 * (usize::from(round) + 1), "round {round}");
        }
        // The kernel drops these routes without a word; it is asked before we are told that all is known.
        ip("route add 203.0.113.0/24 via 198.51.100.2
            link set eth2 down");
        monitor.caught_up().await.unwrap();
        let prefix = "203.0.113.0/24".parse().unwrap();
        assert_eq!(monitor.with_state(|state| state.route(254, prefix)), None);
        // And in silence, too.
        tokio::time::timeout(PATIENCE, monitor.caught_up()).await.unwrap().unwrap();
    });
}

#[test]
fn sees_what_ip_route_sees() {
    in_namespace(async || {
        ip("nexthop add id 1 via 192.0.2.2 dev eth1
            nexthop add id 2 via 198.51.100.2 dev eth2
            nexthop add id 12 group 1/2,9
            route add 203.0.113.0/24 nhid 12 proto bgp metric 20
            route add 203.0.114.0/24 proto ospf nexthop via 192.0.2.2 weight 2 nexthop via 198.51.100.2
            route add blackhole 203.0.115.0/24 table 100
            route add 2001:db8:9::/48 proto bgp nexthop via 2001:db8:1::2 nexthop via fe80::2 dev eth2 weight 4
            route add default via 2001:db8:1::2 proto ra metric 1024");
        let inspection = dump_all(netlink()).unwrap();
        for family in ["-4", "-6"] {
            let output = Command::new("ip")
                .args(["-j", "-d", family, "route", "show", "table", "all"])
                .output()
                .unwrap();
            let theirs: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
            let ours = inspection.routes.iter().filter(|r| r.prefix.addr().is_ipv4() == (family == "-4"));
            assert_eq!(ours.count(), theirs.len(), "{family}");
        }
        let shown = |prefix: &str| {
            let route =
                inspection.routes.iter().find(|route| route.prefix == prefix.parse().unwrap()).unwrap();
            format!("{} {} {} {} {}", route.table, route.kind, route.protocol, route.metric, hops(route))
        };
        assert_eq!(
            shown("203.0.113.0/24"),
            "254 unicast bgp 20 via 192.0.2.2 dev eth1 weight 1, via 198.51.100.2 dev eth2 weight 9"
        );
        assert_eq!(
            shown("203.0.114.0/24"),
            "254 unicast ospf 0 via 192.0.2.2 dev eth1 weight 2, via 198.51.100.2 dev eth2 weight 1"
        );
        assert_eq!(shown("203.0.115.0/24"), "100 blackhole boot 0 ");
        assert_eq!(
            shown("2001:db8:9::/48"),
            "254 unicast bgp 1024 via 2001:db8:1::2 dev eth1 weight 1, via fe80::2 dev eth2 weight 4"
        );
        assert_eq!(inspection.undecoded, Vec::<String>::new());
    });
}

#[test]
fn asks_the_kernel_for_a_way() {
    in_namespace(async || {
        ip("route add 203.0.113.0/24 proto bgp nexthop via 192.0.2.2 nexthop via 198.51.100.2
            route add prohibit 203.0.114.0/24");
        let to = |ip: &str| RouteQuery::to(ip.parse::<IpAddr>().unwrap());
        let Lookup::Route(way) = route_get(netlink(), &to("203.0.113.7")).unwrap() else { panic!("no way") };
        assert_eq!((way.prefix.to_string().as_str(), way.nexthops.len()), ("203.0.113.7/32", 1));
        let entry = RouteQuery { fib_match: true, ..to("203.0.113.7") };
        let Lookup::Route(entry) = route_get(netlink(), &entry).unwrap() else { panic!("no entry") };
        assert_eq!((entry.prefix.to_string().as_str(), entry.nexthops.len()), ("203.0.113.0/24", 2));
        let Lookup::NoWay(refusal) = route_get(netlink(), &to("203.0.114.7")).unwrap() else {
            panic!("a way")
        };
        assert_eq!(refusal.raw_os_error(), Some(libc::EACCES));
        let Lookup::NoWay(refusal) = route_get(netlink(), &to("2001:db8:ffff::1")).unwrap() else {
            panic!("a way")
        };
        assert_eq!(refusal.raw_os_error(), Some(libc::ENETUNREACH));
    });
}
