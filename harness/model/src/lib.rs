//! routeproof's pure core: no async runtime, no files, no processes, no clock.
//!
//! The line of data is topology + scenario -> [`plan`] -> (lab) -> [`fact`] -> [`check`] -> [`result`];
//! each step here is a function from values to values, so that all of it can be tested and replayed.
#![forbid(unsafe_code)]

pub mod acceptance;
pub mod baseline;
pub mod bundle;
pub mod check;
pub mod cluster;
#[cfg(test)]
mod cpu_time;
pub mod diag;
pub mod diff;
pub mod event;
pub mod fact;
pub mod frr;
pub mod graph;
pub mod metallb;
pub mod mutate;
pub mod needs;
pub mod plan;
pub mod pods;
pub mod profile;
pub mod race;
pub mod real;
pub mod recording;
pub mod replay;
pub mod requirement;
pub mod result;
pub mod scenario;
pub mod timeline;
pub mod topology;
pub mod yaml;
