//! What a known bug's signature concludes, as a verdict: the same live and in a replay.

use super::{AlternationConclusion, OrderingConclusion};
use crate::result::Outcome;

/// How a `diagnose` step ends, and what it observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosed {
    pub outcome: Outcome,
    /// `present`, `absent`, or the word for what only looks like it; `None` where the evidence shows none of these.
    pub bug: Option<&'static str>,
    pub message: String,
}

impl Diagnosed {
    fn new(outcome: Outcome, bug: Option<&'static str>, message: impl Into<String>) -> Diagnosed {
        Diagnosed { outcome, bug, message: message.into() }
    }
}

impl From<OrderingConclusion> for Diagnosed {
    fn from(conclusion: OrderingConclusion) -> Diagnosed {
        match conclusion {
            OrderingConclusion::Absent => {
                Diagnosed::new(Outcome::Passed, Some("absent"), "the prefix was learnt")
            }
            OrderingConclusion::Present => Diagnosed::new(
                Outcome::Passed,
                Some("present"),
                "the prefix is not learnt, though the session is up, the gateway advertises it and the running route map \
                 permits it: FRR sent no ROUTE-REFRESH",
            ),
            OrderingConclusion::LookAlike(why) => {
                let message = format!("looks like the ordering bug, but: {}", why.reason());
                Diagnosed::new(Outcome::Failed, Some(why.word()), message)
            }
            OrderingConclusion::NotApplied(why) => Diagnosed::new(Outcome::Failed, None, why),
            OrderingConclusion::Unclear(why) => Diagnosed::new(Outcome::Inconclusive, None, why),
        }
    }
}

impl From<AlternationConclusion> for Diagnosed {
    fn from(conclusion: AlternationConclusion) -> Diagnosed {
        match conclusion {
            AlternationConclusion::Absent => {
                Diagnosed::new(Outcome::Passed, Some("absent"), "every reload left the route alone")
            }
            AlternationConclusion::Present(story) => {
                Diagnosed::new(Outcome::Passed, Some("present"), format!("the entry alternates: {story}"))
            }
            AlternationConclusion::Unclear(why) => Diagnosed::new(Outcome::Inconclusive, None, why),
        }
    }
}
