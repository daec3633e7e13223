//! `routeproof doctor`: what this machine can do.

use clap::Args;
use routeproof_engine::preflight::{self, Capability};

use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &DoctorArgs) -> Result<u8, Failure> {
    let capabilities = preflight::probe().await;
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
pub async fn require(names: &[String]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let capabilities = preflight::probe().await;
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
