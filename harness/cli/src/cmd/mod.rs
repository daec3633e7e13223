//! One file a command.

pub mod accept;
pub mod check;
pub mod compare;
pub mod diff;
pub mod doctor;
mod gateway;
pub mod graph;
pub mod images;
mod invocation;
pub mod lab;
pub mod metallb;
mod mutation;
pub mod plan;
pub mod race;
pub mod record;
pub mod replay;
pub mod report;
pub mod requirements;
pub mod run;
pub mod schema;
pub mod select;
pub mod shard;
pub mod sweep;
pub mod up;

use crate::args::{Cli, Command};
use crate::fail::Failure;

/// Does the command and gives the exit code.
pub fn dispatch(cli: Cli) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return Failure::broken(format!("cannot start the runtime: {e}")).report(),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Run(args) => run::run(args, run::Selection::AllScenarios).await,
            Command::Matrix(args) => run::run(args, run::Selection::Ordering).await,
            Command::Check(args) => check::run(&args),
            Command::Plan(args) => plan::run(&args),
            Command::Graph(args) => graph::run(&args),
            Command::Up(args) => up::run(args).await,
            Command::Down(args) => lab::down(&args).await,
            Command::Exec(args) => lab::exec(args).await,
            Command::Expect(args) => lab::expect(&args).await,
            Command::Shell(args) => lab::shell(args).await,
            Command::Inspect(args) => lab::inspect(&args).await,
            Command::Sweep(args) => sweep::run(&args).await,
            Command::Doctor(args) => doctor::run(&args).await,
            Command::Images(args) => images::run(args).await,
            Command::Render(args) => metallb::render(&args),
            Command::Record(args) => record::run(&args).await,
            Command::Replay(args) => replay::run(&args),
            Command::Diff(args) => diff::run(&args),
            Command::Compare(args) => compare::run(&args).await,
            Command::Accept(args) => accept::run(args).await,
            Command::Report(args) => report::run(&args),
            Command::Requirements(args) => requirements::run(&args),
            Command::Schema(args) => schema::run(&args),
            Command::Supervise(args) => Ok(up::supervise(&args).await),
        }
    });
    // Blocking reads (a terminal's stdin) must not keep a finished command from ending.
    runtime.shutdown_background();
    done.unwrap_or_else(|failure| failure.report())
}
