//! Every scenario, on the last FRR that it names, so that `cargo test` stays short: `routeproof run` runs them on all.
//! `ROUTEPROOF_TEST=all` makes the tests do that, too; `few`, which CI says after it has run them all by `routeproof run`, leaves
//! them out.

use std::path::PathBuf;

use routeproof_engine::Scenario;
use routeproof_model::result::{Outcome, RunResult};
use rstest::rstest;

use crate::{evidence, left_out, run};

/// Every scenario but those with tests of their own: a new folder is tested unasked.
#[rstest]
#[tokio::test]
async fn passes(
    #[files("*/scenario.yaml")]
    #[exclude("frr-ordering|extras-survive-reloads|vlan-")]
    scenario: PathBuf,
) {
    if left_out() {
        return;
    }
    let loaded = Scenario::load(&scenario).unwrap_or_else(|e| panic!("{e}"));
    if loaded.is_on_request() {
        eprintln!("SKIPPED: {0}: on request only: `routeproof run {0}`", loaded.name());
        return;
    }
    let newest = loaded.runs().flatten().filter(|(axis, _)| axis == "frr").map(|(_, frr)| frr.clone()).last();
    let newest = newest.filter(|_| std::env::var("ROUTEPROOF_TEST").as_deref() != Ok("all"));
    let only = newest.as_deref().map(|frr| ("frr", frr));
    let Some(ran) = run(scenario, only.as_slice()).await else { return };
    let skipped = |run: &&RunResult| run.outcome == Outcome::Skipped;
    if let Some(run) = ran.result.runs.iter().find(skipped) {
        // Nothing here has what it needs; no run of it may have ended otherwise.
        assert!(ran.result.runs.iter().all(|run| skipped(&run)), "{ran}");
        eprintln!("SKIPPED {}: {}", run.scenario, run.reason.as_deref().unwrap_or_default());
        return;
    }
    ran.assert_passed();
    for run in &ran.result.runs {
        assert!(run.axes.contains_key("frr"), "{}: no axis `frr`", run.scenario);
        assert!(!run.requirements.is_empty());
        assert!(run.steps.len() >= 4 && run.steps.iter().all(|step| step.outcome == Outcome::Passed));
        // Whatever a scenario proves, it saw a session or a route with its own eyes.
        assert!(!evidence::all(run, "session").is_empty() || !evidence::all(run, "kernel-route").is_empty());
    }
    for file in ["plan.json", "events.jsonl", "result.json", "summary.md"] {
        assert!(ran.directory.join(file).is_file(), "{file} in {}", ran.directory.display());
    }
}
