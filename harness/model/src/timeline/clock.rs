//! The event log and the recording have each a clock; the start of a step is in both.

use crate::event::{Event, EventKind};
use crate::fact::Mono;
use crate::recording::Recording;

/// Turns the recording's times into the event log's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// Milliseconds of the event log minus those of the recording.
    offset_ms: f64,
}

impl Clock {
    /// `None` for a run of which no step started. The least of all differences is the best: an event may be late in the
    /// log, never early.
    pub fn of(events: &[&Event], recording: &Recording) -> Option<Clock> {
        let differences = events.iter().filter_map(|event| match event.kind {
            EventKind::StepStarted { index, .. } => {
                let started = recording.step_times(index).0?;
                Some(event.at_ms as f64 - ms(started))
            }
            _ => None,
        });
        differences.reduce(f64::min).map(|offset_ms| Clock { offset_ms })
    }

    /// Milliseconds since the invocation started.
    pub fn ms(&self, at: Mono) -> f64 {
        ms(at) + self.offset_ms
    }
}

fn ms(at: Mono) -> f64 {
    at.0 as f64 / 1e6
}
