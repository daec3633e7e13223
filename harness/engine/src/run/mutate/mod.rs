//! Labs that are broken on purpose: one for each phase of a run and each mutation that may break it.
//!
//! Everything must pass first, so that what fails afterwards fails by the mutation; then the lab is broken once for all
//! expectations of the phase, and each is judged. What is followed over time is broken while it is followed, in a lab of its
//! own; that everything passes first is shown by one more lab, which is not broken.

mod inject;
mod judge;
mod timed;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use routeproof_model::event::EventKind;
use routeproof_model::mutate::{self, Expectation, Fate, Mutation, Phase, Report, may_apply};
use routeproof_model::plan::{Plan, PlannedRun};
use routeproof_model::result::Outcome;
use routeproof_model::scenario::Verb;
use tokio::sync::watch;
use trial::Fates;
pub use trial::{Trial, Tried};

use super::backing::Backing;
use super::boot::BootOptions;
use super::error::RunError;
use super::matrix::{Announce, Options, finished, id, roots, stopped, trees, write_plan};
use super::steps::Verdict;
use super::turns::{Share, Turns};
use crate::event::Events;
use crate::guest::{self, Cell, Place, Seat};
use crate::image::Tree;
use crate::rundir::{RunDir, RunFolder};

/// A window of the unbroken lab need not be long: an ordinary run looks at the whole of it.
const CONTROL_WINDOW: Duration = Duration::from_secs(1);

/// The same of all mutations.
type Seen = BTreeMap<usize, BTreeMap<Mutation, Fate>>;

/// One lab and what it needs.
struct One {
    trial: Trial,
    place: Place,
    folder: RunFolder,
    trees: Arc<BTreeMap<String, Tree>>,
    events: Events,
    stop: watch::Receiver<bool>,
}

/// Breaks a lab for every run, phase and mutation of the plan and says which expectations noticed. Errors are those
/// that concern the whole invocation.
pub async fn mutate(
    plan: &Plan,
    directory: &RunDir,
    options: &Options,
    events: &Events,
    stop: watch::Receiver<bool>,
) -> Result<Report, RunError> {
    let labs: Vec<Broken> = plan.runs.iter().enumerate().flat_map(labs).collect();
    let planned = labs.iter().map(|(run, phase, mutation)| broken_run(&plan.runs[*run], phase, *mutation));
    let labs_plan = Plan { runs: planned.collect() };
    events.send(EventKind::Planned { runs: labs_plan.runs.iter().map(id).collect() });
    write_plan(&labs_plan, directory)?;

    let images = plan.runs.iter().flat_map(|run| run.images.values());
    let progress = Announce::new(events);
    let places = tokio::select! {
        places = guest::decide(&labs_plan, directory, &options.guest, &options.store, events, &progress) => places?,
        () = stopped(stop.clone()) => return Ok(Report::new(Vec::new())),
    };
    let trees = tokio::select! {
        trees = trees(images, &options.store, &progress) => Arc::new(trees?),
        () = stopped(stop.clone()) => return Ok(Report::new(Vec::new())),
    };
    let turns = Turns::new(options.jobs);
    let adapted = labs_plan.runs.iter().zip(&places).map(|(run, place)| place.adapt(run));
    let labs_plan = Plan { runs: adapted.collect() };
    write_plan(&labs_plan, directory)?;
    let mut tasks = Vec::new();
    for (index, ((planned, place), (_, phase, mutation))) in
        labs_plan.runs.iter().zip(places).zip(&labs).enumerate()
    {
        let folder =
            directory.run(index, &id(planned)).map_err(|e| RunError::Record(std::io::Error::other(e)))?;
        let one = One {
            trial: Trial { planned: planned.clone(), phase: phase.clone(), mutation: *mutation },
            place,
            folder,
            trees: trees.clone(),
            events: events.for_run(index),
            stop: stop.clone(),
        };
        tasks.push(tokio::spawn(one.in_its_turn(turns.clone())));
    }
    let ended = join_all(tasks).await.into_iter().zip(&labs).enumerate();
    let fates = ended.map(|(index, (task, (_, phase, _)))| {
        task.unwrap_or_else(|e| panicked(&events.for_run(index), phase, &e.to_string()))
    });
    let fates = fates.collect();
    Ok(gathered(plan, &labs, fates))
}

/// A lab of the run with that number: what is looked at there, and what breaks it.
type Broken = (usize, Phase, Option<Mutation>);

/// What the labs' fates say of the runs' expectations.
fn gathered(plan: &Plan, labs: &[Broken], fates: Vec<Fates>) -> Report {
    let mut seen: Vec<Seen> = vec![Seen::new(); plan.runs.len()];
    let mut untried = vec![Fates::new(); plan.runs.len()];
    for (fates, (run, _, mutation)) in fates.into_iter().zip(labs) {
        match mutation {
            None => untried[*run] = fates,
            Some(mutation) => fates.into_iter().for_each(|(step, fate)| {
                seen[*run].entry(step).or_default().insert(*mutation, fate);
            }),
        }
    }
    // That a mutation breaks what does not pass without it shows nothing.
    for (seen, untried) in seen.iter_mut().zip(untried) {
        for (step, fate) in untried {
            seen.entry(step).or_default().values_mut().for_each(|seen| *seen = fate.clone());
        }
    }
    Report::new(plan.runs.iter().zip(seen).map(|(run, seen)| reported(run, seen)).collect())
}

