//! Many runs side by side: images first, then a bounded number of labs at once, each judged on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use routeproof_model::event::{EventKind, RunId};
use routeproof_model::plan::{Plan, PlannedRun};
use routeproof_model::profile::{Beyond, Stand, beyond};
use routeproof_model::race::RaceSetting;
use routeproof_model::result::Outcome;
use tokio::sync::watch;

use super::backing::Backing;
use super::boot::BootOptions;
use super::error::RunError;
use super::one::{Judged, judge_run};
use super::provenance;
use super::race::Tallies;
use super::steps::Verdict;
use super::turns::{Share, Turn, Turns};
use crate::cluster::CAPABILITY;
use crate::event::Events;
use crate::guest::{self, Cell, Guest, Place, Seat};
use crate::image::{Progress, Store, Tree};
use crate::keep::{KeepFirst, Keeper};
use crate::rundir::{RunDir, RunFolder};

/// How an invocation does its runs.
#[derive(Clone, Debug)]
pub struct Options {
    pub store: Store,
    /// Labs at the same time; [`parallelism`] knows a sensible number.
    pub jobs: usize,
    /// How often a run is tried again, alone, that the host spoilt. A run that failed is never tried again.
    pub retries: u32,
    pub guest: Guest,
    /// The plan's runs are repeats; what is to be known of them.
    pub race: Option<RaceSetting>,
    /// The lab of the first run that goes wrong stays up.
    pub keep: Option<Arc<KeepFirst>>,
    pub backing: Backing,
}

/// Tries after the first that users get who do not say another number.
pub const RETRIES: u32 = 2;

/// Processors that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Labs that this machine carries at once: most of a lab's time is FRR's timers, so several share a processor, until a
/// reload (Python, half a second of it) waits for others. A lab takes 100 to 200 MB.
pub fn parallelism() -> usize {
    (cores() * 6).min(by_memory(256)).max(1)
}

/// The same of labs with a control plane each, which starts with some seconds of a processor and takes a GB.
pub fn parallelism_with_programs() -> usize {
    cores().min(by_memory(1024)).max(1)
}

/// The same of labs with a whole cluster each.
pub fn parallelism_in_containers() -> usize {
    (cores() / 2).min(by_memory(4096)).max(1)
}

/// Labs that fit into the memory if each takes so many MiB.
fn by_memory(each: usize) -> usize {
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.split_whitespace().next()?.parse::<usize>().ok()
    });
    memory.map_or(cores(), |kib| kib / (each * 1024))
}

/// Does every run of the plan and sends what happens to `events`. Errors are those that concern the whole invocation;
/// what befalls one run is that run's outcome. `stop` becoming true ends everything early, labs included.
pub async fn run(
    plan: &Plan,
    directory: &RunDir,
    options: &Options,
    events: &Events,
    stop: watch::Receiver<bool>,
) -> Result<(), RunError> {
    run_in(Turns::new(options.jobs), plan, directory, options, events, stop).await
}

