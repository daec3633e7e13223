//! Acceptance of a router: what its runs mean for each requirement, with deviations that both sides have agreed on.
//!
//! [`Levels`] says which scenarios a level has, [`Deviations`] what is known and tolerated, [`judge`] makes the [`Report`] of the
//! runs' results, [`compare`](compare()) sets two reports side by side, [`differences`] a report and the same judged again. A deviation never changes what was seen: it only says that
//! a failure was agreed on.

mod again;
mod compare;
mod deviation;
mod judge;
mod level;
mod report;
#[cfg(test)]
mod tests;

pub use again::differences;
pub use compare::{Change, Comparison, Row, compare};
pub use deviation::{Deviation, Deviations};
pub use judge::{Judged, Round, Sanity, judge};
pub use level::{LEVELS, Levels, SOAK};
pub use report::{
    AcceptanceOutcome, Report, Requirement, RequirementResult, RouterUnderTest, Run, SCHEMA, STABILITY, Soak,
    Summary, Tally,
};
