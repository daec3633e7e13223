//! `routeproof compare`: the same scenarios on the rendered cluster and with MetalLB's real programs, fact by fact.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use routeproof_engine::cluster::CAPABILITY;
use routeproof_engine::run::{self as engine, Backing, Loaded, Options};
use routeproof_engine::rundir::KEEP;
use routeproof_model::plan::Plan;

use super::invocation::{Ended, Invocation};
use super::{diff, doctor, run, select};
use crate::args::{GuestArgs, ProfileArgs, SourceArgs};
use crate::backing::{self, ContainerArgs};
use crate::fail::{FAILED, Failure};
use crate::out;

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Scenario folders, scenario files, or names below ./scenarios
    #[arg(value_name = "SCENARIO", required = true)]
    scenarios: Vec<String>,
    /// Only runs with these axis values
    #[arg(long, value_name = "AXIS=VALUE[,VALUE]")]
    only: Vec<String>,
    /// MetalLB releases to run with instead of the scenarios' own
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    metallb: Vec<String>,
    /// With what: real speakers in embedded labs, or MetalLB on a kind cluster in containers
    #[arg(long, value_name = "REAL", default_value = "speaker")]
    with: Real,
    /// The folder of the real speakers' programs [default: cluster-programs in the cache]
    #[arg(long, env = "ROUTEPROOF_CLUSTER_PROGRAMS", value_name = "DIR")]
    cluster_programs: Option<PathBuf>,
    #[command(flatten)]
    containers: ContainerArgs,
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
    /// Show how long each step took, too
    #[arg(long)]
    times: bool,
    /// Print the differences as JSON on stdout
    #[arg(long)]
    json: bool,
}

/// What a rendered cluster is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Real {
    Speaker,
    Kind,
}

pub async fn run(args: &CompareArgs) -> Result<u8, Failure> {
    let profiles = args.profiles.load()?;
    let mut loaded = select::scenarios(&args.scenarios, &args.metallb, &args.only, &profiles)?;
    let store = run::store(&args.source, &profiles)?;
    let guest = args.guest.parse()?;
    let real = match args.with {
        Real::Speaker => Backing::Speakers(backing::programs(args.cluster_programs.as_ref(), &store)),
        Real::Kind => Backing::Containers(args.containers.settings(&store)),
    };
    engine::choose_frr(&mut loaded, &store)?;
    let plan = Loaded::plan(&loaded);
    // Half a comparison is none.
    let programs = real.programs().map(|_| CAPABILITY.to_string());
    let needs: Vec<String> = programs.into_iter().chain(backing::needs(&real, &plan)).collect();
    doctor::require(&needs, &guest, &store, real.programs()).await?;
    loaded.iter().try_for_each(|scenario| engine::check_images(scenario, &store))?;
    doctor::require_programs(&needs, real.programs(), &plan)?;
    let jobs = args.jobs.map_or_else(|| backing::parallelism(&real), NonZeroUsize::get);
    let (retries, race, keep) = (engine::RETRIES, None, None);
    let guest_of_real = backing::guest(guest.clone(), &real);
    let rendered = Options { store, jobs, retries, guest, race, keep, backing: Backing::Rendered };
    let real = Options { backing: real, guest: guest_of_real, ..rendered.clone() };
    let rendered = match once("rendered", &plan, &rendered, &args.run_dir).await? {
        Once::Compare(folder) => folder,
        Once::End(code) => return Ok(code),
    };
    let name = args.with.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
    match once(&name, &plan, &real, &args.run_dir).await? {
        Once::Compare(real) => {
            let topology_only = args.with == Real::Kind;
            diff::show(&rendered, &real, diff::Shown { times: args.times, topology_only, json: args.json })
        }
        Once::End(code) => Ok(code),
    }
}

/// How a half of the comparison ended.
enum Once {
    /// There are verdicts, green or red, in this run directory.
    Compare(PathBuf),
    /// There is nothing to compare; the exit code.
    End(u8),
}

async fn once(name: &str, plan: &Plan, options: &Options, run_dir: &Path) -> Result<Once, Failure> {
    let invocation = Invocation::begin(run_dir, KEEP)?;
    let stopped = invocation.stopped.clone();
    let outcome = engine::run(plan, &invocation.directory, options, &invocation.events, stopped).await;
    let ended = invocation.end();
    let problems = ended.write(&[]);
    outcome?;
    let Ended { directory, finished } = &ended;
    for problem in &problems {
        Failure::broken(problem).report();
    }
    Ok(match finished.exit_code(problems.is_empty()) {
        0 | FAILED => {
            out::note(format_args!("{name}: {}", directory.path().display()));
            Once::Compare(directory.path().to_path_buf())
        }
        code => {
            out::text(routeproof_engine::report::render_terminal(&ended.view()))?;
            Once::End(code)
        }
    })
}
