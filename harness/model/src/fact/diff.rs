//! Repairing a state from a fresh reading of the tables.
//!
//! While the tables are read, messages keep coming and are applied at once. For what they name they are newer than
//! the reading or will be followed by one that is, so the reading is not consulted for it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use super::routes::{List, RouteKey, Row};
use super::state::Key;
use super::{Change, KernelEvent, KernelState, Kind, Mono, Object, ResyncReason};

/// A difference. Routes are many: they become changes one at a time.
enum Difference {
    Other(Change),
    /// A row of our list that is gone.
    Gone(RouteKey, List, usize),
    /// A row of the fresh list instead of ours.
    Replaced(RouteKey, List, usize),
    Come(RouteKey, List, usize),
}

impl KernelState {
    /// Call before the first request of a dump is sent.
    pub fn begin_dump(&mut self, at: Mono) {
        self.dump_began = Some((at, Default::default()));
    }

    /// Takes over what `fresh` says about the tables named. `tell` gets the [`Change::Resync`] and the differences as
    /// events, so that a recording stays complete.
    ///
    /// Returns the tables in which messages overtook the reading: only another one can tell the whole of them.
    pub fn resync(
        &mut self,
        at: Mono,
        fresh: &KernelState,
        kinds: &BTreeSet<Kind>,
        reason: ResyncReason,
        mut tell: impl FnMut(&KernelEvent),
    ) -> BTreeSet<Kind> {
        let (since, touched) = self.dump_began.take().unwrap_or_default();
        let (mut differences, mut unsettled) = (Vec::new(), BTreeSet::new());
        for kind in kinds {
            let all = self.differences(fresh, *kind);
            let before = differences.len();
            let found = all.len();
            differences.extend(
                all.into_iter()
                    .filter(|difference| !difference.key().is_some_and(|key| touched.contains(&key))),
            );
            // A message names one route of those that share prefix and metric; the others it says nothing about.
            let newer = differences.len() - before < found;
            if matches!(kind, Kind::Routes4 | Kind::Routes6) && newer {
                unsettled.insert(*kind);
            }
        }
        let marker = Change::Resync { kinds: kinds.clone(), reason, since, differences: differences.len() };
        let mut take = |state: &mut KernelState, change| {
            let event = KernelEvent { at, change };
            // What went stale by these changes is what was just read.
            state.apply(&event);
            tell(&event);
        };
        take(self, marker);
        for difference in differences {
            let change = self.change_of(fresh, difference);
            take(self, change);
        }
        unsettled
    }

    /// This state as the events of a recording that begins with it.
    pub fn as_events(&self, at: Mono) -> Vec<KernelEvent> {
        let mut events = Vec::new();
        let tell = |event: &KernelEvent| events.push(event.clone());
        KernelState::default().resync(at, self, &Kind::all(), ResyncReason::Start, tell);
        let gap = self.gap().map(|gap| KernelEvent { at, change: Change::Gap(gap.reason.clone()) });
        events.extend(gap);
        events
    }

    fn change_of(&self, fresh: &KernelState, difference: Difference) -> Change {
        let route =
            |state: &KernelState, key, list: &List, at: usize| Object::Route(state.route_of(key, &list[at]));
        match difference {
            Difference::Other(change) => change,
            Difference::Gone(key, list, at) => Change::Del(route(self, &key, &list, at)),
            Difference::Replaced(key, list, at) => Change::Replace(route(fresh, &key, &list, at)),
            Difference::Come(key, list, at) => Change::Append(route(fresh, &key, &list, at)),
        }
    }

    fn differences(&self, fresh: &KernelState, kind: Kind) -> Vec<Difference> {
        match kind {
            Kind::Links => by_key(&self.links, &fresh.links, Object::Link),
            Kind::Addresses => by_key(&self.addresses, &fresh.addresses, Object::Address),
            Kind::Neighbours => by_key(&self.neighbours, &fresh.neighbours, Object::Neighbour),
            Kind::Nexthops => by_key(&self.nexthops, &fresh.nexthops, Object::Nexthop),
            Kind::Rules => {
                let gone = self.rules.difference(&fresh.rules).cloned().map(Object::Rule).map(Change::Del);
                let come = fresh.rules.difference(&self.rules).cloned().map(Object::Rule).map(Change::New);
                gone.chain(come).map(Difference::Other).collect()
            }
            Kind::Routes4 => self.route_differences(fresh, |key| key.prefix.addr().is_ipv4()),
            Kind::Routes6 => self.route_differences(fresh, |key| key.prefix.addr().is_ipv6()),
        }
    }

    fn route_differences(&self, fresh: &KernelState, family: impl Fn(&RouteKey) -> bool) -> Vec<Difference> {
        let ours = self.routes.lists().filter(|(key, _)| family(key));
        let theirs = fresh.routes.lists().filter(|(key, _)| family(key));
        let mut differences = Vec::new();
        let none = List::default();
        for (key, ours, theirs) in side_by_side(ours.peekable(), theirs.peekable()) {
            if ours != theirs {
                list_differences(key, ours.unwrap_or(&none), theirs.unwrap_or(&none), &mut differences);
            }
        }
        differences
    }
}

/// Entries of two sorted lists, by key.
fn side_by_side<
    'a,
    A: Iterator<Item = (&'a RouteKey, &'a List)>,
    B: Iterator<Item = (&'a RouteKey, &'a List)>,
