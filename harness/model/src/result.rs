//! The result of runs: the stable, public JSON of `--report json=FILE` (schema `routeproof/result/v1`).
//!
//! [`fold`](fold()) makes it from the event log, [`Grid`] arranges a matrix, [`first_good`] names the first version
//! without the bug.

mod fold;
mod grid;
mod provenance;
mod requirements;
mod schema;
mod version;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fact::HostHealth;
use crate::race::{Race, RaceVerdict};

pub use fold::fold;
pub use grid::{Cell, FirstGood, Grid, Row, cell_text, describe_first_good, first_good, is_surprising};
pub use provenance::{Environment, Setting};
pub use requirements::{RequirementCell, RequirementGrid, RequirementRow};
pub use schema::schema;
pub use version::compare_versions;

pub const SCHEMA: &str = "routeproof/result/v1";

/// How a step, a run or a whole invocation ended. The order is that of severity, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    /// Did not run; what is missing is said.
    Skipped,
    /// The lab or the host spoilt the measurement.
    Inconclusive,
    /// The lab did not come up, or a configuration was not taken.
    Broken,
    /// An expectation did not hold.
    Failed,
}

impl Outcome {
    /// The word used in every output, the same as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Skipped => "skipped",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Broken => "broken",
            Outcome::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One thing that was seen and bears on a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What it is: `session`, `running-config`, `route-refresh-sent`, `kernel-route`, ...
    pub what: String,
    pub node: Option<String>,
    /// The fact itself, as data.
    pub value: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    pub name: String,
    pub outcome: Outcome,
    pub duration_ms: u64,
    /// Why it is not `passed`, or what it found; one line.
    pub message: Option<String>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    pub scenario: String,
    pub requirements: Vec<String>,
    /// Axis values by name; [`ResultFile::scenarios`] has the order of the axes.
    pub axes: BTreeMap<String, String>,
    /// Which repeat it is, from 1; 0 for what is not repeated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeat: u32,
    pub outcome: Outcome,
    pub duration_ms: u64,
    /// Why the outcome is not `passed`; one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What `diagnose` steps concluded, for instance `{"bug": "present"}`.
    pub observed: BTreeMap<String, String>,
    /// What the scenario expected them to conclude.
    pub expected: BTreeMap<String, String>,
    pub steps: Vec<StepResult>,
    /// What bears on the run as a whole, rather than on one step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// The run's own folder, relative to the invocation's run directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Files to look at, relative to the invocation's run directory.
    pub artifacts: Vec<PathBuf>,
    /// Tries before this one, which the host spoilt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoilt: Vec<SpoiltTry>,
    /// What it was a run of; results of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// How the host was from the lab's boot to its end; none for a lab that did not come up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HostHealth>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A try of a run that was inconclusive because of the host, so that the run was tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpoiltTry {
    pub reason: Option<String>,
    pub duration_ms: u64,
    /// Its folder, relative to the invocation's run directory.
    pub directory: Option<PathBuf>,
}

/// A dimension of a scenario's matrix with the values that were planned, in the scenario's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Axis {
    pub name: String,
    pub values: Vec<String>,
}

/// The order of a scenario's axes: the first one makes a grid's columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioAxes {
    pub name: String,
    pub axes: Vec<Axis>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub passed: usize,
    pub failed: usize,
    pub inconclusive: usize,
    pub broken: usize,
    pub skipped: usize,
    /// Wall time of the whole invocation, in milliseconds.
    pub duration_ms: u64,
    /// The user stopped the invocation.
    #[serde(default)]
    pub interrupted: bool,
    /// Capabilities that were required (`--require`) and are missing.
    #[serde(default)]
    pub missing: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultFile {
    pub schema: String,
    pub summary: Summary,
    #[serde(default)]
    pub scenarios: Vec<ScenarioAxes>,
    /// What the runs' requirements say, by id, where a catalogue lay beside the scenarios.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requirements: BTreeMap<String, String>,
    pub runs: Vec<RunResult>,
    /// What it ran on; results of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// How often repeats failed, in race mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<Race>,
    /// What a user should know that decides nothing.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl ResultFile {
    /// The process's exit code. The most telling reason wins:
    ///
    /// | code | when |
    /// |---|---|
    /// | 130 | interrupted, whatever else happened |
    /// | 1 | an expectation failed |
    /// | 5 | a required capability is missing |
    /// | 3 | a run is broken or inconclusive |
    /// | 4 | nothing ran: no runs, or all were skipped |
    /// | 0 | at least one run passed, and the others passed or were skipped |
    ///
    /// Where repeats are to prove a claim, it decides: 1 when it is refuted, 3 when it is not decided, 0 when it holds,
    /// whatever became of single repeats.
    ///
    /// Bad input (2) never gets as far as a result.
    pub fn exit_code(&self) -> u8 {
        let has = |outcome| self.runs.iter().any(|run| run.outcome == outcome);
        if let Some(race) = self.race.as_ref().filter(|race| race.setting.claim.is_some()) {
            return self.claims_exit_code(race);
        }
        if self.summary.interrupted {
            130
        } else if has(Outcome::Failed) {
            1
        } else if !self.summary.missing.is_empty() {
            5
        } else if has(Outcome::Broken) || has(Outcome::Inconclusive) {
            3
        } else if !has(Outcome::Passed) {
            4
        } else {
            0
        }
    }

    fn claims_exit_code(&self, race: &Race) -> u8 {
        let is = |verdict| race.groups.iter().any(|group| group.verdict == verdict);
        if self.summary.interrupted {
            130
        } else if is(RaceVerdict::ClaimRefuted) {
            1
        } else if !self.summary.missing.is_empty() {
            5
        } else if race.groups.is_empty() || self.runs.iter().all(|run| run.outcome == Outcome::Skipped) {
            4
        } else if race.groups.iter().all(|group| group.verdict == RaceVerdict::ClaimHolds) {
            0
        } else {
            3
        }
    }

    /// The worst of its runs' outcomes; `skipped` where there are none.
    pub fn worst(&self) -> Outcome {
        self.runs.iter().map(|run| run.outcome).max().unwrap_or(Outcome::Skipped)
    }

    /// The runs of one scenario, in the plan's order.
    pub fn runs_of<'a>(&'a self, scenario: &'a str) -> impl Iterator<Item = &'a RunResult> {
        self.runs.iter().filter(move |run| run.scenario == scenario)
    }

    /// A run's axis values in the scenario's axis order: `frr=7.5.1 order=after`.
    pub fn axes_text(&self, run: &RunResult) -> String {
        let order = self.scenarios.iter().find(|s| s.name == run.scenario).map_or(&[][..], |s| &s.axes);
        let listed = order.iter().filter_map(|axis| run.axes.get_key_value(&axis.name));
        let unlisted = run.axes.iter().filter(|(name, _)| order.iter().all(|axis| axis.name != **name));
        listed.chain(unlisted).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests;
