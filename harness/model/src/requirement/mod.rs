//! The requirement catalogue: what learning node routes over BGP must be like, and which scenarios prove it.
//!
//! The catalogue is data (`scenarios/requirements.yaml`). [`lint()`] finds what is not proved, [`markdown()`] is the plan on which a
//! vendor and a customer agree before anything runs.

mod cases;
mod catalogue;
mod lint;
mod markdown;

pub use cases::{Case, Proof, proofs};
pub use catalogue::{Catalogue, Requirement, Severity, parse};
pub use lint::lint;
pub use markdown::markdown;

#[cfg(test)]
mod tests;
