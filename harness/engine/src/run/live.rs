//! A lab in the hands of a test: booted from a topology, then step by step in the words of scenario files.

use std::fmt;
use std::path::{Path, PathBuf};

use routeproof_model::diag::Source;
use routeproof_model::metallb::{Mode, Release};
use routeproof_model::plan::PlannedRun;
use routeproof_model::profile::Profiles;
use routeproof_model::result::{Evidence, Outcome};
use routeproof_model::scenario;

use super::api::{KEEP, TURNS, default_run_dir, record};
use super::backing::Backing;
use super::boot::{BootOptions, Booted, boot};
use super::default_frr::default_frr;
use super::error::RunError;
use super::load::plan_topology;
use super::matrix::{roots, trees};
use super::node::Node;
use super::steps::{self, Memory};
use super::turns::{Share, Turn};
use crate::event::{EventBus, Events};
use crate::guest::Place;
use crate::image::{self, Quiet};
use crate::rundir::RunDir;

/// What a lab is made of. The default is what `routeproof up` boots.
#[derive(Clone, Debug, Default)]
pub struct LabOptions {
    /// The FRR of the cluster nodes, for instance `8.4.4`; without it, that of the MetalLB release.
    pub frr: Option<String>,
    /// The MetalLB release; without it v0.13.10.
    pub metallb: Option<String>,
    /// How MetalLB runs FRR.
    pub mode: Mode,
    /// Kubernetes objects that exist before the speakers start.
    pub manifests: Vec<PathBuf>,
    pub images: image::Options,
    /// The folder in which run directories are made.
    pub run_dir: Option<PathBuf>,
}

/// A lab that lives as long as this value, and what was done with it so far.
///
/// ```no_run
/// use routeproof_engine::{LabOptions, LiveLab};
///
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// let manifests = ["peers.yaml", "extras.yaml"].map(Into::into).to_vec();
/// let options = LabOptions { frr: Some("8.4.4".into()), manifests, ..LabOptions::default() };
/// let mut lab = LiveLab::boot("topologies/two-gateways.clab.yml", &options).await?;
/// lab.step("{ expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1, gw2] } }, within: 20s }")
///     .await?
///     .assert_passed();
/// lab.step("fault: { unplug: { node: gw2, interface: eth1 } }").await?.assert_passed();
/// lab.down().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LiveLab {
    booted: Booted,
    run: PlannedRun,
    memory: Memory,
    events: Events,
    _bus: EventBus,
    directory: RunDir,
    _turn: Option<Turn>,
}

/// How a step ended.
#[derive(Clone, Debug)]
pub struct Stepped {
    /// The step in one line.
    pub name: String,
    pub outcome: Outcome,
    /// Why it did not pass, or what it found.
    pub message: Option<String>,
    pub evidence: Vec<Evidence>,
}

impl LiveLab {
    /// Boots the lab of a containerlab file. Labs are bounded as those of [`super::Scenario::run`] are.
    ///
    /// # Errors
    /// A mistake in a file, an image that cannot be had, a lab that does not come up.
    pub async fn boot(topology: impl AsRef<Path>, options: &LabOptions) -> Result<LiveLab, RunError> {
        let refused =
            |what: String| RunError::Config { node: "(cluster)".to_string(), what, hints: Vec::new() };
        let release = Release::find(options.metallb.as_deref().unwrap_or("v0.13.10"))
            .map_err(|e| refused(e.to_string()))?;
        release.check(options.mode).map_err(|e| refused(e.to_string()))?;
        let store = super::store(options.images.clone())?;
        let (frr, note) = match &options.frr {
            Some(frr) => (frr.clone(), None),
            None => default_frr(&store, release, options.mode)?,
        };
        let profiles = Profiles::embedded();
        let (run, warnings) =
            plan_topology(topology.as_ref(), &options.manifests, (release, options.mode), &frr, profiles)?;
        let trees = trees(run.images.values(), &store, &Quiet).await?;
        let directory =
            RunDir::create_keeping(&options.run_dir.clone().unwrap_or_else(default_run_dir), KEEP)
                .map_err(record)?;
        let mut bus = EventBus::new();
        bus.add_log(&directory.events()).map_err(RunError::Record)?;
        let events = bus.events();
        warnings.into_iter().chain(note).for_each(|warning| events.warn(warning));
        let turn = TURNS.take(Share::of(&run, &Place::Host)).await;
        let boot_options =
            BootOptions { folder: directory.path(), roots: &roots(&trees), tap: false, backing: &Backing::Rendered };
        let booted = boot(&run, &boot_options, &events).await?;
        Ok(LiveLab { booted, run, memory: Memory::one_by_one(), events, _bus: bus, directory, _turn: turn })
    }

    /// Does one step, written as in a scenario file: `apply`, `fault`, `expect` with `within` or `holds`, ... Paths are
    /// relative to the process's folder. Steps add up: a `convergence` measures from the last that changed something.
    ///
    /// # Errors
    /// The text is no step, or names what is not there. What befalls the step itself is its [outcome](Stepped::outcome).
    pub async fn step(&mut self, text: &str) -> Result<Stepped, RunError> {
        let step = scenario::step(&Source::new("step.yaml", text), &self.run.topology, &self.run.steps)?;
        let name = step.name.clone();
        self.run.steps.push(step);
        let done = steps::next(&mut self.booted, &self.run, &mut self.memory, &self.events).await;
        Ok(Stepped { name, outcome: done.outcome, message: done.message, evidence: done.evidence })
    }

    /// A node by its name or alias: its kernel's state ([`Node::monitor`]), its sessions and its RIB.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.booted.node(name)
    }

    /// Logs, configurations and observations.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends the lab and waits until nothing of it is left. (Dropping the value ends it, too.)
    ///
    /// # Errors
    /// The record of what was seen is incomplete.
    pub async fn down(self) -> Result<(), RunError> {
        let ended = self.booted.shutdown().await;
        ended.map_err(|e| RunError::Record(std::io::Error::other(e)))
    }
}

impl Stepped {
    /// # Panics
    /// Unless the step passed; with the reason.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.outcome == Outcome::Passed, "{self}");
    }
}

impl fmt::Display for Stepped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.outcome)?;
        self.message.as_ref().map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}
