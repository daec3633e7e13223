//! Event log -> result. The last judge: what the log does not prove does not pass.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{
    Axis, Environment, Evidence, Outcome, ResultFile, RunResult, SCHEMA, ScenarioAxes, Setting, SpoiltTry,
    StepResult, Summary,
};
use crate::event::{Event, EventKind, RunId};
use crate::fact::HostHealth;
use crate::race::{Race, RaceSetting, groups};

/// Makes the result from the events of one invocation, in their order.
///
/// A run passes only if the log says so *and* nothing in the log contradicts it: every started step finished and
/// passed, at least one did, and what was observed is what was expected. A run that started and never finished is
/// inconclusive, and so is one that the plan has and the log lacks.
pub fn fold(events: &[Event]) -> ResultFile {
    let mut state = Fold::default();
    for event in events {
        state.take(event);
    }
    state.finish()
}

#[derive(Default)]
struct Fold {
    runs: Vec<Slot>,
    interrupted: bool,
    missing: Vec<String>,
    warnings: Vec<String>,
    environment: Option<Environment>,
    race: Option<RaceSetting>,
    requirements: BTreeMap<String, String>,
    last_ms: u64,
}

/// What the log said about one run so far.
struct Slot {
    id: RunId,
    started_ms: Option<u64>,
    directory: Option<PathBuf>,
    steps: Vec<StepResult>,
    /// Steps that started and have not finished, by index.
    open: BTreeMap<usize, OpenStep>,
    finished: Option<Finished>,
    spoilt: Vec<SpoiltTry>,
    setting: Option<Setting>,
    health: Option<HostHealth>,
}

struct OpenStep {
    name: String,
    started_ms: u64,
    status: Option<String>,
}

struct Finished {
    outcome: Outcome,
    duration_ms: u64,
    reason: Option<String>,
    observed: BTreeMap<String, String>,
    artifacts: Vec<PathBuf>,
    evidence: Vec<Evidence>,
}

impl Finished {
    fn skipped(reason: &str) -> Finished {
        Finished {
            outcome: Outcome::Skipped,
            duration_ms: 0,
            reason: Some(reason.to_owned()),
            observed: BTreeMap::new(),
            artifacts: Vec::new(),
            evidence: Vec::new(),
        }
    }
}

impl Slot {
    fn new(id: RunId) -> Slot {
        Slot {
            id,
            started_ms: None,
            directory: None,
            steps: Vec::new(),
            open: BTreeMap::new(),
            finished: None,
            spoilt: Vec::new(),
            setting: None,
            health: None,
        }
    }
}

impl Fold {
    fn take(&mut self, event: &Event) {
        self.last_ms = self.last_ms.max(event.at_ms);
        match &event.kind {
            EventKind::Planned { runs } => self.runs.extend(runs.iter().cloned().map(Slot::new)),
            EventKind::Interrupted => self.interrupted = true,
            EventKind::Missing { capability, message } => {
                push_new(&mut self.missing, capability);
                push_new(&mut self.warnings, &format!("{capability} is required and missing: {message}"));
            }
            EventKind::Warning { message } => push_new(&mut self.warnings, message),
            EventKind::Race { setting } => self.race = Some(setting.clone()),
            EventKind::Requirements { texts } => self.requirements.extend(texts.clone()),
            EventKind::Environment { environment } => self.environment = Some(environment.clone()),
            EventKind::Image { .. } => {}
            kind => {
                if let Some(run) = event.run {
                    take_run_event(self.slot(run), event.at_ms, kind);
                }
            }
        }
    }

    /// The slot of a run; a run that no plan announced still counts.
    fn slot(&mut self, run: usize) -> &mut Slot {
        while self.runs.len() <= run {
            let scenario = format!("unplanned run {}", self.runs.len());
            self.runs.push(Slot::new(RunId { scenario, ..RunId::default() }));
        }
        &mut self.runs[run]
    }

