//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use routeproof_engine::guest::{Choice, DEFAULT_KERNEL, Guest, KernelSource};
use routeproof_engine::run::profiles;
use routeproof_model::metallb::Mode;
use routeproof_model::metallb::lint::Rule;
use routeproof_model::profile::Profiles;

use crate::backing::BackingArgs;
use crate::fail::Failure;

/// Proves that Kubernetes nodes learn routes over BGP: real FRR, MetalLB's configuration, judged by the kernel.
#[derive(Debug, Parser)]
#[command(name = "routeproof", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios and judge them
    Run(RunArgs),
    /// Run one scenario over its axes and show the grid
    Matrix(RunArgs),
    /// Read scenarios, topologies and manifests and say what is wrong with them, without running anything
    Check(CheckArgs),
    /// Show what would be run
    Plan(PlanArgs),
    /// Draw a topology
    Graph(crate::cmd::graph::GraphArgs),
    /// Boot a topology and keep it
    Up(crate::cmd::up::UpArgs),
    /// End a lab that `up` keeps
    Down(crate::cmd::lab::DownArgs),
    /// Run a command in a node
    Exec(crate::cmd::lab::ExecArgs),
    /// Judge what a lab that is up holds, in the words of scenario files
    Expect(crate::cmd::lab::ExpectArgs),
    /// Open a shell in a node
    Shell(crate::cmd::lab::ShellArgs),
    /// Show a node's links, addresses, neighbours, rules, routes and next-hop objects
    Inspect(crate::cmd::lab::InspectArgs),
    /// Remove what killed runs left in the run and state folders
    Sweep(crate::cmd::sweep::SweepArgs),
    /// Say what this machine can do, and what to do about what it cannot
    Doctor(crate::cmd::doctor::DoctorArgs),
    /// List, pull and remove FRR root filesystems
    Images(crate::cmd::images::ImagesArgs),
    /// Print the frr.conf that MetalLB writes for a node
    Render(crate::cmd::metallb::RenderArgs),
    /// Judge a recorded run directory again, without labs or privilege
    Replay(crate::cmd::replay::ReplayArgs),
    /// Write the present state of a lab, or the last of a recorded run, as expectations
    Record(crate::cmd::record::RecordArgs),
    /// Compare two recorded runs fact by fact: kernels, sessions, RIBs, outcomes
    Diff(crate::cmd::diff::DiffArgs),
    /// Run scenarios with routeproof's rendering and with MetalLB's real programs, and compare fact by fact
    Compare(crate::cmd::compare::CompareArgs),
    /// Judge whether a router is one to accept, requirement by requirement
    Accept(crate::cmd::accept::AcceptArgs),
    /// Show a report of an earlier run directory
    Report(crate::cmd::report::ReportArgs),
    /// List the requirements and what proves them, or print the test plan
    Requirements(crate::cmd::requirements::RequirementsArgs),
    /// Print the JSON Schema of a file that other tools read
    Schema(crate::cmd::schema::SchemaArgs),
    /// Keep a lab: `up` starts this itself
    #[command(hide = true)]
    Supervise(crate::cmd::up::SuperviseArgs),
}

/// Where root filesystems come from.
#[derive(Clone, Debug, Default, Args)]
pub struct SourceArgs {
    /// Cache folder [default: $XDG_CACHE_HOME/routeproof or ~/.cache/routeproof]
    #[arg(long, env = "ROUTEPROOF_CACHE", value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// The only Debian mirror to use
    #[arg(long, env = "ROUTEPROOF_MIRROR", value_name = "URL")]
    pub mirror: Option<String>,
    /// Never touch the network
    #[arg(long)]
    pub offline: bool,
    /// Accept a suite whose Release file has expired
    #[arg(long)]
    pub allow_expired: bool,
}

/// Routers beyond those that routeproof knows.
#[derive(Clone, Debug, Default, Args)]
pub struct ProfileArgs {
    /// A folder of routers' profiles: a folder with a profile.yaml for each
    #[arg(long, env = "ROUTEPROOF_PROFILES", value_name = "DIR")]
    pub profiles: Option<PathBuf>,
}

impl ProfileArgs {
    /// # Errors
    /// The folder cannot be read, or a profile has a mistake.
    pub fn load(&self) -> Result<Profiles, Failure> {
        Ok(profiles(self.profiles.as_deref())?)
    }
}

/// On which kernel labs are booted.
#[derive(Clone, Debug, Args)]
pub struct GuestArgs {
    /// The host's kernel, a User-Mode Linux guest's, or the host's where it has what a run needs and else a guest's
    #[arg(long, env = "ROUTEPROOF_KERNEL", value_name = "KERNEL", default_value = "auto")]
    pub kernel: Kernel,
    /// The guest's kernel: uml:6.1, uml:6.12, uml:@SUITE (Debian's package user-mode-linux), or the path of one of your own
    #[arg(long, env = "ROUTEPROOF_UML_KERNEL", value_name = "NAME|PATH", default_value = DEFAULT_KERNEL)]
    pub uml_kernel: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    Auto,
    Host,
    Uml,
}

