//! `route`: a prefix is in a node's kernel, as described.

use std::fmt::Display;

use super::{AddressBook, Checked, evidence};
use crate::fact::{KernelState, NextHop, Route};
use crate::scenario::{ExpectNextHop, ExpectRoute};

pub fn route(expect: &ExpectRoute, kernel: &KernelState, book: &AddressBook) -> Checked {
    let table = match &expect.vrf {
        None => Ok(expect.table),
        Some(vrf) => kernel.vrf_table(vrf).ok_or(vrf),
    };
    let (found, verdicts): (Vec<Route>, Vec<Result<(), String>>) = match table {
        Err(_) => (Vec::new(), Vec::new()),
        Ok(table) => {
            let found: Vec<Route> = kernel.routes_to(expect.prefix).filter(|r| r.table == table).collect();
            let verdicts = found.iter().map(|r| fits(expect, r, book)).collect();
            (found, verdicts)
        }
    };
    let holds = verdicts.iter().any(Result::is_ok);
    let status = match (table, verdicts.first()) {
        _ if holds => format!("{} has {}", expect.node, expect.prefix),
        (Err(vrf), _) => format!("{} has no VRF {vrf}", expect.node),
        (_, Some(Err(why))) => format!("{} has {}, but {why}", expect.node, expect.prefix),
        (Ok(table), _) => format!("{} has no route to {} in table {table}", expect.node, expect.prefix),
    };
    let evidence = found.iter().map(|r| evidence("kernel-route", &expect.node, r)).collect();
    Checked { holds, status, evidence }
}

fn fits(expect: &ExpectRoute, route: &Route, book: &AddressBook) -> Result<(), String> {
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
    let all: Vec<String> = route.nexthops.iter().map(|hop| show(hop, book)).collect();
    let all = if all.is_empty() { "no next hop".to_string() } else { all.join(" and ") };
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

pub(super) fn show(hop: &NextHop, book: &AddressBook) -> String {
    let via = hop.gateway.map(|gateway| format!("via {} ", book.describe(gateway))).unwrap_or_default();
    let dead = if hop.dead { " dead" } else { "" };
    format!("{via}dev {} weight {}{dead}", hop.device.as_deref().unwrap_or("none"), hop.weight)
}

fn describe(wanted: &ExpectNextHop) -> String {
    let mut words = vec![wanted.via.clone().unwrap_or_else(|| "any gateway".to_string())];
    words.extend(wanted.dev.as_ref().map(|dev| format!("dev {dev}")));
    words.extend(wanted.weight.map(|weight| format!("weight {weight}")));
    words.extend(wanted.onlink.map(|onlink| if onlink { "onlink" } else { "not onlink" }.to_string()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
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
}
