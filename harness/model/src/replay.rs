//! Judges a recorded run again: the plan's expectations over the recording's facts, with the same checks.
//!
//! What a step did (`apply`, `restart-speaker`) cannot be judged from facts; such steps count as they were recorded.

mod looks;

use std::collections::BTreeMap;

use looks::looks;
use serde::Serialize;

use crate::check::{
    self, Checked, Convergence, Diagnosed, alternation, ecmp_route, isolation_tables, ordering,
};
use crate::fact::Mono;
use crate::plan::PlannedRun;
use crate::recording::Recording;
use crate::result::{Outcome, RunResult, StepResult};
use crate::scenario::{
    Diagnosis, Expect, ExpectConvergence, ExpectLoss, ExpectRoute, ExpectSession, Signature, Verb,
};

/// The verdict of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    pub outcome: Outcome,
    pub observed: BTreeMap<String, String>,
    /// Step by step, as far as the run went: outcome, and why it is not `passed`.
    pub steps: Vec<(String, Outcome, Option<String>)>,
}

/// A run's two verdicts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    pub scenario: String,
    pub axes: Vec<(String, String)>,
    pub recorded: Outcome,
    pub replayed: Outcome,
    /// The outcome, and what was observed.
    pub same: bool,
    /// Why the replay is not `passed`.
    pub reason: Option<String>,
}

/// Judges a run by its recording, and sets this beside the verdict that it was given `live`.
pub fn compare(run: &PlannedRun, recording: &Recording, live: &RunResult) -> Compared {
    let replayed = replay(run, recording, &live.steps);
    let reason =
        replayed.steps.last().and_then(|(name, _, why)| why.as_ref().map(|why| format!("{name}: {why}")));
    Compared {
        scenario: live.scenario.clone(),
        axes: run.axes.clone(),
        recorded: live.outcome,
        replayed: replayed.outcome,
        same: live.outcome == replayed.outcome && live.observed == replayed.observed,
        reason: reason.filter(|_| replayed.outcome != Outcome::Passed),
    }
}

type Verdict = (Outcome, Option<String>);

/// Judges `run` by `recording`; `recorded` are the steps as they were judged live.
pub fn replay(run: &PlannedRun, recording: &Recording, recorded: &[StepResult]) -> Replayed {
    let mut replayed = Replayed { outcome: Outcome::Passed, observed: BTreeMap::new(), steps: Vec::new() };
    for (index, step) in run.steps.iter().enumerate() {
        let Some(live) = recorded.get(index) else {
            replayed.outcome = Outcome::Inconclusive;
            return replayed;
        };
        let (outcome, why) = judge(run, recording, index, live, &mut replayed.observed);
        replayed.steps.push((step.name.clone(), outcome, why));
        if outcome != Outcome::Passed {
            replayed.outcome = outcome;
            return replayed;
        }
    }
    let differs = run.expected.iter().any(|(key, value)| replayed.observed.get(key) != Some(value));
    if differs {
        replayed.outcome = Outcome::Failed;
    } else if let Some(live) = recorded.get(run.steps.len()) {
        let (outcome, why) = agreement(run, recording, live);
        replayed.steps.push((live.name.clone(), outcome, why));
        replayed.outcome = outcome;
    }
    replayed
}

