//! One invocation of runs, with a run directory of its own.

use std::path::PathBuf;

use routeproof_engine::event::EventBus;
use routeproof_engine::report::{self, LiveOptions, View};
use routeproof_engine::run::{self as engine, Loaded, Options, instability};
use routeproof_engine::rundir::RunDir;
use routeproof_model::result::{Outcome, ResultFile};
use tokio::sync::watch;

use super::JudgeArgs;
use crate::cmd::run::chain;
use crate::fail::Failure;

/// What came of it.
pub struct Ran {
    pub result: ResultFile,
    /// What was seen of crashes.
    pub unstable: Vec<String>,
    pub directory: PathBuf,
}

impl Ran {
    /// Of the invocation as a whole, as its exit code has it.
    pub fn outcome(&self) -> Outcome {
        let worst = self.result.runs.iter().map(|run| run.outcome).max();
        worst.unwrap_or(Outcome::Skipped)
    }
}

/// Runs what is loaded; ctrl-C ends it with an error.
pub async fn run(loaded: &[Loaded], args: &JudgeArgs, options: &Options) -> Result<Ran, Failure> {
    let directory = RunDir::create_in(&args.run_dir)
        .map_err(|e| Failure::input(chain(&e)).hint("--run-dir names a folder that you may write to"))?;
    let mut bus = EventBus::new();
    bus.add_log(&directory.events())
        .map_err(|e| Failure::broken(format!("cannot write {}: {e}", directory.events().display())))?;
    bus.add_sink("live view", report::live_sink(LiveOptions::Auto));
    let events = bus.events();
    let (stop, stopped) = watch::channel(false);
    let interrupt = tokio::spawn(crate::cmd::run::on_interrupt(stop.clone(), events.clone()));
    let plan = Loaded::plan(loaded);
    let outcome = engine::run(&plan, &directory, options, &events, stopped).await;
    interrupt.abort();
    let interrupted = *stop.borrow();
    let finished = bus.finish();
    outcome?;
    let view = View {
        result: &finished.result,
        directory: Some(directory.path()),
        events: &finished.log,
        width: report::terminal_width(),
    };
    let problems = report::write_run_files(&directory, &view).iter().map(|e| chain(e)).collect::<Vec<_>>();
    if let Some(problem) = finished.problems.iter().chain(&problems).next() {
        return Err(Failure::broken(format!("the record is incomplete: {problem}")));
    }
    if interrupted {
        return Err(Failure::interrupted("interrupted: nothing is judged"));
    }
    let unstable = instability(&plan, &finished.result, directory.path());
    Ok(Ran { result: finished.result, unstable, directory: directory.path().to_path_buf() })
}
