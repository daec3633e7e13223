//! What reports say of made-up results.

use std::collections::BTreeMap;

use super::*;
use crate::diag::Source;
use crate::result::{Outcome, ResultFile, RunResult};

fn run(requirement: &str, outcome: Outcome) -> RunResult {
    let reason = (outcome != Outcome::Passed).then(|| format!("why {outcome}"));
    let json = serde_json::json!({
        "scenario": "s", "requirements": [requirement], "axes": { "gateway": "x", "family": "ipv4" },
        "outcome": outcome, "duration_ms": 1, "reason": reason, "observed": {}, "expected": {}, "steps": [],
        "artifacts": [],
    });
    serde_json::from_value(json).unwrap()
}

fn result(runs: Vec<RunResult>) -> ResultFile {
    let mut result = crate::result::fold(&[]);
    result.runs = runs;
    result
}

fn under_test(version: &str) -> RouterUnderTest {
    RouterUnderTest {
        profile: "x".into(),
        version: version.into(),
        variant: None,
        image: format!("x:{version}"),
    }
}

const SANE: Sanity = Sanity { before: Outcome::Passed, after: Outcome::Passed };

const DEVIATIONS: &str = "
- id: DEV-1
  requirement: ORD-1.2
  versions: '>=7.0 <8.0'
  reason: refuses route refresh
  tracker: https://example.org/1
  owner: the vendor
  expiry: '2027-06-30'
";

fn deviations(text: &str) -> Result<Deviations, crate::diag::Diagnostic> {
    Deviations::parse(&Source::new("deviations.yaml", text), &["ORD-1.2", "LEARN-1.1"], "2026-11-30")
}

fn judged(version: &str, runs: Vec<RunResult>, unstable: &[&str]) -> Judged {
    judged_rounds(version, vec![(runs, unstable)])
}

fn judged_rounds(version: &str, rounds: Vec<(Vec<RunResult>, &[&str])>) -> Judged {
    let round = |(runs, unstable): (Vec<RunResult>, &[&str])| Round {
        result: result(runs),
        unstable: unstable.iter().map(|s| s.to_string()).collect(),
    };
    let rounds: Vec<Round> = rounds.into_iter().map(round).collect();
    let catalogue = [Requirement { id: "ORD-1.2".into(), text: "late extras".into() }];
    let level = if rounds.len() > 1 { SOAK } else { "basic" };
    judge((under_test(version), level), &catalogue, &rounds, &deviations(DEVIATIONS).unwrap(), SANE)
}

fn outcomes(report: &Report) -> Vec<String> {
    report.requirements.iter().map(|r| format!("{} {}", r.id, r.outcome)).collect()
}

#[test]
fn each_requirement_is_the_worst_of_its_runs() {
    use Outcome::{Broken, Failed, Inconclusive, Passed, Skipped};
    let all = [
        (&[Passed, Passed][..], "pass"),
        (&[Passed, Skipped], "pass"),
        (&[Passed, Inconclusive], "inconclusive"),
        (&[Passed, Broken], "inconclusive"),
        (&[Failed, Broken, Passed], "fail"),
        (&[Skipped, Skipped], "not run"),
    ];
    for (each, expected) in all {
        let runs = each.iter().map(|outcome| run("LEARN-1.1", *outcome)).collect();
        let report = judged("9.0", runs, &[]).report;
        assert_eq!(report.requirements[0].outcome.word(), expected, "{each:?}");
        assert_eq!(report.requirements[0].runs.len(), each.len());
        assert_eq!(report.requirements[0].reason.is_some(), each.iter().any(|o| *o != Passed), "{each:?}");
    }
}

#[test]
fn a_deviation_tolerates_a_failure_of_its_versions_and_hides_nothing() {
    let failed = || vec![run("ORD-1.2", Outcome::Failed), run("LEARN-1.1", Outcome::Passed)];
    let judged_7 = judged("7.7", failed(), &[]);
    assert_eq!(
        outcomes(&judged_7.report),
        ["LEARN-1.1 pass", "ORD-1.2 pass with deviation", "STAB-1.1 pass"]
    );
    let tolerated = &judged_7.report.requirements[1];
    assert_eq!(tolerated.runs[0].outcome, Outcome::Failed);
    assert_eq!(tolerated.deviation.as_ref().unwrap().id, "DEV-1");
    assert_eq!((judged_7.report.exit_code(), judged_7.unused.len()), (0, 0));

    let judged_8 = judged("8.8", failed(), &[]);
    assert_eq!(outcomes(&judged_8.report)[1], "ORD-1.2 fail");
    // It is for another version, or for what was not judged: nobody can say that it is not needed.
    assert_eq!((judged_8.report.exit_code(), judged_8.unused.len()), (1, 0));
    assert!(judged("7.7", vec![run("LEARN-1.1", Outcome::Passed)], &[]).unused.is_empty());
    // What passes needs no deviation.
    assert_eq!(judged("7.7", vec![run("ORD-1.2", Outcome::Passed)], &[]).unused, ["DEV-1"]);
}

