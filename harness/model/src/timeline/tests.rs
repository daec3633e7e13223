#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::check::AddressBook;
use crate::event::{Event, EventKind};
use crate::fact::{Change, KernelEvent, Kind as Table, Mono, NextHop, Object, ResyncReason, Route};
use crate::recording::{Line, Recording};
use crate::result::{Outcome, RunResult, StepResult};

const MS: u64 = 1_000_000;
/// The recording's clock began long before the event log's.
const BOOT: u64 = 5_000_000 * MS;

fn mono(ms: u64) -> Mono {
    Mono(BOOT + ms * MS)
}

fn route(prefix: &str, via: &str) -> Object {
    Object::Route(Route {
        table: 254,
        prefix: prefix.parse().unwrap(),
        metric: 20,
        protocol: "bgp".into(),
        kind: "unicast".into(),
        nexthops: NextHop::set([NextHop::new(Some(via.parse().unwrap()), Some("eth1"))]),
        ..Route::default()
    })
}

fn kernel(ms: u64, change: Change) -> Line {
    Line::Kernel { node: "worker".into(), event: KernelEvent { at: mono(ms), change } }
}

/// A run with the steps `apply` and `expect`, each 1 s long, on this clock; the routes come at these times.
fn recording(routes: &[(u64, Change)]) -> Recording {
    let mut book = AddressBook::default();
    book.insert("10.0.0.1".parse().unwrap(), "gw1");
    let all = [
        Table::Links,
        Table::Addresses,
        Table::Neighbours,
        Table::Rules,
        Table::Nexthops,
        Table::Routes4,
        Table::Routes6,
    ];
    let kinds = BTreeSet::from(all);
    let read = Change::Resync { kinds, reason: ResyncReason::Start, since: mono(0), differences: 0 };
    let mut lines = vec![Line::Addresses { book }, kernel(1, read)];
    lines.extend(routes.iter().map(|(ms, change)| kernel(*ms, change.clone())));
    for step in 0..2 {
        let ms = 1000 + step as u64 * 1000;
        lines.push(Line::StepStarted { step, at: mono(ms) });
        lines.push(Line::StepFinished { step, at: mono(ms + 999) });
    }
    lines.push(Line::FinalState { at: mono(3000) });
    let text: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    Recording::parse(&text.join("\n")).unwrap()
}

fn result(outcome: Outcome, names: &[&str], axes: &[(&str, &str)]) -> RunResult {
    let step = |name: &&str| serde_json::json!({ "name": name, "outcome": "passed", "duration_ms": 1, "message": null });
    let steps: Vec<_> = names.iter().map(step).collect();
    let axes: BTreeMap<_, _> = axes.iter().copied().collect();
    let run = serde_json::json!({
        "scenario": "s", "requirements": [], "axes": axes, "outcome": outcome, "duration_ms": 1, "observed": {},
        "expected": {}, "steps": steps, "artifacts": [],
    });
    serde_json::from_value(run).unwrap()
}

/// The log's clock: the run starts at 500 ms, its first step at 1600 ms.
fn events(outcome: Outcome) -> Vec<Event> {
    let at = |at_ms, kind| Event { at_ms, run: Some(0), kind };
    let mut events = vec![at(500, EventKind::RunStarted { directory: "0".into() })];
    for (index, name) in ["apply", "expect"].into_iter().enumerate() {
        let from = 1600 + index as u64 * 1000;
        events.push(at(from, EventKind::StepStarted { index, name: name.into(), limit_ms: None }));
        let outcome = if index == 1 { outcome } else { Outcome::Passed };
        let (name, message, evidence) = (name.to_string(), None, Vec::new());
        let step = StepResult { name, outcome, duration_ms: 999, message, evidence };
        events.push(at(from + 999, EventKind::StepFinished { index, step }));
    }
    events
}

