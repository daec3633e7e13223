//! `routeproof replay`: judges a recorded run directory again.

use std::path::PathBuf;

use clap::Args;
use routeproof_engine::recorded::{RecordedError, judge_again, plan_and_log};
use routeproof_model::replay::Compared;

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

pub fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    let wrong = |e: RecordedError| Failure::input(chain(&e));
    let (plan, finished) = plan_and_log(&args.directory).map_err(wrong)?;
    let mut compared = Vec::new();
    for (planned, live) in plan.runs.iter().zip(&finished.result.runs) {
        compared.extend(judge_again(&args.directory, planned, live).map_err(wrong)?);
    }
    show(&compared, args.json)
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
