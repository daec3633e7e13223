//! `no-route`: a prefix, or every route of a protocol, is absent from a node's kernel.

use super::{Checked, evidence};
use crate::fact::{KernelState, Route, names};
use crate::scenario::{ExpectNoRoute, ExpectRoute};

pub fn no_route(expect: &ExpectNoRoute, kernel: &KernelState) -> Checked {
    let table = match &expect.vrf {
        None => expect.table,
        Some(vrf) => match kernel.vrf_table(vrf) {
            Some(table) => Some(table),
            None => {
                let status = format!("{} has no VRF {vrf}", expect.node);
                return Checked { holds: false, unproved: true, status, evidence: Vec::new() };
            }
        },
    };
    let fits = |r: &Route| {
        table.is_none_or(|table| table == r.table)
            && expect.proto.as_ref().is_none_or(|proto| *proto == r.protocol)
    };
    let found: Vec<Route> = match expect.prefix {
        Some(prefix) if !expect.or_longer => kernel.routes_to(prefix).filter(fits).collect(),
        _ => kernel.routes().filter(|r| expect.covers(&r.prefix) && fits(r)).collect(),
    };
    let status = match found.first() {
        None => format!("{} has no such route", expect.node),
        Some(route) => {
            let table = names::table(route.table);
            let elsewhere =
                if route.table == ExpectRoute::MAIN { String::new() } else { format!(", table {table}") };
            format!("{} has {} (protocol {}{elsewhere})", expect.node, route.prefix, route.protocol)
        }
    };
    let evidence = found.iter().map(|r| evidence("kernel-route", &expect.node, r)).collect();
    Checked { holds: found.is_empty(), unproved: false, status, evidence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Change, KernelEvent, Link, Mono, Object};

    fn holds(expect: &ExpectNoRoute) -> bool {
        let mut kernel = KernelState::default();
        for (prefix, table) in [("172.16.1.128/25", 254), ("172.16.1.0/24", 101), ("172.16.0.0/16", 254)] {
            let (protocol, kind) = ("bgp".into(), "unicast".into());
            let route = Route { table, prefix: prefix.parse().unwrap(), protocol, kind, ..Route::default() };
            kernel.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Route(route)) });
        }
        no_route(expect, &kernel).holds
    }

    #[test]
    fn a_longer_prefix_and_another_table_count_if_that_is_said() {
        let exact = ExpectNoRoute {
            node: "n".into(),
            prefix: Some("172.16.1.0/24".parse().unwrap()),
            proto: None,
            table: Some(254),
            or_longer: false,
            peer: None,
            vrf: None,
        };
        assert!(holds(&exact), "neither what is inside, nor what is around, nor another table");
        assert!(!holds(&ExpectNoRoute { or_longer: true, ..exact.clone() }));
        assert!(!holds(&ExpectNoRoute { table: None, ..exact.clone() }));
        assert!(!holds(&ExpectNoRoute { table: Some(101), ..exact.clone() }));
        let outside = Some("172.16.2.0/24".parse().unwrap());
        assert!(holds(&ExpectNoRoute { or_longer: true, table: None, prefix: outside, ..exact.clone() }));
        assert!(holds(&ExpectNoRoute { or_longer: true, proto: Some("static".into()), ..exact }));
    }

    #[test]
    fn in_a_vrf_its_table_counts_and_without_the_vrf_nothing() {
        let mut kernel = KernelState::default();
        let link =
            |index, name: &str, table| Link { index, name: name.into(), vrf_table: table, ..Link::default() };
        let of = |table: u32| {
            let (prefix, protocol) = ("10.8.0.0/16".parse().unwrap(), "bgp".into());
            Route { table, prefix, protocol, ..Route::default() }
        };
        for object in [
            Object::Link(link(1, "red", Some(100))),
            Object::Link(link(2, "blue", Some(200))),
            Object::Route(of(200)),
        ] {
            kernel.apply(&KernelEvent { at: Mono(1), change: Change::New(object) });
        }
        let expect = |vrf: &str| ExpectNoRoute {
            node: "n".into(),
            prefix: Some("10.8.0.0/16".parse().unwrap()),
            proto: None,
            table: Some(254),
            vrf: Some(vrf.into()),
            or_longer: false,
            peer: None,
        };
        assert!(no_route(&expect("red"), &kernel).holds);
        insta::assert_snapshot!(no_route(&expect("blue"), &kernel).status, @"n has 10.8.0.0/16 (protocol bgp, table 200)");
        let gone = no_route(&expect("green"), &kernel);
        assert!(!gone.holds && gone.unproved, "{}", gone.status);
    }
}