fn judge(
    run: &PlannedRun,
    recording: &Recording,
    index: usize,
    live: &StepResult,
    observed: &mut BTreeMap<String, String>,
) -> Verdict {
    let as_recorded = (live.outcome, live.message.clone());
    let Some((from, to)) = recording.window(index) else {
        return (Outcome::Inconclusive, Some("the recording ends in this step".to_string()));
    };
    // A broken step (a refused line, a dead node) left no facts to judge.
    if live.outcome == Outcome::Broken {
        return as_recorded;
    }
    let unless_spoilt = |verdict| match recording.health.get(&index) {
        Some(health) => check::unless_spoilt(verdict, health, run.tightest_timer_ms),
        None => verdict,
    };
    match &run.steps[index].verb {
        Verb::Apply { .. }
        | Verb::Delete { .. }
        | Verb::RestartSpeaker(_)
        | Verb::Settle(_)
        | Verb::Fault(_)
        | Verb::Stream(_)
        | Verb::Observe(_) => as_recorded,
        Verb::Eventually { expect: Expect::Convergence(e), .. } => {
            unless_spoilt(convergence(run, recording, index, e, to))
        }
        Verb::Eventually { expect: Expect::Loss(e), .. } => {
            let lost = loss(run, recording, index, e);
            unless_spoilt(match recording.health.get(&index) {
                Some(health) => check::excused(lost, health),
                None => lost,
            })
        }
        Verb::Eventually { expect, .. } => {
            let verdict = match run.each(expect) {
                None => eventually(run, recording, expect, from, to),
                Some(each) => {
                    let each = each.iter().map(|expect| eventually(run, recording, expect, from, to));
                    check::of_all(&each.collect::<Vec<_>>())
                }
            };
            unless_spoilt(run.spoilt_unless_passed(index, verdict))
        }
        Verb::Holds { expect, witness, .. } => {
            let witness = witness.map(|prefix| expect.witness(prefix));
            unless_spoilt(holds(run, recording, expect, witness.as_ref(), (from, to), as_recorded))
        }
        Verb::Diagnose(d) => diagnose(run, recording, index, d, observed),
    }
}

/// The name of a node as the recording has it, behind an alias.
fn name<'a>(run: &'a PlannedRun, node: &'a str) -> &'a str {
    run.topology.find(node).map_or(node, |n| n.name.as_str())
}

fn eventually(run: &PlannedRun, recording: &Recording, expect: &Expect, from: Mono, to: Mono) -> Verdict {
    let mut last = (Outcome::Failed, None);
    let mut held = false;
    // Of thousands of events each changes one route of thousands: the end, at which the step had come true, is looked at first.
    if matches!(expect, Expect::Routes(_)) {
        looks(run, recording, expect, to, to, |checked| held |= checked.holds);
        if held {
            return (Outcome::Passed, None);
        }
    }
    looks(run, recording, expect, from, to, |checked| {
        held |= checked.holds;
        last = (checked.outcome(), Some(checked.status));
    });
    if held { (Outcome::Passed, None) } else { last }
}

fn convergence(
    run: &PlannedRun,
    recording: &Recording,
    index: usize,
    expect: &ExpectConvergence,
    to: Mono,
) -> Verdict {
    let since = run.change_before(index).and_then(|step| recording.changed_at(step));
    let (Some(since), Some(health)) = (since, recording.health.get(&index)) else {
        return (
            Outcome::Inconclusive,
            Some("the recording lacks what convergence is measured from".to_string()),
        );
    };
    let mut follow: Option<Convergence<'_>> = None;
    let seen = recording.kernel_states(name(run, &expect.node), since, to, |at, state| match &mut follow {
        None => follow = Some(Convergence::new(expect, &recording.book, since, state)),
        Some(follow) => follow.look(at, state),
    });
    if let Some(why) = seen.missed() {
        return (Outcome::Inconclusive, Some(check::spoilt(why)));
    }
    match follow.map(|follow| follow.judge(to, health)) {
        Some(judged) if judged.outcome == Outcome::Passed => (Outcome::Passed, None),
        Some(judged) => (judged.outcome, Some(judged.message)),
        None => (Outcome::Inconclusive, Some("nothing of the node was recorded".to_string())),
    }
}

fn loss(run: &PlannedRun, recording: &Recording, index: usize, expect: &ExpectLoss) -> Verdict {
    let Some(stream) = recording.stream(&expect.stream) else {
        let why = format!("nothing of stream {} was recorded", expect.stream);
        return (Outcome::Inconclusive, Some(why));
    };
    let change = run.change_before(index).and_then(|step| recording.changed_at(step));
    let judged = check::loss(expect, stream, change);
    let why = (judged.outcome != Outcome::Passed).then_some(judged.message);
    (judged.outcome, why)
}

