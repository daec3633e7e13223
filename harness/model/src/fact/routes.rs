//! The routing tables as the kernel keeps them: several routes may share prefix and metric, and IPv4 and IPv6
//! differ in what a message says about the ones that were there before (net/ipv4/fib_trie.c, net/ipv6/ip6_fib.c).
//!
//! A node may hold a full Internet table, of which nearly all routes differ in the prefix only. So names borrow from the
//! known ones, and equal sets of next hops and equal lists of routes are kept once: a prefix costs its key and a pointer.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::shared_map::SharedMap;
use super::{NextHop, Route, names};

/// What identifies a list of routes; the prefix comes first so that one prefix is a range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RouteKey {
    pub prefix: IpNet,
    pub table: u32,
    pub metric: u32,
    pub tos: u8,
    pub source: Option<IpNet>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Row {
    protocol: Cow<'static, str>,
    kind: Cow<'static, str>,
    scope: Cow<'static, str>,
    prefsrc: Option<IpAddr>,
    pub nhid: Option<u32>,
    /// As the route's own message gave them; empty for next-hop objects when the kernel's compatibility mode is off.
    pub hops: Arc<BTreeSet<NextHop>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    New,
    Append,
    Replace,
}

/// What a message meant for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Same,
    Changed,
    /// The table holds other routes than the message implies.
    Contradiction,
}

/// The routes that share a key, in the kernel's order.
pub(super) type List = Arc<Vec<Row>>;

#[derive(Clone, Debug, Default)]
pub(super) struct RouteTable {
    lists: SharedMap<RouteKey, List>,
    kept: Kept<Vec<Row>>,
    hops: Kept<BTreeSet<NextHop>>,
}

/// Equal values, kept once. A copy begins with none: what it got by copying is shared as it is.
#[derive(Debug)]
struct Kept<T> {
    values: HashSet<Arc<T>>,
    prune_at: usize,
}

impl RouteTable {
    pub fn insert(&mut self, route: &Route, how: How) -> Effect {
        let row = self.row(route);
        let key = RouteKey::of(route);
        let mut list = self.lists.get(&key).map_or_else(Vec::new, |list| (**list).clone());
        let effect = match route.prefix.addr().is_ipv4() {
            true => insert4(&mut list, row, how),
            false => insert6(&mut list, row, how, &mut self.hops),
        };
        if effect != Effect::Same {
            self.lists.insert(key, self.kept.keep(list));
        }
        effect
    }

    pub fn remove(&mut self, route: &Route) -> Effect {
        let key = RouteKey::of(route);
        let Some(list) = self.lists.get(&key) else { return Effect::Same };
        let mut list = (**list).clone();
        let row = self.row(route);
        let effect = if let Some(at) = list.iter().position(|old| old.same_route(&row)) {
            list.remove(at);
            Effect::Changed
        } else if route.prefix.addr().is_ipv6() && row.joins_siblings() {
            remove_siblings(&mut list, &row, &mut self.hops)
        } else {
            Effect::Contradiction
        };
        match effect {
            Effect::Changed if list.is_empty() => self.lists.remove(&key),
            Effect::Changed => self.lists.insert(key, self.kept.keep(list)),
            Effect::Same | Effect::Contradiction => {}
        }
        effect
    }

    pub fn clear(&mut self, which: impl Fn(&RouteKey) -> bool) {
        self.lists.retain(|key| !which(key));
    }

    pub fn rename_device(&mut self, old: &str, new: &str) {
        let over = |row: &Row| row.hops.iter().any(|hop| hop.device.as_deref() == Some(old));
        let (kept, hops) = (&mut self.kept, &mut self.hops);
        self.lists.replace_values(|list| {
            list.iter().any(over).then(|| {
                let rows = list
                    .iter()
                    .cloned()
                    .map(|row| Row { hops: hops.keep(renamed(&row.hops, old, new)), ..row });
                kept.keep(rows.collect())
            })
        });
    }

    pub fn iter(&self) -> impl Iterator<Item = (&RouteKey, &Row)> {
        self.lists.iter().flat_map(|(key, rows)| rows.iter().map(move |row| (key, row)))
    }

    /// By key.
    pub fn lists(&self) -> impl Iterator<Item = (&RouteKey, &List)> {
        self.lists.iter()
    }

    pub fn to_prefix(&self, prefix: IpNet) -> impl Iterator<Item = (&RouteKey, &Row)> {
        let first = RouteKey { prefix, table: 0, metric: 0, tos: 0, source: None };
        self.lists
            .from(&first)
            .take_while(move |(key, _)| key.prefix == prefix)
            .flat_map(|(key, rows)| rows.iter().map(move |row| (key, row)))
    }

    /// Those of all longer prefixes inside of one. They are a range, too: a longer prefix follows the shorter one of the
    /// same address.
    pub fn inside(&self, prefix: IpNet) -> impl Iterator<Item = (&RouteKey, &Row)> {
        let first = RouteKey { prefix, table: 0, metric: 0, tos: 0, source: None };
        self.lists
            .from(&first)
            .take_while(move |(key, _)| prefix.contains(&key.prefix))
            .filter(move |(key, _)| key.prefix != prefix)
            .flat_map(|(key, rows)| rows.iter().map(move |row| (key, row)))
    }

    fn row(&mut self, route: &Route) -> Row {
        Row {
            protocol: names::shared(&route.protocol),
            kind: names::shared(&route.kind),
            scope: names::shared(&route.scope),
            prefsrc: route.prefsrc,
            nhid: route.nhid,
            hops: self.hops.keep_same(&route.nexthops),
        }
    }
}

