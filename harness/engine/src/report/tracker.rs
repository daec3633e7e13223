//! What both live views share: which run an event belongs to, and the lines that stay.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;
use routeproof_model::event::{Event, EventKind, RunId};
use routeproof_model::result::{Outcome, RunResult, fold, is_surprising};

use super::failure::finding;
use super::terminal::outcome_style;
use super::text::{BOLD, RED, YELLOW, count, duration, paint, wrap};

/// Follows the runs. A finished run is judged by the same fold as the final result, so that the live view never
/// says `PASS` of a run that the result does not pass.
#[derive(Default)]
pub(super) struct Tracker {
    plan: Vec<RunId>,
    /// The events of the runs that are under way.
    logs: BTreeMap<usize, Vec<Event>>,
    /// Warnings that were said: every run of a matrix may have the same one.
    warned: BTreeSet<String>,
    pub finished: usize,
    /// Finished runs that failed or have no verdict.
    pub surprising: usize,
}

/// A line that stays: a word on the left (8 columns, right-aligned) and what it says.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub label: &'static str,
    pub style: Style,
    pub text: String,
}

impl Line {
    pub fn new(label: &'static str, style: Style, text: impl Into<String>) -> Line {
        Line { label, style, text: text.into() }
    }

    /// Broken to `columns`; continued lines stand below the text.
    pub fn render(&self, columns: usize) -> String {
        let lines = wrap(&format!("{:>8} {}", self.label, self.text), columns, 19);
        let whole = lines.join("\n");
        whole.replacen(self.label, &paint(self.style, self.label), 1)
    }
}

impl Tracker {
    pub fn total(&self) -> usize {
        self.plan.len()
    }

    /// `frr-ordering frr=7.5.1 order=after`.
    pub fn title(&self, run: usize) -> String {
        match self.plan.get(run) {
            Some(id) => {
                let axes = id.axes.iter().map(|(name, value)| format!(" {name}={value}"));
                let repeat = Some(format!(" repeat={}", id.repeat)).filter(|_| id.repeat > 0);
                std::iter::once(id.scenario.clone()).chain(axes).chain(repeat).collect()
            }
            None => format!("unplanned run {run}"),
        }
    }

    /// `frr-ordering 7.5.1 after`, for lines that have to be short; without the scenario where there is but one.
    pub fn short_title(&self, run: usize) -> String {
        let Some(id) = self.plan.get(run) else { return self.title(run) };
        let is_only = self.plan.iter().all(|other| other.scenario == id.scenario);
        let scenario = Some(id.scenario.as_str()).filter(|_| !is_only || id.axes.is_empty());
        let values = id.axes.iter().map(|(_, value)| value.as_str());
        let repeat = format!("#{}", id.repeat);
        let repeat = Some(repeat.as_str()).filter(|_| id.repeat > 0);
        scenario.into_iter().chain(values).chain(repeat).collect::<Vec<_>>().join(" ")
    }

    pub fn take(&mut self, event: &Event) -> Option<Line> {
        if let Some(run) = event.run {
            // Status lines decide nothing and may be many.
            if !matches!(event.kind, EventKind::StepStatus { .. }) {
                self.logs.entry(run).or_default().push(Event { run: Some(0), ..event.clone() });
            }
        }
        match &event.kind {
            EventKind::Planned { runs } => {
                self.plan.extend(runs.iter().cloned());
                let mut scenarios: Vec<_> = runs.iter().map(|run| &run.scenario).collect();
                scenarios.dedup();
                let scenarios = count(scenarios.len(), "scenario");
                Some(Line::new("", BOLD, format!("{} of {scenarios}", count(runs.len(), "run"))))
            }
            EventKind::Kept { lab, outcome } => event.run.map(|run| {
                let title = self.title(run);
                let how = format!(
                    "routeproof inspect --lab {lab}, exec, shell, expect; routeproof down {lab} ends it"
                );
                Line::new(
                    "KEPT",
                    BOLD,
                    format!("{title} is {outcome}: its lab stays up as {lab}. In another terminal: {how}"),
                )
            }),
            EventKind::NotNeeded { .. } => {
                self.finished += 1;
                None
            }
            EventKind::RunFinished { .. } => event.run.map(|run| self.finish(run)),
            EventKind::RunAgain { reason, duration_ms } => event.run.map(|run| {
                let time = format!("[{:>7}]", duration(*duration_ms));
                let why = reason.as_deref().unwrap_or("the host spoilt it");
                Line::new("AGAIN", YELLOW, format!("{time} {}  {why}", self.title(run)))
            }),
            EventKind::Warning { message } if !self.warned.insert(message.clone()) => None,
            EventKind::Warning { message } => {
                let run = event.run.map_or(String::new(), |run| format!("{}: ", self.title(run)));
                Some(Line::new("WARNING", YELLOW, format!("{run}{message}")))
            }
            EventKind::Missing { capability, message } => {
                Some(Line::new("MISSING", RED, format!("{capability}: {message}")))
            }
            EventKind::Interrupted => {
                Some(Line::new("STOPPING", YELLOW, "interrupted; the running labs are taken down"))
            }
            _ => None,
        }
    }

    fn finish(&mut self, run: usize) -> Line {
        let mut log = self.logs.remove(&run).unwrap_or_default();
        let runs = self.plan.get(run).cloned().into_iter().collect();
        log.insert(0, Event { at_ms: 0, run: None, kind: EventKind::Planned { runs } });
        let title = self.title(run);
        self.finished += 1;
        match fold(&log).runs.first() {
            Some(result) => {
                self.surprising += usize::from(is_surprising(result));
                finished_line(&title, result)
            }
            // The fold makes a run of every run event, so there is one.
            None => Line::new(label(Outcome::Inconclusive), outcome_style(Outcome::Inconclusive), title),
        }
    }
}

fn finished_line(title: &str, run: &RunResult) -> Line {
    let time = format!("[{:>7}]", duration(run.duration_ms));
    let text = format!("{time} {title}  {}", finding(run));
    Line::new(label(run.outcome), outcome_style(run.outcome), text.trim_end())
}

fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASS",
        Outcome::Skipped => "SKIP",
        Outcome::Inconclusive => "INCONCL.",
        Outcome::Broken => "BROKEN",
        Outcome::Failed => "FAIL",
    }
}
