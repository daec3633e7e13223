#![allow(clippy::unwrap_used)]

use super::*;
use crate::event::{Event, EventKind, RunId, read_log};

const PASS: Outcome = Outcome::Passed;

fn id(axes: &[(&str, &str)], expected: &[(&str, &str)]) -> RunId {
    RunId {
        scenario: "frr-ordering".into(),
        requirements: vec!["LEARN-1.1".into()],
        axes: axes.iter().map(|&(n, v)| (n.into(), v.into())).collect(),
        expected: pairs(expected),
        repeat: 0,
    }
}

fn pairs(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|&(k, v)| (k.into(), v.into())).collect()
}

fn at(at_ms: u64, run: Option<usize>, kind: EventKind) -> Event {
    Event { at_ms, run, kind }
}

fn planned(runs: Vec<RunId>) -> Event {
    at(0, None, EventKind::Planned { runs })
}

fn started(run: usize) -> Event {
    at(10, Some(run), EventKind::RunStarted { directory: format!("{run:03}-frr-ordering").into() })
}

fn step(run: usize, outcome: Outcome, message: Option<&str>) -> [Event; 2] {
    let name = "expect route 172.16.1.0/24".to_owned();
    // A value whose shortest decimal form has 17 digits: the log must give it back as it went in.
    let value = serde_json::json!({ "state": "established", "ratio": 0.1 + 0.2 });
    let evidence = vec![Evidence { what: "session".into(), node: Some("worker".into()), value }];
    let step = StepResult {
        name: name.clone(),
        outcome,
        duration_ms: 5,
        message: message.map(Into::into),
        evidence,
    };
    let limit_ms = Some(20_000);
    [
        at(20, Some(run), EventKind::StepStarted { index: 0, name, limit_ms }),
        at(30, Some(run), EventKind::StepFinished { index: 0, step }),
    ]
}

fn finished(run: usize, outcome: Outcome, observed: &[(&str, &str)]) -> Event {
    let (reason, artifacts, evidence) = (None, vec!["000/nodes/worker/frr.conf.1".into()], Vec::new());
    let kind = EventKind::RunFinished {
        outcome,
        duration_ms: 40,
        observed: pairs(observed),
        reason,
        artifacts,
        evidence,
    };
    at(50, Some(run), kind)
}

/// One run of one step.
fn one(
    step_outcome: Outcome,
    run_outcome: Outcome,
    expected: &[(&str, &str)],
    observed: &[(&str, &str)],
) -> ResultFile {
    let mut log = vec![planned(vec![id(&[], expected)]), started(0)];
    log.extend(step(0, step_outcome, Some("no route")));
    log.push(finished(0, run_outcome, observed));
    fold(&log)
}

#[test]
fn the_log_read_back_gives_the_identical_result() {
    let mut log = vec![planned(vec![id(&[("frr", "7.5.1"), ("order", "after")], &[("bug", "present")]); 3])];
    for run in 0..3 {
        log.push(started(run));
        log.extend(step(run, PASS, None));
        log.push(at(35, Some(run), EventKind::Warning { message: "the kernel has no VRF".into() }));
    }
    log.push(at(
        40,
        None,
        EventKind::Image { image: "frr:8.4.4".into(), what: "downloading".into(), done: 1, total: 2 },
    ));
    log.push(finished(0, PASS, &[("bug", "present")]));
    log.push(finished(1, Outcome::Broken, &[]));
    log.push(at(60, None, EventKind::Missing { capability: "vrf".into(), message: "no vrf.ko".into() }));
    log.push(at(70, None, EventKind::Interrupted));
    let text: String = log.iter().map(|event| event.to_line().unwrap() + "\n").collect();

    let (again, errors) = read_log(&text);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(again, log);
    let json = |events: &[Event]| serde_json::to_string_pretty(&fold(events)).unwrap();
    assert_eq!(json(&again), json(&log));
    let file: ResultFile = serde_json::from_str(&json(&log)).unwrap();
    assert_eq!(file, fold(&log));
    assert_eq!(file.summary.missing, ["vrf"]);
}