/// Our own bug: it must not look as if nothing had been to try.
fn panicked(events: &Events, phase: &Phase, error: &str) -> Fates {
    let why = format!("routeproof itself failed: {error}");
    let verdict = Verdict::bare(Outcome::Broken, Some(why.clone()));
    finished(events, verdict, 0, Vec::new());
    phase.expects.iter().map(|step| (*step, Fate::Untried { why: why.clone() })).collect()
}

fn labs((index, run): (usize, &PlannedRun)) -> Vec<(usize, Phase, Option<Mutation>)> {
    let verb = |step: &usize| &run.steps[*step].verb;
    let fitting = |phase: Phase| {
        let fits = |m: &Mutation| phase.expects.iter().any(|step| may_apply(*m, verb(step)));
        let fitting: Vec<Mutation> = Mutation::ALL.into_iter().filter(fits).collect();
        fitting.into_iter().map(move |mutation| (index, phase.clone(), Some(mutation)))
    };
    let phases = mutate::phases(&run.steps).into_iter();
    let (timed, states): (Vec<Vec<usize>>, Vec<Vec<usize>>) =
        phases.map(|phase| phase.expects.into_iter().partition(|step| mutate::is_timed(verb(step)))).unzip();
    let timed = timed.concat();
    let alone = timed.iter().map(|step| Phase { expects: vec![*step] });
    let of_states = states.into_iter().filter(|expects| !expects.is_empty()).map(|expects| Phase { expects });
    let mut labs: Vec<_> = of_states.chain(alone).flat_map(fitting).collect();
    if !timed.is_empty() {
        labs.push((index, Phase { expects: timed }, None));
    }
    labs
}

/// The run as far as the phase, with short windows, under a name that tells the mutation.
fn broken_run(run: &PlannedRun, phase: &Phase, mutation: Option<Mutation>) -> PlannedRun {
    let mut planned = run.clone();
    planned.steps.truncate(phase.steps());
    for step in &mut planned.steps {
        if let Verb::Holds { window, .. } = &mut step.verb {
            *window = CONTROL_WINDOW.min(*window);
        }
    }
    planned.expected.clear();
    planned.axes.push(("mutation".to_string(), mutation.map_or("none", Mutation::word).to_string()));
    planned.axes.push(("steps".to_string(), phase.steps().to_string()));
    planned
}

fn reported(run: &PlannedRun, mut seen: BTreeMap<usize, BTreeMap<Mutation, Fate>>) -> mutate::Run {
    let expects = mutate::phases(&run.steps).into_iter().flat_map(|phase| phase.expects);
    let expectations = expects
        .map(|step| Expectation::new(step, &run.steps[step].name, seen.remove(&step).unwrap_or_default()));
    let expectations = expectations.collect();
    mutate::Run { scenario: run.scenario.clone(), axes: run.axes.clone(), expectations }
}

impl One {
    async fn in_its_turn(self, turns: Turns) -> Fates {
        let seat = match &self.place {
            Place::Guest(_) => guest::seat().await,
            Place::Host | Place::Nowhere { .. } => None,
        };
        let Some(_turn) = turns.take(Share::of(&self.trial.planned, &self.place)).await else {
            return Fates::new();
        };
        let over = *self.stop.borrow();
        if over { Fates::new() } else { self.run(seat).await }
    }

    async fn run(self, seat: Option<Seat>) -> Fates {
        let start = Instant::now();
        self.events.send(EventKind::RunStarted { directory: self.folder.relative().to_path_buf() });
        let roots = roots(&self.trees);
        let tried = match &self.place {
            Place::Host => {
                let options =
                    BootOptions { folder: self.folder.path(), roots: &roots, tap: false, backing: &Backing::Rendered };
                self.trial.judge(&options, &self.events, self.stop.clone()).await
            }
            Place::Guest(kernel) => {
                let cell = Cell { kernel, seat: seat.as_ref(), folder: self.folder.path(), roots: &roots };
                let tried = cell.try_mutation(&self.trial, &self.events, self.stop.clone()).await;
                tried.unwrap_or_else(|e| Some(self.trial.untried(&e.into())))
            }
            Place::Nowhere { capability, detail } => {
                let (capability, detail) = (capability.clone(), detail.clone());
                Some(self.trial.untried(&RunError::Missing { capability, detail }))
            }
        };
        let Some(Tried { verdict, fates }) = tried else { return Fates::new() };
        let console = Some(guest::CONSOLE).filter(|_| matches!(self.place, Place::Guest(_)));
        let names = ["observations.jsonl", "nodes"].into_iter().chain(console);
        let artifacts = names.map(|name| self.folder.relative().join(name)).collect();
        finished(&self.events, verdict, start.elapsed().as_millis() as u64, artifacts);
        fates
    }
}
