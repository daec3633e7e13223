//! From the event log and the recording to lanes.

use std::collections::BTreeMap;

use super::clock::Clock;
use super::types::{Entry, Kind, Lane, Timeline};
use crate::check::AddressBook;
use crate::event::{Event, EventKind};
use crate::fact::{Change, KernelEvent, KernelState, Mono, Object, Route, names};
use crate::frr::SessionState;
use crate::recording::Recording;
use crate::result::Outcome;

/// Entries of a lane that are of one kind and lie within this part of the whole are drawn at the same place: one entry.
const RESOLUTION: f64 = 1.0 / 400.0;
/// Lines of one entry; what is left out is counted.
const MAX_LINES: usize = 12;

impl Timeline {
    /// The timeline of one run, of its last try. `events` are those of the run alone, in order.
    pub fn of(events: &[&Event], recording: Option<&Recording>) -> Timeline {
        let events = last_try(events);
        let (from_ms, until_ms) = match (events.first(), events.last()) {
            (Some(first), Some(last)) => (first.at_ms as f64, last.at_ms as f64),
            _ => return Timeline::default(),
        };
        let mut lanes = vec![Lane { name: "steps".to_string(), entries: steps(events) }];
        if let Some((recording, clock)) = recording.and_then(|r| Some((r, Clock::of(events, r)?))) {
            for node in recording.nodes() {
                let mut entries = of_kernel(recording, node, clock);
                entries.extend(of_sessions(recording, node, clock));
                entries.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
                // The lab's end takes everything down, which says nothing.
                entries.retain(|e| e.at_ms <= until_ms);
                let resolution = (until_ms - from_ms) * RESOLUTION;
                lanes.push(Lane { name: node.to_string(), entries: merged(entries, resolution) });
            }
            lanes[0].entries.extend(faults(events, recording, clock));
            lanes[0].entries.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
        }
        lanes.retain(|lane| !lane.entries.is_empty());
        Timeline { from_ms, until_ms, lanes }
    }
}

/// What was said after the last [`EventKind::RunAgain`], from the start of the run on.
pub(super) fn last_try<'a, 'b>(events: &'a [&'b Event]) -> &'a [&'b Event] {
    let again =
        events.iter().rposition(|e| matches!(e.kind, EventKind::RunAgain { .. })).map_or(0, |i| i + 1);
    let started = events[again..].iter().position(|e| matches!(e.kind, EventKind::RunStarted { .. }));
    &events[again + started.unwrap_or(0)..]
}

fn steps(events: &[&Event]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut open: BTreeMap<usize, u64> = BTreeMap::new();
    for event in events {
        let at_ms = event.at_ms as f64;
        match &event.kind {
            EventKind::LabReady { duration_us } => entries.push(Entry {
                at_ms: (at_ms - *duration_us as f64 / 1e3).max(0.0),
                until_ms: Some(at_ms),
                kind: Kind::Boot,
                what: vec!["the lab boots".to_string()],
            }),
            EventKind::StepStarted { index, .. } => drop(open.insert(*index, event.at_ms)),
            EventKind::StepFinished { index, step } => {
                let from = open.remove(index).unwrap_or(event.at_ms);
                let kind = if step.outcome == Outcome::Passed { Kind::StepPassed } else { Kind::StepBad };
                let mut what = vec![format!("{}. {}: {}", index + 1, step.name, step.outcome)];
                what.extend(step.message.clone());
                entries.push(Entry { at_ms: from as f64, until_ms: Some(at_ms), kind, what });
            }
            _ => {}
        }
    }
    entries
}

/// The moment from which a fault's effects count.
fn faults(events: &[&Event], recording: &Recording, clock: Clock) -> Vec<Entry> {
    let named = events.iter().filter_map(|event| match &event.kind {
        EventKind::StepStarted { index, name, .. } => Some((*index, name)),
        _ => None,
    });
    let at = |(index, name): (usize, &String)| {
        let at_ms = clock.ms(recording.fault_at(index)?);
        Some(Entry { at_ms, until_ms: None, kind: Kind::Fault, what: vec![name.clone()] })
    };
    named.filter_map(at).collect()
}

fn of_kernel(recording: &Recording, node: &str, clock: Clock) -> Vec<Entry> {
    let mut state = KernelState::default();
    let mut entries = Vec::new();
    for event in recording.kernel_events(node) {
        // What a message takes away is known before it is applied.
        let entry = entry(event, &state, &recording.book, clock);
        state.apply(event);
        // The first reading of the tables is what was there before, not news.
        entries.extend(entry.filter(|_| state.is_read()));
    }
    entries
}

