//! A run's steps, one after the other, and the run's verdict.

mod log;
mod perform;
mod settle;
mod verdict;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use log::StepLog;
use perform::{limit, perform};
use routeproof_model::check::{Sample, evidence, excused, unless_spoilt};
use routeproof_model::event::EventKind;
use routeproof_model::fact::{HostHealth, Mono};
use routeproof_model::plan::PlannedRun;
use routeproof_model::recording::Line;
use routeproof_model::result::Outcome;
use routeproof_model::scenario::{Expect, ExpectRibFib, Fault, Verb};
use routeproof_model::topology::Role;
use verdict::compare;
pub use verdict::{Done, Verdict, broken};

use super::boot::Booted;
use super::convergence::{self, Mark};
use super::error::RunError;
use super::fault::Faults;
use super::node::Node;
use super::stream::Streams;
use super::{diagnose, expect};
use crate::event::Events;
use crate::health::Meter;
use crate::observe::now;
use crate::wait;

/// zebra tells its kernel queue's state a moment late.
const AGREE: Duration = Duration::from_secs(2);

/// What steps leave for later steps.
#[derive(Debug, Default)]
pub struct Memory {
    /// Steps come one by one, so that each may have to be measured from.
    one_by_one: bool,
    samples: Vec<Sample>,
    observed: BTreeMap<String, String>,
    faults: Faults,
    /// Left by the last step that changed something.
    marks: Vec<Mark>,
    /// When the last step that changed something began to act.
    changed: Option<Mono>,
    streams: Streams,
    /// What a daemon's restart took, if that is more than the lab's tightest timer has: a daemon that starts needs a processor.
    late_restart_ms: f64,
    /// The host spoilt the last step.
    by_host: bool,
}

impl Memory {
    /// When the last step that changed something began to act.
    pub fn changed(&self) -> Option<Mono> {
        self.changed
    }

    /// Of a lab that gets its steps one by one.
    pub fn one_by_one() -> Memory {
        Memory { one_by_one: true, ..Memory::default() }
    }
}

/// Does all steps; the first that does not pass ends the run.
pub async fn run(booted: &mut Booted, run: &PlannedRun, events: &Events) -> Verdict {
    let mut memory = Memory::default();
    let mut verdict = all(booted, run, &mut memory, events).await;
    if verdict.outcome == Outcome::Passed {
        verdict = compare(run, verdict.observed);
    }
    if verdict.outcome == Outcome::Passed {
        let log = StepLog::start(booted, events, run.steps.len(), "FRR and the kernels agree", Some(AGREE));
        let done = agree(booted).await;
        if let Some((outcome, reason)) = log.finish(booted, events, done) {
            verdict = Verdict { outcome, reason: Some(reason), ..verdict };
        }
    }
    diagnostics(booted, &mut memory, events).await;
    verdict
}

/// Does all steps and leaves the lab as they leave it: faults are not undone.
pub async fn control(booted: &mut Booted, run: &PlannedRun, events: &Events) -> Verdict {
    all(booted, run, &mut Memory::default(), events).await
}

/// Does steps up to the first that does not pass, and leaves the lab as they leave it.
pub async fn some(
    booted: &mut Booted,
    run: &PlannedRun,
    indexes: Range<usize>,
    memory: &mut Memory,
    events: &Events,
) -> Verdict {
    let mut ended = None;
    for index in indexes {
        let (log, done) = logged(booted, run, index, memory, events).await;
        ended = log.finish(booted, events, done);
        if ended.is_some() {
            break;
        }
    }
    let (outcome, reason) =
        ended.map_or((Outcome::Passed, None), |(outcome, reason)| (outcome, Some(reason)));
    let observed = std::mem::take(&mut memory.observed);
    Verdict { outcome, reason, observed, by_host: memory.by_host }
}

/// Does not do the step, but what follows measures from now as if it had been done.
pub fn skip(booted: &Booted, run: &PlannedRun, index: usize, memory: &mut Memory) -> Result<(), RunError> {
    memory.changed = Some(now());
    memory.marks = convergence::mark(booted, run, index, memory.one_by_one)?;
    Ok(())
}

/// Does the step that was added last, of a lab to which steps are given one by one.
pub async fn next(booted: &mut Booted, run: &PlannedRun, memory: &mut Memory, events: &Events) -> Done {
    let index = run.steps.len() - 1;
    let (log, done) = logged(booted, run, index, memory, events).await;
    log.finish(booted, events, done.clone());
    done
}

/// Does steps up to the first that does not pass.
async fn all(booted: &mut Booted, run: &PlannedRun, memory: &mut Memory, events: &Events) -> Verdict {
    some(booted, run, 0..run.steps.len(), memory, events).await
}

/// Does one step, with its start in the event log; its end is the caller's to write.
async fn logged(
    booted: &mut Booted,
    run: &PlannedRun,
    index: usize,
    memory: &mut Memory,
    events: &Events,
) -> (StepLog, Done) {
    let step = &run.steps[index];
    let log = StepLog::start(booted, events, index, &step.name, limit(&step.verb));
    let done = one(booted, run, index, memory, events).await;
    (log, done)
}

