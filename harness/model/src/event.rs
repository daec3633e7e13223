//! What happens during runs: one stream of values from which every report is made.
//!
//! `events.jsonl` in the run directory is this stream, one JSON object a line ([`Event::to_line`], [`read_log`]).
//! Paths in events are relative to the invocation's run directory wherever they lie inside it, so that a run
//! directory can be moved, uploaded and read elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::fact::HostHealth;
use crate::race::RaceSetting;
use crate::result::{Environment, Evidence, Outcome, Setting, StepResult};

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
    /// What the invocation runs on.
    Environment {
        environment: Environment,
    },
    /// What a run is a run of, in full: sent before it starts, also for runs that never do.
    RunSetting {
        setting: Setting,
    },
    /// How the host was, over all of a run's lab.
    RunHealth {
        health: HostHealth,
    },
    /// The runs are repeats.
    Race {
        setting: RaceSetting,
    },
    /// A repeat is left out: what it is a repeat of is decided.
    NotNeeded {
        reason: String,
    },
    /// What the runs' requirements say, by id, where a catalogue lies beside the scenarios.
    Requirements {
        texts: BTreeMap<String, String>,
    },
    /// The runs that will follow, in order.
    Planned {
        runs: Vec<RunId>,
    },
    /// A root filesystem is being obtained: progress in bytes (0 of 0 while unknown). `what` is the phase
    /// (`downloading`, `unpacking`, ...); a phase is over when `done` reaches a known `total`.
    /// All of these are kept, so a few per second are enough.
    Image {
        image: String,
        what: String,
        done: u64,
        total: u64,
    },
    /// `directory` is the run's own folder.
    RunStarted {
        directory: PathBuf,
    },
    /// The host spoilt the run's last try: what has been said of the run is void, and it starts again.
    RunAgain {
        reason: Option<String>,
        duration_ms: u64,
    },
    /// A phase of the lab's boot is done (`namespaces`, `links`, `daemons`, ...), with its duration.
    LabPhase {
        phase: String,
        duration_us: u64,
    },
    LabReady {
        duration_us: u64,
    },
    StepStarted {
        index: usize,
        name: String,
        /** How long it may take at most, in milliseconds. */
        limit_ms: Option<u64>,
    },
    /// A waiting step's latest status line ("session worker -> gw1 is Active"), sent when it changes.
    StepStatus {
        index: usize,
        status: String,
    },
    StepFinished {
        index: usize,
        step: StepResult,
    },
    /// A capability that `--require` names is missing here (`vrf`, `kind`): the invocation must not end green.
    Missing {
        capability: String,
        message: String,
    },
    /// The run's lab stays up under this name, as the run left it, until somebody ends it.
    Kept {
        lab: String,
        outcome: Outcome,
    },
    /// Something a user should know that decides nothing.
    Warning {
        message: String,
    },
    RunFinished {
        outcome: Outcome,
        duration_ms: u64,
        observed: BTreeMap<String, String>,
        reason: Option<String>,
        artifacts: Vec<PathBuf>,
        evidence: Vec<Evidence>,
    },
    /// Why the whole invocation stopped early (ctrl-C).
    Interrupted,
}

/// What a run is a run of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunId {
    pub scenario: String,
    pub requirements: Vec<String>,
    /// Axis values in the scenario's axis order.
    pub axes: Vec<(String, String)>,
    /// What the scenario expects a `diagnose` step to observe in this run, for instance `bug: present`.
    pub expected: BTreeMap<String, String>,
    /// Which repeat it is, from 1; 0 for what is not repeated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeat: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A line of an event log that is not an event.
#[derive(Debug, thiserror::Error)]
#[error("cannot read line {line} of the event log")]
pub struct LogError {
    /// Counts from 1.
    pub line: usize,
    #[source]
    pub source: serde_json::Error,
}

impl Event {
    /// The event as one line of `events.jsonl`, without the line's end. Fails when a path is not UTF-8.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// Reads an event log, also one that a crash or a full disk cut short: what can be read is returned together with
/// the lines that cannot. Nothing turns green by a lost line, because only a `run-finished` event can do that.
pub fn read_log(text: &str) -> (Vec<Event>, Vec<LogError>) {
    let mut events = Vec::new();
    let mut errors = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(event) => events.push(event),
            Err(source) => errors.push(LogError { line: index + 1, source }),
        }
    }
    (events, errors)
}
