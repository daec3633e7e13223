//! What host and guest tell each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use routeproof_model::event::EventKind;
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::Outcome;
use serde::{Deserialize, Serialize};

use crate::keep::{Kept, Refusal, State};
use crate::preflight::Capability;
use crate::run::{Trial, Tried, Verdict};

/// The order's file in the run's folder.
pub const ORDER: &str = "guest.json";

/// What the guest is to do. Its paths are the host's; the guest sees the same files at the same places.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Paths of the run may be relative to this.
    pub current_dir: PathBuf,
    /// The run's folder, absolute; the only one that the guest may write to.
    pub folder: PathBuf,
    pub task: Task,
    /// The folder that has a folder of modules for each kernel release, if the kernel has modules.
    pub modules: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    Run {
        run: Box<PlannedRun>,
        /// Image name -> root filesystem.
        roots: BTreeMap<String, PathBuf>,
        /// Whether the lab is offered to the host if it goes wrong.
        offer: bool,
    },
    /// Break the lab of a run, and tell which expectations noticed.
    Trial { trial: Box<Trial>, roots: BTreeMap<String, PathBuf> },
    /// Keep a lab until it is told to end; clients come over the line.
    Keep { kept: Box<Kept>, roots: BTreeMap<String, PathBuf> },
    /// Tell what the kernel has.
    Probe,
}

fn needs_filters(run: &PlannedRun) -> bool {
    ["services", "nftables"].iter().any(|need| run.needs.contains(*need))
}

impl Task {
    /// What is booted, if a lab is.
    pub fn planned(&self) -> Option<&PlannedRun> {
        match self {
            Task::Run { run, .. } => Some(run),
            Task::Trial { trial, .. } => Some(&trial.planned),
            Task::Keep { kept, .. } => Some(kept.planned()),
            Task::Probe => None,
        }
    }

    /// Whether packets may have to be filtered or translated.
    pub fn needs_filters(&self) -> bool {
        match self {
            Task::Run { run, .. } => needs_filters(run),
            Task::Trial { trial, .. } => needs_filters(&trial.planned),
            // Who knows what a user tries in a lab of theirs.
            Task::Keep { .. } | Task::Probe => true,
        }
    }
}

/// Guest to host.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// The first word: `uname -r`.
    Hello {
        release: String,
    },
    Event(Box<EventKind>),
    /// Every [`BEAT`](super::worker::BEAT), so that silence means trouble.
    Alive,
    /// What the kernel has.
    Found(Vec<Capability>),
    /// It goes wrong, and its lab stands: does the host want it kept?
    Wrong(Outcome),
    /// How the run ended; `None` if it was told to stop.
    Ended(Option<Verdict>),
    /// What became of the expectations; `None` if it was told to stop.
    Tried(Option<Tried>),
    /// The lab has ended, or why there was none.
    Kept(Option<Refusal>),
}

/// Host to guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    Stop,
    /// Keep the lab that goes wrong under this name; `None`: do not.
    Keep(Option<Box<State>>),
}

/// What the keeper is to start.
#[derive(Debug, Serialize, Deserialize)]
pub struct Launch {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// The same in a root of its own, which is taken where one can be made.
    pub jailed: Option<Jailed>,
    /// An empty folder for the guest's memory and its control files.
    pub scratch: PathBuf,
    /// MiB.
    pub memory: u64,
    /// The processor that the guest is to stay on.
    pub cpu: Option<usize>,
}

/// A kernel whose tree becomes its root.
#[derive(Debug, Serialize, Deserialize)]
pub struct Jailed {
    pub tree: PathBuf,
    /// In the tree.
    pub program: PathBuf,
    pub args: Vec<String>,
}

/// Keeper to harness: how the kernel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    Exited(i32),
    /// 6 (SIGABRT) is a panic of the guest kernel.
    Signaled(i32),
    /// It could not be executed: an errno.
    NotStarted(i32),
}