#[test]
fn steps_and_kernels_are_on_one_clock() {
    let new = Change::New(route("172.16.1.0/24", "10.0.0.1"));
    let gone = Change::Del(route("172.16.1.0/24", "10.0.0.1"));
    let recording = recording(&[(1500, new), (2500, gone)]);
    let events = events(Outcome::Failed);
    let events: Vec<&Event> = events.iter().collect();
    let timeline = Timeline::of(&events, Some(&recording));
    let told: Vec<String> = timeline
        .in_order()
        .iter()
        .map(|(lane, e)| format!("{} {} {:?}: {}", e.at_ms, lane.name, e.kind, e.what.join("; ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    1600 steps StepPassed: 1. apply: passed
    2100 worker RouteNew: 172.16.1.0/24 via gw1 (10.0.0.1) dev eth1
    2600 steps StepBad: 2. expect: failed
    3100 worker RouteGone: 172.16.1.0/24 table main
    ");
}

#[test]
fn only_the_last_try_of_a_run_is_told() {
    let first = events(Outcome::Inconclusive);
    let again =
        Event { at_ms: 4000, run: Some(0), kind: EventKind::RunAgain { reason: None, duration_ms: 1 } };
    let later = events(Outcome::Passed).into_iter().map(|e| Event { at_ms: e.at_ms + 4000, ..e });
    let all: Vec<Event> = first.into_iter().chain([again]).chain(later).collect();
    let timeline = Timeline::of(&all.iter().collect::<Vec<_>>(), None);
    assert_eq!((timeline.from_ms, timeline.lanes[0].entries.len()), (4500.0, 2));
    assert!(timeline.lanes[0].entries.iter().all(|e| e.kind == Kind::StepPassed));
    assert_eq!(Timeline::of(&[], None), Timeline::default());
}

#[test]
fn a_run_leaves_the_way_of_a_good_one_where_it_stays_different() {
    let new = |prefix| Change::New(route(prefix, "10.0.0.1"));
    // Both get .1, at different times; only the good one gets .2, 250 ms into the second step.
    let good = recording(&[(1100, new("172.16.1.0/24")), (2249, new("172.16.2.0/24"))]);
    let bad = recording(&[(1900, new("172.16.1.0/24"))]);
    let run = |outcome| result(outcome, &["apply", "expect"], &[]);
    let (failed, passed) = (run(Outcome::Failed), run(Outcome::Passed));
    let found = diverged((&bad, &good), (&failed, &passed)).unwrap();
    assert_eq!((found.step, found.at), (1, mono(2249)));
    let fact = Differs {
        node: "worker".into(),
        subject: "route 172.16.2.0/24".into(),
        here: None,
        there: Some("via gw1 (10.0.0.1)".into()),
    };
    assert_eq!(found.facts, [fact]);
    // The other way round there is a route too much, at its own time.
    let found = diverged((&good, &bad), (&passed, &failed)).unwrap();
    assert_eq!((found.step, found.at, found.facts[0].there.as_deref()), (1, mono(2249), None));
    assert_eq!(diverged((&bad, &bad), (&failed, &failed)), None);
}

#[test]
fn what_differs_from_the_first_step_on_is_marked_there() {
    let new = |via| Change::New(route("172.16.1.0/24", via));
    let (a, b) = (recording(&[(1100, new("10.0.0.1"))]), recording(&[(1200, new("10.0.0.2"))]));
    let run = result(Outcome::Failed, &["apply", "expect"], &[]);
    let found = diverged((&a, &b), (&run, &run)).unwrap();
    assert_eq!((found.step, found.at), (0, mono(1100)));
}

#[test]
fn the_nearest_good_run_is_compared_with() {
    let steps = ["apply", "expect"];
    let mut runs = vec![
        result(Outcome::Failed, &steps, &[("frr", "7.5.1"), ("order", "after")]),
        result(Outcome::Passed, &steps, &[("frr", "10.3"), ("order", "before")]),
        result(Outcome::Passed, &["other", "apply", "expect"], &[("frr", "7.5.1"), ("order", "before")]),
        result(Outcome::Passed, &steps, &[("frr", "8.4.4"), ("order", "after")]),
        result(Outcome::Passed, &steps, &[("frr", "10.3"), ("order", "after")]),
    ];
    assert_eq!(reference(&runs, 0), Some(3));
    assert_eq!(reference(&runs, 3), None, "what passed has nothing to explain");
    // A known bug that was expected has.
    runs[0].outcome = Outcome::Passed;
    for (index, run) in runs.iter_mut().enumerate() {
        run.observed.insert("bug".into(), if index == 0 { "present" } else { "absent" }.into());
    }
    assert_eq!((reference(&runs, 0), reference(&runs, 1)), (Some(3), None));
    runs[0].outcome = Outcome::Skipped;
    assert_eq!(reference(&runs, 0), None);
}

#[test]
fn routes_before_and_after() {
    let new = |prefix, via| Change::New(route(prefix, via));
    let recording = recording(&[
        (10, new("10.9.0.0/16", "10.0.0.1")),
        (20, new("10.8.0.0/16", "10.0.0.1")),
        (1100, new("172.16.1.0/24", "10.0.0.1")),
        (1200, Change::Replace(route("10.8.0.0/16", "10.0.0.2"))),
        (1300, new("224.0.0.0/4", "10.0.0.1")),
    ]);
    let found = routes_of(&recording, "worker");
    let rows: Vec<String> = found
        .rows
        .iter()
        .map(|row| {
            let or_dash = |hops: &Option<String>| hops.clone().unwrap_or("-".into());
            format!(
                "{} {}: {} | {}",
                row.standing.word(),
                row.prefix,
                or_dash(&row.before),
                or_dash(&row.after)
            )
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    changed 10.8.0.0/16: via gw1 (10.0.0.1) dev eth1 | via 10.0.0.2 dev eth1
    added 172.16.1.0/24: - | via gw1 (10.0.0.1) dev eth1
    same 10.9.0.0/16: via gw1 (10.0.0.1) dev eth1 | via gw1 (10.0.0.1) dev eth1
    ");
}
