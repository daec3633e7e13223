//! One run on the page.

use routeproof_model::event::Event;
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::{Evidence, Outcome, RunResult, StepResult};

use super::super::View;

use super::super::evidence::{evidence_lines, evidence_title};
use super::super::failure::{self, Expected, Failure, finding};
use super::super::text::{clean, duration};
use super::gather::Gathered;
use super::page::sign;
use super::story::{self, Story};

/// Pieces of evidence that are shown of one step; the result file has all.
const MAX_EVIDENCE: usize = 12;

pub(super) struct RunView {
    pub id: String,
    pub title: String,
    pub outcome: &'static str,
    pub sign: &'static str,
    pub time: String,
    pub finding: String,
    /// Whether it is unfolded at first.
    pub open: bool,
    pub reason: Option<String>,
    pub expected: Vec<Expected>,
    pub steps: Vec<StepView>,
    pub story: Option<Story>,
    pub facts: Vec<(&'static str, String)>,
    pub files: Vec<String>,
    /// The command that does the run again.
    pub again: Option<String>,
}

pub(super) struct StepView {
    pub name: String,
    /// The class of its badge.
    pub outcome: &'static str,
    /// What its badge says.
    pub word: &'static str,
    pub sign: &'static str,
    pub time: String,
    pub message: Option<String>,
    pub evidence: Vec<EvidenceView>,
    pub left_out: usize,
}

pub(super) struct EvidenceView {
    pub title: String,
    pub lines: Vec<String>,
}

pub(super) fn view(view: &View<'_>, index: usize, gathered: &mut Gathered<'_>, open: bool) -> RunView {
    let (result, run) = (view.result, &view.result.runs[index]);
    let of_run: Vec<&Event> = view.events.iter().filter(|event| event.run == Some(index)).collect();
    // Paths are told from the run directory on, so that the page can travel with it.
    let here = View { directory: None, ..*view };
    let Failure { reason, expected, files, again, .. } = failure::failure(&here, index);
    let is_bad = run.outcome > Outcome::Skipped;
    RunView {
        id: format!("run-{index}"),
        title: match (result.axes_text(run), run.repeat) {
            (axes, 0) if axes.is_empty() => run.scenario.clone(),
            (axes, 0) => axes,
            (axes, repeat) => format!("{axes} repeat {repeat}").trim().to_string(),
        },
        outcome: run.outcome.word(),
        sign: sign(run.outcome),
        time: duration(run.duration_ms),
        finding: finding(run),
        open,
        reason: reason.filter(|_| run.outcome != Outcome::Passed),
        expected: if is_bad { expected } else { Vec::new() },
        steps: run.steps.iter().map(step_view).chain(not_reached(run, gathered.planned(index))).collect(),
        story: story::tell(result, &of_run, index, gathered),
        facts: facts(run),
        again: again.filter(|_| is_bad),
        files: files
            .iter()
            .filter(|_| view.directory.is_some())
            .map(|file| file.display().to_string())
            .collect(),
    }
}

fn step_view(step: &StepResult) -> StepView {
    StepView {
        name: step.name.clone(),
        outcome: step.outcome.word(),
        word: step.outcome.word(),
        sign: sign(step.outcome),
        time: duration(step.duration_ms),
        message: step.message.clone(),
        evidence: evidence_views(step.evidence.iter().take(MAX_EVIDENCE)),
        left_out: step.evidence.len().saturating_sub(MAX_EVIDENCE),
    }
}

/// Steps of the plan that the run did not come to: nothing is known of what they expect.
fn not_reached(run: &RunResult, planned: Option<&PlannedRun>) -> Vec<StepView> {
    let begun = run.outcome != Outcome::Skipped && !run.steps.is_empty();
    let steps = planned.filter(|_| begun).map(|planned| planned.steps.as_slice()).unwrap_or_default();
    let view = |name: &String| StepView {
        name: name.clone(),
        outcome: "skipped",
        word: "not reached",
        sign: sign(Outcome::Skipped),
        time: String::new(),
        message: None,
        evidence: Vec::new(),
        left_out: 0,
    };
    steps.iter().skip(run.steps.len()).map(|step| view(&step.name)).collect()
}

/// What stands below the same title is one list, as `ip route` would show it.
fn evidence_views<'a>(all: impl Iterator<Item = &'a Evidence>) -> Vec<EvidenceView> {
    let mut views: Vec<EvidenceView> = Vec::new();
    for evidence in all {
        let (title, lines) = (evidence_title(evidence), evidence_lines(evidence));
        let lines = lines.iter().map(|line| clean(line));
        match views.last_mut() {
            Some(last) if last.title == title => last.lines.extend(lines),
            _ => views.push(EvidenceView { lines: lines.collect(), title }),
        }
    }
    views
}

/// What it was measured with.
fn facts(run: &RunResult) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    facts.push(("requirements", run.requirements.join(", ")));
    if let Some(setting) = &run.setting {
        facts.push(("topology", setting.topology.clone()));
        facts.push(("FRR of the nodes", setting.frr.join(", ")));
        facts.push(("MetalLB", format!("{} ({})", setting.metallb, setting.metallb_mode)));
        let images = setting.images.iter().map(|(node, image)| format!("{node} {image}"));
        facts.push(("images", images.collect::<Vec<_>>().join(", ")));
        facts.push(("kernel", setting.kernel.clone()));
        facts.push(("seed", setting.seed.map(|seed| seed.to_string()).unwrap_or_default()));
        facts.push(("scenario SHA-256", setting.scenario_sha256.clone()));
    }
    if let Some(health) = &run.health {
        let text = format!(
            "over {:.1} s: a timer of the harness was late by {:.0} ms at most, tasks waited for a processor for {:.0} ms, other guests took {:.0} ms",
            health.window_ms / 1e3,
            health.late_ms,
            health.pressure_ms,
            health.steal_ms
        );
        facts.push(("host", text));
    }
    for spoilt in &run.spoilt {
        let why = spoilt.reason.as_deref().unwrap_or("the host spoilt it");
        facts.push(("try before", why.to_string()));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}