#[test]
fn a_log_that_was_cut_short_is_read_as_far_as_it_goes() {
    let mut log = vec![planned(vec![id(&[], &[])]), started(0)];
    log.extend(step(0, PASS, None));
    log.push(finished(0, PASS, &[]));
    let text: String = log.iter().map(|event| event.to_line().unwrap() + "\n").collect();
    assert_eq!(fold(&read_log(&text).0).exit_code(), 0);
    // Wherever it is cut: never green.
    for end in 0..text.len() - 2 {
        let (events, errors) = read_log(&text[..end]);
        assert_ne!(fold(&events).exit_code(), 0, "cut at {end}");
        assert!(errors.len() <= 1);
    }
    let (_, errors) =
        read_log("{\"at_ms\":0,\"run\":0,\"kind\":{\"event\":\"run-finished\",\"outcome\":\"splendid\"}}");
    assert_eq!(errors[0].line, 1, "an outcome that nobody knows is no event");
}

#[test]
fn a_run_that_never_finished_is_inconclusive() {
    let open =
        at(20, Some(0), EventKind::StepStarted { index: 0, name: "expect session".into(), limit_ms: None });
    let status = at(900, Some(0), EventKind::StepStatus { index: 0, status: "session is Active".into() });
    let mut log = vec![planned(vec![id(&[], &[]); 2]), started(0), open, status];
    let result = fold(&log);
    let run = &result.runs[0];
    assert_eq!((run.outcome, run.duration_ms), (Outcome::Inconclusive, 890));
    assert!(run.reason.as_ref().unwrap().starts_with("interrupted"));
    assert_eq!(run.steps[0].message.as_deref(), Some("did not finish; last seen: session is Active"));
    assert_eq!(result.runs[1].reason.as_deref(), Some("never started, although the plan has it"));
    assert_eq!(result.summary.inconclusive, 2);
    assert_eq!(result.exit_code(), 3);

    log.push(at(950, None, EventKind::Interrupted));
    let result = fold(&log);
    assert_eq!((result.runs[0].outcome, result.runs[1].outcome), (Outcome::Inconclusive, Outcome::Skipped));
    assert_eq!(result.exit_code(), 130);
}

#[test]
fn a_run_that_says_it_passed_passes_only_if_the_log_agrees() {
    let want = &[("bug", "absent")];
    let outcome =
        |result: ResultFile| (result.runs[0].outcome, result.runs[0].reason.clone().unwrap_or_default());
    let is = |outcome, reason: &str| (outcome, reason.to_owned());
    assert_eq!(outcome(one(PASS, PASS, want, &[("bug", "absent")])), is(PASS, ""));
    assert_eq!(
        outcome(one(PASS, PASS, want, &[("bug", "present")])),
        is(Outcome::Failed, "bug present, expected bug absent")
    );
    assert_eq!(
        outcome(one(PASS, PASS, want, &[])),
        is(Outcome::Inconclusive, "expected bug absent, but nothing was concluded")
    );
    for bad in [Outcome::Failed, Outcome::Broken, Outcome::Inconclusive] {
        assert_eq!(outcome(one(bad, PASS, &[], &[])), is(bad, "expect route 172.16.1.0/24: no route"));
    }
    assert_eq!(
        outcome(one(Outcome::Skipped, PASS, &[], &[])),
        is(Outcome::Inconclusive, "the step \"expect route 172.16.1.0/24\" did not run")
    );
    let no_step = fold(&[planned(vec![id(&[], &[])]), started(0), finished(0, PASS, &[])]);
    assert_eq!(outcome(no_step), is(Outcome::Inconclusive, "no step ran"));
    let [open, _] = step(0, PASS, None);
    let half = fold(&[planned(vec![id(&[], &[])]), started(0), open, finished(0, PASS, &[])]);
    assert_eq!(half.runs[0].outcome, Outcome::Inconclusive);
    // The runner's own bad verdict stands, with the step's words where it gave none.
    assert_eq!(
        outcome(one(Outcome::Failed, Outcome::Inconclusive, &[], &[])),
        is(Outcome::Inconclusive, "expect route 172.16.1.0/24: no route")
    );
}

