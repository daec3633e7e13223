//! `routeproof run` and `routeproof matrix`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use routeproof_engine::event::EventBus;
use routeproof_engine::image::{self, Store};
use routeproof_engine::keep::KeepFirst;
use routeproof_engine::report::{self, LiveOptions, ReportSpec, View};
use routeproof_engine::run::{self as engine, Loaded, Options};
use routeproof_engine::rundir::RunDir;
use routeproof_model::event::EventKind;
use routeproof_model::profile::Profiles;
use tokio::sync::watch;

use super::{mutation, race, select};
use crate::args::{RunArgs, SourceArgs};
use crate::fail::{Failure, INTERRUPTED};
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
    let specs = args.report.iter().map(|text| ReportSpec::parse(text)).collect::<Result<Vec<_>, _>>();
    let specs = specs.map_err(Failure::input)?;
    report::check_all(&specs).map_err(|e| Failure::input(chain(&e)))?;
    let guest = args.guest.parse()?;
    let store = store(&args.source, &profiles)?;
    super::doctor::require(&args.require, &guest, &store).await?;
    engine::choose_frr(&mut loaded, &store)?;
    loaded.iter().try_for_each(|scenario| engine::check_images(scenario, &store))?;
    let directory = RunDir::create_in(&args.run_dir)
        .map_err(|e| Failure::input(chain(&e)).hint("--run-dir names a folder that you may write to"))?;

    let mut bus = EventBus::new();
    bus.add_log(&directory.events())
        .map_err(|e| Failure::broken(format!("cannot write {}: {e}", directory.events().display())))?;
    bus.add_sink("live view", report::live_sink(LiveOptions::Auto));
    let events = bus.events();
    for remark in loaded.iter().flat_map(Loaded::remarks) {
        events.warn(remark);
    }
    let (stop, stopped) = watch::channel(false);
    let interrupt = tokio::spawn(on_interrupt(stop, events.clone()));
    let jobs = args.jobs.map_or_else(engine::parallelism, NonZeroUsize::get);
    let mut plan = Loaded::plan(&loaded);
    if let Some(setting) = &race {
        race::announce(setting);
        plan = args.race.repeated(plan, setting);
    }
    let keep = args.keep.then(|| Arc::new(KeepFirst::default()));
    let options = Options { store, jobs, retries: args.retries, guest, race, keep };
    let outcome = match args.mutate {
        false => engine::run(&plan, &directory, &options, &events, stopped).await.map(|()| None),
        true => engine::mutate(&plan, &directory, &options, &events, stopped).await.map(Some),
    };
    interrupt.abort();

    let finished = bus.finish();
    let view = View {
        result: &finished.result,
        events: &finished.log,
        directory: Some(directory.path()),
        width: report::terminal_width(),
    };
    let mut problems: Vec<String> = finished.problems.clone();
    problems.extend(report::write_run_files(&directory, &view).iter().map(|e| chain(e)));
    problems.extend(report::write_all(&specs, &view).iter().map(|e| chain(e)));
    let mutated = outcome?;
    let code = match &mutated {
        Some(mutated) => mutation::show(mutated, &finished.result, &directory, args.json)?,
        None if args.json => out::json(&finished.result).map(|()| finished.result.exit_code())?,
        None => out::text(report::render_terminal(&view)).map(|()| finished.result.exit_code())?,
    };
    for problem in &problems {
        Failure::broken(problem).report();
    }
    // Green with an incomplete record is not green.
    Ok(if code == 0 { finished.exit_code(problems.is_empty()) } else { code })
}

/// The first ctrl-C (or SIGTERM) ends the runs in order; a second one ends the process, and the kernel ends the labs.
pub async fn on_interrupt(stop: watch::Sender<bool>, events: routeproof_engine::event::Events) {
    for count in 0.. {
        if !interrupted().await {
            return;
        }
        if count > 0 {
            std::process::exit(i32::from(INTERRUPTED));
        }
        events.send(EventKind::Interrupted);
        let _ = stop.send(true);
    }
}

/// Resolves at SIGINT or SIGTERM.
pub async fn interrupted() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return false;
    };
    tokio::select! {
        got = interrupt.recv() => got.is_some(),
        got = terminate.recv() => got.is_some(),
    }
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
