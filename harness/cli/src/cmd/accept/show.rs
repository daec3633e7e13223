//! What people read of a report.

use std::path::Path;

use comfy_table::{Table, presets};
use routeproof_model::acceptance::{AcceptanceOutcome, Report, RequirementResult};
use routeproof_model::result::Outcome;

use crate::fail::Failure;
use crate::out;

const MAX_WHY: usize = 100;

/// The table, what failed and the sums; `directory` is of the round to look at.
pub fn table(report: &Report, directory: &Path) -> Result<(), Failure> {
    let router = &report.router;
    let variant = router.variant.as_ref().map(|variant| format!(" ({variant})")).unwrap_or_default();
    let rounds = if report.rounds > 1 { format!(", {} rounds", report.rounds) } else { String::new() };
    let crashed = report.soak.and_then(|soak| soak.crashed_in_round);
    let stopped = crashed.map(|round| format!(", stopped after round {round}: the router crashed"));
    out::line(format_args!(
        "{} {}{variant}, level {}{rounds}{}",
        router.profile,
        router.version,
        report.level,
        stopped.unwrap_or_default()
    ))?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["REQUIREMENT", "OUTCOME", "RUNS", "WHY"]);
    for requirement in &report.requirements {
        let deviation = requirement.deviation.as_ref().map(|d| format!("{} ({}): ", d.id, d.tracker));
        let why =
            format!("{}{}", deviation.unwrap_or_default(), requirement.reason.as_deref().unwrap_or_default());
        table.add_row([
            requirement.id.clone(),
            requirement.outcome.to_string(),
            runs(requirement, report.rounds),
            short(&why),
        ]);
    }
    out::line(table)?;
    for (when, outcome) in report.sanity.iter().filter(|(_, outcome)| **outcome != Outcome::Passed) {
        out::line(format_args!(
            "the sanity gate {when} the runs is {outcome}: nothing above is proved; the harness or this machine is at fault"
        ))?;
    }
    let is_open = |r: &&RequirementResult| {
        matches!(r.outcome, AcceptanceOutcome::Fail | AcceptanceOutcome::Inconclusive)
    };
    for requirement in report.requirements.iter().filter(is_open) {
        out::line(format_args!("{}: {}", requirement.id, requirement.text))?;
        out::line(format_args!("  {}", requirement.reason.as_deref().unwrap_or_default()))?;
    }
    out::line(report.summary)?;
    out::line(format_args!("files: {}", directory.display()))
}

/// What there is room for in the table; of what is bad, the whole of it follows.
fn short(why: &str) -> String {
    match why.char_indices().nth(MAX_WHY) {
        Some((at, _)) => format!("{}\u{2026}", &why[..at]),
        None => why.to_string(),
    }
}

/// How many there were, and in how many of the rounds all of them passed.
fn runs(requirement: &RequirementResult, rounds: usize) -> String {
    let count = requirement.runs.len();
    match rounds {
        1 => count.to_string(),
        _ => format!("{count} ({} of {} rounds)", requirement.rounds.passed, requirement.rounds.of),
    }
}
