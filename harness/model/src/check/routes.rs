//! `routes`: so many routes, each as described.

use serde_json::json;

use super::route::route;
use super::{AddressBook, Checked, evidence};
use crate::fact::{Alike, KernelState};
use crate::scenario::{ExpectRoute, ExpectRoutes};

/// How many kinds of routes the evidence shows.
const SHOWN: usize = 8;

pub fn routes(expect: &ExpectRoutes, kernel: &KernelState, book: &AddressBook) -> Checked {
    let node = &expect.node;
    let of = |protocol: &str| expect.proto.as_ref().is_none_or(|proto| proto == protocol);
    let all = kernel.alike(ExpectRoute::MAIN, of, expect.inside);
    let found: usize = all.iter().map(|alike| alike.count).sum();
    // What one of them is, all that are alike are.
    let wrong = |alike: &Alike| {
        let one = route(&expect.one(alike.such_as.prefix), kernel, book);
        (!one.holds).then_some((alike.count, one.status))
    };
    let counted = expect.count.fits(found as u64);
    // A table that is still being filled is not worth more than a count.
    let wrong: Vec<(usize, String)> =
        if counted { all.iter().filter_map(wrong).collect() } else { Vec::new() };
    let many: usize = wrong.iter().map(|(count, _)| count).sum();
    let status = match wrong.first() {
        _ if !counted => format!("{node} has {found} routes{}, not {}", described(expect), expect.count),
        Some((_, why)) => format!("{many} of the {found} routes of {node} are not as expected: {why}"),
        None => format!("{node} has {found} routes{}", described(expect)),
    };
    let shown = all.iter().take(SHOWN).map(|alike| json!({ "count": alike.count, "such-as": alike.such_as }));
    let evidence = shown.map(|alike| evidence("kernel-routes", node, alike)).collect();
    Checked { holds: counted && wrong.is_empty(), unproved: false, status, evidence }
}

fn described(expect: &ExpectRoutes) -> String {
    let proto = expect.proto.as_ref().map(|proto| format!(" of protocol {proto}")).unwrap_or_default();
    let inside = expect.inside.map(|prefix| format!(" inside {prefix}")).unwrap_or_default();
    format!("{proto}{inside}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Change, KernelEvent, Mono, NextHop, Object, Route};
    use crate::scenario::Count;

    fn kernel(routes: impl IntoIterator<Item = (u8, &'static [&'static str])>) -> KernelState {
        let mut kernel = KernelState::default();
        for (third, gateways) in routes {
            let hop = |gateway: &&str| NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"));
            let route = Route {
                table: 254,
                prefix: format!("100.64.{third}.0/24").parse().unwrap(),
                metric: 20,
                protocol: "bgp".into(),
                kind: "unicast".into(),
                scope: "global".into(),
                nexthops: NextHop::set(gateways.iter().map(hop)),
                ..Route::default()
            };
            kernel.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Route(route)) });
        }
        kernel
    }

    fn checked(kernel: &KernelState, count: u64) -> Checked {
        let mut book = AddressBook::default();
        book.insert("10.0.0.1".parse().unwrap(), "gw1");
        book.insert("10.0.0.2".parse().unwrap(), "gw2");
        let expect = ExpectRoutes {
            node: "n".into(),
            count: Count::exactly(count),
            via: vec!["gw1".into(), "gw2".into()],
            proto: Some("bgp".into()),
            inside: None,
        };
        routes(&expect, kernel, &book)
    }

    const BOTH: &[&str] = &["10.0.0.1", "10.0.0.2"];

    #[test]
    fn all_are_there_and_by_all_gateways() {
        let whole = kernel((0..200).map(|third| (third, BOTH)));
        let seen = checked(&whole, 200);
        assert!(seen.holds, "{}", seen.status);
        assert_eq!((seen.status.as_str(), seen.evidence.len()), ("n has 200 routes of protocol bgp", 1));
    }

    #[test]
    fn one_less_one_more_and_one_otherwise_are_told() {
        let status = |kernel: &KernelState, count| {
            let seen = checked(kernel, count);
            assert!(!seen.holds && !seen.unproved);
            seen.status
        };
        let whole = kernel((0..200).map(|third| (third, BOTH)));
        assert_eq!(status(&whole, 201), "n has 200 routes of protocol bgp, not 201");
        assert_eq!(status(&whole, 199), "n has 200 routes of protocol bgp, not 199");
        let lame = kernel((0..200).map(|third| (third, if third == 77 { &BOTH[..1] } else { BOTH })));
        insta::assert_snapshot!(status(&lame, 200), @"1 of the 200 routes of n are not as expected: n has 100.64.77.0/24, but not via gw2 (via gw1 (10.0.0.1) dev eth1 weight 1)");
        assert_eq!(status(&KernelState::default(), 200), "n has 0 routes of protocol bgp, not 200");
    }
}
