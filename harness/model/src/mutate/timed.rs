//! Expectations that follow the lab over time: `convergence` from a change on, `loss` over a stream. What breaks the state
//! afterwards is too late for them, so each gets labs of its own in which the mutation acts while it looks.

use std::time::Duration;

use super::{Mutation, expectation};
use crate::scenario::{Expect, ExpectConvergence, ExpectLoss, StreamStep, Verb};

/// What a lab that is busy, and a sender that is late, may take off an effect.
const MARGIN: Duration = Duration::from_secs(1);
/// Between two flaps; each is seen, for the kernel's messages are judged one by one.
const APART: Duration = Duration::from_millis(200);

/// Whether the step's expectation is followed over time.
pub fn is_timed(verb: &Verb) -> bool {
    matches!(expectation(verb), Some((Expect::Convergence(_) | Expect::Loss(_), _)))
}

pub(super) fn breaks_convergence(mutation: Mutation, expect: &ExpectConvergence) -> bool {
    match mutation {
        Mutation::SkipChange => true,
        Mutation::Flap => flapping(expect).is_some(),
        // The final state is made wrong.
        Mutation::Blackhole => !expect.absent,
        Mutation::LeakRoute => expect.absent,
        _ => false,
    }
}

pub(super) fn breaks_loss(mutation: Mutation, expect: &ExpectLoss) -> bool {
    mutation == Mutation::LinkDown && (expect.at_most.is_some() || expect.lost_at_most.is_some())
}

/// How often a route has to flap to break a convergence, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flapping {
    pub at_least: usize,
    /// Since the change.
    pub until: Duration,
    pub apart: Duration,
}

/// `None` where only the final state counts, which a flap does not touch.
pub fn flapping(expect: &ExpectConvergence) -> Option<Flapping> {
    let once = Flapping { at_least: 1, until: Duration::ZERO, apart: APART };
    match (expect.never_absent, expect.changes_at_most, expect.at_most) {
        (true, ..) => Some(once),
        // One makes two changes.
        (_, Some(most), _) => Some(Flapping { at_least: most / 2 + 1, ..once }),
        (.., Some(most)) => Some(Flapping { until: most + MARGIN, ..once }),
        _ => None,
    }
}

/// How long all packets of a stream must be lost for the expectation to fail.
pub fn outage(expect: &ExpectLoss, stream: &StreamStep) -> Duration {
    let to_lose = expect.lost_at_most.map_or(Duration::ZERO, |most| {
        let each = u32::try_from(most / stream.flows.max(1) as usize + 1).unwrap_or(u32::MAX);
        stream.every.saturating_mul(each)
    });
    // With both limits either may fail; the sooner will do.
    let out = [expect.at_most, expect.lost_at_most.map(|_| to_lose)].into_iter().flatten().min();
    out.unwrap_or_default().saturating_add(MARGIN)
}