#[test]
fn a_second_end_never_improves_the_first() {
    let mut log = vec![planned(vec![id(&[], &[])]), started(0)];
    log.extend(step(0, PASS, None));
    log.extend([finished(0, Outcome::Failed, &[]), finished(0, PASS, &[])]);
    assert_eq!(fold(&log).exit_code(), 1);
}

#[test]
fn another_try_makes_good_what_the_host_spoilt_and_not_what_failed() {
    let tried_again = |first| {
        let again = EventKind::RunAgain { reason: Some("the host stood still".into()), duration_ms: 40 };
        let mut log = vec![planned(vec![id(&[], &[])]), started(0)];
        log.extend(step(0, first, Some("no route")));
        log.extend([at(50, Some(0), again), started(0)]);
        log.extend(step(0, Outcome::Passed, None));
        log.push(finished(0, Outcome::Passed, &[]));
        fold(&log)
    };
    let good = tried_again(Outcome::Inconclusive);
    assert_eq!((good.exit_code(), good.runs[0].steps.len()), (0, 1));
    assert_eq!(good.runs[0].spoilt[0].directory, Some("000-frr-ordering".into()));
    assert_eq!(tried_again(Outcome::Failed).exit_code(), 1);
    assert_eq!(tried_again(Outcome::Broken).exit_code(), 3);
}

#[test]
fn a_run_that_no_plan_announced_counts() {
    let result = fold(&[started(1)]);
    assert_eq!(result.runs.len(), 2);
    assert_eq!(result.exit_code(), 3);
}

#[test]
fn the_exit_code_names_the_most_telling_reason() {
    use Outcome::*;
    let code = |outcomes: &[Outcome], interrupted: bool, missing: bool| {
        let mut log = vec![planned(vec![id(&[], &[]); outcomes.len()])];
        for (run, &outcome) in outcomes.iter().enumerate() {
            log.push(started(run));
            log.extend(step(run, outcome, None));
            log.push(finished(run, outcome, &[]));
        }
        if missing {
            log.push(at(9, None, EventKind::Missing { capability: "vrf".into(), message: String::new() }));
        }
        if interrupted {
            log.push(at(9, None, EventKind::Interrupted));
        }
        fold(&log).exit_code()
    };
    let table: &[(&[Outcome], u8)] = &[
        (&[Passed], 0),
        (&[Passed, Skipped], 0),
        (&[Passed, Failed], 1),
        (&[Failed, Broken, Inconclusive, Skipped], 1),
        (&[Passed, Broken], 3),
        (&[Passed, Inconclusive], 3),
        (&[Skipped, Broken], 3),
        (&[Skipped, Skipped], 4),
        (&[], 4),
    ];
    for &(outcomes, expected) in table {
        assert_eq!(code(outcomes, false, false), expected, "{outcomes:?}");
        assert_eq!(code(outcomes, true, false), 130, "{outcomes:?} interrupted");
        let with_missing = if expected == 1 { 1 } else { 5 };
        assert_eq!(
            code(outcomes, false, true),
            with_missing,
            "{outcomes:?} with a required capability missing"
        );
    }
}