>(
    mut ours: Peekable<A>,
    mut theirs: Peekable<B>,
) -> impl Iterator<Item = (&'a RouteKey, Option<&'a List>, Option<&'a List>)> {
    std::iter::from_fn(move || {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((our, _)), Some((their, _))) => our.cmp(their),
        };
        let our = if order.is_le() { ours.next() } else { None };
        let their = if order.is_ge() { theirs.next() } else { None };
        let (key, _) = our.or(their)?;
        Some((key, our.map(|(_, list)| list), their.map(|(_, list)| list)))
    })
}

fn list_differences(key: &RouteKey, old: &List, new: &List, differences: &mut Vec<Difference>) {
    if let ([_], [_]) = (old.as_slice(), new.as_slice()) {
        return differences.push(Difference::Replaced(key.clone(), List::clone(new), 0));
    }
    // A route that changed is no withdrawal: it is replaced in its place.
    let v6 = key.prefix.addr().is_ipv6();
    let successor =
        |old: &Row, new: &Row| old.same_route(new) || (v6 && old.joins_siblings() && new.joins_siblings());
    let gone = |row: &Row| !new.iter().any(|after| row == after || successor(row, after));
    let changed = |row: &Row| !old.contains(row);
    let replaces = |row: &Row| old.iter().any(|before| successor(before, row));
    let indexes = |list: &List, which: &dyn Fn(&Row) -> bool| -> Vec<usize> {
        list.iter().enumerate().filter(|(_, row)| which(row)).map(|(at, _)| at).collect()
    };
    let mut add = |make: fn(RouteKey, List, usize) -> Difference, list: &List, which: Vec<usize>| {
        differences.extend(which.into_iter().map(|at| make(key.clone(), List::clone(list), at)));
    };
    add(Difference::Gone, old, indexes(old, &gone));
    add(Difference::Replaced, new, indexes(new, &|row| changed(row) && replaces(row)));
    add(Difference::Come, new, indexes(new, &|row| changed(row) && !replaces(row)));
}

impl Difference {
    /// What it is about.
    fn key(&self) -> Option<Key> {
        match self {
            Difference::Other(change) => change.appeared().or(change.gone()).map(Key::of),
            Difference::Gone(key, ..) | Difference::Replaced(key, ..) | Difference::Come(key, ..) => {
                Some(Key::Route(key.clone()))
            }
        }
    }
}

fn by_key<K: Ord, V: Clone + PartialEq>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    object: impl Fn(V) -> Object,
) -> Vec<Difference> {
    let gone = old.iter().filter(|(key, _)| !new.contains_key(key));
    let come = new.iter().filter(|(key, value)| old.get(key) != Some(value));
    gone.map(|(_, value)| Change::Del(object(value.clone())))
        .chain(come.map(|(_, value)| Change::New(object(value.clone()))))
        .map(Difference::Other)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

    use proptest::prelude::*;

    use super::*;
    use crate::fact::{NextHop, Route};

    /// A few prefixes, gateways and kinds of change, so that they meet.
    fn change() -> impl Strategy<Value = Change> {
        let route = (any::<bool>(), 0u8..2, prop::collection::btree_set(0u8..4, 0..3), any::<bool>());
        let route = route.prop_map(|(v6, prefix, gateways, nhid)| {
            let device = |n: u8| format!("eth{}", n % 2);
            let hop = |n: u8| match (v6, n) {
                (_, 3) => NextHop::new(None, Some(&device(n))),
                (true, n) => NextHop::new(Some(format!("fe80::{n}").parse().unwrap()), Some(&device(n))),
                (false, n) => NextHop::new(Some(format!("192.0.2.{n}").parse().unwrap()), Some(&device(n))),
            };
            let net = if v6 { format!("2001:db8:{prefix}::/48") } else { format!("10.0.{prefix}.0/24") };
            Route {
                prefix: net.parse().unwrap(),
                kind: "unicast".to_owned(),
                nhid: (nhid && gateways.is_empty()).then_some(7),
                nexthops: gateways.into_iter().map(hop).collect(),
                ..Route::default()
            }
        });
        (route.prop_map(Object::Route), 0u8..4).prop_map(|(object, how)| match how {
            0 => Change::New(object),
            1 => Change::Append(object),
            2 => Change::Replace(object),
            _ => Change::Del(object),
        })
    }

    fn sorted(state: &KernelState) -> Vec<Route> {
        let mut routes: Vec<Route> = state.routes().collect();
        routes.sort();
        routes
    }

    fn after(changes: Vec<Change>) -> KernelState {
        let mut state = KernelState::default();
        for change in changes {
            state.apply(&KernelEvent { at: Mono(0), change });
        }
        state
    }

    proptest! {
        #[test]
        fn a_state_is_the_sum_of_its_events(changes in prop::collection::vec(change(), 0..12)) {
            let state = after(changes);
            let events = state.as_events(Mono(1)).into_iter().map(|event| event.change);
            let again = after(events.collect());
            prop_assert_eq!(sorted(&again), sorted(&state));
            prop_assert!(again.is_read() && again.gap().is_none());
        }

        #[test]
        fn a_resync_ends_at_the_reading_and_so_does_its_replay(
            ours in prop::collection::vec(change(), 0..12),
            kernels in prop::collection::vec(change(), 0..12),
        ) {
            let (mut ours, kernels) = (after(ours), after(kernels));
            let mut replayed = ours.clone();
            ours.resync(Mono(1), &kernels, &Kind::all(), ResyncReason::Gap, |event| {
                replayed.apply(event);
            });
            prop_assert_eq!(sorted(&ours), sorted(&kernels));
            prop_assert_eq!(sorted(&replayed), sorted(&kernels));
            let mut told = 0;
            ours.resync(Mono(2), &kernels, &Kind::all(), ResyncReason::Gap, |_| told += 1);
            prop_assert_eq!(told, 1);
        }
    }
}
