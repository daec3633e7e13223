//! `routeproof diff`: two recorded runs, fact by fact.

use std::path::{Path, PathBuf};

use clap::Args;
use routeproof_engine::recorded::{self, Recorded};
use routeproof_model::diff::{Difference, Facts, RunName, SCHEMA, StepTime, Unpaired, diff, pair, times};
use serde::Serialize;

use super::run::chain;
use crate::fail::{FAILED, Failure};
use crate::{out, render};

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A run directory, or the folder of one run in it
    #[arg(value_name = "RUN_A")]
    a: PathBuf,
    /// What to compare it with
    #[arg(value_name = "RUN_B")]
    b: PathBuf,
    /// Show how long each step took, too. Times count as a difference only of convergences, when one is more than twice the
    /// other
    #[arg(long)]
    times: bool,
    /// Leave out what is not on interfaces of the topology: the nodes of kind have more
    #[arg(long)]
    topology_only: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What of the differences is shown, and how.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub times: bool,
    pub topology_only: bool,
    pub json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct Output {
    pub schema: &'static str,
    pub identical: bool,
    pub pairs: Vec<Pair>,
    pub only_a: Vec<Lonely>,
    pub only_b: Vec<Lonely>,
}

/// Two runs that were compared.
#[derive(Debug, Serialize)]
pub struct Pair {
    pub a: Side,
    pub b: Side,
    pub identical: bool,
    pub difference: Difference,
    pub times: Vec<StepTime>,
}

#[derive(Debug, Serialize)]
pub struct Side {
    pub folder: PathBuf,
    pub run: RunName,
}

/// A run that was compared with none.
#[derive(Debug, Serialize)]
pub struct Lonely {
    pub run: RunName,
    pub why: String,
}

pub fn run(args: &DiffArgs) -> Result<u8, Failure> {
    let how = Shown { times: args.times, topology_only: args.topology_only, json: args.json };
    show(&args.a, &args.b, how)
}

/// Prints how two run directories, or the folders of two runs, differ.
pub fn show(path_a: &Path, path_b: &Path, how: Shown) -> Result<u8, Failure> {
    let (a, b) = (read(path_a)?, read(path_b)?);
    let (names_a, names_b) = (names(&a), names(&b));
    let paired = pair(&names_a, &names_b);
    let lonely = |names: &[RunName], unpaired: &[Unpaired]| {
        let one = |u: &Unpaired| Lonely { run: names[u.run].clone(), why: u.why.clone() };
        unpaired.iter().map(one).collect::<Vec<_>>()
    };
    let (only_a, only_b) = (lonely(&names_a, &paired.only_a), lonely(&names_b, &paired.only_b));
    if paired.pairs.is_empty() {
        let failure = Failure::input(format!(
            "no run of {} belongs to a run of {}",
            path_a.display(),
            path_b.display()
        ));
        let first = only_a.first().map(|l| format!("{}: {}", l.run, l.why));
        return Err(first.into_iter().fold(failure, Failure::hint));
    }
    let pairs: Vec<Pair> = paired.pairs.iter().map(|(i, j)| compare(&a[*i], &b[*j], how)).collect();
    let identical = pairs.iter().all(|p| p.identical) && only_a.is_empty() && only_b.is_empty();
    let output = Output { schema: SCHEMA, identical, pairs, only_a, only_b };
    match how.json {
        true => out::json(&output)?,
        false => out::text(render::diff::text(&output, how.times))?,
    }
    Ok(if identical { 0 } else { FAILED })
}

fn read(path: &Path) -> Result<Vec<Recorded>, Failure> {
    let runs = recorded::read(path).map_err(|e| {
        Failure::input(chain(&e)).hint("a run directory is what `routeproof run` names at its end")
    })?;
    match runs.is_empty() {
        true => Err(Failure::input(format!("there is no run in {}", path.display()))),
        false => Ok(runs),
    }
}

fn names(runs: &[Recorded]) -> Vec<RunName> {
    runs.iter().map(name).collect()
}

fn name(run: &Recorded) -> RunName {
    RunName { scenario: run.planned.scenario.clone(), axes: run.planned.axes.clone() }
}

fn compare(a: &Recorded, b: &Recorded, how: Shown) -> Pair {
    let difference = diff(&facts(a, how), &facts(b, how));
    let times = match (&a.result, &b.result) {
        (Some(a), Some(b)) => times(a, b),
        _ => Vec::new(),
    };
    let side = |run: &Recorded| Side { folder: run.folder.clone(), run: name(run) };
    Pair { a: side(a), b: side(b), identical: difference.is_empty(), difference, times }
}

fn facts(run: &Recorded, how: Shown) -> Facts {
    let (recording, result) = (run.recording.as_ref(), run.result.as_ref());
    match how.topology_only {
        true => Facts::on_topology(recording, result, &run.planned.topology),
        false => Facts::of(recording, result),
    }
}
