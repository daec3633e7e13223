//! Expectations as functions from what was seen to a verdict: no clock, no waiting. `run` decides when to ask.

mod addresses;
mod alternation;
mod binomial;
mod bond;
mod convergence;
mod diverted;
mod ecmp;
mod isolation;
mod loss;
mod many;
mod no_route;
mod ordering;
mod return_path;
mod rib_fib;
mod route;
mod routes;
mod session;
mod signature;

use crate::fact::{GapReason, HostHealth};
use crate::result::{Evidence, Outcome};

pub use addresses::AddressBook;
pub use alternation::{AlternationConclusion, Sample, alternation};
pub use bond::bond;
pub use convergence::{Convergence, Judged, Stage};
pub use ecmp::{ecmp, ecmp_route, fewest_flows};
pub use isolation::{
    Finding, IsolationCell, IsolationMatrix, Look, MatrixRow, Standing, isolation, isolation_tables,
};
pub use loss::{Lost, Moved, loss};
pub use many::of_all;
pub use no_route::no_route;
pub use ordering::{LookAlike, OrderingConclusion, OrderingFacts, SessionMark, ordering};
pub use return_path::return_path;
pub use rib_fib::{Disagreement, Way, rib_fib};
pub use route::route;
pub use routes::routes;
pub use session::{LostBefore, counted_as, session};
pub use signature::Diagnosed;

/// Whether an expectation is true of what was seen.
#[derive(Clone, Debug)]
pub struct Checked {
    pub holds: bool,
    /// It does not hold only because what would prove it is missing: nobody has seen it violated.
    pub unproved: bool,
    /// How things stand, in one line.
    pub status: String,
    pub evidence: Vec<Evidence>,
}

impl Checked {
    /// Of an expectation whose time is over.
    pub fn outcome(&self) -> Outcome {
        match (self.holds, self.unproved) {
            (true, _) => Outcome::Passed,
            (false, true) => Outcome::Inconclusive,
            (false, false) => Outcome::Failed,
        }
    }
}

/// Why a window with a gap in a node's events proves nothing.
pub fn spoilt(gap: &GapReason) -> String {
    format!("what happened in the window is not wholly known: {gap}")
}

/// Shorthand for a piece of evidence.
pub fn evidence(what: &str, node: &str, value: impl serde::Serialize) -> Evidence {
    // Facts are plain data; what cannot become JSON is shown as such rather than left out.
    let value = serde_json::to_value(value)
        .unwrap_or_else(|e| serde_json::Value::String(format!("unprintable: {e}")));
    Evidence { what: what.to_string(), node: Some(node.to_string()), value }
}

/// What went wrong while the host stood still says nothing about the router.
pub fn unless_spoilt(
    (outcome, why): (Outcome, Option<String>),
    health: &HostHealth,
    tightest_ms: Option<u64>,
) -> (Outcome, Option<String>) {
    match health.spoilt(tightest_ms) {
        Some(spoilt) if outcome == Outcome::Failed => {
            (Outcome::Inconclusive, Some(format!("{}; {spoilt}", why.unwrap_or_default())))
        }
        _ => (outcome, why),
    }
}

/// The same of a time that is too long, which on a guest kernel says nothing either.
pub fn excused((outcome, why): (Outcome, Option<String>), health: &HostHealth) -> (Outcome, Option<String>) {
    match health.excuses_times() {
        Some(excuse) if outcome == Outcome::Failed => {
            (Outcome::Inconclusive, Some(format!("{}; {excuse}", why.unwrap_or_default())))
        }
        _ => (outcome, why),
    }
}
