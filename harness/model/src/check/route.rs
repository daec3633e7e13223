//! `route`: a prefix is in a node's kernel, as described.

use std::fmt::Display;
use std::net::IpAddr;

use super::diverted::diverted;
use super::{AddressBook, Checked, evidence};
use crate::fact::{Address, KernelState, Neighbour, NextHop, Route, names};
use crate::scenario::{ExpectNextHop, ExpectRoute};

pub fn route(expect: &ExpectRoute, kernel: &KernelState, book: &AddressBook) -> Checked {
    let all: Vec<Route> = kernel.routes_to(expect.prefix).collect();
    let status = match &expect.vrf {
        None => judge(expect, expect.table, &all, kernel, book),
        Some(vrf) => match kernel.vrf_table(vrf) {
            Some(table) => judge(expect, table, &all, kernel, book),
            None => Err(format!("has no VRF {vrf}{}", elsewhere(&all, None, kernel, book))),
        },
    };
    let holds = status.is_ok();
    let status = match status {
        Ok(()) => format!("{} has {}", expect.node, expect.prefix),
        Err(why) => format!("{} {why}", expect.node),
    };
    // Those of other tables, too: they are a part of the answer.
    let mut found: Vec<_> = all.iter().map(|r| evidence("kernel-route", &expect.node, r)).collect();
    if !holds {
        let gateways: Vec<IpAddr> =
            all.iter().flat_map(|r| &r.nexthops).filter_map(|hop| hop.gateway).collect();
        let entries = kernel.neighbours().filter(|n| gateways.contains(&n.address));
        found.extend(entries.map(|n| evidence("kernel-neighbour", &expect.node, n)));
    }
    Checked { holds, unproved: false, status, evidence: found }
}

/// Whether one of the routes of the table fits and is the one that the kernel uses. The error follows the node's name.
fn judge(
    expect: &ExpectRoute,
    table: u32,
    all: &[Route],
    kernel: &KernelState,
    book: &AddressBook,
) -> Result<(), String> {
    let prefix = expect.prefix;
    let found: Vec<&Route> = all.iter().filter(|r| r.table == table).collect();
    let verdicts: Vec<Result<(), String>> = found.iter().map(|r| fits(expect, r, book)).collect();
    let Some(at) = verdicts.iter().position(Result::is_ok) else {
        return Err(match verdicts.into_iter().find_map(Result::err) {
            Some(why) => format!("has {prefix}, but {why}"),
            None => {
                let elsewhere = elsewhere(all, Some(table), kernel, book);
                format!("has no route to {prefix} in table {}{elsewhere}", names::table(table))
            }
        });
    };
    // In order of metric: what stands before it and takes all its packets makes it worthless.
    let shadow = found[..at].iter().find(|r| r.tos == 0 && r.source.is_none());
    if let (Some(shadow), None) = (shadow, expect.metric) {
        return Err(format!(
            "has {prefix} as expected, but does not use it: {} comes first (metric {})",
            describe_route(shadow, book),
            shadow.metric
        ));
    }
    if let Some(how) = diverted(found[at], kernel, book).filter(|_| expect.exact) {
        return Err(format!("has {prefix} as expected, but {how}"));
    }
    neighbours(expect, found[at], kernel, book)
}

/// `: it is in table 100 (via ...)`, for a route that is not where it should be.
fn elsewhere(all: &[Route], table: Option<u32>, kernel: &KernelState, book: &AddressBook) -> String {
    let others = all.iter().filter(|r| Some(r.table) != table);
    let found: Vec<String> = others
        .map(|r| {
            let vrf = kernel.links().find(|link| link.vrf_table == Some(r.table));
            let vrf = vrf.map(|link| format!(" (VRF {})", link.name)).unwrap_or_default();
            format!("table {}{vrf}: {}", names::table(r.table), describe_route(r, book))
        })
        .collect();
    if found.is_empty() { String::new() } else { format!("; it is in {}", found.join(", and in ")) }
}

/// `bgp via gw1 (192.168.1.5) dev eth1 weight 1`, `static blackhole`.
pub(super) fn describe_route(route: &Route, book: &AddressBook) -> String {
    match route.kind.as_str() {
        "unicast" => format!("{} {}", route.protocol, show_all(route, book)),
        kind => format!("{} {kind}", route.protocol),
    }
}

/// A gateway that was asked for is of use only if packets for it reach it: it is on the link of its device, and its entry
/// in the neighbour table is not known to be wrong. No entry, or one in the making, is none that is wrong.
fn neighbours(
    expect: &ExpectRoute,
    route: &Route,
    kernel: &KernelState,
    book: &AddressBook,
) -> Result<(), String> {
    let named = |hop: &&NextHop| {
        let by_name = expect.via.iter().any(|who| hop.gateway.is_some_and(|gateway| book.is(who, gateway)));
        by_name || expect.nexthops.iter().any(|wanted| wanted.via.is_some() && is(wanted, hop, book))
    };
    for hop in route.nexthops.iter().filter(named) {
        let Some(gateway) = hop.gateway else { continue };
        let Some(owner) = book.owner(gateway) else { continue };
        if let Some(home) = home_of(gateway, hop, kernel) {
            let hop = way(hop, book);
            return Err(format!("has {} {hop}, but {gateway} is on the link of {home}", expect.prefix));
        }
        let entry = kernel.neighbours().find(|n| {
            !n.proxy && n.address == gateway && hop.device.as_ref().is_none_or(|device| *device == n.device)
        });
        let Some(why) = entry.and_then(|entry| wrong(entry, owner, book)) else { continue };
        let hop = way(hop, book);
        return Err(format!("has {} {hop}, but the neighbour entry of {gateway} is {why}", expect.prefix));
    }
    Ok(())
}