    fn finish(self) -> ResultFile {
        let scenarios = scenario_axes(self.runs.iter().map(|slot| &slot.id));
        let (interrupted, last_ms) = (self.interrupted, self.last_ms);
        let runs: Vec<_> = self.runs.into_iter().map(|slot| close(slot, interrupted, last_ms)).collect();
        let count = |outcome| runs.iter().filter(|run| run.outcome == outcome).count();
        let summary = Summary {
            passed: count(Outcome::Passed),
            failed: count(Outcome::Failed),
            inconclusive: count(Outcome::Inconclusive),
            broken: count(Outcome::Broken),
            skipped: count(Outcome::Skipped),
            duration_ms: last_ms,
            interrupted,
            missing: self.missing,
        };
        let (environment, warnings, requirements) = (self.environment, self.warnings, self.requirements);
        let race = self.race.map(|setting| Race { groups: groups(&runs, &setting), setting });
        ResultFile {
            schema: SCHEMA.into(),
            summary,
            scenarios,
            requirements,
            runs,
            environment,
            race,
            warnings,
        }
    }
}

fn push_new(list: &mut Vec<String>, item: &str) {
    if list.iter().all(|have| have != item) {
        list.push(item.to_owned());
    }
}

fn take_run_event(slot: &mut Slot, at_ms: u64, kind: &EventKind) {
    match kind {
        EventKind::RunSetting { setting } => slot.setting = Some(setting.clone()),
        EventKind::NotNeeded { reason } => {
            slot.finished.get_or_insert(Finished::skipped(reason));
        }
        EventKind::RunHealth { health } => slot.health = Some(*health),
        EventKind::RunStarted { directory } => {
            slot.started_ms = Some(at_ms);
            slot.directory = Some(directory.clone());
        }
        EventKind::RunAgain { reason, duration_ms } => {
            let (reason, duration_ms, directory) = (reason.clone(), *duration_ms, slot.directory.take());
            slot.spoilt.push(SpoiltTry { reason, duration_ms, directory });
            // What failed stays; only what the host spoilt may have another try.
            slot.steps.retain(|step| step.outcome > Outcome::Inconclusive);
            slot.open.clear();
        }
        EventKind::StepStarted { index, name, .. } => {
            slot.open.insert(*index, OpenStep { name: name.clone(), started_ms: at_ms, status: None });
        }
        EventKind::StepStatus { index, status } => {
            if let Some(step) = slot.open.get_mut(index) {
                step.status = Some(status.clone());
            }
        }
        EventKind::StepFinished { index, step } => {
            slot.open.remove(index);
            slot.steps.push(step.clone());
        }
        EventKind::RunFinished { outcome, duration_ms, observed, reason, artifacts, evidence } => {
            let finished = Finished {
                outcome: *outcome,
                duration_ms: *duration_ms,
                reason: reason.clone(),
                observed: observed.clone(),
                artifacts: artifacts.clone(),
                evidence: evidence.clone(),
            };
            // A second end of the same run is a bug in the harness; it must not turn a bad one into a good one.
            if slot.finished.as_ref().is_none_or(|first| first.outcome <= finished.outcome) {
                slot.finished = Some(finished);
            }
        }
        _ => {}
    }
}

/// Turns what the log said about a run into its result.
fn close(slot: Slot, interrupted: bool, last_ms: u64) -> RunResult {
    let (outcome, reason) = judge(&slot, interrupted);
    let Slot { id, started_ms, directory, mut steps, open, finished, spoilt, setting, health } = slot;
    steps.extend(open.into_values().map(|step| StepResult {
        name: step.name,
        outcome: Outcome::Inconclusive,
        duration_ms: last_ms.saturating_sub(step.started_ms),
        message: Some(match step.status {
            Some(status) => format!("did not finish; last seen: {status}"),
            None => "did not finish".into(),
        }),
        evidence: Vec::new(),
    }));
    let unfinished_ms = started_ms.map_or(0, |started| last_ms.saturating_sub(started));
    let (duration_ms, observed, artifacts, evidence) = match finished {
        Some(f) => (f.duration_ms, f.observed, f.artifacts, f.evidence),
        None => (unfinished_ms, BTreeMap::new(), Vec::new(), Vec::new()),
    };
    RunResult {
        scenario: id.scenario,
        requirements: id.requirements,
        axes: id.axes.into_iter().collect(),
        repeat: id.repeat,
        outcome,
        duration_ms,
        reason,
        observed,
        expected: id.expected,
        steps,
        evidence,
        directory,
        artifacts,
        spoilt,
        setting,
        health,
    }
}