/// [`run`], with other invocations that share the `turns`.
pub(super) async fn run_in(
    turns: Turns,
    plan: &Plan,
    directory: &RunDir,
    options: &Options,
    events: &Events,
    stop: watch::Receiver<bool>,
) -> Result<(), RunError> {
    let ids: Vec<RunId> = plan.runs.iter().map(id).collect();
    events.send(EventKind::Environment { environment: provenance::environment() });
    if let Some(setting) = &options.race {
        events.send(EventKind::Race { setting: setting.clone() });
    }
    let tallies = Arc::new(Tallies::new(options.race.clone()));
    events.send(EventKind::Planned { runs: ids.clone() });
    write_plan(plan, directory)?;
    provenance::draw(plan, directory);

    let progress = Announce::new(events);
    let places_of_runs = tokio::select! {
        decided = guest::decide(plan, directory, &options.guest, &options.store, events, &progress) => decided?,
        () = stopped(stop.clone()) => return Ok(()),
    };
    for (index, (run, place)) in plan.runs.iter().zip(&places_of_runs).enumerate() {
        events
            .for_run(index)
            .send(EventKind::RunSetting { setting: provenance::setting(run, place, &options.backing) });
    }
    // What is skipped needs no image, which may not even be ours to get.
    let embedded =
        |run: &&PlannedRun| !options.backing.is_containers() && beyond(run, Stand::Namespaces).is_none();
    let images = plan.runs.iter().filter(embedded).flat_map(|run| run.images.values());
    let trees = tokio::select! {
        trees = trees(images, &options.store, &progress) => Arc::new(trees?),
        () = stopped(stop.clone()) => return Ok(()),
    };
    // As it is done: replay judges by the same limits.
    let adapted =
        plan.runs.iter().zip(&places_of_runs).map(|(run, at)| match options.backing.is_containers() {
            true => run.clone().with_patience(CONTAINERS),
            false => at.adapt(run),
        });
    let plan = Plan { runs: adapted.collect() };
    write_plan(&plan, directory)?;
    let mut tasks = Vec::new();
    // Whoever wants much of the host comes last: then they are among themselves.
    let mut order: Vec<_> = plan.runs.iter().zip(places_of_runs).enumerate().collect();
    order.sort_by_key(|(_, (run, place))| Share::of(run, place));
    for (index, (planned, place)) in order {
        let share = Share::of(planned, &place);
        // In this order: a task that waited for its turn by itself would come in any.
        let turn = tokio::select! {
            turn = turns.take(share) => turn,
            () = stopped(stop.clone()) => None,
        };
        let Some(turn) = turn else { break };
        let folder =
            directory.run(index, &ids[index]).map_err(|e| RunError::Record(std::io::Error::other(e)))?;
        let one = One {
            planned: planned.clone(),
            folder,
            place,
            trees: trees.clone(),
            events: events.for_run(index),
            stop: stop.clone(),
            tallies: tallies.clone(),
            keep: options.keep.clone(),
            backing: options.backing.clone(),
        };
        tasks.push((index, tokio::spawn(one.in_its_turn(turn, turns.clone(), options.retries))));
    }
    for (index, task) in tasks {
        if let Err(e) = task.await {
            // Our own bug: the run must not look as if it had never been.
            let reason = Some(format!("routeproof itself failed: {e}"));
            let verdict = Verdict::bare(Outcome::Broken, reason);
            finished(&events.for_run(index), verdict, 0, Vec::new());
        }
    }
    Ok(())
}

pub(super) fn write_plan(plan: &Plan, directory: &RunDir) -> Result<(), RunError> {
    let written = serde_json::to_vec_pretty(plan).map_err(std::io::Error::from);
    written.and_then(|json| std::fs::write(directory.plan(), json)).map_err(RunError::Record)
}

pub(super) fn id(run: &PlannedRun) -> RunId {
    RunId {
        scenario: run.scenario.clone(),
        requirements: run.requirements.clone(),
        axes: run.axes.clone(),
        expected: run.expected.clone(),
        repeat: run.repeat,
    }
}

pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone will never say stop.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Root filesystems by their names, as topologies write them; those that are not cached are pulled.
pub async fn trees(
    images: impl IntoIterator<Item = &String>,
    store: &Store,
    progress: &dyn Progress,
) -> Result<BTreeMap<String, Tree>, RunError> {
    let names: BTreeSet<&String> = images.into_iter().collect();
    let get = async |name: &String| {
        let image = store.image(name)?;
        Ok::<_, RunError>((name.clone(), store.tree(&image, progress).await?))
    };
    Ok(try_join_all(names.into_iter().map(get)).await?.into_iter().collect())
}

/// Where the trees are, for [`BootOptions::roots`].
pub fn roots(trees: &BTreeMap<String, Tree>) -> BTreeMap<String, PathBuf> {
    trees.iter().map(|(name, tree)| (name.clone(), tree.path.clone())).collect()
}

/// Passes a pull's progress on, at a rate that a log can bear.
pub(super) struct Announce {
    events: Events,
    /// Per image: the step that was passed on last, and when.
    passed: Mutex<BTreeMap<String, (String, Instant)>>,
}

impl Announce {
    pub(super) fn new(events: &Events) -> Announce {
        Announce { events: events.clone(), passed: Mutex::default() }
    }

    const EVERY: Duration = Duration::from_millis(200);

    fn is_news(&self, image: &str, what: &str, complete: bool) -> bool {
        let Ok(mut passed) = self.passed.lock() else { return true };
        match passed.get(image) {
            Some((step, since)) if step == what && !complete && since.elapsed() < Self::EVERY => false,
            _ => {
                passed.insert(image.to_string(), (what.to_string(), Instant::now()));
                true
            }
        }
    }
}

impl Progress for Announce {
    fn update(&self, image: &str, what: &str, done: u64, total: u64) {
        if self.is_news(image, what, total > 0 && done >= total) {
            let (image, what) = (image.to_string(), what.to_string());
            self.events.send(EventKind::Image { image, what, done, total });
        }
    }
}

/// By what `within` is multiplied in containers: a cluster's programs do many things at once there.
const CONTAINERS: u32 = 3;

