//! The head of the page: what was done, with what, and where the rest lies.

use std::collections::BTreeSet;
use std::path::Path;

use routeproof_model::plan::PlannedRun;
use routeproof_model::result::{Outcome, ResultFile, RunResult, is_surprising};
use routeproof_model::topology::Role;

use super::super::text::{count, duration};

/// What this is about.
pub(super) const WHAT: &str = "A run boots real routing daemons in a lab of its own, does the steps of a scenario, and judges by the kernels' routes and the BGP sessions.";

/// For a reader who has never heard of us: what a run is, and how many are not as they should be.
pub(super) fn lead(result: &ResultFile) -> String {
    let done = result.runs.iter().filter(|run| run.outcome != Outcome::Skipped).count();
    let bad = result.runs.iter().filter(|run| is_surprising(run)).count();
    let verdict = match (done, bad) {
        (0, _) => "No run was done.".to_string(),
        (1, 0) => "The one run that was done went as its scenario expects.".to_string(),
        (_, 0) => format!("All {done} runs that were done went as their scenarios expect."),
        _ => format!("{bad} of {} did not go as expected.", count(done, "run")),
    };
    format!("{WHAT} {verdict}")
}

pub(super) fn facts(
    result: &ResultFile,
    planned: &[PlannedRun],
    directory: Option<&Path>,
) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        (
            "FRR of the cluster's nodes",
            settings(result, |run| run.setting.iter().flat_map(|s| s.frr.clone()).collect()),
        ),
        ("gateways", gateways(result, planned)),
        (
            "MetalLB",
            settings(result, |run| {
                run.setting.iter().map(|s| format!("{} ({})", s.metallb, s.metallb_mode)).collect()
            }),
        ),
        ("took", duration(result.summary.duration_ms)),
    ];
    if let Some(environment) = &result.environment {
        facts.push(("began", crate::rundir::utc(environment.started_s)));
        facts.push(("routeproof", environment.routeproof.clone()));
        facts.push(("kernel", environment.kernel.clone()));
        facts.push(("processors", environment.processors.to_string()));
    }
    facts.push(("run directory", directory.map(name).unwrap_or_default()));
    facts.push(("required and missing", result.summary.missing.join(", ")));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// Its name only: the page travels, and nobody else has our folders. `latest` is a link.
fn name(directory: &Path) -> String {
    let real = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Each value once, in the order of the runs.
fn settings(result: &ResultFile, of: impl Fn(&RunResult) -> Vec<String>) -> String {
    listed(result.runs.iter().flat_map(of))
}

/// By the plan, which knows who is a gateway; else by the axis of that name.
fn gateways(result: &ResultFile, planned: &[PlannedRun]) -> String {
    match planned.is_empty() {
        true => settings(result, |run| run.axes.get("gateway").cloned().into_iter().collect()),
        false => listed(planned.iter().flat_map(gateways_of)),
    }
}

/// `bird 2.0.12`, `frr:8.4.4`.
fn gateways_of(run: &PlannedRun) -> Vec<String> {
    let gateways = run.topology.nodes.iter().filter(|node| node.role == Role::Gateway);
    let one = |name: &str| match run.routers.get(name) {
        Some(router) => {
            let variant = router.variant.as_ref().map(|variant| format!("+{variant}")).unwrap_or_default();
            Some(format!("{} {}{variant}", router.profile, router.version))
        }
        None => run.images.get(name).cloned(),
    };
    gateways.filter_map(|node| one(&node.name)).collect()
}

fn listed(values: impl Iterator<Item = String>) -> String {
    let mut seen = BTreeSet::new();
    values.filter(|value| seen.insert(value.clone())).collect::<Vec<_>>().join(", ")
}

/// Text with `code` in backticks, in pieces: every second one is code.
pub(super) fn pieces(text: &str) -> Vec<(bool, String)> {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return vec![(false, text.to_string())];
    }
    let pieces = parts.iter().enumerate().map(|(at, part)| (at % 2 == 1, (*part).to_string()));
    pieces.filter(|(_, part)| !part.is_empty()).collect()
}
