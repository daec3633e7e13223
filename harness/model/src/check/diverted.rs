//! Whether the packets for a prefix really take its route: policy rules and longer prefixes come first.

use ipnet::IpNet;

use super::AddressBook;
use super::route::describe_route;
use crate::fact::{KernelState, NextHop, Route, Rule, names};
use crate::scenario::ExpectRoute;

/// What packets without a mark or a VRF are looked up in.
const MAIN: u32 = ExpectRoute::MAIN;

/// Routes that people and their scripts add by hand, and those that a redirect of a neighbour left (rtm_protocol). What
/// routing daemons and the kernel itself add inside of a prefix is meant to be there: it has announcements or links of its
/// own.
const BY_HAND: [&str; 4] = ["boot", "static", "unspec", "redirect"];

/// Why packets for the route's prefix go elsewhere, if they do: `rule 100 (to 10.0.0.0/8) looks them up in table 7: ...`.
/// A detour by the very same next hops is none. Rules that ask for a mark, a source, an interface or a port are not
/// for every packet and do not count; `ecmp` and `return-path` send some.
pub(super) fn diverted(route: &Route, kernel: &KernelState, book: &AddressBook) -> Option<String> {
    by_rule(route, kernel, book).or_else(|| by_longer_prefix(route, kernel, book))
}

fn by_longer_prefix(route: &Route, kernel: &KernelState, book: &AddressBook) -> Option<String> {
    // Everything is inside of a default route.
    if route.prefix.prefix_len() == 0 {
        return None;
    }
    let by_hand = |protocol: &str| BY_HAND.contains(&protocol);
    let mut longer = kernel.routes_inside(route.prefix, route.table, by_hand);
    let longer = longer.find(|other| takes_any(other) && !same_ways(route, other))?;
    Some(format!("{} takes a part of it: {}", longer.prefix, describe_route(&longer, book)))
}

fn by_rule(route: &Route, kernel: &KernelState, book: &AddressBook) -> Option<String> {
    if route.table != MAIN {
        return None;
    }
    let ipv6 = route.prefix.addr().is_ipv6();
    let mut from_priority = 0;
    for rule in kernel.rules().filter(|rule| rule.ipv6 == ipv6 && is_for_all(rule)) {
        let part = rule.to.filter(|to| !to.contains(&route.prefix));
        if rule.priority < from_priority || part.is_some_and(|to| !route.prefix.contains(&to)) {
            continue;
        }
        match rule.action.as_str() {
            "table" if rule.table == MAIN && part.is_none() => return None,
            "table" if rule.table != MAIN => {
                let asked = part.unwrap_or(route.prefix);
                let Some(first) = first_of(asked, rule, kernel).filter(|first| !same_ways(route, first))
                else {
                    continue;
                };
                let (table, first) = (names::table(rule.table), describe_route(&first, book));
                return Some(format!("{} looks it up in table {table}: {first}", describe(rule)));
            }
            "goto" if part.is_none() => from_priority = rule.goto.unwrap_or(from_priority),
            drop @ ("blackhole" | "unreachable" | "prohibit") => {
                return Some(format!("{} drops it ({drop})", describe(rule)));
            }
            _ => {}
        }
    }
    None
}

/// Whether a rule asks for nothing but a destination.
fn is_for_all(rule: &Rule) -> bool {
    let narrow = rule.from.is_some_and(|from| from.prefix_len() > 0)
        || rule.iif.is_some()
        || rule.oif.is_some()
        || rule.fwmark.is_some()
        || rule.tos != 0
        || rule.uids.is_some()
        || rule.ip_protocol.is_some()
        || rule.source_ports.is_some()
        || rule.destination_ports.is_some();
    !narrow && !rule.not && !rule.l3mdev
}

/// The route that a rule's table has for all of a prefix.
fn first_of(prefix: IpNet, rule: &Rule, kernel: &KernelState) -> Option<Route> {
    let too_short = |prefix: &IpNet| {
        rule.suppress_prefixlen.is_some_and(|length| u32::from(prefix.prefix_len()) <= length)
    };
    let mut candidate = Some(prefix.trunc());
    while let Some(shorter) = candidate {
        let mut found =
            kernel.routes_to(shorter).filter(|route| route.table == rule.table && takes_any(route));
        if let Some(route) = found.next() {
            return (route.kind != "throw" && !too_short(&shorter)).then_some(route);
        }
        candidate = shorter.supernet();
    }
    None
}

/// Not only packets of one DSCP or source.
fn takes_any(route: &Route) -> bool {
    route.tos == 0 && route.source.is_none()
}

fn same_ways(one: &Route, other: &Route) -> bool {
    let ways = |route: &Route| -> Vec<NextHop> { route.nexthops.iter().cloned().collect() };
    let (one_ways, other_ways) = (ways(one), ways(other));
    one.kind == other.kind
        && one_ways.len() == other_ways.len()
        && one_ways.iter().all(|hop| other_ways.iter().any(|way| way.same_way(hop)))
}

