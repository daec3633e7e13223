//! Arguments and exit codes: 0 all agree, 1 a disagreement, 2 bad input, 3 a case could not be judged, 4 nothing ran.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use routeproof_model::metallb::Release;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::campaign::{self, Plan, Subject, Tally};
use crate::report;
use crate::schema::Schemas;
use crate::speaker::Speaker;
use crate::webhooks::Controller;

#[derive(Debug, Parser)]
#[command(
    about = "Compares routeproof's frr.conf with those of real MetalLB speakers; ci/differential builds them and runs this"
)]
struct Args {
    /// VERSION=BINARIES=CONFIG: a release, the folder of its speaker and controller, and its module's folder `config`.
    #[arg(long = "release", required = true)]
    releases: Vec<String>,
    /// Cases for each release.
    #[arg(long, default_value_t = 50)]
    cases: u32,
    /// Only this case, by its number in an earlier run.
    #[arg(long, value_name = "N")]
    case: Option<u32>,
    /// The same seed gives the same cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Speakers at a time; each waits for its debounce timer most of the time.
    #[arg(long, default_value_t = 6)]
    jobs: usize,
    /// Most attempts to make a disagreement smaller.
    #[arg(long, default_value_t = 60)]
    shrink: u32,
    /// The speakers' logs on standard error.
    #[arg(long)]
    log: bool,
    /// JSON on stdout.
    #[arg(long)]
    json: bool,
}

pub fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("differential: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let runtime = Runtime::new()?;
    let reloads = {
        let _guard = runtime.enter();
        reloads()?
    };
    let subject = |text: &String| subject(text, &reloads, args.log);
    let subjects: Vec<Subject> = args.releases.iter().map(subject).collect::<Result<_, _>>()?;
    let cases = args.case.map_or(0..args.cases, |n| n..n + 1);
    let plan = Plan { cases, seed: args.seed, jobs: args.jobs.max(1), shrink: args.shrink };
    let tallies = campaign::run(&subjects, &plan, runtime.handle(), &|line| eprintln!("{line}"))?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&tallies)?);
    } else {
        print!("{}", report::text(&tallies));
    }
    Ok(code(tallies.values()))
}

fn code<'a>(mut tallies: impl Iterator<Item = &'a Tally> + Clone) -> ExitCode {
    // Refusals alone prove little.
    let judged = |t: &Tally| t.bytes + t.modulo_order;
    ExitCode::from(match () {
        () if tallies.clone().any(|t| !t.disagreements.is_empty()) => 1,
        () if tallies.clone().any(|t| !t.inconclusive.is_empty()) => 3,
        () if tallies.clone().count() == 0 || tallies.any(|t| judged(t) == 0) => 4,
        () => 0,
    })
}

fn subject(
    text: &str,
    reloads: &watch::Receiver<u64>,
    log: bool,
) -> Result<Subject, Box<dyn std::error::Error>> {
    let parts: Vec<&str> = text.split('=').collect();
    let [version, binaries, config] = parts[..] else {
        return Err(format!("--release {text}: not VERSION=BINARIES=CONFIG").into());
    };
    let (binaries, config) = (PathBuf::from(binaries), PathBuf::from(config));
    let speaker = Speaker { binary: binaries.join("speaker"), reloads: reloads.clone(), log };
    let controller =
        Controller { binary: binaries.join("controller"), manifest: config.join("webhook/manifests.yaml") };
    let schemas = Schemas::load(&config.join("crd/bases"))?;
    Ok(Subject { release: Release::find(version)?, speaker, controller, schemas })
}

/// Counts the SIGHUPs: the speakers take this process for FRR's reloader.
fn reloads() -> std::io::Result<watch::Receiver<u64>> {
    let mut hangups = signal(SignalKind::hangup())?;
    let (count, seen) = watch::channel(0);
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            count.send_modify(|n| *n += 1);
        }
    });
    Ok(seen)
}
