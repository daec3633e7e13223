//! `routeproof images`: the FRR root filesystems and guest kernels on this machine.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use routeproof_engine::containers;
use routeproof_engine::image::{
    Entry, ImageError, ImageRef, Kind, Options, Progress, PruneOptions, PullOptions, State,
};
use routeproof_engine::run::{self as engine, Loaded, RunError, store};

use super::select;
use crate::args::ProfileArgs;
use crate::backing::ContainerArgs;
use crate::fail::Failure;
use crate::out;

/// List, pull and remove FRR root filesystems
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// Cache folder [default: $XDG_CACHE_HOME/routeproof or ~/.cache/routeproof]
    #[arg(long, global = true, env = "ROUTEPROOF_CACHE", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: ImagesCommand,
}

#[derive(Debug, Subcommand)]
enum ImagesCommand {
    /// Show known and cached images
    List {
        #[command(flatten)]
        profiles: ProfileArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Get images: from Debian, or from a folder or image archive
    Pull(PullArgs),
    /// Write all container images of scenarios into one file, for machines that reach no registry
    Bundle(BundleArgs),
    /// Give the Docker engine the images of such a file
    Load {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove leftovers of killed pulls, downloads and trees that no image needs
    Prune {
        /// Remove the images too, except those in use
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct PullArgs {
    /// Images, for example frr:8.4.4, frr:@sid or the kernel uml:6.1 [default: frr:7.5.1, frr:8.4.4 and frr:10.3]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Take the FRR of this Debian suite, whatever its version
    #[arg(long, value_name = "SUITE")]
    suite: Vec<String>,
    /// Import the image from a folder, a `docker save` archive or an OCI layout
    #[arg(long, value_name = "PATH", conflicts_with = "suite", requires = "names")]
    from: Option<PathBuf>,
    /// The only Debian mirror to use
    #[arg(long, env = "ROUTEPROOF_MIRROR", value_name = "URL")]
    mirror: Option<String>,
    /// Accept a suite whose Release file has expired
    #[arg(long)]
    allow_expired: bool,
    /// Ask the mirror for a newer build although the image is cached
    #[arg(long)]
    refresh: bool,
    /// Never touch the network
    #[arg(long, conflicts_with = "refresh")]
    offline: bool,
    #[command(flatten)]
    profiles: ProfileArgs,
}

#[derive(Debug, Args)]
struct BundleArgs {
    /// Scenario folders, files, or names below ./scenarios
    #[arg(value_name = "SCENARIO", required = true)]
    scenarios: Vec<String>,
    /// The file to write: an archive as `docker save` writes it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Only runs with these axis values
    #[arg(long, value_name = "AXIS=VALUE[,VALUE]")]
    only: Vec<String>,
    /// MetalLB releases instead of the scenarios' own
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    metallb: Vec<String>,
    /// Only print the images' names
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    profiles: ProfileArgs,
    #[command(flatten)]
    containers: ContainerArgs,
}

/// Runs the command; the number is the exit code.
pub async fn run(args: ImagesArgs) -> Result<u8, Failure> {
    let cache_dir = args.cache_dir;
    match args.command {
        ImagesCommand::List { profiles, json } => list(cache_dir, &profiles, json),
        ImagesCommand::Pull(pull_args) => pull(cache_dir, pull_args).await,
        ImagesCommand::Bundle(args) => bundle(cache_dir, args).await,
        ImagesCommand::Load { file } => load(&file).await,
        ImagesCommand::Prune { all, json } => prune(cache_dir, all, json),
    }
}

fn list(cache_dir: Option<PathBuf>, profiles: &ProfileArgs, json: bool) -> Result<u8, Failure> {
    let routers = profiles.load()?.images().collect();
    let entries = store(Options { cache_dir, routers, ..Options::default() })?.list()?;
    match json {
        true => out::json(&entries)?,
        false => out::line(table(&entries))?,
    }
    Ok(0)
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["IMAGE", "STATE", "SUITE", "VERSION", "SIZE", "TREE"]);
    let dash = || "-".to_owned();
    for e in entries {
        let state = match e.state {
            State::Cached => "cached",
            State::InUse => "in use",
            State::NotCached => "not cached",
            State::Incomplete => "incomplete",
        };
        table.add_row([
            e.image.clone(),
            state.to_owned(),
            e.suite.clone().unwrap_or_else(dash),
            e.frr_version
                .clone()
                .or(e.kernel_version.clone())
                .or(e.router_version.clone())
                .unwrap_or_else(dash),
            e.size.map_or_else(dash, |s| HumanBytes(s).to_string()),
            e.tree.as_ref().map_or_else(dash, |t| t.display().to_string()),
        ]);
    }
    table
}

async fn bundle(cache_dir: Option<PathBuf>, args: BundleArgs) -> Result<u8, Failure> {
    let profiles = args.profiles.load()?;
    let mut loaded = select::scenarios(&args.scenarios, &args.metallb, &args.only, &profiles)?;
    let routers = profiles.images().collect();
    let store = store(Options { cache_dir, routers, ..Options::default() })?;
    engine::choose_frr(&mut loaded, &store)?;
    let settings = args.containers.settings(&store);
    let say = |text: String| out::note(format_args!("{text}"));
    let images = engine::container_images(&Loaded::plan(&loaded), &settings, &say).await?;
    for image in &images {
        out::line(format_args!("{image}"))?;
    }
    if args.dry_run {
        return Ok(0);
    }
    let length = containers::bundle(&images, &args.output, &say).await.map_err(RunError::from)?;
    say(format!("{}: {} images, {}", args.output.display(), images.len(), HumanBytes(length)));
    Ok(0)
}

async fn load(file: &Path) -> Result<u8, Failure> {
    for line in containers::load(file).await.map_err(RunError::from)? {
        out::line(format_args!("{line}"))?;
    }
    Ok(0)
}

async fn pull(cache_dir: Option<PathBuf>, args: PullArgs) -> Result<u8, Failure> {
    let mirror = args.mirror.filter(|m| !m.is_empty());
    let options = Options {
        cache_dir,
        mirror,
        offline: args.offline,
        allow_expired: args.allow_expired,
        routers: args.profiles.load()?.images().collect(),
    };
    let store = store(options)?;
    let mut images = args.names.iter().map(|n| store.image_any(n)).collect::<Result<Vec<_>, _>>()?;
    for suite in &args.suite {
        images.push(ImageRef::suite(suite)?);
    }
    if args.from.is_some() && images.len() != 1 {
        let reason = "--from needs exactly one NAME to import it as, for example frr:9.1.0";
        let text = args.names.join(" ");
        return Err(ImageError::Name { text, reason, suggestions: Vec::new() }.into());
    }
    if images.is_empty() {
        images = ImageRef::defaults();
    }
    let progress = progress();
    let options = PullOptions { from: args.from, refresh: args.refresh };
    let results = store.pull(&images, &options, progress.as_ref()).await;
    drop(progress);
    let mut code = 0;
    for (image, result) in results {
        match result {
            Ok(tree) => {
                let what = match image.kind() {
                    Kind::Kernel => "Linux",
                    Kind::Frr => "FRR",
                    Kind::Router => image.name().split(':').next().unwrap_or_default(),
                };
                out::line(format_args!("{image}  {what} {}  {}", tree.frr_version, tree.path.display()))?;
            }
            Err(e) => code = code.max(Failure::from(e).report()),
        }
    }
    Ok(code)
}

fn prune(cache_dir: Option<PathBuf>, all: bool, json: bool) -> Result<u8, Failure> {
    let freed = store(Options { cache_dir, ..Options::default() })?.prune(PruneOptions { all })?;
    if json {
        out::json(&freed)?;
        return Ok(0);
    }
    out::line(format_args!(
        "freed {}: {} trees, {} downloads, {} of interrupted pulls",
        HumanBytes(freed.bytes),
        freed.trees,
        freed.downloads,
        HumanBytes(freed.staging_bytes)
    ))?;
    for image in &freed.in_use {
        out::note(format_args!("{image} is in use and stays"));
    }
    Ok(0)
}

/// Bars on a terminal, one line per step otherwise; always on stderr.
pub fn progress() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() { Box::new(Bars::default()) } else { Box::new(Lines::default()) }
}

/// One bar per image, which changes with the step.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Progress for Bars {
    fn update(&self, image: &str, what: &str, done: u64, total: u64) {
        let Ok(mut bars) = self.bars.lock() else { return };
        let bar = bars.entry(image.to_owned()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::no_length());
            let style =
                ProgressStyle::with_template("{prefix:12} {bar:30} {bytes:>10}/{total_bytes:10} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(image.to_owned());
            bar
        });
        if bar.message() != what {
            bar.set_message(what.to_owned());
        }
        if total > 0 {
            bar.set_length(total);
            bar.set_position(done);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.all.clear();
    }
}

/// A line when a step begins; logs stay short.
#[derive(Default)]
struct Lines {
    steps: Mutex<HashMap<String, String>>,
}

impl Progress for Lines {
    fn update(&self, image: &str, what: &str, _done: u64, total: u64) {
        let Ok(mut steps) = self.steps.lock() else { return };
        let step = steps.entry(image.to_owned()).or_default();
        if step == what {
            return;
        }
        *step = what.to_owned();
        match total {
            0 => out::note(format_args!("{image}: {what}")),
            _ => out::note(format_args!("{image}: {what} ({})", HumanBytes(total))),
        }
    }
}
