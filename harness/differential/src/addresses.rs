//! Many sets of Services against the controllers of some releases.

use std::sync::{Mutex, PoisonError};

use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::allocation::{self, Allocated};
use crate::campaign::{Plan, locked, rng};
use crate::generate::{self, Allocation};
use crate::process::Trouble;
use crate::subject::Subject;

/// What became of the Services of one release.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    /// The same addresses, or none on either side.
    pub equal: u32,
    /// Of these, those that have addresses.
    pub assigned: u32,
    /// Of these, those for which MetalLB looked at the pools in another order, which is random in it.
    pub by_another_order: u32,
    pub disagreements: Vec<Disagreement>,
    /// (case, why it could not be judged)
    pub inconclusive: Vec<(u32, String)>,
}

/// A set of Services of which the last got different addresses, as small as it got.
#[derive(Clone, Debug, Serialize)]
pub struct Disagreement {
    pub case: u32,
    pub objects: Vec<Value>,
    pub services: Vec<Allocated>,
}

/// Runs the plan.
pub fn run(subject: &Subject, plan: &Plan, runtime: &Handle, progress: &(dyn Fn(&str) + Sync)) -> Tally {
    let tally = Mutex::new(Tally::default());
    plan.in_parallel(|case| {
        let outcome = one(subject, case, plan, runtime);
        note(&mut locked(&tally), subject, case, outcome, progress);
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn note(
    tally: &mut Tally,
    subject: &Subject,
    case: u32,
    outcome: Result<Disagreement, Trouble>,
    progress: &(dyn Fn(&str) + Sync),
) {
    let found = match outcome {
        Ok(found) => found,
        Err(e) => {
            progress(&format!("addresses: case {case}: {e}"));
            return tally.inconclusive.push((case, e.to_string()));
        }
    };
    for service in found.services.iter().filter(|s| s.agrees()) {
        tally.equal += 1;
        tally.assigned += u32::from(!service.theirs.is_empty());
        tally.by_another_order += u32::from(service.by_another_order);
    }
    if disagrees(&found.services) {
        progress(&format!("{}: addresses of case {case} disagree", subject.name()));
        tally.disagreements.push(found);
    }
}

fn disagrees(services: &[Allocated]) -> bool {
    services.iter().any(|s| !s.agrees())
}

fn one(subject: &Subject, case: u32, plan: &Plan, runtime: &Handle) -> Result<Disagreement, Trouble> {
    let mut runner = TestRunner::new_with_rng(Config::default(), rng(plan.seed, case));
    let mut tree = generate::allocation(subject.release.generation)
        .new_tree(&mut runner)
        .map_err(|reason| Trouble::Generator(reason.to_string()))?;
    let judge = |a: &Allocation| runtime.block_on(allocation::compare(subject, &a.base, &a.services));
    let mut best = (tree.current(), judge(&tree.current())?);
    let mut more = disagrees(&best.1) && plan.shrink > 0 && tree.simplify();
    for _ in 0..plan.shrink {
        if !more {
            break;
        }
        more = match judge(&tree.current()) {
            Ok(services) if disagrees(&services) => {
                best = (tree.current(), services);
                tree.simplify()
            }
            _ => tree.complicate(),
        };
    }
    let (Allocation { base, services }, found) = best;
    Ok(Disagreement { case, objects: base.into_iter().chain(services).collect(), services: found })
}
