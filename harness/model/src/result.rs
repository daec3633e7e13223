//! The result of runs: the stable, public JSON of `--report json=FILE` (schema `routeproof/result/v1`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub const SCHEMA: &str = "routeproof/result/v1";

/// How a step, a run or a whole invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// One thing that was seen and bears on a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is: `session`, `running-config`, `route-refresh-sent`, `kernel-route`, ...
    pub what: String,
    pub node: Option<String>,
    /// The fact itself, as data.
    pub value: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    pub name: String,
    pub outcome: Outcome,
    pub duration_ms: u64,
    /// Why it is not `passed`, or what it found; one line.
    pub message: Option<String>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    pub scenario: String,
    pub requirements: Vec<String>,
    pub axes: BTreeMap<String, String>,
    pub outcome: Outcome,
    pub duration_ms: u64,
    /// Why the outcome is not `passed`; one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What `diagnose` steps concluded, for instance `{"bug": "present"}`.
    pub observed: BTreeMap<String, String>,
    /// What the scenario expected them to conclude.
    pub expected: BTreeMap<String, String>,
    pub steps: Vec<StepResult>,
    pub artifacts: Vec<PathBuf>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub passed: usize,
    pub failed: usize,
    pub inconclusive: usize,
    pub broken: usize,
    pub skipped: usize,
    pub duration_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultFile {
    pub schema: String,
    pub summary: Summary,
    pub runs: Vec<RunResult>,
}
