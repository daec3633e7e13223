//! The acceptance itself: sanity, the level's scenarios, sanity again, verdicts.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use routeproof_engine::bundle;
use routeproof_engine::run::{self as engine, LoadOptions, Loaded, Options};
use routeproof_model::acceptance::{Judged, Round, RouterUnderTest, SOAK, Sanity, judge};
use routeproof_model::profile::{Choice, Profiles};
use routeproof_model::result::{Outcome, ResultFile};

use super::inputs::Inputs;
use super::round::{Ran, run_once};
use super::{JudgeArgs, evidence, show, written};
use crate::backing;
use crate::cmd::doctor;
use crate::fail::{BAD_INPUT, Failure};
use crate::out;

/// How long `soak` goes on unless `--for` says otherwise.
const SOAK_FOR: Duration = Duration::from_secs(3600);

pub async fn run(router: &str, args: &JudgeArgs) -> Result<u8, Failure> {
    let length = length(args)?;
    written::check(&args.report)?;
    let profiles = args.profiles.load()?;
    let choice = profiles.choose(router).map_err(|unknown| {
        unknown.hints.iter().fold(Failure::input(format!("--router: {}", unknown.what)), Failure::hint)
    })?;
    let inputs = Inputs::read(args)?;
    if let Some(file) = &args.bundle {
        bundle::check(file).map_err(|e| Failure::from(e).hint("--bundle names a file that you may write"))?;
    }
    let store = crate::cmd::run::store(&args.source, &profiles)?;
    let names = inputs.levels.scenarios(&args.level).unwrap_or_default();
    let load = |names: &[&str], router: &str| load(args, names, router, &profiles);
    let good = &inputs.levels.sanity;
    let mut sanity = load(&[&good.scenario], &good.router)?;
    let mut tested = load(&names, router)?;
    let backing = args.backing.backing(&store);
    let guest = backing::guest(args.guest.parse()?, &backing);
    for loaded in [&mut sanity, &mut tested] {
        engine::choose_frr(loaded, &store)?;
        if !backing.is_containers() {
            loaded.iter().try_for_each(|scenario| engine::check_images(scenario, &store))?;
        }
    }
    let needed = backing::needs(&backing, &Loaded::plan(&tested));
    doctor::require(&needed, &guest, &store, backing.programs()).await?;
    let jobs = args.jobs.map_or_else(|| backing::parallelism(&backing), NonZeroUsize::get);
    let options = Options { store, jobs, retries: engine::RETRIES, guest, race: None, keep: None, backing };

    let before = run_once(&sanity, args, &options).await?;
    let rounds = rounds(&tested, args, &options, length).await?;
    let after = run_once(&sanity, args, &options).await?;
    let (rounds, directories): (Vec<Round>, Vec<_>) =
        rounds.into_iter().map(|ran| (ran.round, (ran.directory, ran.held))).unzip();
    let mut judged = judge(
        (under_test(&choice, &profiles), &args.level),
        &inputs.catalogue,
        &rounds,
        &inputs.deviations,
        Sanity { before: before.round.result.worst(), after: after.round.result.worst() },
    );
    if let Some(soak) = &mut judged.report.soak {
        soak.asked_s = length.map(|length| length.as_secs());
    }
    let shown = telling(&rounds);
    let directory = directories.get(shown).map(|(directory, _)| directory.as_path()).unwrap_or(Path::new(""));
    written::write(&args.report, &judged.report, shown + 1, directory)?;
    let code = tell(args, &judged, directory)?;
    if let Some(file) = &args.bundle {
        let kernel = rounds.iter().find_map(|round| round.result.environment.as_ref());
        let kernel = kernel.map(|environment| environment.kernel.clone()).unwrap_or_default();
        let directories = directories.iter().map(|(directory, _)| directory.as_path());
        let directories = evidence::Directories {
            before: &before.directory,
            rounds: directories.collect(),
            after: &after.directory,
        };
        let sha256 = evidence::pack(file, &judged.report, &inputs, kernel, &directories)?;
        out::note(format_args!("bundle: {}  SHA-256 {sha256}", file.display()));
    }
    Ok(code)
}

/// How long rounds follow each other; `None` for one round.
fn length(args: &JudgeArgs) -> Result<Option<Duration>, Failure> {
    match (args.level == SOAK, args.length) {
        (true, length) => Ok(Some(length.unwrap_or(SOAK_FOR))),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(Failure::input(format!("--for goes with --level {SOAK} alone"))),
    }
}

/// Round after round until the time is over or the router has crashed; a round that has begun is done to its end.
async fn rounds(
    tested: &[Loaded],
    args: &JudgeArgs,
    options: &Options,
    length: Option<Duration>,
) -> Result<Vec<Ran>, Failure> {
    let begun = Instant::now();
    let mut rounds = Vec::new();
    loop {
        let ran = run_once(tested, args, options).await?;
        let left = length.unwrap_or_default().saturating_sub(begun.elapsed());
        let crashed = !ran.round.unstable.is_empty();
        if length.is_some() {
            let then = if crashed { "; the router has crashed".to_string() } else { until(left) };
            out::note(format_args!("round {}: {}{then}", rounds.len() + 1, in_words(&ran.round.result)));
        }
        rounds.push(ran);
        if left.is_zero() || crashed {
            return Ok(rounds);
        }
    }
}

/// The round to look at: the first that did not go well, else the last. Both kept their directories.
fn telling(rounds: &[Round]) -> usize {
    let bad = |round: &Round| {
        !round.unstable.is_empty() || !matches!(round.result.worst(), Outcome::Passed | Outcome::Skipped)
    };
    rounds.iter().position(bad).unwrap_or(rounds.len().saturating_sub(1))
}

fn until(left: Duration) -> String {
    match left.as_secs() {
        0 => String::new(),
        left => format!("; {} left", humantime::format_duration(Duration::from_secs(left))),
    }
}

/// `12 runs in 31 s: 10 passed, 2 failed`
fn in_words(result: &ResultFile) -> String {
    let s = &result.summary;
    let counts = [
        (s.passed, "passed"),
        (s.failed, "failed"),
        (s.inconclusive, "inconclusive"),
        (s.broken, "broken"),
        (s.skipped, "skipped"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let counts: Vec<String> = counts.collect();
    format!("{} runs in {} s: {}", result.runs.len(), s.duration_ms / 1000, counts.join(", "))
}

/// The scenarios with the router in the gateways' place.
fn load(args: &JudgeArgs, names: &[&str], router: &str, profiles: &Profiles) -> Result<Vec<Loaded>, Failure> {
    let options = LoadOptions { profiles, gateway: Some(router), ..LoadOptions::default() };
    let one = |name: &&str| Ok(engine::load_for(&args.scenarios.join(name), &options)?);
    names.iter().map(one).collect()
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

fn tell(args: &JudgeArgs, judged: &Judged, directory: &Path) -> Result<u8, Failure> {
    let report = &judged.report;
    match args.json {
        true => out::json(report)?,
        false => show::table(report, directory)?,
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
