//! Labs that are broken on purpose: one for each phase of a run and each mutation that may break it.
//!
//! Everything must pass first, so that what fails afterwards fails by the mutation; then the lab is broken once for all
//! expectations of the phase, and each is judged. What is followed over time is broken while it is followed, in a lab of its
//! own; that everything passes first is shown by one more lab, which is not broken.

mod inject;
mod judge;
mod timed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use routeproof_model::event::EventKind;
use routeproof_model::mutate::{self, Expectation, Fate, Mutation, Phase, Report, applies, may_apply};
use routeproof_model::plan::{Plan, PlannedRun};
use routeproof_model::result::Outcome;
use routeproof_model::scenario::Verb;
use tokio::sync::watch;

use super::boot::{BootOptions, Booted, boot_unless};
use super::error::RunError;
use super::expect;
use super::matrix::{Announce, Options, broken, finished, id, roots, stopped, trees};
use super::steps::{self, Verdict};
use super::turns::{Share, Turns};
use crate::event::Events;
use crate::guest::Place;
use crate::image::Tree;
use crate::lab::unless_dead;
use crate::rundir::{RunDir, RunFolder};

/// A window of the unbroken lab need not be long: an ordinary run looks at the whole of it.
const CONTROL_WINDOW: Duration = Duration::from_secs(1);

/// Step -> what became of its expectation.
type Fates = BTreeMap<usize, Fate>;

/// The same of all mutations.
type Seen = BTreeMap<usize, BTreeMap<Mutation, Fate>>;

/// One lab.
struct Trial {
    /// The steps up to the phase's last expectation; the axes name the mutation.
    planned: PlannedRun,
    phase: Phase,
    /// `None`: it is left as it is, to show that what is followed over time passes there.
    mutation: Option<Mutation>,
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
    let labs: Vec<(usize, Phase, Option<Mutation>)> = plan.runs.iter().enumerate().flat_map(labs).collect();
    let planned = labs.iter().map(|(run, phase, mutation)| broken_run(&plan.runs[*run], phase, *mutation));
    let labs_plan = Plan { runs: planned.collect() };
    events.send(EventKind::Planned { runs: labs_plan.runs.iter().map(id).collect() });
    let written = serde_json::to_vec_pretty(&labs_plan).map_err(std::io::Error::from);
    written.and_then(|json| std::fs::write(directory.plan(), json)).map_err(RunError::Record)?;

