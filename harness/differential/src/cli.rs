//! Arguments and exit codes: 0 all agree, 1 a disagreement, 2 bad input, 3 a case could not be judged, 4 nothing ran.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use routeproof_model::metallb::{Generation, Mode};
use tokio::runtime::{Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::campaign::{self, Plan};
use crate::process::Trouble;
use crate::report::{self, Finding, Findings};
use crate::subject::{Settings, Subject};
use crate::{addresses, schemas};

#[derive(Debug, Parser)]
#[command(
    about = "Compares routeproof's frr.conf with those of real MetalLB speakers; ci/differential builds them and runs this"
)]
struct Args {
    /// VERSION=BINARIES=CONFIG: a release, the folder of its speaker and controller, and its module's folder `config`. With
    /// =BINARY=CONFIG of its frr-k8s behind that: in frr-k8s mode.
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
    /// What to compare.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Conf, Part::Addresses, Part::Schemas])]
    parts: Vec<Part>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// frr.conf (and FRRConfigurations) of nodes.
    Conf,
    /// The addresses of Services.
    Addresses,
    /// What the API server refuses of single objects.
    Schemas,
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
    let settings = Settings { reloads, log: args.log };
    let read = |text: &String| Subject::read(text, &settings);
    let subjects: Vec<Subject> = args.releases.iter().map(read).collect::<Result<_, _>>()?;
    let cases = args.case.map_or(0..args.cases, |n| n..n + 1);
    let plan = Plan { cases, seed: args.seed, jobs: args.jobs.max(1), shrink: args.shrink };
    let mut found = Findings::new();
    // One after the other: the webhooks of all listen on the same port.
    for subject in &subjects {
        found.insert(subject.name(), compare(subject, args, &plan, runtime.handle())?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print!("{}", report::text(&found));
    }
    Ok(code(&found))
}

fn compare(subject: &Subject, args: &Args, plan: &Plan, runtime: &Handle) -> Result<Finding, Trouble> {
    let tell = |line: &str| eprintln!("{line}");
    let webhooks = match &subject.webhooks {
        Some(controller) => Some(runtime.block_on(controller.start())?),
        None => None,
    };
    let wants = |part: Part| args.parts.contains(&part);
    let has_schemas = subject.release.generation > Generation::V0_12;
    let mut finding = Finding::default();
    if wants(Part::Schemas) && has_schemas {
        finding.schemas = Some(runtime.block_on(schemas::run(subject, webhooks.as_ref()))?);
    }
    if wants(Part::Conf) {
        finding.conf = Some(campaign::run(subject, webhooks.as_ref(), plan, runtime, &tell));
    }
    // The controller is the same in both modes.
    if wants(Part::Addresses) && subject.mode == Mode::Frr {
        finding.addresses = Some(addresses::run(subject, plan, runtime, &tell));
    }
    Ok(finding)
}

fn code(found: &Findings) -> ExitCode {
    let all = || found.values();
    ExitCode::from(match () {
        () if all().any(Finding::disagrees) => 1,
        () if all().any(Finding::is_inconclusive) => 3,
        () if !all().any(Finding::compared) || all().any(|f| f.is_empty()) => 4,
        () => 0,
    })
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
