//! Two recorded runs, fact by fact: what each node's kernel held at the end, what its daemons claimed, and how the run
//! went. What differs between any two runs (indexes, MAC addresses and the link-local addresses made of them, ids of
//! next-hop objects, counters, times) is no fact here, but for convergences that took clearly longer.

mod convergence;
mod facts;
mod pair;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use facts::{Facts, Kind};
pub(crate) use words::host;

pub use pair::{Paired, RunName, Unpaired, pair};

use crate::result::RunResult;

/// The schema of what `routeproof diff --json` prints.
pub const SCHEMA: &str = "routeproof/diff/v1";

/// What two runs do not share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of the run as a whole: outcomes, observed values, steps.
    pub run: Vec<Change>,
    /// Node -> what differs there; nodes without a difference are left out.
    pub nodes: BTreeMap<String, Vec<Change>>,
}

/// One fact that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub kind: Kind,
    /// What it is about: a link's name, a prefix with its table and metric, a session's peer.
    pub subject: String,
    /// What only the first run has of it; empty when it has no such thing.
    pub a: Vec<String>,
    pub b: Vec<String>,
}

/// How long a step took in both runs, in milliseconds. Times always differ, so they decide nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepTime {
    pub step: String,
    pub a_ms: u64,
    pub b_ms: u64,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.run.is_empty() && self.nodes.is_empty()
    }

    /// How many facts differ.
    pub fn count(&self) -> usize {
        self.run.len() + self.nodes.values().map(Vec::len).sum::<usize>()
    }
}

/// Compares the facts of two runs.
pub fn diff(a: &Facts, b: &Facts) -> Difference {
    let names: BTreeSet<&String> = a.nodes.keys().chain(b.nodes.keys()).collect();
    let nothing = BTreeMap::new();
    let of = |name: &String| {
        let (a, b) = (a.nodes.get(name).unwrap_or(&nothing), b.nodes.get(name).unwrap_or(&nothing));
        (name.clone(), facts::changes(a, b))
    };
    let nodes = names.into_iter().map(of).filter(|(_, changes)| !changes.is_empty()).collect();
    let mut run = facts::changes(&a.run, &b.run);
    run.extend(convergence::changes(&a.took, &b.took));
    Difference { run, nodes }
}

/// The times of the steps that both runs did.
pub fn times(a: &RunResult, b: &RunResult) -> Vec<StepTime> {
    let steps = a.steps.iter().zip(&b.steps).take_while(|(a, b)| a.name == b.name);
    steps.map(|(a, b)| StepTime { step: a.name.clone(), a_ms: a.duration_ms, b_ms: b.duration_ms }).collect()
}
