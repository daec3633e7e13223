//! What people read of a report.

use std::path::Path;

use comfy_table::{Table, presets};
use routeproof_model::acceptance::{AcceptanceOutcome, Report, RequirementResult};
use routeproof_model::result::Outcome;

use crate::fail::Failure;
use crate::out;

/// The table, what failed and the sums; `directory` is of the last round.
pub fn table(report: &Report, directory: &Path) -> Result<(), Failure> {
    let router = &report.router;
    let variant = router.variant.as_ref().map(|variant| format!(" ({variant})")).unwrap_or_default();
    let rounds = if report.rounds > 1 { format!(", {} rounds", report.rounds) } else { String::new() };
    out::line(format_args!(
        "{} {}{variant}, level {}{rounds}",
        router.profile, router.version, report.level
    ))?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["REQUIREMENT", "OUTCOME", "RUNS", "WHY"]);
    for requirement in &report.requirements {
        let deviation = requirement.deviation.as_ref().map(|d| format!("{} ({}): ", d.id, d.tracker));
        let why =
            format!("{}{}", deviation.unwrap_or_default(), requirement.reason.as_deref().unwrap_or_default());
        let short: String = why.chars().take(100).collect();
        table.add_row([
            requirement.id.clone(),
            requirement.outcome.to_string(),
            runs(requirement, report.rounds),
            short,
        ]);
    }
    out::line(table)?;
    for (when, outcome) in report.sanity.iter().filter(|(_, outcome)| **outcome != Outcome::Passed) {
        out::line(format_args!(
            "the sanity gate {when} the runs is {outcome}: nothing above is proved; the harness or this machine is at fault"
        ))?;
    }
    let failed = report.requirements.iter().filter(|r| r.outcome == AcceptanceOutcome::Fail);
    for requirement in failed {
        out::line(format_args!("{}: {}", requirement.id, requirement.text))?;
        out::line(format_args!("  {}", requirement.reason.as_deref().unwrap_or_default()))?;
    }
    out::line(report.summary)?;
    out::line(format_args!("files: {}", directory.display()))
}

/// How many there were, and in how many of the rounds all of them passed.
fn runs(requirement: &RequirementResult, rounds: usize) -> String {
    let count = requirement.runs.len();
    match rounds {
        1 => count.to_string(),
        _ => format!("{count} ({} of {} rounds)", requirement.rounds.passed, requirement.rounds.of),
    }
}
