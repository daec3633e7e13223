//! What happens during runs: one stream of values from which every report is made.
//!
//! `events.jsonl` in the run directory is this stream, one JSON object a line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::result::{Evidence, Outcome, StepResult};

/// An event with the time at which it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the invocation started.
    pub at_ms: u64,
    /// Which run it belongs to; `None` for the whole invocation. Runs are numbered from 0 in the plan's order.
    pub run: Option<usize>,
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// The runs that will follow, in order.
    Planned { runs: Vec<RunId> },
    /// A root filesystem is being obtained: progress in bytes (0 of 0 while unknown).
    Image { image: String, what: String, done: u64, total: u64 },
    RunStarted { directory: PathBuf },
    /// A phase of the lab's boot is done (`namespaces`, `links`, `daemons`, ...), with its duration.
    LabPhase { phase: String, duration_us: u64 },
    LabReady { duration_us: u64 },
    StepStarted { index: usize, name: String, /** How long it may take at most, in milliseconds. */ limit_ms: Option<u64> },
    /// A waiting step's latest status line ("session worker -> gw1 is Active"), sent when it changes.
    StepStatus { index: usize, status: String },
    StepFinished { index: usize, step: StepResult },
    /// Something a user should know that decides nothing.
    Warning { message: String },
    RunFinished { outcome: Outcome, duration_ms: u64, observed: BTreeMap<String, String>, reason: Option<String>, artifacts: Vec<PathBuf>, evidence: Vec<Evidence> },
    /// Why the whole invocation stopped early (ctrl-C).
    Interrupted,
}

/// What a run is a run of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunId {
    pub scenario: String,
    pub requirements: Vec<String>,
    /// Axis values in the scenario's axis order.
    pub axes: Vec<(String, String)>,
    /// What the scenario expects a `diagnose` step to observe in this run, for instance `bug: present`.
    pub expected: BTreeMap<String, String>,
}
