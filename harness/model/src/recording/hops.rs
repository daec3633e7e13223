//! Sets of next hops are written once: a hundred nodes with ten thousand routes by eight gateways repeat the same few sets a
//! million times, which is three quarters of such a recording.

use std::collections::{BTreeSet, HashMap};

use crate::fact::{Change, GapReason, KernelEvent, NextHop, Object, Route};

/// The sets of one node that are in its recording, each with its number.
#[derive(Debug, Default)]
pub struct HopsWritten(HashMap<BTreeSet<NextHop>, u32>);

/// An event without its route's next hops, which are those of a number.
#[derive(Debug)]
pub struct Short<'a> {
    pub event: KernelEvent,
    pub hops: u32,
    /// They are not in the recording yet.
    pub new: Option<&'a BTreeSet<NextHop>>,
}

impl HopsWritten {
    /// `None` for what is short already: nothing is gained by a number for one next hop.
    pub fn shorten<'a>(&mut self, event: &'a KernelEvent) -> Option<Short<'a>> {
        let (again, route): (fn(Object) -> Change, &Route) = match &event.change {
            Change::New(Object::Route(route)) => (Change::New, route),
            Change::Append(Object::Route(route)) => (Change::Append, route),
            Change::Replace(Object::Route(route)) => (Change::Replace, route),
            Change::Del(Object::Route(route)) => (Change::Del, route),
            _ => return None,
        };
        if route.nexthops.len() < 2 {
            return None;
        }
        let (hops, new) = match self.0.get(&route.nexthops) {
            Some(number) => (*number, None),
            None => {
                let number = u32::try_from(self.0.len()).ok()?;
                self.0.insert(route.nexthops.clone(), number);
                (number, Some(&route.nexthops))
            }
        };
        let change = again(Object::Route(without_hops(route)));
        Some(Short { event: KernelEvent { at: event.at, change }, hops, new })
    }
}

fn without_hops(route: &Route) -> Route {
    Route {
        table: route.table,
        prefix: route.prefix,
        metric: route.metric,
        protocol: route.protocol.clone(),
        kind: route.kind.clone(),
        scope: route.scope.clone(),
        prefsrc: route.prefsrc,
        nhid: route.nhid,
        nexthops: BTreeSet::new(),
        tos: route.tos,
        source: route.source,
    }
}

/// Those of a recording that is read: node -> number -> set.
#[derive(Debug, Default)]
pub(super) struct HopsRead(HashMap<String, HashMap<u32, BTreeSet<NextHop>>>);

impl HopsRead {
    pub fn put(&mut self, node: String, number: u32, hops: BTreeSet<NextHop>) {
        self.0.entry(node).or_default().insert(number, hops);
    }

    /// The event as it was; a gap where its next hops are missing.
    pub fn whole(&self, node: &str, number: u32, mut event: KernelEvent) -> KernelEvent {
        let hops = self.0.get(node).and_then(|of_node| of_node.get(&number));
        match (event.change.object_mut(), hops) {
            (Some(Object::Route(route)), Some(hops)) => route.nexthops.clone_from(hops),
            _ => {
                let error = format!("next hops {number} are not in the recording");
                event.change = Change::Gap(GapReason::Undecodable { message_type: 0, error });
            }
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Mono;
    use crate::recording::{Line, LineRef, Recording};

    fn event(at: u64, gateways: &[&str], change: fn(Object) -> Change) -> KernelEvent {
        let hop = |gateway: &&str| NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"));
        let prefix = format!("100.64.{at}.0/24").parse().unwrap();
        let nexthops = NextHop::set(gateways.iter().map(hop));
        KernelEvent {
            at: Mono(at),
            change: change(Object::Route(Route { prefix, nexthops, ..Route::default() })),
        }
    }

    #[test]
    fn what_was_written_short_is_read_whole() {
        let (two, other) = (["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.3"]);
        let events = [
            event(1, &two, Change::New),
            event(2, &two[..1], Change::New),
            event(3, &other, Change::Replace),
            event(4, &two, Change::Append),
            event(5, &other, Change::Del),
            KernelEvent { at: Mono(6), change: Change::Gap(GapReason::Overrun) },
        ];
        let mut written = HopsWritten::default();
        let mut lines = Vec::new();
        let mut sets = 0;
        for event in &events {
            match written.shorten(event) {
                None => lines.push(serde_json::to_string(&LineRef::Kernel { node: "n", event }).unwrap()),
                Some(Short { event, hops, new }) => {
                    if let Some(set) = new {
                        sets += 1;
                        let line = LineRef::NextHops { node: "n", number: hops, hops: set };
                        lines.push(serde_json::to_string(&line).unwrap());
                    }
                    let line = LineRef::KernelBy { node: "n", hops, event: &event };
                    lines.push(serde_json::to_string(&line).unwrap());
                }
            }
        }
        assert_eq!(sets, 2, "{lines:#?}");
        let recording = Recording::parse(&(lines.join("\n") + "\n")).unwrap();
        assert_eq!(recording.kernel_events("n"), events);
    }

    #[test]
    fn hops_that_are_missing_are_a_gap() {
        let line = Line::KernelBy { node: "n".into(), hops: 7, event: event(1, &[], Change::New) };
        let recording = Recording::of([line]);
        let [KernelEvent { change: Change::Gap(reason), .. }] = recording.kernel_events("n") else {
            panic!("{:?}", recording.kernel_events("n"))
        };
        assert!(reason.to_string().contains("next hops 7"), "{reason}");
    }
}
