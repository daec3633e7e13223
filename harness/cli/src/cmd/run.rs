//! `routeproof run` and `routeproof matrix`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use routeproof_engine::image::{self, Store};
use routeproof_engine::keep::KeepFirst;
use routeproof_engine::report::{self, ReportSpec};
use routeproof_engine::run::{self as engine, Loaded, Options};
use routeproof_engine::rundir::KEEP;
use routeproof_model::profile::Profiles;

use super::invocation::{Ended, Invocation};
use super::{mutation, race, select};
use crate::args::{RunArgs, SourceArgs};
use crate::backing::{self, Backend, ClusterKind};
use crate::fail::Failure;
use crate::out;

/// What is run when no scenario is named.
#[derive(Clone, Copy, Debug)]
pub enum Selection {
    AllScenarios,
    Ordering,
}

pub fn store(source: &SourceArgs, profiles: &Profiles) -> Result<Store, Failure> {
    let options = image::Options {
        cache_dir: source.cache_dir.clone(),
        mirror: source.mirror.clone(),
        offline: source.offline,
        allow_expired: source.allow_expired,
        routers: profiles.images().collect(),
    };
    Ok(engine::store(options)?)
}

pub async fn run(args: RunArgs, default: Selection) -> Result<u8, Failure> {
    let names = match default {
        Selection::Ordering if args.scenarios.is_empty() => vec!["frr-ordering".to_string()],
        _ => args.scenarios.clone(),
    };
    let profiles = args.profiles.load()?;
    let mut loaded = select::scenarios(&names, &args.metallb, &args.only, &profiles)?;
    if names.is_empty() {
        for name in select::leave_out_on_request(&mut loaded) {
            out::note(format_args!("{name} is left out, for it takes long: `routeproof run {name}` runs it"));
        }
    }
    if let Some(shard) = args.shard {
        shard.keep(&mut loaded);
    }
    let race = args.race.setting()?;
    if race.is_some() && args.mutate {
        return Err(Failure::input("--repeat and --mutate do not go together"));
    }
    let rendered = args.backing.backend == Backend::Embedded && args.backing.cluster == ClusterKind::Rendered;
    if args.mutate && !rendered {
        return Err(Failure::input(
            "--mutate is for embedded labs with `--cluster rendered`: it breaks what routeproof renders",
        ));
    }
    let specs = args.report.iter().map(|text| ReportSpec::parse(text)).collect::<Result<Vec<_>, _>>();
    let specs = specs.map_err(Failure::input)?;
    report::check_all(&specs).map_err(|e| Failure::input(chain(&e)))?;
    let store = store(&args.source, &profiles)?;
    let backing = args.backing.backing(&store);
    let guest = backing::guest(args.guest.parse()?, &backing);
    engine::choose_frr(&mut loaded, &store)?;
    let mut plan = Loaded::plan(&loaded);
    let required: Vec<String> = args.require.iter().cloned().chain(backing::needs(&backing, &plan)).collect();
    super::doctor::require(&required, &guest, &store, backing.programs()).await?;
    super::doctor::require_programs(&required, backing.programs(), &plan)?;
    if !backing.is_containers() {
        loaded.iter().try_for_each(|scenario| engine::check_images(scenario, &store))?;
    }
    let invocation = Invocation::begin(&args.run_dir, KEEP)?;
    invocation.announce(&loaded);
    let events = &invocation.events;
    for remark in loaded.iter().flat_map(Loaded::remarks) {
        events.warn(remark);
    }
    let jobs = args.jobs.map_or_else(|| backing::parallelism(&backing), NonZeroUsize::get);
    if let Some(setting) = &race {
        race::announce(setting);
        plan = args.race.repeated(plan, setting);
    }
    let keep = args.keep.then(|| Arc::new(KeepFirst::default()));
    let options = Options { store, jobs, retries: args.retries, guest, race, keep, backing };
    let (directory, stopped) = (&invocation.directory, invocation.stopped.clone());
    let outcome = match args.mutate {
        false => engine::run(&plan, directory, &options, events, stopped).await.map(|()| None),
        true => engine::mutate(&plan, directory, &options, events, stopped).await.map(Some),
    };
    let ended = invocation.end();
    let problems = ended.write(&specs);
    let mutated = outcome?;
    let Ended { directory, finished } = &ended;
    let code = match &mutated {
        Some(mutated) => mutation::show(mutated, &finished.result, directory, args.json)?,
        None if args.json => out::json(&finished.result).map(|()| finished.result.exit_code())?,
        None => out::text(report::render_terminal(&ended.view())).map(|()| finished.result.exit_code())?,
    };
    for problem in &problems {
        Failure::broken(problem).report();
    }
    // Green with an incomplete record is not green.
    Ok(if code == 0 { finished.exit_code(problems.is_empty()) } else { code })
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
