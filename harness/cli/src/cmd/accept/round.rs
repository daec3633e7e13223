//! One invocation of an acceptance, with a run directory of its own.

use std::path::PathBuf;

use routeproof_engine::report::ReportSpec;
use routeproof_engine::run::{self as engine, Loaded, Options, instability};
use routeproof_engine::rundir::{KEEP, RunDir};
use routeproof_model::acceptance::Round;
use routeproof_model::result::Outcome;

use super::JudgeArgs;
use crate::cmd::invocation::{Ended, Invocation};
use crate::fail::Failure;

/// What came of it.
pub struct Ran {
    pub round: Round,
    pub directory: PathBuf,
    /// Keeps the directory from being pruned while later rounds make theirs.
    pub held: Option<RunDir>,
}

/// Runs what is loaded; ctrl-C ends it with an error.
pub async fn run_once(loaded: &[Loaded], args: &JudgeArgs, options: &Options) -> Result<Ran, Failure> {
    let invocation = Invocation::begin(&args.run_dir, KEEP)?;
    invocation.announce(loaded);
    let (plan, stopped) = (Loaded::plan(loaded), invocation.stopped.clone());
    let outcome = engine::run(&plan, &invocation.directory, options, &invocation.events, stopped).await;
    let ended = invocation.end();
    outcome?;
    let page = format!("html={}", ended.directory.path().join("report.html").display());
    let page = args.bundle.as_ref().map(|_| ReportSpec::parse(&page)).transpose().map_err(Failure::broken)?;
    if let Some(problem) = ended.write(page.as_slice()).first() {
        return Err(Failure::broken(format!("the record is incomplete: {problem}")));
    }
    let Ended { directory, finished } = ended;
    if finished.result.summary.interrupted {
        return Err(Failure::interrupted("interrupted: nothing is judged"));
    }
    let unstable = instability(&plan, &finished.result, directory.path());
    let round = Round { result: finished.result, unstable };
    let evidence = args.bundle.is_some()
        || !round.unstable.is_empty()
        || !matches!(round.result.worst(), Outcome::Passed | Outcome::Skipped);
    Ok(Ran { round, directory: directory.path().to_path_buf(), held: evidence.then_some(directory) })
}