impl GuestArgs {
    /// # Errors
    /// `--uml-kernel` names no kernel.
    pub fn parse(&self) -> Result<Guest, Failure> {
        let choice = match self.kernel {
            Kernel::Auto => Choice::Auto,
            Kernel::Host => Choice::Host,
            Kernel::Uml => Choice::Uml,
        };
        Ok(Guest { choice, kernel: KernelSource::parse(&self.uml_kernel)? })
    }
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario folders, scenario files, or names below ./scenarios [default: all of ./scenarios; for `matrix`: frr-ordering]
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Only runs with these axis values, for instance `--only frr=7.5.1 --only order=before,after`
    #[arg(long, value_name = "AXIS=VALUE[,VALUE]")]
    pub only: Vec<String>,
    /// MetalLB releases to run with instead of the scenarios' own; they are one more axis, `metallb`
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub metallb: Vec<String>,
    /// Labs at the same time [default: what fits this machine]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// How often to try a run again, alone, that the host spoilt; a run that failed is never tried again
    #[arg(long, value_name = "N", default_value_t = routeproof_engine::run::RETRIES)]
    pub retries: u32,
    /// Write a report: html=, json=, junit=, markdown= or terminal=FILE (`-` is stdout); may be given several times
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<String>,
    /// Print the result as JSON on stdout
    #[arg(long)]
    pub json: bool,
    /// Folder for run directories
    #[arg(long, value_name = "DIR", default_value = "routeproof-runs")]
    pub run_dir: PathBuf,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub profiles: ProfileArgs,
    #[command(flatten)]
    pub guest: GuestArgs,
    #[command(flatten)]
    pub backing: BackingArgs,
    /// Leave the lab of the first run that goes wrong up, as its steps left it, until `down` or ctrl-C
    #[arg(long, conflicts_with = "mutate")]
    pub keep: bool,
    #[command(flatten)]
    pub race: crate::cmd::race::RaceArgs,
    /// Do a part of the runs only, for instance the second of three: `2/3`
    #[arg(long, value_name = "K/N")]
    pub shard: Option<crate::cmd::shard::Shard>,
    /// Break the labs on purpose and show for each expectation that it can fail
    #[arg(long)]
    pub mutate: bool,
    /// Fail instead of skipping when the machine lacks one of these, for instance `namespaces,kind`
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    pub require: Vec<String>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scenario folders or files, topology files (*.clab.yml), routers' profiles, or Kubernetes manifests [default: all of ./scenarios]
    #[arg(value_name = "FILE")]
    pub files: Vec<String>,
    /// Kubernetes manifests, or folders of them, which are checked together
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub manifest: Vec<PathBuf>,
    /// The MetalLB release of the manifests [default: v0.13.10]
    #[arg(long, value_name = "VERSION")]
    pub metallb: Option<String>,
    /// How that MetalLB runs FRR [default: frr]
    #[arg(long, value_name = "MODE", value_parser = crate::cmd::metallb::mode())]
    pub mode: Option<Mode>,
    /// The FRR version of the manifests' nodes [default: that of the MetalLB release]
    #[arg(long, value_name = "VERSION")]
    pub frr: Option<String>,
    /// A lint that the manifests break on purpose; may be given several times
    #[arg(long, value_name = "LINT", value_delimiter = ',', value_parser = lints(), hide_possible_values = true)]
    pub allow: Vec<String>,
    /// Warnings count as errors
    #[arg(long)]
    pub deny_warnings: bool,
    #[command(flatten)]
    pub profiles: ProfileArgs,
    /// Print what was found as JSON on stdout
    #[arg(long)]
    pub json: bool,
    /// Print the page of a lint
    #[arg(long, value_name = "LINT", value_parser = lints(), hide_possible_values = true, exclusive = true)]
    pub explain: Option<String>,
}

/// The ids of the extras' lints; clap names the nearest.
fn lints() -> PossibleValuesParser {
    PossibleValuesParser::new(Rule::ALL.iter().map(|rule| rule.id()))
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Scenario folders, files or names, or topology files (*.clab.yml) [default: all of ./scenarios]
    #[arg(value_name = "SCENARIO|TOPOLOGY")]
    pub scenarios: Vec<String>,
    /// Only runs with these axis values
    #[arg(long, value_name = "AXIS=VALUE[,VALUE]")]
    pub only: Vec<String>,
    /// MetalLB releases to plan for instead of the scenarios' own; they are one more axis, `metallb`
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub metallb: Vec<String>,
    #[command(flatten)]
    pub profiles: ProfileArgs,
    /// Print the whole plan as JSON
    #[arg(long)]
    pub json: bool,
    /// Print the whole plan as YAML
    #[arg(long, conflicts_with = "json")]
    pub yaml: bool,
}

pub fn parse() -> Cli {
    Cli::parse()
}
