//! `convergence`: from the mark that the last change left to the state that stays.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use routeproof_model::check::{self, Convergence};
use routeproof_model::fact::{KernelState, Mono, Window};
use routeproof_model::plan::PlannedRun;
use routeproof_model::recording::Line;
use routeproof_model::result::Outcome;
use routeproof_model::scenario::{Expect, ExpectConvergence, Verb};
use routeproof_model::topology::Role;

use super::boot::Booted;
use super::error::RunError;
use super::expect::{behind, node};
use super::steps::Done;
use super::tap::Tap;
use crate::health::Meter;
use crate::observe::now;

/// A node's kernel just before a change, and everything since.
#[derive(Debug)]
pub struct Mark {
    node: String,
    pub at: Mono,
    before: KernelState,
    tap: Tap,
    meter: Meter,
}

/// The steps that judge what the step changes.
fn following(run: &PlannedRun, step: usize) -> impl Iterator<Item = &Verb> {
    let follows = move |index: &usize| run.change_before(*index) == Some(step);
    (step + 1..run.steps.len()).filter(follows).map(|index| &run.steps[index].verb)
}

/// The nodes whose convergence is measured from the step.
fn measured_from(run: &PlannedRun, step: usize) -> impl Iterator<Item = &str> {
    following(run, step).filter_map(|verb| match verb {
        Verb::Eventually { expect: Expect::Convergence(e), .. } => Some(e.node.as_str()),
        _ => None,
    })
}

fn members(booted: &Booted) -> impl Iterator<Item = &str> {
    booted.nodes.values().filter(|node| node.role == Role::ClusterNode).map(|node| node.name.as_str())
}

/// The nodes whose lost sessions are counted from the step; every cluster node where the later steps are not known yet.
pub fn flaps_counted_from(booted: &Booted, run: &PlannedRun, step: usize, one_by_one: bool) -> Vec<String> {
    let counted = following(run, step).filter_map(|verb| match verb {
        Verb::Eventually { expect: Expect::Session(e), .. }
        | Verb::Holds { expect: Expect::Session(e), .. } => e.flaps.as_ref().map(|_| e.node.as_str()),
        _ => None,
    });
    let counted: BTreeSet<&str> = counted.collect();
    let nodes: BTreeSet<String> = match one_by_one || counted.contains(Expect::ALL) {
        true => members(booted).map(str::to_string).collect(),
        false => counted.iter().filter_map(|name| Some(booted.node(name)?.name.clone())).collect(),
    };
    nodes.into_iter().collect()
}

/// Sets the marks of a step that is about to change something: on the nodes that a later step measures, on every cluster
/// node where the later steps are not known yet.
pub fn mark(booted: &Booted, run: &PlannedRun, step: usize, one_by_one: bool) -> Result<Vec<Mark>, RunError> {
    let one = |name: &str| {
        let watched = node(booted, name)?;
        // The tap gets exactly the events that are not in the state yet.
        let (tap, before) = watched.monitor.with_state(|state| (watched.taps.open(), state.clone()));
        Ok(Mark { node: watched.name.clone(), at: now(), before, tap, meter: Meter::start() })
    };
    match one_by_one {
        true => members(booted).map(one).collect(),
        false => measured_from(run, step).map(one).collect(),
    }
}

/// Waits until the final state has stayed for long enough, or the time is over, and judges.
pub async fn converges(
    booted: &Booted,
    step: usize,
    expect: &ExpectConvergence,
    within: Duration,
    marks: &mut Vec<Mark>,
    status: &(dyn Fn(&str) + Sync),
) -> Result<Done, RunError> {
    let watched = node(booted, &expect.node)?;
    let Some(position) = marks.iter().position(|mark| mark.node == watched.name) else {
        let why = "nothing has marked the time from which convergence is measured".to_string();
        return Err(RunError::Observe { node: watched.name.clone(), why });
    };
    let Mark { at, before, tap, meter, .. } = marks.remove(position);
    let mut seen = Window::open(before);
    let mut follow = Convergence::new(expect, &booted.book, at, seen.state());
    let mut look = |follow: &mut Convergence<'_>| {
        for event in tap.take() {
            // What was received before the mark was taken is the state that the change found.
            if seen.see(&event).is_some() && event.at > at {
                follow.look(seen.came(&event, at), seen.state());
            }
        }
    };
    let end = Instant::now() + within;
    loop {
        let wake = watched.changed();
        look(&mut follow);
        status(&follow.status());
        let left = end.saturating_duration_since(Instant::now());
        if follow.is_settled(now()) || left.is_zero() {
            break;
        }
        let _ = tokio::time::timeout(left.min(expect.stable / 4), wake).await;
    }
    let late = behind(watched).await;
    look(&mut follow);
    let health = meter.read();
    booted.recorder.write(&Line::Host { step, health });
    if let Some(reason) = seen.missed().or(late.as_ref()) {
        let message = Some(check::spoilt(reason));
        return Ok(Done { outcome: Outcome::Inconclusive, message, evidence: Vec::new() });
    }
    let judged = follow.judge(now(), &health);
    Ok(Done { outcome: judged.outcome, message: Some(judged.message), evidence: judged.evidence })
}
