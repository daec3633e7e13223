//! Repairing a state from a fresh reading of the tables.
//!
//! While the tables are read, messages keep coming and are applied at once. For what they name they are newer than
//! the reading or will be followed by one that is, so the reading is not consulted for it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::routes::{RouteKey, Row};
use super::state::Key;
use super::{Change, KernelEvent, KernelState, Kind, Mono, Object, ResyncReason};

/// What a reading did to a state.
#[derive(Debug)]
pub struct Resynced {
    /// The [`Change::Resync`] and the differences.
    pub events: Vec<KernelEvent>,
    /// Tables in which messages overtook the reading: only another one can tell the whole of them.
    pub unsettled: BTreeSet<Kind>,
}

impl KernelState {
    /// Call before the first request of a dump is sent.
    pub fn begin_dump(&mut self, at: Mono) {
        self.dump_began = Some((at, HashSet::new()));
    }

    /// Takes over what `fresh` says about the tables named, and returns the differences as events, so that a recording
    /// stays complete.
    pub fn resync(
        &mut self,
        at: Mono,
        fresh: &KernelState,
        kinds: &BTreeSet<Kind>,
        reason: ResyncReason,
    ) -> Resynced {
        let (since, touched) = self.dump_began.take().unwrap_or_default();
        let (mut changes, mut unsettled) = (Vec::new(), BTreeSet::new());
        for kind in kinds {
            let is_newer = |change: &Change| {
                change.appeared().or(change.gone()).is_some_and(|object| touched.contains(&Key::of(object)))
            };
            let (newer, settled): (Vec<_>, Vec<_>) =
                self.differences(fresh, *kind).into_iter().partition(is_newer);
            changes.extend(settled);
            // A message names one route of those that share prefix and metric; the others it says nothing about.
            if matches!(kind, Kind::Routes4 | Kind::Routes6) && !newer.is_empty() {
                unsettled.insert(*kind);
            }
        }
        let marker = Change::Resync { kinds: kinds.clone(), reason, since, differences: changes.len() };
        let events: Vec<KernelEvent> =
            std::iter::once(marker).chain(changes).map(|change| KernelEvent { at, change }).collect();
        for event in &events {
            // What went stale by these changes is what was just read.
            self.apply(event);
        }
        Resynced { events, unsettled }
    }

    /// This state as the events of a recording that begins with it.
    pub fn as_events(&self, at: Mono) -> Vec<KernelEvent> {
        let mut events = KernelState::default().resync(at, self, &Kind::all(), ResyncReason::Start).events;
        let gap = self.gap().map(|gap| KernelEvent { at, change: Change::Gap(gap.reason.clone()) });
        events.extend(gap);
        events
    }

    fn differences(&self, fresh: &KernelState, kind: Kind) -> Vec<Change> {
        match kind {
            Kind::Links => by_key(&self.links, &fresh.links, Object::Link),
            Kind::Addresses => by_key(&self.addresses, &fresh.addresses, Object::Address),
            Kind::Neighbours => by_key(&self.neighbours, &fresh.neighbours, Object::Neighbour),
            Kind::Nexthops => by_key(&self.nexthops, &fresh.nexthops, Object::Nexthop),
            Kind::Rules => {
                let gone = self.rules.difference(&fresh.rules).cloned().map(Object::Rule).map(Change::Del);
                gone.chain(fresh.rules.difference(&self.rules).cloned().map(Object::Rule).map(Change::New))
                    .collect()
            }
            Kind::Routes4 => self.route_differences(fresh, |key| key.prefix.addr().is_ipv4()),
            Kind::Routes6 => self.route_differences(fresh, |key| key.prefix.addr().is_ipv6()),
        }
    }

    fn route_differences(&self, fresh: &KernelState, family: impl Fn(&RouteKey) -> bool) -> Vec<Change> {
        let (ours, theirs) = (self.routes.lists(), fresh.routes.lists());
        let mut changes = Vec::new();
        for (key, rows) in ours.iter().filter(|(key, _)| family(key)) {
            let new = theirs.get(key).map_or(&[][..], Vec::as_slice);
            if rows != new {
                changes.extend(self.list_differences(fresh, key, rows, new));
            }
        }
        for (key, rows) in theirs.iter().filter(|(key, _)| family(key) && !ours.contains_key(key)) {
            changes.extend(self.list_differences(fresh, key, &[], rows));
        }
        changes
    }

    fn list_differences(&self, fresh: &KernelState, key: &RouteKey, old: &[Row], new: &[Row]) -> Vec<Change> {
        if let ([_], [row]) = (old, new) {
            return vec![Change::Replace(Object::Route(fresh.route_of(key, row)))];
        }
        // A route that changed is no withdrawal: it is replaced in its place.
        let v6 = key.prefix.addr().is_ipv6();
        let successor = |old: &Row, new: &Row| {
            old.same_route(new) || (v6 && old.joins_siblings() && new.joins_siblings())
        };
        let changed = new.iter().filter(|row| !old.contains(row));
        let (replaced, come): (Vec<&Row>, Vec<&Row>) =
            changed.partition(|row| old.iter().any(|before| successor(before, row)));
        let gone = old.iter().filter(|row| !new.iter().any(|after| *row == after || successor(row, after)));
        gone.map(|row| Change::Del(Object::Route(self.route_of(key, row))))
            .chain(replaced.iter().map(|row| Change::Replace(Object::Route(fresh.route_of(key, row)))))
            .chain(come.iter().map(|row| Change::Append(Object::Route(fresh.route_of(key, row)))))
            .collect()
    }
}

fn by_key<K: Ord, V: Clone + PartialEq>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    object: impl Fn(V) -> Object,
) -> Vec<Change> {
    let gone = old.iter().filter(|(key, _)| !new.contains_key(key));
    let come = new.iter().filter(|(key, value)| old.get(key) != Some(value));
    gone.map(|(_, value)| Change::Del(object(value.clone())))
        .chain(come.map(|(_, value)| Change::New(object(value.clone()))))
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
            for event in ours.resync(Mono(1), &kernels, &Kind::all(), ResyncReason::Gap).events {
                replayed.apply(&event);
            }
            prop_assert_eq!(sorted(&ours), sorted(&kernels));
            prop_assert_eq!(sorted(&replayed), sorted(&kernels));
            prop_assert_eq!(ours.resync(Mono(2), &kernels, &Kind::all(), ResyncReason::Gap).events.len(), 1);
        }
    }
}
