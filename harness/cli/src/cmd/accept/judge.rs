//! The acceptance itself: sanity, the level's scenarios, sanity again, verdicts.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use comfy_table::{Table, presets};
use routeproof_engine::run::{self as engine, LoadOptions, Loaded, Options, read_source};
use routeproof_model::acceptance::{
    AcceptanceOutcome, Deviations, Findings, Judged, Levels, Report, Requirement, RouterUnderTest, STABILITY,
    Sanity, Summary, judge,
};
use routeproof_model::profile::{Choice, Profiles};
use routeproof_model::requirement;
use routeproof_model::result::Outcome;

use super::{JudgeArgs, invocation};
use crate::fail::{BAD_INPUT, Failure};
use crate::out;

pub async fn run(router: &str, args: &JudgeArgs) -> Result<u8, Failure> {
    let profiles = args.profiles.load()?;
    let choice = profiles.choose(router).map_err(|unknown| {
        unknown.hints.iter().fold(Failure::input(format!("--router: {}", unknown.what)), Failure::hint)
    })?;
    let levels = Levels::parse(&read_source(&args.scenarios.join("acceptance.yaml"))?)
        .map_err(engine::RunError::from)?;
    let catalogue = catalogue(&args.scenarios.join("requirements.yaml"))?;
    let deviations = deviations(args, &catalogue)?;
    let store = crate::cmd::run::store(&args.source, &profiles)?;
    let names = levels.scenarios(&args.level).unwrap_or_default();
    let load = |names: &[&str], router: &str| load(args, names, router, &profiles);
    let mut sanity = load(&[&levels.sanity.scenario], &levels.sanity.router)?;
    let mut tested = load(&names, router)?;
    for loaded in [&mut sanity, &mut tested] {
        engine::choose_frr(loaded, &store)?;
        loaded.iter().try_for_each(|scenario| engine::check_images(scenario, &store))?;
    }
    let jobs = args.jobs.map_or_else(engine::parallelism, NonZeroUsize::get);
    let options =
        Options { store, jobs, retries: engine::RETRIES, guest: args.guest.parse()?, race: None, keep: None };

    let before = invocation::run(&sanity, args, &options).await?.outcome();
    let ran = invocation::run(&tested, args, &options).await?;
    let after = invocation::run(&sanity, args, &options).await?.outcome();
    let findings = Findings { unstable: ran.unstable.clone() };
    let judged = judge(
        (under_test(&choice, &profiles), &args.level),
        &catalogue,
        &ran.result,
        &findings,
        &deviations,
        Sanity { before, after },
    );
    show(args, &judged, &ran.directory)
}

/// The scenarios with the router in the gateways' place.
fn load(args: &JudgeArgs, names: &[&str], router: &str, profiles: &Profiles) -> Result<Vec<Loaded>, Failure> {
    let options = LoadOptions { profiles, gateway: Some(router), ..LoadOptions::default() };
    let one = |name: &&str| Ok(engine::load_for(&args.scenarios.join(name), &options)?);
    names.iter().map(one).collect()
}

fn catalogue(path: &Path) -> Result<Vec<Requirement>, Failure> {
    let entries = requirement::parse(&read_source(path)?).map_err(engine::RunError::from)?;
    let found: Vec<Requirement> = entries
        .into_iter()
        .map(|entry| Requirement { id: entry.id, text: entry.text.trim().to_string() })
        .collect();
    match found.is_empty() {
        true => Err(Failure::input(format!("{} lists no requirements", path.display()))),
        false => Ok(found),
    }
}

fn deviations(args: &JudgeArgs, catalogue: &[Requirement]) -> Result<Deviations, Failure> {
    let Some(file) = &args.deviations else { return Ok(Deviations::default()) };
    let known: Vec<&str> = catalogue.iter().map(|r| r.id.as_str()).chain([STABILITY]).collect();
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400);
    Ok(Deviations::parse(&read_source(file)?, &known, &date(days)).map_err(engine::RunError::from)?)
}

/// A day, counted from 1970-01-01, as `YYYY-MM-DD`: years are counted from March, so that leap days come last.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + u64::from(month <= 2))
}

fn under_test(choice: &Choice, profiles: &Profiles) -> RouterUnderTest {
    let version = profiles.get(&choice.profile).and_then(|profile| profile.version(Some(&choice.version)));
    RouterUnderTest {
        profile: choice.profile.clone(),
        version: choice.version.clone(),
        variant: choice.variant.clone(),
        image: version.map(|version| version.image.clone()).unwrap_or_default(),
    }
}

fn show(args: &JudgeArgs, judged: &Judged, directory: &Path) -> Result<u8, Failure> {
    let report = &judged.report;
    if let Some(file) = &args.report {
        let text = serde_json::to_string_pretty(report).map_err(Failure::broken)?;
        std::fs::write(file, text + "\n")
            .map_err(|e| Failure::broken(format!("cannot write {}: {e}", file.display())))?;
    }
    match args.json {
        true => out::json(report)?,
        false => table(report, directory)?,
    }
    // What was agreed on and did not happen: the file says something of the router that is not so.
    if !judged.unused.is_empty() {
        let ids = judged.unused.join(", ");
        Failure::input(format!("deviations that nothing needed: {ids}"))
            .hint("their requirements did not fail with this version: take them out")
            .report();
        return Ok(report.exit_code().max(BAD_INPUT));
    }
    Ok(report.exit_code())
}

fn table(report: &Report, directory: &Path) -> Result<(), Failure> {
    let router = &report.router;
    let variant = router.variant.as_ref().map(|variant| format!(" ({variant})")).unwrap_or_default();
    out::line(format_args!("{} {}{variant}, level {}", router.profile, router.version, report.level))?;
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
            requirement.runs.len().to_string(),
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
    let Summary { pass, pass_with_deviation, fail, inconclusive, not_run } = report.summary;
    out::line(format_args!(
        "{pass} pass, {pass_with_deviation} pass with deviation, {fail} fail, {inconclusive} inconclusive, {not_run} not run"
    ))?;
    out::line(format_args!("files: {}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_787, "2026-11-30"),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}