fn describe(rule: &Rule) -> String {
    let to = rule.to.map_or_else(|| "of all".to_string(), |to| format!("to {to}"));
    format!("rule {} ({to})", rule.priority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::route;
    use crate::fact::{Change, KernelEvent, Mono, Object};

    const PREFIX: &str = "172.16.1.0/24";

    fn learnt(prefix: &str, gateway: &str) -> Route {
        Route {
            table: MAIN,
            prefix: prefix.parse().unwrap(),
            metric: 20,
            protocol: "bgp".into(),
            kind: "unicast".into(),
            scope: "global".into(),
            nexthops: NextHop::set([NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"))]),
            ..Route::default()
        }
    }

    fn by_hand(prefix: &str, gateway: &str, table: u32) -> Route {
        Route { table, metric: 0, protocol: "boot".into(), ..learnt(prefix, gateway) }
    }

    fn rule(priority: u32, to: Option<&str>, table: u32) -> Rule {
        Rule {
            priority,
            action: "table".into(),
            table,
            to: to.map(|to| to.parse().unwrap()),
            ..Rule::default()
        }
    }

    /// What `route` says of the learnt route beside others, with the rules that every node has and more.
    fn said(others: &[Route], rules: &[Rule]) -> String {
        let mut state = KernelState::default();
        let own = [rule(0, None, 255), rule(32766, None, MAIN), rule(32767, None, 253)];
        let routes = [&[learnt(PREFIX, "10.0.0.1")], others].concat().into_iter().map(Object::Route);
        let all = [&own, rules].concat().into_iter().map(Object::Rule).chain(routes);
        for object in all {
            state.apply(&KernelEvent { at: Mono(1), change: Change::New(object) });
        }
        let mut book = AddressBook::default();
        book.insert("10.0.0.1".parse().unwrap(), "gw1");
        book.insert("10.0.0.2".parse().unwrap(), "gw2");
        let prefix = PREFIX.parse().unwrap();
        let expect = ExpectRoute { via: vec!["gw1".into()], ..ExpectRoute::any("worker", prefix) };
        let checked = route(&expect, &state, &book);
        assert_eq!(checked.holds, checked.status == "worker has 172.16.1.0/24");
        // What stands in between is the expectation's own `exact: false`: more than was asked for is no fault then.
        assert!(route(&ExpectRoute { exact: false, ..expect }, &state, &book).holds);
        checked.status
    }

    #[test]
    fn a_longer_prefix_that_was_added_by_hand_is_named() {
        insta::assert_snapshot!(said(&[by_hand("172.16.1.128/25", "10.0.0.2", MAIN)], &[]), @"worker has 172.16.1.0/24 as expected, but 172.16.1.128/25 takes a part of it: boot via gw2 (10.0.0.2) dev eth1 weight 1");
        let hole = Route {
            kind: "blackhole".into(),
            nexthops: NextHop::set([]),
            ..by_hand("172.16.1.7/32", "10.0.0.2", MAIN)
        };
        insta::assert_snapshot!(said(&[hole], &[]), @"worker has 172.16.1.0/24 as expected, but 172.16.1.7/32 takes a part of it: boot blackhole");
        // The same way, a prefix beside, another table that no rule asks, one that a daemon learnt.
        let harmless = [
            by_hand("172.16.1.0/25", "10.0.0.1", MAIN),
            by_hand("172.16.2.0/25", "10.0.0.2", MAIN),
            by_hand("172.16.1.0/25", "10.0.0.2", 100),
            learnt("172.16.1.64/26", "10.0.0.2"),
        ];
        assert_eq!(said(&harmless, &[]), "worker has 172.16.1.0/24");
    }

    #[test]
    fn a_rule_that_sends_packets_elsewhere_is_named() {
        let elsewhere = [by_hand(PREFIX, "10.0.0.2", 100)];
        insta::assert_snapshot!(said(&elsewhere, &[rule(100, Some(PREFIX), 100)]), @"worker has 172.16.1.0/24 as expected, but rule 100 (to 172.16.1.0/24) looks it up in table 100: boot via gw2 (10.0.0.2) dev eth1 weight 1");
        insta::assert_snapshot!(said(&[by_hand("0.0.0.0/0", "10.0.0.2", 100)], &[rule(100, None, 100)]), @"worker has 172.16.1.0/24 as expected, but rule 100 (of all) looks it up in table 100: boot via gw2 (10.0.0.2) dev eth1 weight 1");
        let drop = Rule { action: "blackhole".into(), ..rule(7, Some("172.16.1.8/32"), 0) };
        insta::assert_snapshot!(said(&[], &[drop]), @"worker has 172.16.1.0/24 as expected, but rule 7 (to 172.16.1.8/32) drops it (blackhole)");
        let after_main = rule(32800, None, 100);
        let marked = Rule { fwmark: Some(1), ..rule(100, None, 100) };
        let beside = rule(100, Some("172.16.2.0/24"), 100);
        let narrow = Rule { suppress_prefixlen: Some(24), ..rule(100, None, 100) };
        let jump = Rule { action: "goto".into(), goto: Some(32766), ..rule(50, None, 0) };
        for harmless in
            [vec![after_main], vec![marked], vec![beside], vec![narrow], vec![jump, rule(100, None, 100)]]
        {
            assert_eq!(said(&elsewhere, &harmless), "worker has 172.16.1.0/24");
        }
    }
}