/// The device on whose link a gateway is, if that is another than the next hop's: `onlink` lets that through.
fn home_of<'a>(gateway: IpAddr, hop: &NextHop, kernel: &'a KernelState) -> Option<&'a str> {
    let used = hop.device.as_deref().filter(|_| hop.onlink)?;
    // A link-local address says nothing of its link.
    let on_link = |a: &&Address| a.address.contains(&gateway) && a.scope != "link";
    let homes: Vec<&str> = kernel.addresses().filter(on_link).map(|a| a.device.as_str()).collect();
    homes.first().filter(|_| !homes.contains(&used)).copied()
}

fn wrong(entry: &Neighbour, owner: &str, book: &AddressBook) -> Option<String> {
    if entry.state == "failed" {
        return Some(format!("failed: {owner} does not answer"));
    }
    let mac = entry.mac.as_ref()?;
    // An address that is just being looked for, or needs none.
    if ["incomplete", "noarp", "none"].contains(&entry.state.as_str()) {
        return None;
    }
    book.astray(owner, mac).map(|why| format!("{mac} ({}), {why}", entry.state))
}

fn fits(expect: &ExpectRoute, route: &Route, book: &AddressBook) -> Result<(), String> {
    let by_gateway = !expect.via.is_empty() || !expect.nexthops.is_empty();
    // Whatever else is wrong with it: it leads nowhere. Who wants such a route says so by `type`.
    let hole = ["blackhole", "unreachable", "prohibit", "throw"].contains(&route.kind.as_str());
    if expect.kind.is_none() && (hole || by_gateway && route.kind != "unicast") {
        return Err(format!("it is a {} route of protocol {}", route.kind, route.protocol));
    }
    same("of protocol", expect.proto.as_ref(), Some(&route.protocol))?;
    same("of type", expect.kind.as_ref(), Some(&route.kind))?;
    same("of metric", expect.metric.as_ref(), Some(&route.metric))?;
    same("of scope", expect.scope.as_ref(), Some(&route.scope))?;
    same("with source", expect.src.as_ref(), route.prefsrc.as_ref())?;
    let by_name =
        |via: &String| ExpectNextHop { via: Some(via.clone()), dev: None, weight: None, onlink: None };
    let wanted: Vec<ExpectNextHop> =
        expect.via.iter().map(by_name).chain(expect.nexthops.iter().cloned()).collect();
    next_hops(&wanted, expect.exact, route, book)
}

fn same<T: PartialEq + Display>(what: &str, expected: Option<&T>, found: Option<&T>) -> Result<(), String> {
    match (expected, found) {
        (Some(expected), Some(found)) if expected != found => Err(format!("{what} {found}, not {expected}")),
        (Some(expected), None) => Err(format!("not {what} {expected}")),
        _ => Ok(()),
    }
}

fn next_hops(wanted: &[ExpectNextHop], exact: bool, route: &Route, book: &AddressBook) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
    let all = show_all(route, book);
    if let Some(missing) = wanted.iter().find(|w| !route.nexthops.iter().any(|hop| is(w, hop, book))) {
        return Err(format!("not via {} ({all})", describe(missing)));
    }
    match route.nexthops.iter().find(|hop| !wanted.iter().any(|w| is(w, hop, book))) {
        Some(extra) if exact => Err(format!("{}, which is not expected ({all})", show(extra, book))),
        _ => Ok(()),
    }
}

/// A hop that the kernel does not use (RTNH_F_DEAD) counts as missing.
fn is(wanted: &ExpectNextHop, hop: &NextHop, book: &AddressBook) -> bool {
    !hop.dead
        && wanted.via.as_ref().is_none_or(|who| hop.gateway.is_some_and(|gateway| book.is(who, gateway)))
        && wanted.dev.as_ref().is_none_or(|dev| hop.device.as_ref() == Some(dev))
        && wanted.weight.is_none_or(|weight| hop.weight == weight)
        && wanted.onlink.is_none_or(|onlink| hop.onlink == onlink)
}

fn show_all(route: &Route, book: &AddressBook) -> String {
    let all: Vec<String> = route.nexthops.iter().map(|hop| show(hop, book)).collect();
    if all.is_empty() { "no next hop".to_string() } else { all.join(" and ") }
}

pub(super) fn show(hop: &NextHop, book: &AddressBook) -> String {
    let flags = [(hop.onlink, " onlink"), (hop.dead, " dead")];
    let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
    format!("{} weight {}{flags}", way(hop, book), hop.weight)
}

pub(super) fn way(hop: &NextHop, book: &AddressBook) -> String {
    let via = hop.gateway.map(|gateway| format!("via {} ", book.describe(gateway))).unwrap_or_default();
    format!("{via}dev {}", hop.device.as_deref().unwrap_or("none"))
}

fn describe(wanted: &ExpectNextHop) -> String {
    let mut words = vec![wanted.via.clone().unwrap_or_else(|| "any gateway".to_string())];
    words.extend(wanted.dev.as_ref().map(|dev| format!("dev {dev}")));
    words.extend(wanted.weight.map(|weight| format!("weight {weight}")));
    words.extend(wanted.onlink.map(|onlink| if onlink { "onlink" } else { "not onlink" }.to_string()));
    words.join(" ")
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
