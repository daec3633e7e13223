//! What a node's tables and rules say of its segments, without asking the kernel for any packet.

use ipnet::IpNet;

use super::pair::{Pair, Side};
use crate::check::AddressBook;
use crate::check::route::show;
use crate::fact::{KernelState, NextHop, Route, Rule, names};

/// A route of the table of `from` that leads into `to`: by one of its devices, or to its host.
pub(super) fn leaking_route(pair: &Pair<'_>, kernel: &KernelState, book: &AddressBook) -> Option<String> {
    let family = |route: &Route| pair.family.is_of(route.prefix.addr());
    let routes = kernel.routes().filter(|r| r.table == pair.from.table && family(r) && of_unicast(r));
    let mut undeclared = routes.filter(|route| !super::declared::covers(pair, route.prefix));
    let (route, hop) = undeclared.find_map(|route| {
        let hop = route.nexthops.iter().find(|hop| leads(hop, pair, book))?.clone();
        Some((route, hop))
    })?;
    let (table, prefix, hop) = (names::table(route.table), route.prefix, show(&hop, book));
    Some(format!("table {table} of {} has {prefix} {hop} (protocol {})", pair.from.name, route.protocol))
}

/// Whether the table of `from` has a route to the prefix, or inside it, that leads into `to`.
pub(super) fn leads_across(pair: &Pair<'_>, prefix: IpNet, kernel: &KernelState, book: &AddressBook) -> bool {
    let mut routes = kernel.routes().filter(|r| r.table == pair.from.table && prefix.contains(&r.prefix));
    routes.any(|route| of_unicast(&route) && route.nexthops.iter().any(|hop| leads(hop, pair, book)))
}

/// Link-local destinations and multicast are of a link and never routed (RFC 4291, section 2.5.6).
fn of_unicast(route: &Route) -> bool {
    let local = match route.prefix {
        IpNet::V4(net) => net.addr().is_multicast() || net.addr().is_link_local(),
        IpNet::V6(net) => net.addr().is_multicast() || net.addr().is_unicast_link_local(),
    };
    route.kind == "unicast" && !local
}

/// The gateway may be named by any device but the segment's own: two VRFs may use one address.
fn leads(hop: &NextHop, pair: &Pair<'_>, book: &AddressBook) -> bool {
    let of = |side: &Side<'_>| hop.device.as_ref().is_some_and(|device| side.devices.contains(device));
    let to_host = || hop.gateway.is_some_and(|gateway| book.is(&pair.to.segment.host, gateway));
    let same_host = pair.from.segment.host == pair.to.segment.host;
    of(&pair.to) && !of(&pair.from) || !same_host && !of(&pair.from) && to_host()
}

/// A rule that has packets from `from` looked up in the table of `to`, and that they get to: rules count in their order.
pub(super) fn leaking_rule(pair: &Pair<'_>, kernel: &KernelState) -> Option<String> {
    if pair.from.table == pair.to.table {
        return None;
    }
    let mut from_priority = 0;
    for rule in kernel.rules().filter(|rule| rule.ipv6 != pair.is_ipv4()) {
        if rule.priority < from_priority {
            continue;
        }
        let takes = takes(rule, pair);
        if takes == Takes::None {
            continue;
        }
        match rule.action.as_str() {
            "table" if !rule.l3mdev && rule.table == pair.to.table => {
                let table = names::table(pair.to.table);
                return Some(format!("{} looks into table {table} of {}", describe(rule), pair.to.name));
            }
            "table" if takes == Takes::All && decides(rule, pair, kernel) => return None,
            "blackhole" | "unreachable" | "prohibit" if takes == Takes::All => return None,
            "goto" if takes == Takes::All => from_priority = rule.goto.unwrap_or(from_priority),
            _ => {}
        }
    }
    None
}

/// Which packets from one segment to the other a rule takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    None,
    Some,
    All,
}

fn takes(rule: &Rule, pair: &Pair<'_>) -> Takes {
    let takes = selected(rule, pair);
    match (rule.not, takes) {
        (true, Takes::None) => Takes::All,
        (true, Takes::All) => Takes::None,
        (_, takes) => takes,
    }
}

fn selected(rule: &Rule, pair: &Pair<'_>) -> Takes {
    let by_interface = rule.iif.as_ref().map(|iif| pair.from.devices.contains(iif));
    // What is forwarded has no outgoing device before its way is found.
    if by_interface == Some(false) || rule.oif.is_some() {
        return Takes::None;
    }
    let source = covers(rule.from, &pair.from, pair);
    let target = covers(rule.to, &pair.to, pair);
    if source == Takes::None || target == Takes::None {
        return Takes::None;
    }
    let marked = rule.fwmark.unwrap_or(0) & rule.fwmask.unwrap_or(u32::MAX) != 0;
    // Who gets a mark is decided elsewhere; a probe shows it. A rule that names the segment, too, is meant for it.
    if marked && by_interface.is_none() && rule.from.is_none() {
        return Takes::None;
    }
    let narrow = rule.tos != 0
        || rule.ip_protocol.is_some()
        || rule.source_ports.is_some()
        || rule.destination_ports.is_some()
        || rule.uids.is_some();
    if source == Takes::All && target == Takes::All && !marked && !narrow { Takes::All } else { Takes::Some }
}

fn covers(selector: Option<IpNet>, side: &Side<'_>, pair: &Pair<'_>) -> Takes {
    let Some(selector) = selector else { return Takes::All };
    let mut prefixes = side.segment.of(pair.family).peekable();
    let overlaps = |prefix: &&IpNet| selector.contains(*prefix) || prefix.contains(&selector);
    match () {
        () if side.segment.of(pair.family).all(|prefix| selector.contains(prefix)) => Takes::All,
        () if prefixes.any(|prefix| overlaps(&prefix)) => Takes::Some,
        () => Takes::None,
    }
}

/// Whether the rule's table has an answer for every address of `to`, so that later rules are not asked.
fn decides(rule: &Rule, pair: &Pair<'_>, kernel: &KernelState) -> bool {
    let table = if rule.l3mdev { pair.from.table } else { rule.table };
    let found = |prefix: &IpNet| {
        kernel.routes().any(|route| {
            route.table == table
                && route.prefix.contains(prefix)
                && route.kind != "throw"
                && route.tos == 0
                && route.source.is_none()
        })
    };
    // Only the VRF's own packets are looked up by l3mdev.
    let asked = !rule.l3mdev || pair.from.segment.vrf.is_some();
    asked && rule.suppress_prefixlen.is_none() && pair.to.segment.of(pair.family).all(found)
}

/// `rule 900 (from 10.1.0.0/16 iif eth1)`.
fn describe(rule: &Rule) -> String {
    let mut words = Vec::new();
    words.extend(rule.not.then(|| "not".to_string()));
    words.extend(rule.from.map(|from| format!("from {from}")));
    words.extend(rule.to.map(|to| format!("to {to}")));
    words.extend(rule.iif.as_ref().map(|iif| format!("iif {iif}")));
    words.extend(rule.fwmark.map(|mark| format!("fwmark {mark}")));
    let of_all = if words.is_empty() { "of all".to_string() } else { words.join(" ") };
    format!("rule {} ({of_all})", rule.priority)
}
