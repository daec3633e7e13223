//! What to show of a run that is not as it should be, and the words that every report uses for a run.

use std::path::PathBuf;

use routeproof_model::check::IsolationMatrix;
use routeproof_model::result::{Evidence, Outcome, ResultFile, RunResult, is_surprising};

use super::View;
use super::again::{self, Ends};

/// More than this is not read anyway; the result file has all of it.
pub(super) const MAX_FAILURES: usize = 10;
const MAX_EVIDENCE: usize = 12;

/// The part of a run that explains its outcome.
pub(super) struct Failure<'a> {
    pub run: &'a RunResult,
    /// Scenario and axes.
    pub title: String,
    /// `None` where `expected` says it all.
    pub reason: Option<String>,
    /// What was expected, each with what was seen instead.
    pub expected: Vec<Expected>,
    pub evidence: Vec<&'a Evidence>,
    pub evidence_left_out: usize,
    pub files: Vec<PathBuf>,
    /// The command that does the run again.
    pub again: Option<String>,
}

pub(super) struct Expected {
    /// `expected` for an expectation that did not hold, `step` for what went wrong in another way.
    pub label: &'static str,
    pub what: String,
    pub seen: String,
    pub when: Option<String>,
}

/// The failures to show, and how many there are beyond those.
pub(super) fn failures<'a>(view: &View<'a>) -> (Vec<Failure<'a>>, usize) {
    let all = worst_first(view.result);
    let left_out = all.len().saturating_sub(MAX_FAILURES);
    (all.into_iter().take(MAX_FAILURES).map(|run| failure(view, run)).collect(), left_out)
}

/// The runs that are not as expected, the worst first, else in the plan's order.
pub(super) fn worst_first(result: &ResultFile) -> Vec<usize> {
    let mut all: Vec<usize> = (0..result.runs.len()).filter(|i| is_surprising(&result.runs[*i])).collect();
    all.sort_by_key(|index| std::cmp::Reverse(result.runs[*index].outcome));
    all
}

/// What explains a run's outcome.
pub(super) fn failure<'a>(view: &View<'a>, index: usize) -> Failure<'a> {
    let (result, run) = (view.result, &view.result.runs[index]);
    let ends = Ends::of(view.events, index);
    let mut expected = Vec::new();
    for (key, want) in &run.expected {
        if let Some(seen) = run.observed.get(key).filter(|seen| *seen != want) {
            let (what, seen) = (format!("{key} {want}"), format!("{key} {seen}"));
            expected.push(Expected { label: "expected", what, seen, when: None });
        }
    }
    let bad = run.steps.iter().enumerate().filter(|(_, step)| step.outcome > Outcome::Skipped);
    expected.extend(bad.map(|(number, step)| Expected {
        label: if step.outcome == Outcome::Failed { "expected" } else { "step" },
        what: step.name.strip_prefix("expect ").unwrap_or(&step.name).to_owned(),
        seen: step.message.clone().unwrap_or_else(|| step.outcome.to_string()),
        when: ends.say(number),
    }));
    // Where no step went wrong, what the good ones saw is what there is to look at.
    let only_bad = run.steps.iter().any(|step| step.outcome > Outcome::Skipped);
    let steps = run.steps.iter().filter(|step| !only_bad || step.outcome > Outcome::Skipped);
    let evidence = steps.flat_map(|step| &step.evidence).chain(&run.evidence);
    // Matrices have a section of their own.
    let mut evidence: Vec<_> = evidence.filter(|e| e.what != IsolationMatrix::EVIDENCE).collect();
    let evidence_left_out = evidence.len().saturating_sub(MAX_EVIDENCE);
    evidence.truncate(MAX_EVIDENCE);
    let below =
        |path: &PathBuf| view.directory.map_or_else(|| path.clone(), |directory| directory.join(path));
    Failure {
        run,
        title: title(result, run),
        reason: reason(run, &expected),
        expected,
        evidence,
        evidence_left_out,
        files: run.artifacts.iter().chain(&run.directory).map(below).collect(),
        again: again::command(result, run),
    }
}

fn reason(run: &RunResult, expected: &[Expected]) -> Option<String> {
    match &run.reason {
        Some(reason) if expected.iter().any(|e| reason.contains(&e.what) && reason.contains(&e.seen)) => None,
        Some(reason) => Some(reason.clone()),
        None => expected.is_empty().then(|| "no reason was given".into()),
    }
}

/// Why runs of matrices were skipped, with the number of runs; the other scenarios' verdicts say it themselves.
pub(super) fn skips(result: &ResultFile) -> Vec<(String, usize)> {
    let in_grid =
        |run: &RunResult| result.scenarios.iter().any(|s| s.name == run.scenario && s.axes.len() >= 2);
    skips_of(result.runs.iter().filter(|run| in_grid(run)))
}

/// Why runs were skipped, with the number of runs.
pub(super) fn skips_of<'a>(runs: impl Iterator<Item = &'a RunResult>) -> Vec<(String, usize)> {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for run in runs.filter(|run| run.outcome == Outcome::Skipped) {
        let reason = run.reason.clone().unwrap_or_else(|| "no reason was given".into());
        match reasons.iter_mut().find(|(have, _)| *have == reason) {
            Some((_, number)) => *number += 1,
            None => reasons.push((reason, 1)),
        }
    }
    reasons
}

/// `frr-ordering frr=7.5.1 order=after`.
pub(super) fn title(result: &ResultFile, run: &RunResult) -> String {
    let repeat = if run.repeat > 0 { format!(" repeat={}", run.repeat) } else { String::new() };
    format!("{} {}{repeat}", run.scenario, result.axes_text(run)).trim_end().to_owned()
}

/// What came out of a run, in a phrase: its reason, else what was observed.
pub(super) fn finding(run: &RunResult) -> String {
    if let Some(reason) = &run.reason {
        return reason.clone();
    }
    let phrase = |(key, seen): (&String, &String)| match run.expected.get(key) {
        Some(want) if want == seen => format!("{key} {seen} (expected)"),
        Some(want) => format!("{key} {seen} (expected {want})"),
        None => format!("{key} {seen}"),
    };
    let again = match run.spoilt.len() {
        0 => None,
        n => Some(format!("in try {}: the host spoilt what came before", n + 1)),
    };
    run.observed.iter().map(phrase).chain(again).collect::<Vec<_>>().join(", ")
}

/// `35 passed, 1 failed`: the outcomes that occurred, the good ones first.
pub(super) fn totals<'a>(runs: impl Iterator<Item = &'a RunResult> + Clone) -> String {
    use Outcome::{Broken, Failed, Inconclusive, Passed, Skipped};
    let number = |outcome| runs.clone().filter(|run| run.outcome == outcome).count();
    let counted = [Passed, Failed, Broken, Inconclusive, Skipped].map(|outcome| (number(outcome), outcome));
    let said: Vec<_> =
        counted.iter().filter(|(n, _)| *n > 0).map(|(n, outcome)| format!("{n} {outcome}")).collect();
    if said.is_empty() { "nothing ran".into() } else { said.join(", ") }
}