    let images = plan.runs.iter().flat_map(|run| run.images.values());
    let progress = Announce::new(events);
    let trees = tokio::select! {
        trees = trees(images, &options.store, &progress) => Arc::new(trees?),
        () = stopped(stop.clone()) => return Ok(Report::new(Vec::new())),
    };
    let turns = Turns::new(options.jobs);
    let mut tasks = Vec::new();
    for (index, (planned, (_, phase, mutation))) in labs_plan.runs.iter().zip(&labs).enumerate() {
        let folder =
            directory.run(index, &id(planned)).map_err(|e| RunError::Record(std::io::Error::other(e)))?;
        let trial = Trial {
            planned: planned.clone(),
            phase: phase.clone(),
            mutation: *mutation,
            folder,
            trees: trees.clone(),
            events: events.for_run(index),
            stop: stop.clone(),
        };
        tasks.push(tokio::spawn(trial.in_its_turn(turns.clone())));
    }
    let mut seen: Vec<Seen> = vec![Seen::new(); plan.runs.len()];
    let mut untried = vec![Fates::new(); plan.runs.len()];
    for ((task, (run, phase, mutation)), index) in join_all(tasks).await.into_iter().zip(&labs).zip(0..) {
        let fates = task.unwrap_or_else(|e| panicked(&events.for_run(index), phase, &e.to_string()));
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
    Ok(Report::new(plan.runs.iter().zip(seen).map(|(run, seen)| reported(run, seen)).collect()))
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

impl Trial {
    async fn in_its_turn(self, turns: Turns) -> Fates {
        let Some(_turn) = turns.take(Share::of(&self.planned, &Place::Host)).await else {
            return Fates::new();
        };
        let over = *self.stop.borrow();
        if over { Fates::new() } else { self.run().await }
    }

    async fn run(self) -> Fates {
        let start = Instant::now();
        self.events.send(EventKind::RunStarted { directory: self.folder.relative().to_path_buf() });
        let options = BootOptions { folder: self.folder.path(), roots: &roots(&self.trees), tap: false };
        let stop = || stopped(self.stop.clone());
        let tried = match boot_unless(stop(), &self.planned, &options, &self.events).await {
            Ok(None) => None,
            Ok(Some(mut booted)) => {
                let died = booted.lab.died();
                let tried = async {
                    tokio::select! {
                        tried = self.try_on(&mut booted) => Ok(Some(tried)),
                        () = stop() => Ok(None),
                    }
                };
                let tried = unless_dead(died, tried)
                    .await
                    .unwrap_or_else(|death| Ok::<_, RunError>(Some(self.untried(broken(&death.into())))));
                if let Err(e) = booted.shutdown().await {
                    self.events.warn(format!("{}: observations are incomplete: {e}", self.planned.slug()));
                }
                tried.unwrap_or_else(|e| Some(self.untried(broken(&e))))
            }
            Err(e) => Some(self.untried(broken(&e))),
        };
        let Some((verdict, fates)) = tried else { return Fates::new() };
        let artifacts =
            ["observations.jsonl", "nodes"].map(|name| self.folder.relative().join(name)).to_vec();
        finished(&self.events, verdict, start.elapsed().as_millis() as u64, artifacts);
        fates
    }

    fn untried(&self, verdict: Verdict) -> (Verdict, Fates) {
        let why = verdict.reason.clone().unwrap_or_default();
        let may = |step: &&usize| {
            self.mutation.is_none_or(|mutation| may_apply(mutation, &self.planned.steps[**step].verb))
        };
        let fate = |step: &usize| (*step, Fate::Untried { why: why.clone() });
        let fates = self.phase.expects.iter().filter(may).map(fate).collect();
        (verdict, fates)
    }

    /// The control, the mutation, the fates.
    async fn try_on(&self, booted: &mut Booted) -> (Verdict, Fates) {
        if let (Some(mutation), [step]) = (self.mutation, self.phase.expects.as_slice())
            && mutate::is_timed(&self.planned.steps[*step].verb)
        {
            return self.try_over_time(booted, mutation, *step).await;
        }
        let control = steps::control(booted, &self.planned, &self.events).await;
        if control.outcome != Outcome::Passed {
            return self.not_passed(control);
        }
        let Some(mutation) = self.mutation else { return (control, Fates::new()) };
        let chosen = match self.chosen(booted, mutation) {
            Ok(chosen) => chosen,
            Err(e) => return self.untried(broken(&e)),
        };
        let verbs: Vec<&Verb> = chosen.iter().map(|step| &self.planned.steps[*step].verb).collect();
        if verbs.is_empty() {
            return (control, Fates::new());
        }
        if let Err(e) = inject::inject(booted, &self.planned, mutation, &verbs).await {
            return self.untried(broken(&e));
        }
        let fates = join_all(verbs.iter().map(|verb| judge::fate(booted, verb))).await;
        (control, chosen.into_iter().zip(fates).collect())
    }

    async fn try_over_time(&self, booted: &mut Booted, mutation: Mutation, step: usize) -> (Verdict, Fates) {
        match timed::fate(booted, &self.planned, step, mutation, &self.events).await {
            Err(e) => self.untried(broken(&e)),
            Ok((control, _)) if control.outcome != Outcome::Passed => self.not_passed(control),
            Ok((control, fate)) => (control, fate.into_iter().map(|fate| (step, fate)).collect()),
        }
    }

    fn not_passed(&self, control: Verdict) -> (Verdict, Fates) {
        let reason = control.reason.unwrap_or_default();
        let reason = Some(format!("not everything passes before the mutation: {reason}"));
        self.untried(Verdict { outcome: Outcome::Inconclusive, reason, ..control })
    }

    /// The steps of the phase whose expectation the mutation ought to break in this lab.
    fn chosen(&self, booted: &Booted, mutation: Mutation) -> Result<Vec<usize>, RunError> {
        if mutation == Mutation::DropExtras && !booted.cluster.has_extras() {
            return Ok(Vec::new());
        }
        let mut chosen = Vec::new();
        for step in &self.phase.expects {
            let verb = &self.planned.steps[*step].verb;
            let Some((expect, _)) = mutate::expectation(verb) else { continue };
            let node = expect::node(booted, expect.node())?;
            if node.monitor.with_state(|kernel| applies(mutation, verb, kernel)) {
                chosen.push(*step);
            }
        }
        Ok(chosen)
    }
}
