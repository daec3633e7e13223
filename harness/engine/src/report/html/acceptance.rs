//! The page of an acceptance: the verdict on the router above the runs of one round.

use askama::Template;
use routeproof_model::acceptance::{AcceptanceOutcome, Report, RequirementResult, Run, SOAK};
use routeproof_model::result::{Outcome, ResultFile};

use super::super::View;
use super::super::text::count;
use super::facts::{WHAT, pieces};
use super::page::{Count, Page, href, sign};

pub(super) struct Acceptance {
    pub rows: Vec<Row>,
    /// Which runs are shown below, where there are others.
    pub shown: Option<String>,
}

pub(super) struct Row {
    pub id: String,
    pub text: Vec<(bool, String)>,
    pub class: &'static str,
    pub sign: &'static str,
    pub outcome: &'static str,
    pub reason: Option<String>,
    pub deviation: Option<String>,
    /// In how many rounds it was met, where there were several.
    pub rounds: Option<String>,
    pub runs: Vec<Done>,
}

/// A run that a verdict rests on.
pub(super) struct Done {
    pub outcome: &'static str,
    pub sign: &'static str,
    pub title: String,
    /// Where it is on the page; runs of other rounds are not.
    pub href: Option<String>,
}

/// The whole page; `view` is of the round with this number, and the only one whose runs are shown in full.
pub fn page(report: &Report, round: usize, view: &View<'_>) -> String {
    let mut page = Page::of(view);
    let (verdict, class) = verdict(report);
    (page.verdict, page.verdict_class) = (verdict.clone(), class);
    page.headline = format!("{}: {verdict}", name(report));
    page.lead = lead(report);
    page.counts = counts(report);
    page.facts.retain(|(name, _)| *name != "gateways");
    page.facts.splice(0..0, facts(report));
    // Said better by the verdicts.
    page.requirements = None;
    page.acceptance = Some(Acceptance {
        rows: report.requirements.iter().map(|r| row(r, report, round, view.result)).collect(),
        shown: (report.rounds > 1).then(|| {
            format!(
                "Those of round {round} of {}; the run directories and the bundle have the others.",
                report.rounds
            )
        }),
    });
    match page.render() {
        Ok(page) => super::without_control(&page),
        Err(error) => format!("<!doctype html><title>routeproof</title><p>{error}\n"),
    }
}

fn verdict(report: &Report) -> (String, &'static str) {
    let sums = report.summary;
    match report.exit_code() {
        0 if sums.pass_with_deviation > 0 => {
            (format!("Accepted, with {}", count(sums.pass_with_deviation, "agreed deviation")), "passed")
        }
        // What was not run is not known, however green the rest is.
        0 if sums.not_run > 0 => {
            let not_run = count(sums.not_run, "requirement");
            (format!("Accepted; {not_run} not run"), "passed")
        }
        0 => ("Accepted".to_string(), "passed"),
        1 => (format!("Not accepted: {} failed", count(sums.fail, "requirement")), "failed"),
        3 if !report.is_sane() => {
            ("Nothing is proved: the sanity gate did not pass".to_string(), "inconclusive")
        }
        3 => {
            (format!("Not decided: {} inconclusive", count(sums.inconclusive, "requirement")), "inconclusive")
        }
        _ => ("Nothing ran".to_string(), "skipped"),
    }
}

/// `frr 8.4.4`, `bird 2 (no-refresh)`.
fn name(report: &Report) -> String {
    let router = &report.router;
    let variant = router.variant.as_ref().map(|variant| format!(" ({variant})")).unwrap_or_default();
    format!("{} {}{variant}", router.profile, router.version)
}

fn lead(report: &Report) -> String {
    let stopped = report.soak.as_ref().and_then(|soak| soak.crashed_in_round);
    let stopped = stopped.map(|round| {
        format!(" The soak was stopped after round {round}: the router crashed, or said that something inside it is broken (see below).")
    });
    format!(
        "The router under test was the gateway of a Kubernetes cluster whose nodes learn routes over BGP. {WHAT}{}",
        stopped.unwrap_or_default()
    )
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let gate = |when| report.sanity.get(when).map_or("not done", |outcome| outcome.word());
    let mut facts = vec![
        ("router under test", format!("{}, image {}", name(report), report.router.image)),
        ("level", report.level.clone()),
        (
            "sanity gate",
            format!("a router known to be good: {} before, {} after", gate("before"), gate("after")),
        ),
    ];
    if report.level == SOAK {
        let asked = report.soak.as_ref().and_then(|soak| soak.asked_s);
        let asked = asked.map(|seconds| format!(", asked to go on for {seconds} s")).unwrap_or_default();
        facts.push(("rounds", format!("{}{asked}", report.rounds)));
    }
    facts
}

fn counts(report: &Report) -> Vec<Count> {
    use AcceptanceOutcome::{Fail, Inconclusive, NotRun, Pass, PassWithDeviation};
    let one = |outcome: AcceptanceOutcome| {
        let (class, sign) = look(outcome);
        let number = report.requirements.iter().filter(|r| r.outcome == outcome).count();
        Count { outcome: class, word: outcome.word(), sign, number }
    };
    let all = [Pass, PassWithDeviation, Fail, Inconclusive, NotRun].map(one);
    all.into_iter().filter(|count| count.number > 0).collect()
}

/// The class and the sign of an outcome.
fn look(outcome: AcceptanceOutcome) -> (&'static str, &'static str) {
    match outcome {
        AcceptanceOutcome::Pass => ("passed", sign(Outcome::Passed)),
        AcceptanceOutcome::PassWithDeviation => ("known", "~"),
        AcceptanceOutcome::Fail => ("failed", sign(Outcome::Failed)),
        AcceptanceOutcome::Inconclusive => ("inconclusive", sign(Outcome::Inconclusive)),
        AcceptanceOutcome::NotRun => ("skipped", sign(Outcome::Skipped)),
    }
}

fn row(requirement: &RequirementResult, report: &Report, round: usize, shown: &ResultFile) -> Row {
    let (class, sign) = look(requirement.outcome);
    let deviation = requirement.deviation.as_ref().map(|d| {
        format!("deviation {}: {} ({}; owner {}, until {})", d.id, d.reason, d.tracker, d.owner, d.expiry)
    });
    let tally = requirement.rounds;
    Row {
        id: requirement.id.clone(),
        text: pieces(&requirement.text),
        class,
        sign,
        outcome: requirement.outcome.word(),
        reason: requirement.reason.clone(),
        deviation,
        rounds: (report.rounds > 1).then(|| format!("met in {} of {} rounds", tally.passed, tally.of)),
        // The others would make a soak's page long; the sum is above.
        runs: requirement.runs.iter().filter(|run| run.round == round).map(|run| done(run, shown)).collect(),
    }
}

fn done(run: &Run, shown: &ResultFile) -> Done {
    let same = |other: &&usize| {
        let other = &shown.runs[**other];
        other.scenario == run.scenario && other.axes == run.axes
    };
    let indexes: Vec<usize> = (0..shown.runs.len()).collect();
    let axes = run.axes.iter().filter(|(name, _)| *name != "gateway");
    let axes: String = axes.map(|(name, value)| format!(" {name}={value}")).collect();
    Done {
        outcome: run.outcome.word(),
        sign: sign(run.outcome),
        title: format!("{}{axes}", run.scenario),
        href: indexes.iter().find(same).map(|index| href(*index)),
    }
}