fn entry(event: &KernelEvent, state: &KernelState, book: &AddressBook, clock: Clock) -> Option<Entry> {
    let (kind, what) = match &event.change {
        Change::Gap(reason) => (Kind::Gap, format!("{reason:?}")),
        Change::Resync { .. } => return None,
        Change::New(object) | Change::Append(object) | Change::Replace(object) => match object {
            Object::Route(route) if is_learnt(route) => (Kind::RouteNew, route_words(route, book)),
            Object::Link(link) => {
                let before = state.link(&link.name)?;
                let (was, is) = (before.up && before.carrier, link.up && link.carrier);
                match (was, is) {
                    (false, true) => (Kind::LinkUp, format!("{} is up", link.name)),
                    (true, false) => (Kind::LinkDown, format!("{} is down", link.name)),
                    _ => return None,
                }
            }
            _ => return None,
        },
        Change::Del(Object::Route(route)) if is_learnt(route) => {
            (Kind::RouteGone, format!("{} table {}", route.prefix, names::table(route.table)))
        }
        Change::Del(Object::Link(link)) => (Kind::LinkDown, format!("{} is gone", link.name)),
        Change::Del(_) => return None,
    };
    Some(Entry { at_ms: clock.ms(event.at), until_ms: None, kind, what: vec![what] })
}

/// Routes that somebody put there, rather than the kernel itself.
pub(super) fn is_learnt(route: &Route) -> bool {
    !matches!(route.protocol.as_str(), "kernel" | "redirect" | "ra")
}

/// `172.16.1.0/24 via gw1 (192.168.1.5) dev eth1`.
pub(super) fn route_words(route: &Route, book: &AddressBook) -> String {
    let hop = |hop: &crate::fact::NextHop| {
        let via = hop.gateway.map(|gateway| format!("via {}", book.describe(gateway)));
        let dev = hop.device.as_ref().map(|device| format!("dev {device}"));
        let weight = (hop.weight != 1).then(|| format!("weight {}", hop.weight));
        let dead = (hop.dead || hop.linkdown).then(|| "(dead)".to_string());
        [via, dev, weight, dead].into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let hops: Vec<String> = route.nexthops.iter().map(hop).collect();
    let kind = if route.kind == "unicast" { String::new() } else { format!("{} ", route.kind) };
    let table =
        if route.table == 254 { String::new() } else { format!(" table {}", names::table(route.table)) };
    format!("{kind}{}{table} {}", route.prefix, hops.join(", ")).trim_end().to_string()
}

fn of_sessions(recording: &Recording, node: &str, clock: Clock) -> Vec<Entry> {
    let mut known: BTreeMap<(String, String), bool> = BTreeMap::new();
    let mut entries = Vec::new();
    let mut asked_before = Mono(0);
    for (at, sessions) in recording.session_reports(node) {
        for session in sessions {
            let up = session.state == SessionState::Established;
            let before = known.insert((session.vrf.clone(), session.peer.clone()), up);
            if before.unwrap_or(false) == up {
                continue;
            }
            let (kind, word) =
                if up { (Kind::SessionUp, "Established") } else { (Kind::SessionDown, "lost") };
            let vrf =
                if session.vrf == "default" { String::new() } else { format!(" (VRF {})", session.vrf) };
            let peer =
                session.peer.parse().map_or_else(|_| session.peer.clone(), |ip| recording.book.describe(ip));
            // It came up when bgpd says, which counts whole seconds, and not before it was last seen down.
            let uptime_ns = session.established.map_or(0, |up| up.uptime_ms * 1_000_000);
            let since = Mono(at.0.saturating_sub(uptime_ns)).max(asked_before);
            let what = vec![format!("session with {peer}{vrf}: {word}")];
            entries.push(Entry { at_ms: clock.ms(since), until_ms: None, kind, what });
        }
        asked_before = *at;
    }
    entries
}

/// One entry for what is of one kind and at nearly the same time.
fn merged(entries: Vec<Entry>, resolution_ms: f64) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    for entry in entries {
        let near = out.iter_mut().rev().take(8).find(|have| {
            have.kind == entry.kind && entry.at_ms - have.at_ms < resolution_ms && have.until_ms.is_none()
        });
        match near {
            Some(have) => have.what.extend(entry.what),
            None => out.push(entry),
        }
    }
    for entry in &mut out {
        let left_out = entry.what.len().saturating_sub(MAX_LINES);
        entry.what.truncate(MAX_LINES);
        if left_out > 0 {
            entry.what.push(format!("and {left_out} more"));
        }
    }
    out
}
