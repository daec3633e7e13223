//! What happened in a run: its timeline, where it left the way of a good run, and its routes before and after.

use routeproof_model::event::Event;
use routeproof_model::recording::Recording;
use routeproof_model::result::{Outcome, ResultFile};
use routeproof_model::timeline::{
    Clock, Divergence, Entry, NodeRoutes, Standing, Timeline, diverged, reference, routes_of,
};

use super::super::failure::title;
use super::super::text::count;
use super::drawing::{self, Mark};
use super::gather::Gathered;

/// Lines of the list below a timeline; `events.jsonl` and `observations.jsonl` have all.
const MAX_LINES: usize = 150;

pub(super) struct Story {
    pub svg: String,
    pub lines: Vec<Line>,
    pub left_out: usize,
    pub divergence: Option<Diverged>,
    /// Of nodes whose routes changed.
    pub routes: Vec<NodeRoutes>,
    pub unchanged: String,
}

/// One entry of the timeline, for those who read rather than look.
pub(super) struct Line {
    pub time: String,
    pub lane: String,
    pub kind: &'static str,
    pub what: String,
}

pub(super) struct Diverged {
    pub lead: String,
    pub facts: Vec<Fact>,
}

pub(super) struct Fact {
    pub node: String,
    pub subject: String,
    pub here: String,
    pub there: String,
}

/// Tells the story of the run with this index; `None` for one of which nothing happened.
pub(super) fn tell(
    result: &ResultFile,
    events: &[&Event],
    index: usize,
    gathered: &mut Gathered<'_>,
) -> Option<Story> {
    let run = &result.runs[index];
    let recording = gathered.recording(run);
    let timeline = Timeline::of(events, recording.as_ref());
    if timeline.lanes.is_empty() {
        return None;
    }
    let found = recording.as_ref().and_then(|here| compare(result, events, index, here, gathered));
    let found = found.or_else(|| stumbled(result, &timeline, index));
    let (mark, divergence) = found.unzip();
    let name =
        format!("What happened in {}, from left to right; the list below has the same", title(result, run));
    let mut lines: Vec<Line> = timeline
        .in_order()
        .into_iter()
        .map(|(lane, entry)| Line {
            time: when(entry, &timeline),
            lane: lane.name.clone(),
            kind: entry.kind.word(),
            what: entry.what.join("; "),
        })
        .collect();
    let left_out = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    let mut routes: Vec<NodeRoutes> = Vec::new();
    if let Some(recording) = &recording {
        routes.extend(recording.nodes().into_iter().map(|node| routes_of(recording, node)));
        routes.retain(|node| !node.rows.is_empty());
    }
    let is_same = |node: &NodeRoutes| node.rows.iter().all(|row| row.standing == Standing::Same);
    let (same, routes): (Vec<_>, Vec<_>) = routes.into_iter().partition(is_same);
    let unchanged = same
        .iter()
        .map(|node| format!("{} ({})", node.node, count(node.rows.len() + node.left_out, "route")));
    let unchanged = unchanged.collect::<Vec<_>>().join(", ");
    Some(Story {
        svg: drawing::svg(&timeline, mark.as_ref(), &name),
        lines,
        left_out,
        divergence,
        routes,
        unchanged,
    })
}

/// A moment, or from when to when: `5.719`, `5.819 to 15.902`.
fn when(entry: &Entry, timeline: &Timeline) -> String {
    let since = |ms: f64| format!("{:.3}", (ms - timeline.from_ms).max(0.0) / 1e3);
    match entry.until_ms {
        Some(until) => format!("{} to {}", since(entry.at_ms), since(until)),
        None => since(entry.at_ms),
    }
}

/// Beside the nearest run that went well.
fn compare(
    result: &ResultFile,
    events: &[&Event],
    index: usize,
    here: &Recording,
    gathered: &mut Gathered<'_>,
) -> Option<(Mark, Diverged)> {
    let (run, other) = (&result.runs[index], reference(&result.runs, index)?);
    let other = &result.runs[other];
    let there = gathered.recording(other)?;
    let clock = Clock::of(events, here)?;
    let Divergence { step, at, facts } = diverged((here, &there), (run, other))?;
    let name = run.steps.get(step).map_or("", |step| step.name.as_str());
    let lead = format!(
        "By the end of step {} ({name}) this run differs from {}, which {}:",
        step + 1,
        title(result, other),
        well(result, index)
    );
    let nothing = || "not there".to_string();
    let facts = facts.into_iter().map(|fact| Fact {
        node: fact.node,
        subject: fact.subject,
        here: fact.here.unwrap_or_else(nothing),
        there: fact.there.unwrap_or_else(nothing),
    });
    let mark = Mark { at_ms: clock.ms(at), label: format!("first divergence: step {}", step + 1) };
    Some((mark, Diverged { lead, facts: facts.collect() }))
}

fn well(result: &ResultFile, index: usize) -> &'static str {
    if result.runs[index].outcome == Outcome::Passed { "does not have the bug" } else { "passed" }
}

/// Without a run to compare with, or where every state is the same: the first step that did not pass.
fn stumbled(result: &ResultFile, timeline: &Timeline, index: usize) -> Option<(Mark, Diverged)> {
    let run = &result.runs[index];
    let (number, step) = run.steps.iter().enumerate().find(|(_, step)| step.outcome > Outcome::Skipped)?;
    let steps = timeline.lanes.iter().find(|lane| lane.name == "steps")?;
    let bad = steps.entries.iter().find(|e| e.kind == routeproof_model::timeline::Kind::StepBad)?;
    let beside = match reference(&result.runs, index) {
        Some(other) => format!(
            "what the nodes held until then is not told apart from {}, which passed",
            title(result, &result.runs[other])
        ),
        None => {
            "no run of this scenario that passed is in this report, so there is nothing to compare it with"
                .to_string()
        }
    };
    let lead = format!("Step {} ({}) is the first that did not pass; {beside}.", number + 1, step.name);
    let mark =
        Mark { at_ms: bad.until_ms.unwrap_or(bad.at_ms), label: format!("step {} did not pass", number + 1) };
    Some((mark, Diverged { lead, facts: Vec::new() }))
}
