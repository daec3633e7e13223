//! A step under way, as the event log and the recording see it.

use std::time::{Duration, Instant};

use routeproof_model::event::EventKind;
use routeproof_model::recording::Line;
use routeproof_model::result::{Outcome, StepResult};

use super::verdict::Done;
use crate::event::Events;
use crate::observe::now;
use crate::run::boot::Booted;

/// One step.
pub struct StepLog {
    index: usize,
    name: String,
    start: Instant,
}

impl StepLog {
    pub fn start(
        booted: &Booted,
        events: &Events,
        index: usize,
        name: &str,
        limit: Option<Duration>,
    ) -> StepLog {
        let limit_ms = limit.map(|limit| limit.as_millis() as u64);
        events.send(EventKind::StepStarted { index, name: name.to_string(), limit_ms });
        booted.recorder.write(&Line::StepStarted { step: index, at: now() });
        StepLog { index, name: name.to_string(), start: Instant::now() }
    }

    /// Gives the outcome and the reason of a step that has not passed.
    pub fn finish(self, booted: &Booted, events: &Events, done: Done) -> Option<(Outcome, String)> {
        booted.recorder.write(&Line::StepFinished { step: self.index, at: now() });
        let reason = format!("{}: {}", self.name, done.message.as_deref().unwrap_or_default());
        let step = StepResult {
            name: self.name,
            outcome: done.outcome,
            duration_ms: self.start.elapsed().as_millis() as u64,
            message: done.message,
            evidence: done.evidence,
        };
        events.send(EventKind::StepFinished { index: self.index, step });
        (done.outcome != Outcome::Passed).then_some((done.outcome, reason))
    }
}
