//! From the results of runs to a verdict on each requirement.

use std::collections::{BTreeMap, BTreeSet};

use super::deviation::Deviations;
use super::level::SOAK;
use super::report::{
    AcceptanceOutcome, Report, Requirement, RequirementResult, RouterUnderTest, Run, SCHEMA, STABILITY, Soak,
    Summary, Tally,
};
use crate::result::{Outcome, ResultFile};

/// The known-good router's outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sanity {
    pub before: Outcome,
    pub after: Outcome,
}

/// What came of running the level's scenarios once.
#[derive(Clone, Debug)]
pub struct Round {
    pub result: ResultFile,
    /// Crashes of the router, and lines of its logs that tell of something broken inside.
    pub unstable: Vec<String>,
}

/// A report, and the deviations that were of no use.
#[derive(Clone, Debug)]
pub struct Judged {
    pub report: Report,
    /// Ids: they are for this version and a requirement that was judged, and it did not fail.
    pub unused: Vec<String>,
}

/// Judges every requirement that the runs of any round name.
pub fn judge(
    (router, level): (RouterUnderTest, &str),
    catalogue: &[Requirement],
    rounds: &[Round],
    deviations: &Deviations,
    sanity: Sanity,
) -> Judged {
    let runs = rounds.iter().flat_map(|round| &round.result.runs);
    let named: BTreeSet<&String> = runs.flat_map(|run| &run.requirements).collect();
    let mut requirements: Vec<RequirementResult> = named
        .into_iter()
        .map(|id| {
            let text = catalogue.iter().find(|r| r.id == *id).map_or("", |r| r.text.as_str());
            requirement(id, text, rounds)
        })
        .collect();
    requirements.push(stability(rounds));
    let mut used = BTreeSet::new();
    for requirement in requirements.iter_mut().filter(|r| r.outcome == AcceptanceOutcome::Fail) {
        if let Some(deviation) = deviations.covering(&requirement.id, &router.version) {
            used.insert(deviation.id.clone());
            requirement.outcome = AcceptanceOutcome::PassWithDeviation;
            requirement.deviation = Some(deviation.clone());
        }
    }
    let concerns = |requirement: &str| requirements.iter().any(|r| r.id == requirement);
    let idle = deviations.0.iter().filter(|d| !used.contains(&d.id));
    let idle = idle.filter(|d| d.covers(&router.version) && concerns(&d.requirement));
    let unused = idle.map(|d| d.id.clone()).collect();
    let report = Report {
        schema: SCHEMA.to_string(),
        router,
        level: level.to_string(),
        sanity: BTreeMap::from([("before".to_string(), sanity.before), ("after".to_string(), sanity.after)]),
        rounds: rounds.len(),
        soak: (level == SOAK).then(|| Soak { asked_s: None, crashed_in_round: crashed_in(rounds) }),
        summary: Summary::of(&requirements),
        requirements,
    };
    Judged { report, unused }
}

/// The soak stops there.
fn crashed_in(rounds: &[Round]) -> Option<usize> {
    rounds.iter().position(|round| !round.unstable.is_empty()).map(|index| index + 1)
}

fn requirement(id: &str, text: &str, rounds: &[Round]) -> RequirementResult {
    let runs: Vec<Run> = (1..).zip(rounds).flat_map(|(number, round)| runs_for(id, number, round)).collect();
    let rounds = tally(&runs, rounds.len());
    let first = |outcome| runs.iter().find(|run| run.outcome == outcome);
    let (outcome, telling) = if let Some(run) = first(Outcome::Failed) {
        (AcceptanceOutcome::Fail, Some(run))
    } else if let Some(run) = first(Outcome::Broken).or(first(Outcome::Inconclusive)) {
        (AcceptanceOutcome::Inconclusive, Some(run))
    } else if first(Outcome::Passed).is_some() {
        (AcceptanceOutcome::Pass, first(Outcome::Skipped))
    } else {
        (AcceptanceOutcome::NotRun, first(Outcome::Skipped))
    };
    let reason = telling.map(|run| match run.outcome {
        Outcome::Skipped => in_words(run),
        _ => in_round(run.round, rounds, in_words(run)),
    });
    RequirementResult {
        id: id.to_string(),
        text: text.to_string(),
        outcome,
        reason,
        deviation: None,
        rounds,
        runs,
    }
}

fn runs_for(id: &str, round: usize, of: &Round) -> impl Iterator<Item = Run> {
    let runs = of.result.runs.iter().filter(move |run| run.requirements.iter().any(|r| r == id));
    runs.map(move |run| Run {
        round,
        scenario: run.scenario.clone(),
        axes: run.axes.clone(),
        outcome: run.outcome,
        reason: run.reason.clone(),
    })
}

fn tally(runs: &[Run], rounds: usize) -> Tally {
    let mut tally = Tally::default();
    for number in 1..=rounds {
        let mut ran =
            runs.iter().filter(|run| run.round == number && run.outcome != Outcome::Skipped).peekable();
        tally.of += usize::from(ran.peek().is_some());
        tally.passed += usize::from(ran.peek().is_some() && ran.all(|run| run.outcome == Outcome::Passed));
    }
    tally
}

fn in_words(run: &Run) -> String {
    let axes = run.axes.iter().filter(|(name, _)| *name != "gateway");
    let axes: String = axes.map(|(name, value)| format!(" {name}={value}")).collect();
    let skipped = if run.outcome == Outcome::Skipped { "skipped: " } else { "" };
    format!("{}{axes}: {skipped}{}", run.scenario, run.reason.as_deref().unwrap_or_default())
}

/// What went wrong first, with how often it did where there were several rounds.
fn in_round(round: usize, Tally { passed, of }: Tally, what: String) -> String {
    match of {
        0 | 1 if round == 1 => what,
        _ => format!("{passed} of {of} rounds passed; first in round {round}: {what}"),
    }
}

fn stability(rounds: &[Round]) -> RequirementResult {
    let mut tally = Tally::default();
    for round in rounds {
        let ran = round.result.runs.iter().any(|run| run.outcome != Outcome::Skipped);
        let stable = round.unstable.is_empty();
        tally.of += usize::from(ran || !stable);
        tally.passed += usize::from(ran && stable);
    }
    let first = (1..).zip(rounds).find_map(|(number, round)| Some((number, round.unstable.first()?)));
    let (outcome, reason) = match first {
        Some((number, what)) => (AcceptanceOutcome::Fail, Some(in_round(number, tally, what.clone()))),
        None if tally.of > 0 => (AcceptanceOutcome::Pass, None),
        None => (AcceptanceOutcome::NotRun, Some("no lab was booted".to_string())),
    };
    RequirementResult {
        id: STABILITY.to_string(),
        text: "The router neither crashes nor logs that something inside it is broken, in any run."
            .to_string(),
        outcome,
        reason,
        deviation: None,
        rounds: tally,
        runs: Vec::new(),
    }
}
