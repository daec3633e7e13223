//! `routeproof report verify`: does an evidence bundle hold?

use std::path::PathBuf;

use clap::Args;
use routeproof_engine::bundle::{Again, Verified, verify};
use routeproof_model::acceptance::{AcceptanceOutcome, Report};
use routeproof_model::bundle::{CATALOGUE, DEVIATIONS, LEVELS, Manifest};
use serde::Serialize;

use crate::fail::{FAILED, Failure};
use crate::out;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// What `accept --bundle` wrote
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    schema: &'static str,
    holds: bool,
    /// What does not.
    problems: &'a [String],
    sha256: &'a str,
    manifest: &'a Manifest,
    report: Option<&'a Report>,
    runs: &'a [Again],
}

/// The exit code is 1 if something does not hold.
pub fn run(args: &VerifyArgs) -> Result<u8, Failure> {
    let verified = verify(&args.bundle)?;
    let holds = verified.problems.is_empty();
    match args.json {
        true => out::json(&Output {
            schema: "routeproof/verify/v1",
            holds,
            problems: &verified.problems,
            sha256: &verified.sha256,
            manifest: &verified.manifest,
            report: verified.report.as_ref(),
            runs: &verified.runs,
        })?,
        false => out::text(text(&verified))?,
    }
    Ok(if holds { 0 } else { FAILED })
}

fn text(verified: &Verified) -> String {
    let Manifest { router, level, created, routeproof, kernel, files, .. } = &verified.manifest;
    let variant = router.variant.as_ref().map(|variant| format!("+{variant}")).unwrap_or_default();
    let mut lines = vec![
        format!(
            "{} {}{variant}, level {level}, {created}, routeproof {routeproof} on {kernel}",
            router.profile, router.version
        ),
        format!("SHA-256 of the bundle: {}", verified.sha256),
    ];
    // What both sides must have agreed on.
    for name in [CATALOGUE, LEVELS, DEVIATIONS] {
        let listed = files.iter().find(|entry| entry.path == name);
        lines.extend(listed.map(|entry| format!("SHA-256 of {name}: {}", entry.sha256)));
    }
    lines.extend(verified.problems.iter().map(|problem| format!("DOES NOT HOLD: {problem}")));
    if !verified.runs.is_empty() {
        let (judged, same) = verified.judged();
        let others = verified.runs.len() - judged;
        lines.push(format!(
            "{judged} runs judged again, {same} as before; {others} without a recording to judge"
        ));
    }
    lines.extend(verified.report.as_ref().map(verdict));
    lines.push(match verified.problems.len() {
        0 => format!("holds: {} files as packed, and the report follows from the runs", files.len()),
        count => format!("does not hold, for {count} reasons"),
    });
    if routeproof != env!("CARGO_PKG_VERSION") && !verified.problems.is_empty() {
        let own = env!("CARGO_PKG_VERSION");
        lines.push(format!(
            "it was made by routeproof {routeproof} and judged by {own}: ask that version, too"
        ));
    }
    lines.join("\n") + "\n"
}

/// What the report says, so that nobody takes a bundle that holds for a router that is accepted.
fn verdict(report: &Report) -> String {
    let failed = report.requirements.iter().filter(|r| r.outcome == AcceptanceOutcome::Fail);
    let failed: Vec<&str> = failed.map(|r| r.id.as_str()).collect();
    let failed = if failed.is_empty() { String::new() } else { format!("; failed: {}", failed.join(", ")) };
    let sane = if report.is_sane() { "" } else { "; the sanity gate failed, so nothing is proved" };
    format!("the report says: {}{failed}{sane}", report.summary)
}
