//! Race mode: a run is repeated under perturbation, and how often it fails is said with an interval.
//!
//! [`Perturbation`] is what is done to a repeat, made from a seed; [`Tally`] counts; [`Claim`] is what a user wants to know
//! of the rate, [`Group`] what came out.

mod claim;
mod group;
mod interval;
mod perturb;

#[cfg(test)]
mod tests;

pub use claim::{Bound, Claim, ClaimError};
pub use group::{Group, Race, RaceSetting, RaceVerdict, Tally, groups};
pub use interval::{Interval, Method, always, wilson};
pub use perturb::{Kind, Perturbation, perturb, seed_of};
