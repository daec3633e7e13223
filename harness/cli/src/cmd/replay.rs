//! `routeproof replay`: judges a recorded run directory again.

use std::path::{Path, PathBuf};

use clap::Args;
use routeproof_engine::event::read_back;
use routeproof_model::plan::Plan;
use routeproof_model::recording::Recording;
use routeproof_model::replay::{Replayed, replay};
use routeproof_model::result::{Outcome, RunResult};
use serde::Serialize;

use super::run::chain;
use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The run directory
    #[arg(value_name = "RUNDIR", default_value = "routeproof-runs/latest")]
    directory: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A run's two verdicts.
#[derive(Serialize)]
struct Compared {
    scenario: String,
    axes: Vec<(String, String)>,
    recorded: Outcome,
    replayed: Outcome,
    same: bool,
    /// Why the replay is not `passed`.
    reason: Option<String>,
}

pub fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|e| Failure::input(format!("cannot read {}: {e}", path.display())))
    };
    let plan_path = args.directory.join("plan.json");
    let plan: Plan = serde_json::from_str(&read(&plan_path)?)
        .map_err(|e| Failure::input(format!("{} is not a plan: {e}", plan_path.display())))?;
    let log = args.directory.join("events.jsonl");
    let recorded =
        read_back(&log).map_err(|e| Failure::input(format!("cannot read {}: {e}", log.display())))?.result;
    let mut compared = Vec::new();
    for (planned, live) in plan.runs.iter().zip(&recorded.runs) {
        // A run that never started, or whose lab never came up, recorded nothing to judge.
        let Some(folder) = live.directory.as_ref().filter(|_| !live.steps.is_empty()) else { continue };
        let path = args.directory.join(folder).join("observations.jsonl");
        let recording = Recording::parse(&read(&path)?)
            .map_err(|e| Failure::input(format!("{}: {}", path.display(), chain(&e))))?;
        compared.push(compare(&planned.axes, live, replay(planned, &recording, &live.steps)));
    }
    show(&compared, args.json)
}

fn compare(axes: &[(String, String)], live: &RunResult, replayed: Replayed) -> Compared {
    let reason =
        replayed.steps.last().and_then(|(name, _, why)| why.as_ref().map(|why| format!("{name}: {why}")));
    Compared {
        scenario: live.scenario.clone(),
        axes: axes.to_vec(),
        recorded: live.outcome,
        replayed: replayed.outcome,
        same: live.outcome == replayed.outcome && live.observed == replayed.observed,
        reason: reason.filter(|_| replayed.outcome != Outcome::Passed),
    }
}

fn show(compared: &[Compared], json: bool) -> Result<u8, Failure> {
    if compared.is_empty() {
        return Err(Failure::input("nothing in this run directory was recorded far enough to be judged"));
    }
    let different = compared.iter().filter(|c| !c.same).count();
    if json {
        out::json(&compared)?;
    } else {
        for c in compared {
            let axes: Vec<String> = c.axes.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
            let mark = if c.same { "same" } else { "DIFFERENT" };
            let reason = c.reason.as_ref().map(|r| format!("  {r}")).unwrap_or_default();
            let verdicts = format!("{} -> {}", c.recorded, c.replayed);
            out::line(format!("{mark:<9} {verdicts}  {} {}{reason}", c.scenario, axes.join(" ")))?;
        }
        out::line(format!("{} runs judged again, {different} differently", compared.len()))?;
    }
    Ok(u8::from(different > 0))
}
