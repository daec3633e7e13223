//! What `ip` is told in the node. The kernel is changed from outside on purpose: that is what FRR must not hide.

use ipnet::IpNet;

use super::{Mutation, expectation, targets};
use crate::fact::{KernelState, NextHop, Route, names};
use crate::scenario::{Expect, IpFamily, Verb};

/// Prefixes that no lab announces (RFC 5737, RFC 3849).
const FOREIGN: [&str; 2] = ["198.51.100.0/24", "2001:db8:dead::/48"];
/// So that a leaked route never replaces one that is there.
const METRIC: u32 = 4242;

/// The commands of the mutations that are done to the node's kernel; none for the others. Each is a whole argv.
pub fn commands(mutation: Mutation, verb: &Verb, kernel: &KernelState) -> Vec<Vec<String>> {
    let targets = targets(verb, kernel);
    match mutation {
        Mutation::RemoveRoute => targets.iter().map(|route| ip("del", route, &[])).collect(),
        Mutation::RemoveNextHop => targets.iter().filter_map(without_last_hop).collect(),
        Mutation::Blackhole => targets.iter().map(blackhole).collect(),
        Mutation::LeakRoute => leaked(verb, kernel),
        Mutation::Flap => flapped(verb, kernel),
        Mutation::DropExtras | Mutation::PeerDown | Mutation::LinkDown | Mutation::SkipChange => Vec::new(),
    }
}

/// `ip route VERB [TYPE] PREFIX table T proto P metric M`.
fn ip(verb: &str, route: &Route, more: &[String]) -> Vec<String> {
    let mut argv = vec!["ip".to_string(), "route".into(), verb.into()];
    argv.extend((route.kind != "unicast").then(|| route.kind.clone()));
    argv.extend([route.prefix.to_string(), "table".into(), route.table.to_string()]);
    argv.extend(["proto".into(), number(&route.protocol)]);
    // The kernel gives IPv6 routes a metric where none is asked for.
    argv.extend(
        (route.metric != 0).then(|| ["metric".to_string(), route.metric.to_string()]).into_iter().flatten(),
    );
    argv.extend(more.iter().cloned());
    argv
}

/// The image's `ip` need not know FRR's names.
fn number(protocol: &str) -> String {
    (0..=255u8)
        .find(|n| names::protocol(*n) == protocol)
        .map_or_else(|| protocol.to_string(), |n| n.to_string())
}

fn without_last_hop(route: &Route) -> Option<Vec<String>> {
    let kept: Vec<&NextHop> = route.nexthops.iter().collect();
    let (_, kept) = kept.split_last().filter(|(_, kept)| !kept.is_empty())?;
    let hops: Vec<String> = kept.iter().flat_map(|hop| words(hop, route.prefix)).collect();
    Some(ip("replace", route, &hops))
}

fn words(hop: &NextHop, prefix: IpNet) -> Vec<String> {
    let mut words = vec!["nexthop".to_string()];
    if let Some(gateway) = hop.gateway {
        words.push("via".to_string());
        let other_family = gateway.is_ipv6() && prefix.addr().is_ipv4();
        words.extend(other_family.then(|| "inet6".to_string()));
        words.push(gateway.to_string());
    }
    words.extend(hop.device.iter().flat_map(|device| ["dev".to_string(), device.clone()]));
    words.extend(["weight".to_string(), hop.weight.to_string()]);
    words
}

fn blackhole(route: &Route) -> Vec<String> {
    ip("replace", &Route { kind: "blackhole".to_string(), ..route.clone() }, &[])
}

/// Away and back, or, where no route is expected in the end, there and away.
fn flapped(verb: &Verb, kernel: &KernelState) -> Vec<Vec<String>> {
    if matches!(expectation(verb), Some((Expect::Convergence(e), _)) if e.absent) {
        let there = leaked(verb, kernel);
        let away = there.iter().map(|argv| {
            argv.iter().map(|word| if word == "add" { "del".to_string() } else { word.clone() }).collect()
        });
        return there.iter().cloned().chain(away.collect::<Vec<_>>()).collect();
    }
    let there_and_back = |route: &Route| {
        let hops: Vec<String> = route.nexthops.iter().flat_map(|hop| words(hop, route.prefix)).collect();
        // zebra may have put it back by then, which is as good.
        [ip("del", route, &[]), ip("replace", route, &hops)]
    };
    targets(verb, kernel).iter().flat_map(there_and_back).collect()
}

fn leaked(verb: &Verb, kernel: &KernelState) -> Vec<Vec<String>> {
    let leak_as = |metric: u32, prefix: IpNet, table: u32, protocol: &str| {
        let route = Route {
            prefix,
            table,
            metric,
            protocol: protocol.to_string(),
            kind: "unicast".to_string(),
            ..Route::default()
        };
        move |device: &str| ip("add", &route, &["dev".to_string(), device.to_string()])
    };
    let leak = |prefix: IpNet, table: u32, protocol: &str| leak_as(METRIC, prefix, table, protocol);
    let foreign = || FOREIGN.iter().filter_map(|prefix| prefix.parse().ok());
    match expectation(verb) {
        Some((Expect::NoRoute(e), _)) => {
            // As its protocol if that is one; a protocol that does not exist is never leaked, which shows.
            let known = e.proto.as_deref().filter(|proto| number(proto) != *proto);
            let protocol = known.unwrap_or("bgp");
            let of_vrf = e.vrf.as_ref().and_then(|vrf| kernel.vrf_table(vrf));
            let table = of_vrf.or(e.table).unwrap_or(254);
            match e.prefix {
                Some(prefix) => vec![leak(prefix, table, protocol)("lo")],
                None => foreign().map(|prefix| leak(prefix, table, protocol)("lo")).collect(),
            }
        }
        Some((Expect::Convergence(e), _)) => {
            let table = e.vrf.as_ref().map_or(e.table, |vrf| kernel.vrf_table(vrf).unwrap_or(e.table));
            vec![leak(e.prefix, table, e.proto.as_deref().unwrap_or("bgp"))("lo")]
        }
        Some((Expect::RibFib(_), _)) => foreign().map(|prefix| leak(prefix, 254, "bgp")("lo")).collect(),
        // From each segment into each other one.
        Some((Expect::Isolation(e), _)) => {
            let pairs = e.pairs().filter(|(from, to, _)| from != to);
            // Where prefixes overlap, others leak the same one into the same table.
            let into = |(metric, (from, to, family)): (u32, (&String, &String, IpFamily))| {
                let declared = |p: &&IpNet| !e.leaks_of(from, to, family).any(|leak| leak.contains(*p));
                let (from, to) = (&e.segments[from], &e.segments[to]);
                let table = from.vrf.as_ref().map_or(from.table, |vrf| kernel.vrf_table(vrf)).unwrap_or(254);
                let leak = |prefix: &IpNet| leak_as(metric, prefix.trunc(), table, "static")(&to.interface);
                to.of(family).filter(declared).map(leak).collect::<Vec<_>>()
            };
            (METRIC + 1..).zip(pairs).flat_map(into).collect()
        }
        _ => Vec::new(),
    }
}