fn holds(
    run: &PlannedRun,
    recording: &Recording,
    expect: &Expect,
    witness: Option<&ExpectRoute>,
    (from, to): (Mono, Mono),
    as_recorded: Verdict,
) -> Verdict {
    // Tables are looked at before probes, whatever came first: what was seen to break counts more than what is missing.
    let mut broken: Option<Verdict> = None;
    let mut look = |checked: Checked| {
        let worse =
            broken.as_ref().is_none_or(|(known, _)| *known == Outcome::Inconclusive && !checked.unproved);
        if !checked.holds && worse {
            broken = Some((checked.outcome(), Some(checked.status)));
        }
    };
    // Flows are counted now and then; the table is looked at after each event.
    if let Expect::Ecmp(e) = expect {
        let node = name(run, &e.node);
        recording
            .kernel_states(node, from, to, |at, state| look(ecmp_route(e, state, &recording.book_at(at))));
    }
    // Likewise with segments, which lookups and probes are made of now and then.
    if let Expect::Isolation(e) = expect {
        let node = name(run, &e.node);
        recording.kernel_states(node, from, to, |_, state| look(isolation_tables(e, state, &recording.book)));
    }
    looks(run, recording, expect, from, to, look);
    if let Some(broken) = broken {
        return broken;
    }
    let mut missing = None;
    if let Some(witness) = witness {
        let expect = Expect::Route(witness.clone());
        looks(run, recording, &expect, from, to, |checked| {
            if !checked.holds && missing.is_none() {
                missing = Some(checked.status);
            }
        });
    }
    missing = missing.or_else(|| peer_witness(run, recording, expect, from, to));
    let seen = recording.kernel_states(name(run, expect.node()), from, to, |_, _| {});
    match missing {
        Some(why) => (Outcome::Inconclusive, Some(format!("the witness is missing: {why}"))),
        None if let Some(why) = seen.missed() => (Outcome::Inconclusive, Some(check::spoilt(why))),
        None if as_recorded.0 == Outcome::Inconclusive => as_recorded,
        None => (Outcome::Passed, None),
    }
}

fn peer_witness(
    run: &PlannedRun,
    recording: &Recording,
    expect: &Expect,
    from: Mono,
    to: Mono,
) -> Option<String> {
    let Expect::NoRoute(absent) = expect else { return None };
    let peer = absent.peer.as_ref()?;
    let up = ExpectSession::established(&absent.node, peer);
    let mut down = None;
    looks(run, recording, &Expect::Session(up), from, to, |checked| {
        if !checked.holds && down.is_none() {
            down = Some(checked.status);
        }
    });
    let gateway = recording.book.node(peer).unwrap_or(peer);
    let mut adverts = recording.advertised(gateway, name(run, &absent.node), from, to);
    let seen = adverts.all(|prefixes| prefixes.iter().any(|prefix| absent.covers(prefix)));
    down.or_else(|| (!seen).then(|| format!("{gateway} does not advertise it")))
}

fn diagnose(
    run: &PlannedRun,
    recording: &Recording,
    index: usize,
    d: &Diagnosis,
    observed: &mut BTreeMap<String, String>,
) -> Verdict {
    let diagnosed: Diagnosed = match d.signature {
        Signature::FrrOrdering => match recording.facts.get(&index) {
            None => return (Outcome::Inconclusive, Some("no facts were recorded".to_string())),
            Some(facts) => ordering(facts).into(),
        },
        Signature::ExtrasAlternation => {
            let samples: Vec<check::Sample> =
                recording.samples.range(..index).map(|(_, sample)| sample.clone()).collect();
            alternation(&samples).into()
        }
    };
    let diagnosed = run.as_expected(diagnosed);
    if let Some(bug) = diagnosed.bug {
        observed.insert("bug".to_string(), bug.to_string());
    }
    let why = (diagnosed.outcome != Outcome::Passed).then_some(diagnosed.message);
    (diagnosed.outcome, why)
}

/// The unasked last step: FRR and the kernels agree.
fn agreement(run: &PlannedRun, recording: &Recording, live: &StepResult) -> Verdict {
    let Some((from, to)) = recording.window(run.steps.len()) else {
        return (live.outcome, live.message.clone());
    };
    let members = run.topology.nodes.iter().filter(|n| n.role == crate::topology::Role::ClusterNode);
    for node in members {
        let expect = Expect::RibFib(crate::scenario::ExpectRibFib { node: node.name.clone() });
        let verdict = eventually(run, recording, &expect, from, to);
        if verdict.0 != Outcome::Passed {
            return verdict;
        }
    }
    (Outcome::Passed, None)
}

#[cfg(test)]
mod tests;
