//! One invocation of a bundle, judged again.

use std::fs;
use std::path::Path;

use routeproof_model::acceptance::{Round, RouterUnderTest};
use routeproof_model::bundle::is_inside;
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::{Outcome, ResultFile, RunResult};

use super::verify::Again;
use crate::recorded::{judge_again, plan_and_log};
use crate::run::instability;

/// What an invocation ought to be.
pub(super) struct Expected<'a> {
    /// Folders of scenarios, each of which must have been run.
    pub scenarios: Vec<&'a str>,
    /// The value of the axis `gateway`, if that is known.
    pub gateway: Option<&'a str>,
    pub router: Option<&'a RouterUnderTest>,
}

/// What it is.
pub(super) struct Seen {
    pub round: Round,
    pub runs: Vec<Again>,
    pub problems: Vec<String>,
}

impl Seen {
    /// As `accept` has it of an invocation.
    pub fn outcome(&self) -> Outcome {
        self.round.result.worst()
    }
}

/// Judges the invocation in `directory` again.
///
/// # Errors
/// Why it cannot even be read.
pub(super) fn look(directory: &Path, expected: &Expected<'_>) -> Result<Seen, String> {
    let (plan, finished) = plan_and_log(directory).map_err(|e| chain(&e))?;
    let mut problems = finished.problems;
    let told = fs::read_to_string(directory.join("result.json")).map_err(|e| format!("result.json: {e}"))?;
    let told: ResultFile = serde_json::from_str(&told).map_err(|e| format!("result.json: {e}"))?;
    let result = written(&finished.result)?;
    problems.extend(results(&told, &result));
    if plan.runs.len() != result.runs.len() {
        problems.push(format!(
            "{} runs are planned, and the log tells of {}",
            plan.runs.len(),
            result.runs.len()
        ));
    }
    for scenario in &expected.scenarios {
        if !plan.runs.iter().any(|run| folder(run) == Some(*scenario)) {
            problems.push(format!("the scenario {scenario} was not run"));
        }
    }
    let mut runs = Vec::new();
    for (planned, live) in plan.runs.iter().zip(&result.runs) {
        let name = name(live);
        problems.extend(as_planned(planned, live).into_iter().map(|why| format!("{name}: {why}")));
        problems.extend(as_expected(planned, expected).map(|why| format!("{name}: {why}")));
        if let Some(why) = paths(planned, live) {
            // Nothing outside the bundle is read.
            return Err(format!("{name}: {why}"));
        }
        let (again, why) = again(directory, planned, live);
        problems.extend(why.map(|why| format!("{name}: {why}")));
        runs.push(again);
    }
    let unstable = instability(&plan, &result, directory);
    Ok(Seen { round: Round { result, unstable }, runs, problems })
}

/// A result as it is read from a file: numbers are rounded when they are written.
fn written(result: &ResultFile) -> Result<ResultFile, String> {
    let text = serde_json::to_string(result).map_err(|e| e.to_string())?;
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

fn results(told: &ResultFile, logged: &ResultFile) -> Vec<String> {
    if told == logged {
        return Vec::new();
    }
    let differing = told.runs.iter().zip(&logged.runs).filter(|(told, logged)| told != logged);
    let mut all: Vec<String> = differing
        .map(|(told, logged)| {
            let (name, told, logged) = (name(told), told.outcome, logged.outcome);
            match told == logged {
                true => format!("{name}: result.json is not what events.jsonl tells"),
                false => format!("{name}: result.json says {told}, events.jsonl says {logged}"),
            }
        })
        .collect();
    if all.is_empty() {
        all.push("result.json is not what events.jsonl tells".to_string());
    }
    all
}

fn name(run: &RunResult) -> String {
    let axes: String = run.axes.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{}{axes}", run.scenario)
}

/// The folder of a run's scenario.
fn folder(run: &PlannedRun) -> Option<&str> {
    run.scenario_file.parent()?.file_name()?.to_str()
}

/// The log and the plan are of the same runs.
fn as_planned(planned: &PlannedRun, live: &RunResult) -> Option<&'static str> {
    let axes = planned.axes.iter().cloned().collect();
    let same = planned.scenario == live.scenario
        && live.axes == axes
        && planned.requirements == live.requirements
        && planned.expected == live.expected;
    (!same).then_some("its scenario, axes, requirements or expectations are not those of the plan")
}

/// The router of the run is the one that it is about.
fn as_expected(planned: &PlannedRun, expected: &Expected<'_>) -> Option<String> {
    let gateway = planned.axes.iter().find(|(name, _)| name == "gateway").map(|(_, value)| value.as_str());
    if expected.gateway.is_some_and(|expected| gateway != Some(expected)) {
        return Some(format!("its router is {}", gateway.unwrap_or("not told")));
    }
    let under_test = expected.router?;
    let other = planned.routers.iter().find(|(_, router)| {
        router.profile != under_test.profile
            || router.version != under_test.version
            || router.variant != under_test.variant
            || router.image.name != under_test.image
    });
    match other {
        Some((node, other)) => Some(format!("the router of {node} is {} {}", other.profile, other.version)),
        None if planned.routers.is_empty() => Some("the router under test has no part in it".to_string()),
        None => None,
    }
}

fn paths(planned: &PlannedRun, live: &RunResult) -> Option<String> {
    let inside = |path: &Path| path.to_str().is_some_and(is_inside);
    let folders =
        live.directory.iter().chain(live.spoilt.iter().filter_map(|spoilt| spoilt.directory.as_ref()));
    let folder = folders.into_iter().find(|folder| !inside(folder));
    if let Some(folder) = folder {
        return Some(format!("its folder {} is outside the bundle", folder.display()));
    }
    let node = planned.routers.keys().find(|node| !is_inside(node));
    node.map(|node| format!("the folder of its node {node:?} is outside the bundle"))
}

/// The run judged again, and what is wrong with it.
fn again(directory: &Path, planned: &PlannedRun, live: &RunResult) -> (Again, Option<String>) {
    let judged = match judge_again(directory, planned, live) {
        Ok(judged) => judged,
        Err(e) => return (Again::new(live, None), Some(chain(&e))),
    };
    let why = match &judged {
        Some(same) if same.same => None,
        Some(other) => {
            let reason = other.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            Some(match other.recorded == other.replayed {
                true => "its recording shows something else than was observed".to_string(),
                false => format!(
                    "it is said to be {}, its recording says {}{reason}",
                    other.recorded, other.replayed
                ),
            })
        }
        None if matches!(live.outcome, Outcome::Passed | Outcome::Failed) => {
            Some(format!("it is said to be {}, and nothing of it was recorded", live.outcome))
        }
        None => None,
    };
    (Again::new(live, judged), why)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