/// An IPv4 message speaks of one route: without NLM_F_APPEND it goes before those of equal prefix, TOS and metric,
/// with NLM_F_REPLACE it takes the place of the first of them.
fn insert4(list: &mut Vec<Row>, row: Row, how: How) -> Effect {
    if let Some(at) = list.iter().position(|old| old.same_route(&row)) {
        return put(list, at, row);
    }
    match how {
        How::Replace if !list.is_empty() => return put(list, 0, row),
        How::Append => list.push(row),
        How::New | How::Replace => list.insert(0, row),
    }
    Effect::Changed
}

/// An IPv6 route with a gateway becomes a next hop of the route with the same prefix and metric: the message shows
/// all of them (Linux 4.13 and later) or the added one. Other routes (per device, from router advertisements, by
/// next-hop object) stand side by side.
fn insert6(list: &mut Vec<Row>, row: Row, how: How, hops: &mut Kept<BTreeSet<NextHop>>) -> Effect {
    if let Some(at) = list.iter().position(|old| old.same_route(&row)) {
        return put(list, at, row);
    }
    let sibling = list.iter().position(|old| old.joins_siblings() == row.joins_siblings());
    match (how, sibling) {
        (How::Replace, Some(at)) => put(list, at, row),
        (How::Replace, None) if !list.is_empty() => put(list, 0, row),
        (How::New | How::Append, Some(at)) if row.joins_siblings() => {
            let mut all = (*row.hops).clone();
            all.extend(
                list[at].hops.iter().filter(|old| !row.hops.iter().any(|hop| hop.same_way(old))).cloned(),
            );
            put(list, at, Row { hops: hops.keep(all), ..row })
        }
        _ => {
            list.push(row);
            Effect::Changed
        }
    }
}

/// Deleting one next hop of an IPv6 route is told as a route with just that next hop.
fn remove_siblings(list: &mut Vec<Row>, row: &Row, hops: &mut Kept<BTreeSet<NextHop>>) -> Effect {
    let Some(at) = list.iter().position(Row::joins_siblings) else { return Effect::Contradiction };
    let old = &list[at].hops;
    let left: BTreeSet<NextHop> =
        old.iter().filter(|hop| !row.hops.iter().any(|gone| gone.same_way(hop))).cloned().collect();
    if left.len() == old.len() {
        return Effect::Contradiction;
    }
    if left.is_empty() {
        list.remove(at);
    } else {
        list[at].hops = hops.keep(left);
    }
    Effect::Changed
}

fn put(list: &mut [Row], at: usize, row: Row) -> Effect {
    if list[at] == row {
        return Effect::Same;
    }
    list[at] = row;
    Effect::Changed
}

fn renamed(hops: &BTreeSet<NextHop>, old: &str, new: &str) -> BTreeSet<NextHop> {
    hops.iter()
        .cloned()
        .map(|mut hop| {
            if hop.device.as_deref() == Some(old) {
                hop.device = Some(new.to_owned());
            }
            hop
        })
        .collect()
}

impl RouteKey {
    pub fn of(route: &Route) -> Self {
        RouteKey {
            prefix: route.prefix,
            table: route.table,
            metric: route.metric,
            tos: route.tos,
            source: route.source,
        }
    }
}

impl Row {
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// The route that the kernel would call the same: its next hops may have changed health.
    pub fn same_route(&self, other: &Row) -> bool {
        let same_hops = || {
            self.hops.len() == other.hops.len()
                && self.hops.iter().zip(other.hops.iter()).all(|(a, b)| a.same_way(b) && a.weight == b.weight)
        };
        (&self.protocol, &self.kind, &self.scope) == (&other.protocol, &other.kind, &other.scope)
            && self.prefsrc == other.prefsrc
            && self.nhid == other.nhid
            && (self.nhid.is_some() || same_hops())
    }

    /// IPv6: qualifies as a next hop of a multipath route (rt6_qualify_for_ecmp).
    pub fn joins_siblings(&self) -> bool {
        self.nhid.is_none()
            && self.kind == "unicast"
            && self.protocol != "ra"
            && !self.hops.is_empty()
            && self.hops.iter().all(|hop| hop.gateway.is_some())
    }

    pub fn to_route(&self, key: &RouteKey, nexthops: BTreeSet<NextHop>) -> Route {
        Route {
            table: key.table,
            prefix: key.prefix,
            metric: key.metric,
            protocol: self.protocol.clone().into_owned(),
            kind: self.kind.clone().into_owned(),
            scope: self.scope.clone().into_owned(),
            prefsrc: self.prefsrc,
            nhid: self.nhid,
            nexthops,
            tos: key.tos,
            source: key.source,
        }
    }
}

impl<T: Clone + Eq + Hash> Kept<T> {
    fn keep(&mut self, value: T) -> Arc<T> {
        self.known(&value).unwrap_or_else(|| self.add(value))
    }

    fn keep_same(&mut self, value: &T) -> Arc<T> {
        self.known(value).unwrap_or_else(|| self.add(value.clone()))
    }

    fn known(&self, value: &T) -> Option<Arc<T>> {
        self.values.get(value).map(Arc::clone)
    }

    fn add(&mut self, value: T) -> Arc<T> {
        if self.values.len() >= self.prune_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.prune_at = 2 * self.values.len() + 64;
        }
        let kept = Arc::new(value);
        self.values.insert(Arc::clone(&kept));
        kept
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept { values: HashSet::new(), prune_at: 0 }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept::default()
    }
}