/// Does one step and judges what became of it.
pub async fn one(
    booted: &mut Booted,
    run: &PlannedRun,
    index: usize,
    memory: &mut Memory,
    events: &Events,
) -> Done {
    let step = &run.steps[index];
    let status = |text: &str| events.send(EventKind::StepStatus { index, status: text.to_string() });
    let meter = Meter::start();
    if step.verb.changes_something() {
        let counted = convergence::flaps_counted_from(booted, run, index, memory.one_by_one);
        booted.note_lost(index, &counted).await;
        memory.changed = Some(now());
        match convergence::mark(booted, run, index, memory.one_by_one) {
            Ok(marks) => memory.marks = marks,
            Err(e) => return broken(&e),
        }
    }
    // A step that only looks is over when a daemon crashes: nothing that it waits for can come any more.
    let crash = crashed(booted, !step.verb.changes_something());
    let done = tokio::select! {
        biased;
        done = perform(booted, run, index, memory, events, &status) => done.unwrap_or_else(|e| broken(&e)),
        () = crash => Done { outcome: Outcome::Inconclusive, message: None, evidence: Vec::new() },
    };
    if let (Verb::Fault(Fault::RestartDaemon { .. }), Some(timer)) = (&step.verb, run.tightest_timer_ms) {
        let took = meter.read().window_ms;
        memory.late_restart_ms = memory.late_restart_ms.max(if took > timer as f64 { took } else { 0.0 });
    }
    let mut done = unless_crashed(booted, done).await;
    (done.outcome, done.message) = run.spoilt_unless_passed(index, (done.outcome, done.message));
    if matches!(step.verb, Verb::Eventually { .. } | Verb::Holds { .. }) {
        let worst_late_ms = booted.meter.read().late_ms.max(memory.late_restart_ms);
        let health = HostHealth { worst_late_ms, ..meter.read() };
        if done.outcome == Outcome::Failed {
            booted.recorder.write(&Line::Host { step: index, health });
            let verdict = (done.outcome, done.message);
            let verdict = match &step.verb {
                Verb::Eventually { expect: Expect::Loss(_), .. } => excused(verdict, &health),
                _ => verdict,
            };
            (done.outcome, done.message) = unless_spoilt(verdict, &health, run.tightest_timer_ms);
        }
        memory.by_host =
            done.outcome == Outcome::Inconclusive && health.spoilt(run.tightest_timer_ms).is_some();
    }
    done
}

/// What helps to find the cause. The final state is taken first; then the faults are undone, which would stand in the way
/// of questions and are not the cause; but not in a lab that is kept.
async fn diagnostics(booted: &mut Booted, memory: &mut Memory, events: &Events) {
    memory.streams.end(booted).await;
    booted.record_final_state().await;
    if !booted.leave_faults {
        memory.faults.undo(booted, events).await;
    }
    for node in booted.nodes.values().filter(|node| node.routes()) {
        // A daemon that does not answer any more is part of the story, and the logs tell it.
        let _ = diagnose::keep_answers(node, "end").await;
    }
}

/// The last step of every run, unasked: on each cluster node the daemon and the kernel tell the same story.
async fn agree(booted: &Booted) -> Done {
    let mut all = Done::passed();
    for node in booted.nodes.values().filter(|n| n.role == Role::ClusterNode) {
        if node.frr.as_ref().is_some_and(|frr| !frr.answers("zebra")) {
            // Its scenario has ended or paused it; nobody can be asked.
            all.evidence.push(evidence(
                "not-compared",
                &node.name,
                "zebra is down by a fault of the scenario",
            ));
            continue;
        }
        let expect = Expect::RibFib(ExpectRibFib { node: node.name.clone() });
        let done = expect::eventually(booted, &expect, AGREE, &|_| {}).await.unwrap_or_else(|e| broken(&e));
        all.evidence.extend(done.evidence);
        if done.outcome != Outcome::Passed {
            (all.outcome, all.message) = (done.outcome, done.message);
        }
    }
    all
}

/// Resolves when a daemon of any router ends; never unless `watch`.
pub(super) fn crashed(booted: &Booted, watch: bool) -> impl Future<Output = ()> + use<> {
    let routers = booted.nodes.values().filter(|node| node.routes() && watch);
    let ends: Vec<_> = routers.map(|node| Box::pin(node.daemon_ended())).collect();
    async move {
        match ends.is_empty() {
            true => wait::no_events().await,
            false => drop(futures::future::select_all(ends).await),
        }
    }
}

/// A daemon that has crashed takes its sessions and routes along: that, and not what is missing now, is what has happened.
pub(super) async fn unless_crashed(booted: &Booted, done: Done) -> Done {
    if matches!(done.outcome, Outcome::Passed | Outcome::Broken) {
        return done;
    }
    // The kernel may show the effects before the node's agent reports the death.
    wait::elapse(Duration::from_millis(100)).await;
    let programs = std::iter::once_with(|| booted.cluster.check());
    match booted.nodes.values().map(Node::check_alive).chain(programs).find_map(Result::err) {
        Some(crash) => Done { evidence: done.evidence, ..broken(&crash) },
        None => done,
    }
}
