//! What a scenario proves of its requirements: its positive and its negative cases.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::mutate::{Mutation, may_apply};
use crate::plan::PlannedRun;
use crate::scenario::{AxisValues, Expect, Step, Verb};

/// A scenario with what it shows.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    pub scenario: String,
    pub about: String,
    pub requirements: Vec<String>,
    pub axes: Vec<AxisValues>,
    /// The steps of its runs, each once, in words.
    pub procedure: Vec<String>,
    /// That something comes, or is there.
    pub positive: Vec<Case>,
    /// That something does not come, goes, or is found to be wrong.
    pub negative: Vec<Case>,
    /// The mutations that `run --mutate` breaks its labs with to show that its expectations can fail, by their words.
    pub mutations: BTreeSet<&'static str>,
    /// Steps that change the lab and after which nothing is looked at.
    pub unchecked: Vec<String>,
}

/// A step that decides, in words.
pub type Case = String;

/// One proof a scenario, in the order of the runs.
pub fn proofs<'a>(runs: impl IntoIterator<Item = &'a PlannedRun>) -> Vec<Proof> {
    let mut proofs: Vec<Proof> = Vec::new();
    for run in runs {
        let index = proofs.iter().position(|proof| proof.scenario == run.scenario);
        let index = index.unwrap_or_else(|| {
            proofs.push(Proof::of(run));
            proofs.len() - 1
        });
        proofs[index].add(run);
    }
    proofs
}

impl Proof {
    fn of(run: &PlannedRun) -> Proof {
        Proof {
            scenario: run.scenario.clone(),
            about: run.about.clone(),
            requirements: run.requirements.clone(),
            axes: Vec::new(),
            procedure: Vec::new(),
            positive: Vec::new(),
            negative: Vec::new(),
            mutations: BTreeSet::new(),
            unchecked: Vec::new(),
        }
    }

    fn add(&mut self, run: &PlannedRun) {
        self.axes.push(run.axes.clone());
        for step in &run.steps {
            push(&mut self.procedure, &step.name);
            match side(step, run) {
                Some(Side::Positive) => push(&mut self.positive, &step.name),
                Some(Side::Negative) => push(&mut self.negative, &step.name),
                None => {}
            }
            let broken = Mutation::ALL.into_iter().filter(|mutation| may_apply(*mutation, &step.verb));
            self.mutations.extend(broken.map(Mutation::word));
        }
        // Nothing looks at what the last of these has done.
        let last = run.steps.iter().rposition(|step| step.verb.changes_something());
        let looked = run.steps.iter().rposition(|step| side(step, run).is_some());
        if let Some(last) = last.filter(|last| looked.is_none_or(|looked| looked < *last)) {
            push(&mut self.unchecked, &run.steps[last].name);
        }
    }
}

fn push(to: &mut Vec<String>, name: &str) {
    if !to.iter().any(|there| there == name) {
        to.push(name.to_string());
    }
}

#[derive(Clone, Copy)]
enum Side {
    Positive,
    Negative,
}

/// What a step decides about; `None` if it does not.
fn side(step: &Step, run: &PlannedRun) -> Option<Side> {
    let expect = match &step.verb {
        Verb::Eventually { expect, .. } | Verb::Holds { expect, .. } => expect,
        // A bug that is expected, and its absence.
        Verb::Diagnose(_) => {
            let present = run.expected.values().any(|value| value == "present");
            return Some(if present { Side::Negative } else { Side::Positive });
        }
        _ => return None,
    };
    let negative = match expect {
        Expect::NoRoute(_) | Expect::Isolation(_) => true,
        Expect::Session(session) => !session.state.eq_ignore_ascii_case("established"),
        Expect::Convergence(convergence) => convergence.absent,
        Expect::ReturnPath(path) => !path.answered,
        Expect::Route(_)
        | Expect::Routes(_)
        | Expect::Ecmp(_)
        | Expect::RibFib(_)
        | Expect::Loss(_)
        | Expect::Bond(_) => false,
    };
    Some(if negative { Side::Negative } else { Side::Positive })
}
