//! Many routes at once, by what they have in common.

use std::collections::HashMap;
use std::sync::Arc;

use ipnet::IpNet;

use super::routes::{RouteKey, Row};
use super::{KernelState, Route};

/// Routes that differ in their prefix only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    pub count: usize,
    /// The first of them.
    pub such_as: Route,
}

impl KernelState {
    /// The routes of a table that are asked for by protocol and prefix, in order of the first of each kind. Of a full table
    /// nearly all are alike, and share what they have in common: it is built once for all.
    pub fn alike(&self, table: u32, of: impl Fn(&str) -> bool, inside: Option<IpNet>) -> Vec<Alike> {
        let asked =
            |key: &RouteKey| key.table == table && inside.is_none_or(|prefix| prefix.contains(&key.prefix));
        let mut places = HashMap::new();
        let mut found: Vec<(usize, &RouteKey, &Row)> = Vec::new();
        for (key, list) in self.routes.lists().filter(|(key, _)| asked(key)) {
            for (at, row) in list.iter().enumerate().filter(|(_, row)| of(row.protocol())) {
                let place = (Arc::as_ptr(list), at, key.metric, key.tos, key.source);
                let place = *places.entry(place).or_insert(found.len());
                match found.get_mut(place) {
                    Some((count, ..)) => *count += 1,
                    None => found.push((1, key, row)),
                }
            }
        }
        found.into_iter().map(|(count, key, row)| Alike { count, such_as: self.route_of(key, row) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Change, KernelEvent, Mono, NextHop, Object};

    #[test]
    fn what_differs_in_the_prefix_only_is_counted_together() {
        let route = |third: u8, gateway: &str, protocol: &str| Route {
            table: 254,
            prefix: format!("100.64.{third}.0/24").parse().unwrap(),
            protocol: protocol.into(),
            kind: "unicast".into(),
            nexthops: NextHop::set([NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"))]),
            ..Route::default()
        };
        let mut kernel = KernelState::default();
        let mut put = |route: Route| {
            kernel.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Route(route)) });
        };
        (0..100).for_each(|third| put(route(third, "10.0.0.1", "bgp")));
        (100..103).for_each(|third| put(route(third, "10.0.0.2", "bgp")));
        put(route(103, "10.0.0.1", "static"));
        put(Route { table: 10, ..route(104, "10.0.0.1", "bgp") });
        let counts = |kernel: &KernelState, inside: Option<&str>| -> Vec<(usize, String)> {
            let inside = inside.map(|prefix| prefix.parse().unwrap());
            let alike = kernel.alike(254, |protocol| protocol == "bgp", inside);
            alike.iter().map(|alike| (alike.count, alike.such_as.prefix.to_string())).collect()
        };
        let both = [(100, "100.64.0.0/24".to_string()), (3, "100.64.100.0/24".to_string())];
        assert_eq!(counts(&kernel, None), both);
        assert_eq!(counts(&kernel.clone(), None), both);
        assert_eq!(counts(&kernel, Some("100.64.0.0/18")), [(64, "100.64.0.0/24".to_string())]);
        assert!(counts(&kernel, Some("10.0.0.0/8")).is_empty());
    }
}
