//! A run's steps, one after the other, and the run's verdict.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use routeproof_model::check::{Sample, evidence, excused, unless_spoilt};
use routeproof_model::event::EventKind;
use routeproof_model::fact::{HostHealth, Mono};
use routeproof_model::plan::PlannedRun;
use routeproof_model::recording::Line;
use routeproof_model::result::{Evidence, Outcome, StepResult};
use routeproof_model::scenario::{Expect, ExpectRibFib, Verb};
use routeproof_model::topology::Role;
use serde::{Deserialize, Serialize};

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

/// FRR's `bgp route-map delay-timer`, 5 s by default, and time for what it sets off.
const ROUTE_MAP_DELAY: Duration = Duration::from_millis(6500);

/// zebra tells its kernel queue's state a moment late.
const AGREE: Duration = Duration::from_secs(2);

/// How a step ended.
#[derive(Clone, Debug)]
pub struct Done {
    pub outcome: Outcome,
    pub message: Option<String>,
    pub evidence: Vec<Evidence>,
}

impl Done {
    fn passed() -> Done {
        Done { outcome: Outcome::Passed, message: None, evidence: Vec::new() }
    }
}

/// How a whole run ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Verdict {
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub observed: BTreeMap<String, String>,
    /// It is inconclusive for no other reason than the host: another try may tell.
    pub by_host: bool,
}

impl Verdict {
    /// Of a run whose steps, as far as they went, say nothing.
    pub fn bare(outcome: Outcome, reason: Option<String>) -> Verdict {
        Verdict { outcome, reason, observed: BTreeMap::new(), by_host: false }
    }

