//! The report of an acceptance: the stable, public JSON (schema `routeproof/acceptance/v1`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::deviation::Deviation;
use crate::requirement;
use crate::result::Outcome;

pub const SCHEMA: &str = "routeproof/acceptance/v1";

/// The implicit requirement: the router neither crashes nor says that something inside it is broken.
pub const STABILITY: &str = "STAB-1.1";

/// What a requirement came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptanceOutcome {
    Pass,
    /// It failed, and a deviation says that this was agreed on.
    PassWithDeviation,
    Fail,
    /// The lab, the host or the configuration spoilt the measurement.
    Inconclusive,
    NotRun,
}

impl AcceptanceOutcome {
    pub fn word(self) -> &'static str {
        match self {
            AcceptanceOutcome::Pass => "pass",
            AcceptanceOutcome::PassWithDeviation => "pass with deviation",
            AcceptanceOutcome::Fail => "fail",
            AcceptanceOutcome::Inconclusive => "inconclusive",
            AcceptanceOutcome::NotRun => "not run",
        }
    }
}

impl fmt::Display for AcceptanceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A requirement's entry of the catalogue, as far as a report needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    pub id: String,
    pub text: String,
}

impl From<requirement::Requirement> for Requirement {
    fn from(entry: requirement::Requirement) -> Requirement {
        Requirement { id: entry.id, text: entry.text.trim().to_string() }
    }
}

/// The router that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterUnderTest {
    pub profile: String,
    pub version: String,
    pub variant: Option<String>,
    pub image: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub router: RouterUnderTest,
    pub level: String,
    /// Of the known-good router: before, and after the others.
    pub sanity: BTreeMap<String, Outcome>,
    /// How often the level's scenarios were run.
    #[serde(default = "one")]
    pub rounds: usize,
    /// Of the level `soak` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
    pub summary: Summary,
    pub requirements: Vec<RequirementResult>,
}

/// How long a soak was to go on, and what ended it sooner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soak {
    /// Seconds. Nothing in the runs tells of it.
    pub asked_s: Option<u64>,
    /// The round in which the router crashed, or said that something inside it is broken: the last one.
    pub crashed_in_round: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub pass: usize,
    pub pass_with_deviation: usize,
    pub fail: usize,
    pub inconclusive: usize,
    pub not_run: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequirementResult {
    pub id: String,
    pub text: String,
    pub outcome: AcceptanceOutcome,
    /// Why it is not `pass`; one line.
    pub reason: Option<String>,
    pub deviation: Option<Deviation>,
    #[serde(default)]
    pub rounds: Tally,
    /// What it rests on; never changed by a deviation.
    pub runs: Vec<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Counts from 1.
    #[serde(default = "one")]
    pub round: usize,
    pub scenario: String,
    pub axes: BTreeMap<String, String>,
    pub outcome: Outcome,
    pub reason: Option<String>,
}

/// In how many rounds a requirement was met, of those in which a lab was booted for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub passed: usize,
    pub of: usize,
}

/// Reports of older versions are of one round and do not say so.
fn one() -> usize {
    1
}

impl Summary {
    pub(super) fn of(requirements: &[RequirementResult]) -> Summary {
        let count = |outcome| requirements.iter().filter(|r| r.outcome == outcome).count();
        Summary {
            pass: count(AcceptanceOutcome::Pass),
            pass_with_deviation: count(AcceptanceOutcome::PassWithDeviation),
            fail: count(AcceptanceOutcome::Fail),
            inconclusive: count(AcceptanceOutcome::Inconclusive),
            not_run: count(AcceptanceOutcome::NotRun),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { pass, pass_with_deviation, fail, inconclusive, not_run } = self;
        write!(f, "{pass} pass, {pass_with_deviation} pass with deviation, {fail} fail, ")?;
        write!(f, "{inconclusive} inconclusive, {not_run} not run")
    }
}

impl Report {
    /// The known-good router passed, before and after.
    pub fn is_sane(&self) -> bool {
        self.sanity.values().all(|outcome| *outcome == Outcome::Passed)
    }

    /// DESIGN, section 5: 0 accepted, 1 something failed, 3 something is inconclusive, 4 nothing ran.
    pub fn exit_code(&self) -> u8 {
        let Summary { pass, pass_with_deviation, fail, inconclusive, .. } = self.summary;
        match (self.is_sane(), fail, inconclusive, pass + pass_with_deviation) {
            (false, ..) => 3,
            (_, 1.., ..) => 1,
            (_, 0, 1.., _) => 3,
            (_, 0, 0, 0) => 4,
            _ => 0,
        }
    }
}
