//! A node's routes before the first step and at the end.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::build::route_words;
use crate::fact::{KernelState, Mono, Route, names};
use crate::recording::Recording;

#[derive(Clone, Debug, PartialEq)]
pub struct NodeRoutes {
    pub node: String,
    pub rows: Vec<RouteRow>,
    /// Rows that are left out: there are too many to read.
    pub left_out: usize,
}

/// A route by its prefix, table and protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteRow {
    pub prefix: String,
    pub protocol: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Same,
    Added,
    Removed,
    Changed,
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Standing::Same => "same",
            Standing::Added => "added",
            Standing::Removed => "removed",
            Standing::Changed => "changed",
        }
    }
}

/// More than this nobody reads; the recording has them all.
const MAX_ROWS: usize = 40;

type Key = (u32, IpNet, u32, String);

/// The routes of a node, what changed first.
pub fn routes_of(recording: &Recording, node: &str) -> NodeRoutes {
    let begin = recording.step_times(0).0.unwrap_or(Mono(0));
    let mut before = BTreeMap::new();
    recording.kernels_at(node, &[begin], |_, state| before = table(recording, state));
    let after = table(recording, &recording.final_kernel(node));
    let mut keys: Vec<&Key> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut rows: Vec<RouteRow> =
        keys.into_iter().map(|key| row(key, before.get(key), after.get(key))).collect();
    rows.sort_by_key(|row| row.standing == Standing::Same);
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    NodeRoutes { node: node.to_string(), rows, left_out }
}

fn row((table, prefix, _, protocol): &Key, before: Option<&String>, after: Option<&String>) -> RouteRow {
    let standing = match (before, after) {
        (Some(a), Some(b)) if a == b => Standing::Same,
        (Some(_), Some(_)) => Standing::Changed,
        (None, _) => Standing::Added,
        (_, None) => Standing::Removed,
    };
    let table = if *table == 254 { String::new() } else { format!(" table {}", names::table(*table)) };
    RouteRow {
        prefix: format!("{prefix}{table}"),
        protocol: protocol.clone(),
        before: before.cloned(),
        after: after.cloned(),
        standing,
    }
}

fn table(recording: &Recording, state: &KernelState) -> BTreeMap<Key, String> {
    let key = |route: &Route| (route.table, route.prefix, route.metric, route.protocol.clone());
    let hops = |route: &Route| {
        let words = route_words(route, &recording.book);
        words.split_once(' ').map_or(String::new(), |(_, hops)| hops.to_string())
    };
    state.routes().filter(is_shown).map(|route| (key(&route), hops(&route))).collect()
}

/// Not the kernel's own: local addresses, link-local networks, multicast.
fn is_shown(route: &Route) -> bool {
    let own = match route.prefix {
        IpNet::V4(net) => net.addr().is_multicast(),
        IpNet::V6(net) => net.addr().is_multicast() || net.addr().is_unicast_link_local(),
    };
    route.table != 255 && route.kind != "local" && !own
}