    /// Of a run that ended with an error.
    pub fn without_steps(error: &RunError) -> Verdict {
        let hints: Vec<String> = error.hints().into_iter().map(|hint| format!("; hint: {hint}")).collect();
        Verdict::bare(error.outcome(), Some(format!("{}{}", error.line(), hints.concat())))
    }
}

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
    let mut done = unless_crashed(booted, done).await;
    (done.outcome, done.message) = run.spoilt_unless_passed(index, (done.outcome, done.message));
    if matches!(step.verb, Verb::Eventually { .. } | Verb::Holds { .. }) {
        let health = HostHealth { worst_late_ms: booted.meter.read().late_ms, ..meter.read() };
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
/// of questions and are not the cause.
async fn diagnostics(booted: &mut Booted, memory: &mut Memory, events: &Events) {
    memory.streams.end(booted).await;
    booted.record_final_state().await;
    memory.faults.undo(booted, events).await;
    for node in booted.nodes.values().filter(|node| node.routes()) {
        // A daemon that does not answer any more is part of the story, and the logs tell it.
        let _ = diagnose::keep_answers(node, "end").await;
    }
}

/// A step under way, as the event log and the recording see it.
struct StepLog {
    index: usize,
    name: String,
    start: Instant,
}

impl StepLog {
    fn start(booted: &Booted, events: &Events, index: usize, name: &str, limit: Option<Duration>) -> StepLog {
        let limit_ms = limit.map(|limit| limit.as_millis() as u64);
        events.send(EventKind::StepStarted { index, name: name.to_string(), limit_ms });
        booted.recorder.write(&Line::StepStarted { step: index, at: now() });
        StepLog { index, name: name.to_string(), start: Instant::now() }
    }

    /// Gives the outcome and the reason of a step that has not passed.
    fn finish(self, booted: &Booted, events: &Events, done: Done) -> Option<(Outcome, String)> {
        booted.recorder.write(&Line::StepFinished { step: self.index, at: now() });
        let reason = format!("{}: {}", self.name, done.message.as_deref().unwrap_or_default());
        let step = StepResult {
            name: self.name,
            outcome: done.outcome,
            duration_ms: self.start.elapsed().as_millis() as u64,
            message: done.message,
            evidence: done.evidence,
        };
        events.send(EventKind::StepFinished { index: self.index, step });
        (done.outcome != Outcome::Passed).then_some((done.outcome, reason))
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
    match booted.nodes.values().map(Node::check_alive).find_map(Result::err) {
        Some(crash) => Done { evidence: done.evidence, ..broken(&crash) },
        None => done,
    }
}

pub(super) fn broken(error: &RunError) -> Done {
    let hints = error.hints().into_iter().map(|h| format!("hint: {h}"));
    let message = [error.line()].into_iter().chain(hints).collect::<Vec<_>>().join("; ");
    Done { outcome: error.outcome(), message: Some(message), evidence: Vec::new() }
}

/// A run whose steps passed still fails if it observed something else than the scenario expects.
fn compare(run: &PlannedRun, observed: BTreeMap<String, String>) -> Verdict {
    let differs = run.expected.iter().find(|(key, value)| observed.get(*key) != Some(*value));
    match differs {
        None => Verdict { observed, ..Verdict::bare(Outcome::Passed, None) },
        Some((key, expected)) => {
            let seen = observed.get(key).map_or("nothing", String::as_str);
            let reason = format!("expected {key} {expected}, observed {key} {seen}");
            Verdict { observed, ..Verdict::bare(Outcome::Failed, Some(reason)) }
        }
    }
}

fn limit(verb: &Verb) -> Option<Duration> {
    match verb {
        Verb::Eventually { expect: Expect::Loss(_), .. } => None,
        Verb::Eventually { within, .. } => Some(*within),
        Verb::Holds { window, .. } => Some(*window),
        Verb::Diagnose(d) => Some(d.within),
        Verb::Settle(_) => Some(ROUTE_MAP_DELAY),
        _ => None,
    }
}

async fn perform(
    booted: &mut Booted,
    run: &PlannedRun,
    index: usize,
    memory: &mut Memory,
    events: &Events,
    status: &(dyn Fn(&str) + Sync),
) -> Result<Done, RunError> {
    let warn = |notes: Vec<String>| {
        notes.into_iter().for_each(|message| events.send(EventKind::Warning { message }))
    };
    match &run.steps[index].verb {
        Verb::Apply { manifests } => {
            warn(booted.cluster.apply(&mut booted.nodes, manifests).await?);
            Ok(Done::passed())
        }
        Verb::Delete { manifests } => {
            warn(booted.cluster.delete(&mut booted.nodes, manifests).await?);
            Ok(Done::passed())
        }
        Verb::RestartSpeaker(restart) => {
            let name = expect::node(booted, &restart.node)?.name.clone();
            if let Some(node) = booted.nodes.get_mut(&name) {
                warn(booted.cluster.restart_speaker(node).await?);
            }
            Ok(Done::passed())
        }
        Verb::Settle(settle) => {
            let node = expect::node(booted, &settle.node)?;
            let since = node.changed.as_ref().map_or(Duration::MAX, |c| c.at.elapsed());
            let left = ROUTE_MAP_DELAY.saturating_sub(since);
            status(&format!(
                "bgp route-map delay-timer of {}: {:.1} s left",
                settle.node,
                left.as_secs_f64()
            ));
            wait::elapse(left).await;
            // A refresh that the pending change caused has been counted by now; later ones have another cause.
            let found = node.sessions().await?;
            let found = found.iter().map(|s| evidence("session-when-settled", &settle.node, s)).collect();
            Ok(Done { outcome: Outcome::Passed, message: None, evidence: found })
        }
        Verb::Fault(fault) => {
            let at = memory.faults.inject(booted, index, fault).await?;
            memory.marks.iter_mut().for_each(|mark| mark.at = at);
            memory.changed = Some(at);
            Ok(Done::passed())
        }
        Verb::Eventually { expect: Expect::Convergence(e), within } => {
            convergence::converges(booted, index, e, *within, &mut memory.marks, status).await
        }
        Verb::Stream(stream) => {
            memory.streams.start(booted, stream).await?;
            Ok(Done::passed())
        }
        Verb::Eventually { expect: Expect::Loss(e), .. } => {
            memory.streams.judge(booted, e, memory.changed).await
        }
        Verb::Eventually { expect, within } => expect::eventually(booted, expect, *within, status).await,
        Verb::Holds { expect, window, witness } => {
            expect::holds(booted, index, expect, *window, *witness).await
        }
        Verb::Observe(observe) => {
            let sample = diagnose::sample(booted, observe).await?;
            let found = evidence("sample", &observe.node, &sample);
            booted.recorder.write(&Line::Sample { step: index, sample: sample.clone() });
            memory.samples.push(sample);
            Ok(Done { outcome: Outcome::Passed, message: None, evidence: vec![found] })
        }
        Verb::Diagnose(d) => {
            let (diagnosed, evidence) = diagnose::diagnose(booted, index, d, &memory.samples, status).await?;
            let diagnosed = run.as_expected(diagnosed);
            if let Some(bug) = diagnosed.bug {
                memory.observed.insert("bug".to_string(), bug.to_string());
            }
            Ok(Done { outcome: diagnosed.outcome, message: Some(diagnosed.message), evidence })
        }
    }
}
