//! `routeproof doctor`: what this machine can do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use routeproof_engine::cluster::{CAPABILITY, Programs};
use routeproof_engine::guest::{Choice, DEFAULT_KERNEL, Guest, KernelSource};
use routeproof_engine::image::{Options, Store};
use routeproof_engine::preflight::{self, Capability};
use routeproof_engine::run::store;
use routeproof_model::metallb::Release;
use routeproof_model::plan::Plan;

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
    capabilities.push(preflight::cluster_programs(&Programs::in_cache(store.cache_dir())));
    if args.json {
        out::json(&capabilities)?;
        return Ok(0);
    }
    for Capability { name, present, detail, hints } in &capabilities {
        out::line(format_args!("{} {name:<16} {detail}", if *present { "yes" } else { "no " }))?;
        for hint in hints {
            out::line(format_args!("                     {hint}"))?;
        }
    }
    Ok(0)
}

/// Fails with exit code 5 if a required capability is missing on the kernel that runs would be done on.
pub async fn require(
    names: &[String],
    guest: &Guest,
    store: &Store,
    programs: Option<&Programs>,
) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let mut capabilities = preflight::probe().await;
    let in_cache = || Programs::in_cache(store.cache_dir());
    capabilities.push(preflight::cluster_programs(&programs.cloned().unwrap_or_else(in_cache)));
    let known = capabilities.iter().map(|c| c.name.as_str());
    let known: Vec<&str> = known.chain([preflight::GUEST]).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::input(format!("--require {name}: unknown capability"))
            .hint(format!("known: {}", known.join(", "))));
    }
    if names.iter().any(|name| name == preflight::GUEST) {
        capabilities.push(preflight::guest(&guest.kernel, store).await);
    }
    let lacking = capabilities.iter().any(|c| !c.present && names.contains(&c.name));
    match guest.choice {
        Choice::Uml => {
            replace(&mut capabilities, preflight::in_a_guest(&guest.kernel, store).await?, |_| true)
        }
        // Without one, it is the host that lacks something.
        Choice::Auto if lacking => {
            let found = preflight::in_a_guest(&guest.kernel, store).await.unwrap_or_default();
            replace(&mut capabilities, found, |old| !old.present);
        }
        Choice::Auto | Choice::Host | Choice::HostOnly => {}
    }
    let Some(found) = capabilities.iter().find(|c| !c.present && names.contains(&c.name)) else {
        return Ok(());
    };
    let failure = Failure::missing(format!("{} is required and missing: {}", found.name, found.detail));
    Err(found.hints.iter().fold(failure, |failure, hint| failure.hint(hint)))
}

/// The same of the programs of each release and mode that is planned: there may be those of others only.
pub fn require_programs(names: &[String], programs: Option<&Programs>, plan: &Plan) -> Result<(), Failure> {
    let required = names.iter().any(|name| name == CAPABILITY);
    let Some(programs) = programs.filter(|_| required) else { return Ok(()) };
    let planned: BTreeMap<_, _> = plan
        .runs
        .iter()
        .map(|run| ((run.metallb.version.as_str(), run.metallb.mode.name()), run.metallb.mode))
        .collect();
    for ((version, _), mode) in planned {
        let release = Release::find(version).map_err(Failure::input)?;
        programs.open(release, mode).map_err(|missing| {
            Failure::missing(format!("{CAPABILITY} is required and missing: {missing}"))
        })?;
    }
    Ok(())
}

/// Takes the guest's answer instead of the host's, where it is there and `wanted`.
fn replace(capabilities: &mut [Capability], guest: Vec<Capability>, wanted: impl Fn(&Capability) -> bool) {
    for of_guest in guest {
        if let Some(old) = capabilities.iter_mut().find(|old| old.name == of_guest.name && wanted(old)) {
            *old = of_guest;
        }
    }
}