/// A guest kernel has the host's files, but no way yet to hand programs into its labs.
const IN_A_GUEST: &str = "a guest kernel's labs have no control plane yet: `--cluster rendered` runs there";

/// One run and what it needs.
struct One {
    planned: PlannedRun,
    folder: RunFolder,
    place: Place,
    trees: Arc<BTreeMap<String, Tree>>,
    events: Events,
    stop: watch::Receiver<bool>,
    tallies: Arc<Tallies>,
    keep: Option<Arc<KeepFirst>>,
    backing: Backing,
}

impl One {
    async fn in_its_turn(mut self, mut turn: Turn, turns: Turns, retries: u32) {
        let first = self.folder.clone();
        // What is made of the host on purpose spoils nothing: the next try would get the same.
        let retries =
            if self.planned.perturbation.as_ref().is_some_and(|p| p.load > 0) { 0 } else { retries };
        for number in 1.. {
            let seat = match &self.place {
                Place::Guest(_) => guest::seat().await,
                Place::Host | Place::Nowhere { .. } => None,
            };
            if *self.stop.borrow() {
                return;
            }
            if let Some(reason) = self.tallies.not_needed(&self.planned) {
                return self.events.send(EventKind::NotNeeded { reason });
            }
            let start = Instant::now();
            // An interrupted run has no verdict: its start without an end says so.
            let Some(Judged { verdict, kept }) = self.run(seat).await else { return };
            let duration_ms = start.elapsed().saturating_sub(kept).as_millis() as u64;
            if verdict.by_host && number <= retries {
                match first.again(number + 1) {
                    Ok(folder) => {
                        self.events.send(EventKind::RunAgain { reason: verdict.reason, duration_ms });
                        self.folder = folder;
                        // Two that kept theirs while they wait for the whole host would wait for ever.
                        drop(turn);
                        turn = match turns.take(Share::Host).await {
                            Some(turn) => turn,
                            None => return,
                        };
                        continue;
                    }
                    Err(e) => self.events.warn(format!("{}: not tried again: {e}", self.planned.slug())),
                }
            }
            self.tallies.count(&self.planned, verdict.outcome);
            let console = Some(guest::CONSOLE).filter(|_| matches!(self.place, Place::Guest(_)));
            let names = ["observations.jsonl", "nodes"].into_iter().chain(console);
            let artifacts = names.map(|name| self.folder.relative().join(name)).collect();
            return finished(&self.events, verdict, duration_ms, artifacts);
        }
    }

    async fn run(&self, seat: Option<Seat>) -> Option<Judged> {
        self.events.send(EventKind::RunStarted { directory: self.folder.relative().to_path_buf() });
        if let Some(Beyond { capability, detail }) = beyond(&self.planned, self.backing.stand()) {
            return Some(broken(&RunError::Missing { capability, detail }).into());
        }
        let (planned, roots) = (&self.planned, roots(&self.trees));
        let verdict = match &self.place {
            Place::Host => {
                let backing = &self.backing;
                let options = BootOptions { folder: self.folder.path(), roots: &roots, tap: false, backing };
                let keeper = self.keep.as_deref().map_or(Keeper::Nobody, Keeper::Here);
                return judge_run(planned, &options, &self.events, self.stop.clone(), keeper).await;
            }
            Place::Guest(_) if self.backing.programs().is_some() => {
                let (capability, detail) = (CAPABILITY.to_string(), IN_A_GUEST.to_string());
                Some(broken(&RunError::Missing { capability, detail }))
            }
            Place::Guest(kernel) => {
                let cell = Cell { kernel, seat: seat.as_ref(), folder: self.folder.path(), roots: &roots };
                let done = cell.run(planned, &self.events, self.stop.clone(), self.keep.as_deref()).await;
                return done.unwrap_or_else(|e| Some(broken(&e.into()).into()));
            }
            Place::Nowhere { capability, detail } => {
                let (capability, detail) = (capability.clone(), detail.clone());
                Some(broken(&RunError::Missing { capability, detail }))
            }
        };
        verdict.map(Judged::from)
    }
}

pub(super) fn broken(error: &RunError) -> Verdict {
    Verdict::without_steps(error)
}

pub(super) fn finished(events: &Events, verdict: Verdict, duration_ms: u64, artifacts: Vec<PathBuf>) {
    let Verdict { outcome, reason, observed, by_host: _ } = verdict;
    events.send(EventKind::RunFinished {
        outcome,
        duration_ms,
        observed,
        reason,
        artifacts,
        evidence: Vec::new(),
    });
}
