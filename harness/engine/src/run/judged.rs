//! An expectation of a lab that goes on: it is judged as a step of a scenario would be, and changes nothing.

use std::time::Instant;

use routeproof_model::check::unless_spoilt;
use routeproof_model::diag::{Diagnostic, Source};
use routeproof_model::fact::HostHealth;
use routeproof_model::result::{Outcome, StepResult};
use routeproof_model::scenario::{self, Expect, Step, Verb};
use routeproof_model::topology::Topology;

use super::boot::Booted;
use super::expect;
use super::steps::{Done, broken, crashed, unless_crashed};
use crate::health::Meter;

/// Reads a step that only looks: `expect` with `within` or `holds`.
///
/// # Errors
/// What is wrong with it, at its line; also if it is about a change or a stream, of which there is none here.
pub fn looking(source: &Source, topology: &Topology) -> Result<Step, Diagnostic> {
    let step = scenario::step(source, topology, &[])?;
    let word = match &step.verb {
        Verb::Eventually { expect: expect @ Expect::Convergence(_), .. } => expect.word(),
        Verb::Eventually { .. } | Verb::Holds { .. } => return Ok(step),
        _ => "a step that changes something",
    };
    let error = source.error_at(&[], format!("{word} cannot be judged of a lab that is up"));
    Err(error.hint("a scenario can: `routeproof run`; so can a test with the Rust API's `LiveLab`"))
}

/// Judges it from now on. `bfd` is the lab's fastest BFD detection, which a host that stands still sets off.
pub async fn judge(booted: &Booted, step: &Step, bfd: Option<u64>) -> StepResult {
    let (start, meter) = (Instant::now(), Meter::start());
    let look = async {
        match &step.verb {
            Verb::Eventually { expect, within } => expect::eventually(booted, expect, *within, &|_| {}).await,
            Verb::Holds { expect, window, witness } => {
                expect::holds(booted, 0, expect, *window, *witness).await
            }
            _ => Ok(Done { outcome: Outcome::Skipped, message: None, evidence: Vec::new() }),
        }
    };
    let done = tokio::select! {
        biased;
        done = look => done.unwrap_or_else(|e| broken(&e)),
        () = crashed(booted, true) => Done { outcome: Outcome::Inconclusive, message: None, evidence: Vec::new() },
    };
    let mut done = unless_crashed(booted, done).await;
    let health = HostHealth { worst_late_ms: booted.meter.read().late_ms, ..meter.read() };
    (done.outcome, done.message) = unless_spoilt((done.outcome, done.message), &health, bfd);
    StepResult {
        name: step.name.clone(),
        outcome: done.outcome,
        duration_ms: start.elapsed().as_millis() as u64,
        message: done.message,
        evidence: done.evidence,
    }
}
