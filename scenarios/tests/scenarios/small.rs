//! The basics of learning routes, on every FRR.

use std::path::PathBuf;

use routeproof_model::result::Outcome;
use rstest::rstest;

use crate::{evidence, run};

/// Every scenario but those with tests of their own: a new folder is tested unasked.
#[rstest]
#[tokio::test]
async fn passes(
    #[files("*/scenario.yaml")]
    #[exclude("frr-ordering|extras-survive-reloads|vlan-")]
    scenario: PathBuf,
    #[values("7.5.1", "8.4.4", "10.3")] frr: &str,
) {
    let Some(ran) = run(scenario, &[("frr", frr)]).await else { return };
    ran.assert_passed();
    assert!(!ran.result.runs.is_empty());
    for run in &ran.result.runs {
        assert_eq!(run.axes["frr"], frr);
        assert!(!run.requirements.is_empty());
        assert!(run.steps.len() >= 4 && run.steps.iter().all(|step| step.outcome == Outcome::Passed));
        // Whatever a scenario proves, it saw a session or a route with its own eyes.
        assert!(!evidence::all(run, "session").is_empty() || !evidence::all(run, "kernel-route").is_empty());
    }
    for file in ["plan.json", "events.jsonl", "result.json", "summary.md"] {
        assert!(ran.directory.join(file).is_file(), "{file} in {}", ran.directory.display());
    }
}