/// Rows `order`, columns `frr`; the letters: bug, ok, Mismatch (a bug where none is expected), Inconclusive, dash for no run.
fn matrix(columns: &[&str], rows: &[(&str, &str)]) -> ResultFile {
    let mut log = Vec::new();
    let mut ids = Vec::new();
    for (order, letters) in rows {
        for (frr, letter) in columns.iter().zip(letters.chars()).filter(|(_, letter)| *letter != '-') {
            let want = if letter == 'b' { "present" } else { "absent" };
            let seen = if matches!(letter, 'b' | 'M') { "present" } else { "absent" };
            let run = ids.len();
            ids.push(id(&[("frr", frr), ("order", order)], &[("bug", want)]));
            log.push(started(run));
            log.extend(step(run, PASS, None));
            log.push(finished(
                run,
                if letter == 'I' { Outcome::Inconclusive } else { PASS },
                &[("bug", seen)],
            ));
        }
    }
    log.insert(0, planned(ids));
    fold(&log)
}

fn answers(columns: &[&str], rows: &[(&str, &str)]) -> Vec<String> {
    describe_first_good(&first_good(&matrix(columns, rows), "frr-ordering"))
}

#[test]
fn the_first_good_version_is_the_one_after_the_last_bug() {
    let versions = &["10.3", "7.5.1", "8.4.4"];
    assert_eq!(
        answers(
            versions,
            &[("after", "obo"), ("before", "ooo"), ("restart", "obo"), ("always", "bbb"), ("late", "obb")]
        ),
        [
            "first good version: frr 8.4.4 (last with the bug: 7.5.1; order=after,restart)",
            "first good version: frr 10.3 (last with the bug: 8.4.4; order=late)"
        ]
    );
    // A bug that was gone and came back: what counts is the end of it. A mismatch is an observation as well.
    assert_eq!(
        answers(versions, &[("after", "ooM")]),
        ["first good version: frr 10.3 (last with the bug: 8.4.4; order=after)"]
    );
    // A run without a verdict is neither good nor bad, whatever it noted; a gap in the matrix likewise.
    for unknown in ["obI", "ob-"] {
        assert_eq!(
            answers(versions, &[("before", "ooo"), ("after", unknown)]),
            ["first good version: frr 10.3 (last with the bug: 7.5.1; no verdict for 8.4.4; order=after)"]
        );
    }
    assert!(answers(versions, &[("after", "bob")]).is_empty(), "10.3 has the bug, so no version is good");
    assert!(answers(&["ipv4", "ipv6"], &[("after", "bo")]).is_empty(), "an address family is no version");
}

#[test]
fn a_grid_holds_the_worst_run_of_each_cell_and_marks_surprises() {
    let result = matrix(&["7.5.1", "8.4.4"], &[("before", "oI"), ("after", "bM"), ("restart", "o-")]);
    let grid = Grid::of(&result, "frr-ordering").unwrap();
    assert_eq!((grid.columns.name.as_str(), grid.row_axes.as_slice()), ("frr", &["order".to_owned()][..]));
    let show = |cell: &Option<Cell>| match cell {
        Some(cell) => format!("{}{}", if cell.surprising { "!= " } else { "" }, cell.text),
        None => "-".into(),
    };
    let rows: Vec<_> = grid
        .rows
        .iter()
        .map(|r| (r.labels.join(" "), r.cells.iter().map(show).collect::<Vec<_>>()))
        .collect();
    let expected =
        [("before", ["ok", "!= inconclusive"]), ("after", ["bug", "!= bug"]), ("restart", ["ok", "-"])];
    assert_eq!(rows, expected.map(|(label, cells)| (label.to_owned(), cells.map(str::to_owned).to_vec())));
    assert!(grid.has_surprises());

    let twice = matrix(&["7.5.1", "7.5.1"], &[("after", "Mb")]);
    let grid = Grid::of(&twice, "frr-ordering").unwrap();
    assert_eq!(grid.rows[0].cells.iter().map(show).collect::<Vec<_>>(), ["!= bug"]);
}

#[test]
fn axes_are_named_in_the_scenarios_order() {
    let result = matrix(&["7.5.1"], &[("after", "b")]);
    assert_eq!(result.axes_text(&result.runs[0]), "frr=7.5.1 order=after");
}
