//! From the results of runs to a verdict on each requirement.

use std::collections::{BTreeMap, BTreeSet};

use super::deviation::Deviations;
use super::report::{
    AcceptanceOutcome, Report, Requirement, RequirementResult, RouterUnderTest, Run, SCHEMA, STABILITY,
    Summary,
};
use crate::result::{Outcome, ResultFile};

/// The known-good router's outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sanity {
    pub before: Outcome,
    pub after: Outcome,
}

/// What was found of the router beside the runs' results.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Crashes, and lines of its logs that tell of something broken inside.
    pub unstable: Vec<String>,
}

/// A report, and the deviations that were of no use.
#[derive(Clone, Debug)]
pub struct Judged {
    pub report: Report,
    /// Ids: they are for this version and a requirement that was judged, and it did not fail.
    pub unused: Vec<String>,
}

/// Judges every requirement that the runs name.
pub fn judge(
    (router, level): (RouterUnderTest, &str),
    catalogue: &[Requirement],
    result: &ResultFile,
    findings: &Findings,
    deviations: &Deviations,
    sanity: Sanity,
) -> Judged {
    let named: BTreeSet<&String> = result.runs.iter().flat_map(|run| &run.requirements).collect();
    let mut requirements: Vec<RequirementResult> = named
        .into_iter()
        .map(|id| {
            let text = catalogue.iter().find(|r| r.id == *id).map_or("", |r| r.text.as_str());
            requirement(id, text, result)
        })
        .collect();
    requirements.push(stability(result, findings));
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
        summary: Summary::of(&requirements),
        requirements,
    };
    Judged { report, unused }
}

fn requirement(id: &str, text: &str, result: &ResultFile) -> RequirementResult {
    let runs: Vec<Run> = result
        .runs
        .iter()
        .filter(|run| run.requirements.iter().any(|r| r == id))
        .map(|run| Run {
            scenario: run.scenario.clone(),
            axes: run.axes.clone(),
            outcome: run.outcome,
            reason: run.reason.clone(),
        })
        .collect();
    let worst = |outcome| runs.iter().find(|run| run.outcome == outcome);
    let (outcome, telling) = if let Some(run) = worst(Outcome::Failed) {
        (AcceptanceOutcome::Fail, Some(run))
    } else if let Some(run) = worst(Outcome::Broken).or(worst(Outcome::Inconclusive)) {
        (AcceptanceOutcome::Inconclusive, Some(run))
    } else if worst(Outcome::Passed).is_some() {
        (AcceptanceOutcome::Pass, worst(Outcome::Skipped))
    } else {
        (AcceptanceOutcome::NotRun, worst(Outcome::Skipped))
    };
    let reason = telling.map(|run| {
        let axes = run.axes.iter().filter(|(name, _)| *name != "gateway");
        let axes: String = axes.map(|(name, value)| format!(" {name}={value}")).collect();
        let skipped = if run.outcome == Outcome::Skipped { "skipped: " } else { "" };
        format!("{}{axes}: {skipped}{}", run.scenario, run.reason.as_deref().unwrap_or_default())
    });
    RequirementResult { id: id.to_string(), text: text.to_string(), outcome, reason, deviation: None, runs }
}

fn stability(result: &ResultFile, findings: &Findings) -> RequirementResult {
    let ran = result.runs.iter().any(|run| run.outcome != Outcome::Skipped);
    let (outcome, reason) = match (findings.unstable.first(), ran) {
        (Some(first), _) => (AcceptanceOutcome::Fail, Some(first.clone())),
        (None, true) => (AcceptanceOutcome::Pass, None),
        (None, false) => (AcceptanceOutcome::NotRun, Some("no lab was booted".to_string())),
    };
    RequirementResult {
        id: STABILITY.to_string(),
        text: "The router neither crashes nor logs that something inside it is broken, in any run."
            .to_string(),
        outcome,
        reason,
        deviation: None,
        runs: Vec::new(),
    }
}