fn judge(slot: &Slot, interrupted: bool) -> (Outcome, Option<String>) {
    let Some(finished) = &slot.finished else {
        return match (slot.started_ms, interrupted) {
            (Some(_), true) => (Outcome::Inconclusive, Some("interrupted before it finished".into())),
            (Some(_), false) => {
                (Outcome::Inconclusive, Some("interrupted: it started and never finished".into()))
            }
            (None, true) => (Outcome::Skipped, Some("not started: the invocation was interrupted".into())),
            (None, false) => (Outcome::Inconclusive, Some("never started, although the plan has it".into())),
        };
    };
    let contradiction = match finished.outcome {
        Outcome::Passed => doubt(slot, &finished.observed),
        Outcome::Skipped => bad_step(slot),
        Outcome::Inconclusive | Outcome::Broken | Outcome::Failed => None,
    };
    match contradiction {
        Some((outcome, reason)) => (outcome, Some(reason)),
        None if finished.outcome == Outcome::Passed => (Outcome::Passed, None),
        None => (finished.outcome, finished.reason.clone().or_else(|| first_complaint(slot))),
    }
}

/// Why a run that says it passed did not.
fn doubt(slot: &Slot, observed: &BTreeMap<String, String>) -> Option<(Outcome, String)> {
    if let Some(bad) = bad_step(slot) {
        return Some(bad);
    }
    if let Some(step) = slot.open.values().next() {
        return Some((Outcome::Inconclusive, format!("the step \"{}\" never finished", step.name)));
    }
    if let Some(step) = slot.steps.iter().find(|step| step.outcome == Outcome::Skipped) {
        return Some((Outcome::Inconclusive, format!("the step \"{}\" did not run", step.name)));
    }
    if slot.steps.is_empty() {
        return Some((Outcome::Inconclusive, "no step ran".into()));
    }
    slot.id.expected.iter().find_map(|(key, want)| match observed.get(key) {
        Some(seen) if seen == want => None,
        Some(seen) => Some((Outcome::Failed, format!("{key} {seen}, expected {key} {want}"))),
        None => Some((Outcome::Inconclusive, format!("expected {key} {want}, but nothing was concluded"))),
    })
}

/// The worst step that did run and did not pass.
fn bad_step(slot: &Slot) -> Option<(Outcome, String)> {
    let steps = slot.steps.iter().filter(|step| step.outcome > Outcome::Skipped);
    steps.max_by_key(|step| step.outcome).map(|step| (step.outcome, complaint(step)))
}

fn first_complaint(slot: &Slot) -> Option<String> {
    slot.steps.iter().find(|step| step.outcome != Outcome::Passed).map(complaint)
}

fn complaint(step: &StepResult) -> String {
    match &step.message {
        Some(message) => format!("{}: {message}", step.name),
        None => format!("{}: {}", step.name, step.outcome),
    }
}

/// The axes of every scenario with their values, both in the plan's order.
fn scenario_axes<'a>(ids: impl Iterator<Item = &'a RunId>) -> Vec<ScenarioAxes> {
    let mut scenarios: Vec<ScenarioAxes> = Vec::new();
    for id in ids {
        let at = scenarios.iter().position(|s| s.name == id.scenario).unwrap_or_else(|| {
            scenarios.push(ScenarioAxes { name: id.scenario.clone(), axes: Vec::new() });
            scenarios.len() - 1
        });
        let axes = &mut scenarios[at].axes;
        for (name, value) in &id.axes {
            match axes.iter_mut().find(|axis| axis.name == *name) {
                Some(axis) => push_new(&mut axis.values, value),
                None => axes.push(Axis { name: name.clone(), values: vec![value.clone()] }),
            }
        }
    }
    scenarios
}
