//! `routeproof doctor`: what this machine can do.

use std::path::PathBuf;

use clap::Args;
use routeproof_engine::guest::{DEFAULT_KERNEL, KernelSource};
use routeproof_engine::image::{Options, Store};
use routeproof_engine::preflight::{self, Capability};
use routeproof_engine::run::store;

use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The guest kernel to look at: uml:6.1, uml:@SUITE, or a path
    #[arg(long, env = "ROUTEPROOF_UML_KERNEL", value_name = "NAME|PATH", default_value = DEFAULT_KERNEL)]
    uml_kernel: String,
    /// Cache folder [default: $XDG_CACHE_HOME/routeproof or ~/.cache/routeproof]
    #[arg(long, env = "ROUTEPROOF_CACHE", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

pub async fn run(args: &DoctorArgs) -> Result<u8, Failure> {
    let mut capabilities = preflight::probe().await;
    let store = store(Options { cache_dir: args.cache_dir.clone(), ..Options::default() })?;
    capabilities.push(preflight::guest(&KernelSource::parse(&args.uml_kernel)?, &store).await);
    if args.json {
        out::json(&capabilities)?;
        return Ok(0);
    }
    for Capability { name, present, detail, hints } in &capabilities {
        out::line(format_args!("{} {name:<12} {detail}", if *present { "yes" } else { "no " }))?;
        for hint in hints {
            out::line(format_args!("                 {hint}"))?;
        }
    }
    Ok(0)
}

/// Fails with exit code 5 if a required capability is missing here.
pub async fn require(names: &[String], kernel: &KernelSource, store: &Store) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let mut capabilities = preflight::probe().await;
    if names.iter().any(|name| name == preflight::GUEST) {
        capabilities.push(preflight::guest(kernel, store).await);
    }
    let known: Vec<&str> = capabilities.iter().map(|c| c.name.as_str()).collect();
    for name in names {
        let Some(found) = capabilities.iter().find(|c| c.name == *name) else {
            return Err(Failure::input(format!("--require {name}: unknown capability"))
                .hint(format!("known: {}", known.join(", "))));
        };
        if !found.present {
            let failure = Failure::missing(format!("{name} is required and missing: {}", found.detail));
            return Err(found.hints.iter().fold(failure, |failure, hint| failure.hint(hint)));
        }
    }
    Ok(())
}
