//! `routeproof accept`: is this router one to accept?

mod compare;
mod evidence;
mod inputs;
mod judge;
mod round;
mod show;
mod written;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use routeproof_model::acceptance::LEVELS;

use self::written::Written;
use crate::args::{GuestArgs, ProfileArgs, SourceArgs};
use crate::backing::BackingArgs;
use crate::fail::Failure;

/// Run the scenarios of a level with a router as the gateway, and judge it requirement by requirement
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AcceptArgs {
    #[command(subcommand)]
    command: Option<AcceptCommand>,
    #[command(flatten)]
    judge: JudgeArgs,
}

#[derive(Debug, Subcommand)]
enum AcceptCommand {
    /// Set two reports side by side: the earlier version, then the later
    Compare(compare::CompareArgs),
}

#[derive(Debug, Args)]
struct JudgeArgs {
    /// The router under test: bird, bird-2, openbgpd:7.7, bird-2+no-refresh, ...
    #[arg(long, value_name = "PROFILE[:VERSION]")]
    router: Option<String>,
    /// How much is asked of it; each level has what the levels below it have, too
    #[arg(long, value_name = "LEVEL", default_value = "smoke", value_parser = PossibleValuesParser::new(LEVELS))]
    level: String,
    /// How long `soak` runs its scenarios round after round, for instance 20m [default: 1h]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    length: Option<Duration>,
    /// Failures that were agreed on (YAML): id, requirement, versions, reason, tracker, owner, expiry
    #[arg(long, value_name = "FILE")]
    deviations: Option<PathBuf>,
    /// The folder that holds acceptance.yaml, requirements.yaml and the scenarios
    #[arg(long, value_name = "DIR", default_value = "scenarios")]
    scenarios: PathBuf,
    /// Write the report: json=FILE (schema routeproof/acceptance/v1; a FILE alone is this, too) or html=FILE, one page with the
    /// verdicts and the runs that they rest on; may be given several times
    #[arg(long, value_name = "[FORMAT=]FILE")]
    report: Vec<Written>,
    /// Write the report and all that it rests on as one file, which `routeproof report verify` judges again
    #[arg(long, value_name = "FILE.tar.zst")]
    bundle: Option<PathBuf>,
    /// Print the report as JSON on stdout
    #[arg(long)]
    json: bool,
    /// Labs at the same time [default: what fits this machine]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Folder for run directories
    #[arg(long, value_name = "DIR", default_value = "routeproof-runs")]
    run_dir: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    profiles: ProfileArgs,
    #[command(flatten)]
    guest: GuestArgs,
    #[command(flatten)]
    backing: BackingArgs,
}

pub async fn run(args: AcceptArgs) -> Result<u8, Failure> {
    match (&args.command, &args.judge.router) {
        (Some(AcceptCommand::Compare(args)), _) => compare::run(args),
        (None, Some(router)) => judge::run(router, &args.judge).await,
        (None, None) => Err(Failure::input("accept needs --router").hint("or `accept compare BEFORE AFTER`")),
    }
}
