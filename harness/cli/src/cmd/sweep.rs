//! `routeproof sweep`: what killed runs and labs left.

use std::path::PathBuf;

use clap::Args;
use indicatif::HumanBytes;
use routeproof_engine::containers;
use routeproof_engine::image::Options;
use routeproof_engine::keep::{self, Swept};
use routeproof_engine::preflight;
use routeproof_engine::run::{self, RunError};
use serde::Serialize;

use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Folder of run directories
    #[arg(long, value_name = "DIR", default_value = "routeproof-runs")]
    run_dir: PathBuf,
    /// Cache folder [default: $XDG_CACHE_HOME/routeproof or ~/.cache/routeproof]
    #[arg(long, env = "ROUTEPROOF_CACHE", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Output {
    schema: &'static str,
    dry_run: bool,
    removed: Swept,
    /// Of labs in containers.
    containers: Vec<String>,
    /// Of killed pulls, in the image cache.
    cache_bytes: u64,
}

pub async fn run(args: &SweepArgs) -> Result<u8, Failure> {
    let removed = keep::sweep(&args.run_dir, args.dry_run)?;
    let store = run::store(Options { cache_dir: args.cache_dir.clone(), ..Options::default() })?;
    let cache_bytes = store.sweep(args.dry_run)?;
    // Without an engine there are no containers.
    let containers = match preflight::docker().await.present {
        true => containers::sweep(args.dry_run).await.map_err(RunError::from)?,
        false => Vec::new(),
    };
    let (schema, dry_run) = ("routeproof/sweep/v1", args.dry_run);
    let output = Output { schema, dry_run, removed, containers, cache_bytes };
    match args.json {
        true => out::json(&output)?,
        false => out::text(text(&output))?,
    }
    Ok(0)
}

fn text(output: &Output) -> String {
    let verb = if output.dry_run { "would remove" } else { "removed" };
    let labs = output
        .removed
        .labs
        .iter()
        .map(|name| format!("{verb} the state folder of lab {name}, which is dead\n"));
    let starts = output.removed.starts.iter().map(|path| format!("{verb} {}\n", path.display()));
    let points = output
        .removed
        .mount_points
        .iter()
        .map(|path| format!("{verb} the empty folder {}\n", path.display()));
    let containers = output
        .containers
        .iter()
        .map(|name| format!("{verb} {name} from the Docker engine: its process is gone\n"));
    let mut lines: String = labs.chain(starts).chain(points).chain(containers).collect();
    if output.cache_bytes > 0 {
        lines
            .push_str(&format!("{verb} {} of killed pulls from the cache\n", HumanBytes(output.cache_bytes)));
    }
    if lines.is_empty() { "nothing to sweep\n".to_string() } else { lines }
}
