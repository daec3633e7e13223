//! T1: every scenario, and what the ordering bug and the alternation look like from inside.
//!
//! One binary, so that the waits of all of them overlap; see `.cargo/config.toml` for the number of threads.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod convergence;
mod evidence;
mod extras;
mod ordering;
mod segregation;
mod small;

use std::path::Path;

use routeproof_engine::{Ran, RunOptions, Scenario};
use routeproof_scenarios::{folder, labs};

/// Whether somebody else runs every scenario (said aloud).
fn left_out() -> bool {
    let few = std::env::var("ROUTEPROOF_TEST").as_deref() == Ok("few");
    if few {
        eprintln!("SKIPPED: scenarios: ROUTEPROOF_TEST=few leaves them to `routeproof run`");
    }
    few
}

/// Runs what the axis values leave of a scenario; `None` (said aloud) where no lab can be booted.
async fn run(scenario: impl AsRef<Path>, only: &[(&str, &str)]) -> Option<Ran> {
    if !labs().await {
        return None;
    }
    let loaded = Scenario::load(folder(scenario)).unwrap_or_else(|e| panic!("{e}"));
    let chosen = only.iter().fold(loaded, |scenario, (axis, value)| scenario.only(axis, value).unwrap());
    Some(chosen.run(&RunOptions::default()).await.unwrap_or_else(|e| panic!("{}", e.line())))
}