#[test]
fn a_crash_fails_although_every_run_passed() {
    let report = judged("9.0", vec![run("LEARN-1.1", Outcome::Passed)], &["run: bird.log: <BUG>"]).report;
    assert_eq!(outcomes(&report), ["LEARN-1.1 pass", "STAB-1.1 fail"]);
    assert_eq!(report.exit_code(), 1);
    let nothing = judged("9.0", vec![run("LEARN-1.1", Outcome::Skipped)], &[]).report;
    assert_eq!((outcomes(&nothing)[1].as_str(), nothing.exit_code()), ("STAB-1.1 not run", 4));
}

#[test]
fn without_sanity_nothing_is_proved() {
    let mut report = judged("9.0", vec![run("LEARN-1.1", Outcome::Failed)], &[]).report;
    report.sanity = BTreeMap::from([("before".to_string(), Outcome::Inconclusive)]);
    assert_eq!(report.exit_code(), 3);
}

#[test]
fn mistakes_in_deviations_point_at_their_place() {
    let wrong = |from: &str, to: &str| {
        assert!(DEVIATIONS.contains(from), "{from}");
        let error = deviations(&DEVIATIONS.replace(from, to)).unwrap_err();
        format!("{error}; {}", error.hints.join("; "))
    };
    insta::assert_snapshot!(wrong("ORD-1.2", "ORD-1.3"), @"deviations.yaml:3:16: unknown requirement `ORD-1.3`; did you mean `ORD-1.2`?");
    insta::assert_snapshot!(wrong("2027-06-30", "2026-11-29"), @"deviations.yaml:8:11: the deviation `DEV-1` has expired (2026-11-29); talk to its owner, the vendor; tracker: https://example.org/1");
    insta::assert_snapshot!(wrong("2027-06-30", "next year"), @"deviations.yaml:8:11: `next year` is not a date such as 2027-06-30;");
    insta::assert_snapshot!(wrong(">=7.0 <8.0", "all of them"), @"deviations.yaml:4:13: `all of them` is no range of versions; `7.7`, or bounds such as `>=7.0 <8.0`");
    insta::assert_snapshot!(wrong("  owner: the vendor\n", ""), @"deviations.yaml:2:3: the field `owner` is missing;");
    let twice = format!("{DEVIATIONS}{}", DEVIATIONS.trim_start());
    insta::assert_snapshot!(deviations(&twice).unwrap_err(), @"deviations.yaml:9:7: `DEV-1` is there twice");
}

#[test]
fn versions_are_compared_by_number() {
    let fits = |range: &str, version: &str| {
        let text = DEVIATIONS.replace(">=7.0 <8.0", range);
        deviations(&text).unwrap().covering("ORD-1.2", version).is_some()
    };
    assert!(fits(">=7.0 <8.0", "7.7") && fits(">=7.0 <8.0", "7.10") && !fits(">=7.0 <8.0", "8.0"));
    assert!(fits("7.7", "7.7") && !fits("7.7", "7.8") && fits("<=10.3", "9.1") && fits(">9", "10"));
}

#[test]
fn a_comparison_names_what_got_worse() {
    let report = |version: &str, late: Outcome, learn: Outcome| {
        judged(version, vec![run("ORD-1.2", late), run("LEARN-1.1", learn)], &[]).report
    };
    let (old, new) =
        (report("8.0", Outcome::Failed, Outcome::Passed), report("9.0", Outcome::Passed, Outcome::Failed));
    let both = compare(&old, &new);
    let rows: Vec<_> = both.rows.iter().map(|row| (row.id.as_str(), row.change)).collect();
    assert_eq!(
        rows,
        [("LEARN-1.1", Change::Regression), ("ORD-1.2", Change::Mended), ("STAB-1.1", Change::Same)]
    );
    assert_eq!((both.exit_code(), compare(&old, &old).exit_code()), (1, 0));
}

#[test]
fn a_level_has_those_below_it() {
    let text = "sanity: { scenario: s, router: frr }\nsmoke: [a]\nbasic: [b, a]\nfull: [c]\n";
    let levels = Levels::parse(&Source::new("acceptance.yaml", text)).unwrap();
    assert_eq!(levels.scenarios("smoke").unwrap(), ["a"]);
    assert_eq!(levels.scenarios("full").unwrap(), ["a", "b", "c"]);
    assert_eq!(levels.scenarios("soak").unwrap(), ["a", "b", "c"], "nothing of its own");
    assert_eq!(levels.scenarios("long"), None);
    let twice = Levels::parse(&Source::new("a.yaml", text.replace("[b, a]", "[b, b]"))).unwrap_err();
    insta::assert_snapshot!(twice, @"a.yaml:3:12: `b` is there twice");
}

