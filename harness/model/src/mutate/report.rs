//! What the mutations showed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Mutation;
use crate::scenario::AxisValues;

pub const SCHEMA: &str = "routeproof/mutation/v1";

/// What became of an expectation under a mutation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// The step fails.
    Killed { why: String },
    /// The step is inconclusive, because its witness goes: it does not pass, but it has not failed either.
    WitnessLost { why: String },
    /// The expectation still holds.
    Survived,
    /// The mutation could not be tried: the lab did not come up, or not everything passed before it.
    Untried { why: String },
}

/// A scenario's expectation under every mutation that ought to break it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// Index of the step.
    pub step: usize,
    pub name: String,
    pub shown: Shown,
    /// Mutations that do not apply are left out.
    pub fates: BTreeMap<Mutation, Fate>,
}

/// What is shown of an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Some mutation makes it fail. That its witness can go is not enough.
    CanFail,
    /// It survives all of them: it proves nothing.
    Vacuous,
    /// A mutation could not be tried on it, and no other made it fail.
    Untested,
    /// There is no mutation for what it says: whether it can fail is not known.
    NotApplicable,
}

/// The expectations of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub scenario: String,
    pub axes: AxisValues,
    pub expectations: Vec<Expectation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub runs: Vec<Run>,
}

impl Expectation {
    pub fn new(step: usize, name: &str, fates: BTreeMap<Mutation, Fate>) -> Expectation {
        let any = |which: fn(&Fate) -> bool| fates.values().any(which);
        let shown = if fates.is_empty() {
            Shown::NotApplicable
        } else if any(|fate| matches!(fate, Fate::Killed { .. })) {
            Shown::CanFail
        } else if any(|fate| matches!(fate, Fate::Untried { .. })) || !any(|fate| *fate == Fate::Survived) {
            Shown::Untested
        } else {
            Shown::Vacuous
        };
        Expectation { step, name: name.to_string(), shown, fates }
    }
}

impl Report {
    pub fn new(runs: Vec<Run>) -> Report {
        Report { schema: SCHEMA.to_string(), runs }
    }

    /// How many expectations there are of which this is shown.
    pub fn count(&self, shown: Shown) -> usize {
        self.runs.iter().flat_map(|run| &run.expectations).filter(|e| e.shown == shown).count()
    }

    /// 1 with a vacuous expectation, 3 with an untested one, 4 if there is none that a mutation applies to.
    pub fn exit_code(&self) -> u8 {
        let of = |shown| self.count(shown) > 0;
        match (of(Shown::Vacuous), of(Shown::Untested), of(Shown::CanFail)) {
            (true, _, _) => 1,
            (_, true, _) => 3,
            (_, _, true) => 0,
            _ => 4,
        }
    }
}