#[test]
fn rounds_are_counted_and_the_first_failure_is_told() {
    use Outcome::{Failed, Inconclusive, Passed, Skipped};
    let round = |late, learn| vec![run("ORD-1.2", late), run("LEARN-1.1", learn)];
    let report = judged_rounds(
        "9.0",
        vec![
            (round(Passed, Passed), &[]),
            (round(Failed, Skipped), &[]),
            (round(Failed, Inconclusive), &["run: bird.log: <BUG>"]),
        ],
    )
    .report;
    let counts: Vec<_> = report.requirements.iter().map(|r| (r.rounds.passed, r.rounds.of)).collect();
    assert_eq!((report.rounds, counts), (3, vec![(1, 2), (1, 3), (2, 3)]));
    let reasons: Vec<_> = report.requirements.iter().map(|r| r.reason.clone().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "1 of 2 rounds passed; first in round 3: s family=ipv4: why inconclusive",
            "1 of 3 rounds passed; first in round 2: s family=ipv4: why failed",
            "2 of 3 rounds passed; first in round 3: run: bird.log: <BUG>",
        ]
    );
    assert_eq!(outcomes(&report), ["LEARN-1.1 inconclusive", "ORD-1.2 fail", "STAB-1.1 fail"]);
    assert_eq!(report.requirements[1].runs.iter().map(|run| run.round).collect::<Vec<_>>(), [1, 2, 3]);
    // A deviation covers the requirement, in whatever round it failed.
    let covered = judged_rounds("7.7", vec![(round(Passed, Passed), &[]), (round(Failed, Passed), &[])]);
    assert_eq!(outcomes(&covered.report)[1], "ORD-1.2 pass with deviation");
}

#[test]
fn a_report_that_does_not_follow_from_the_runs_is_told_apart() {
    let honest =
        judged("9.0", vec![run("ORD-1.2", Outcome::Failed), run("LEARN-1.1", Outcome::Passed)], &[]).report;
    let again = |change: &dyn Fn(&mut Report)| {
        let mut told = honest.clone();
        change(&mut told);
        differences(&told, &honest)
    };
    assert!(again(&|_| ()).is_empty());
    let failed = 1;
    assert_eq!(honest.requirements[failed].id, "ORD-1.2");
    assert_eq!(
        again(&|told| told.requirements[failed].outcome = AcceptanceOutcome::Pass),
        ["ORD-1.2: the report says pass, the runs say fail"]
    );
    assert_eq!(
        again(&|told| told.requirements[failed].runs[0].outcome = Outcome::Skipped),
        ["ORD-1.2: its runs are not what the runs say"]
    );
    assert_eq!(
        again(&|told| drop(told.requirements.remove(failed))),
        ["ORD-1.2: the report leaves it out, the runs say fail"]
    );
    assert_eq!(
        again(&|told| *told.sanity.get_mut("after").unwrap() = Outcome::Failed),
        ["the sanity gate after the runs: the report says failed, the runs say passed"]
    );
    assert_eq!(again(&|told| told.summary.fail = 0), ["the report's summary is not what the runs say"]);
}

#[test]
fn a_soak_says_where_the_router_crashed() {
    let good = || vec![run("LEARN-1.1", Outcome::Passed)];
    let crashed =
        judged_rounds("9.0", vec![(good(), &[]), (good(), &["s: node gw1: x has ended with signal 11"])]);
    assert_eq!(crashed.report.soak, Some(Soak { asked_s: None, crashed_in_round: Some(2) }));
    assert_eq!(crashed.report.exit_code(), 1);
    let well = judged_rounds("9.0", vec![(good(), &[]), (good(), &[])]);
    assert_eq!(well.report.soak, Some(Soak::default()));
    assert_eq!(judged("9.0", good(), &["crash"]).report.soak, None, "no soak");
    // How long was asked is not in the runs, where it stopped is.
    let mut told = crashed.report.clone();
    told.soak = Some(Soak { asked_s: Some(60), crashed_in_round: Some(2) });
    assert!(differences(&told, &crashed.report).is_empty());
    told.soak = Some(Soak { asked_s: Some(60), crashed_in_round: None });
    assert_eq!(
        differences(&told, &crashed.report),
        ["the report's end of the soak is not what the runs say"]
    );
}
