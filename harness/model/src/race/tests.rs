#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use super::*;
use crate::event::{Event, EventKind, RunId};
use crate::result::{Outcome, ResultFile, StepResult, fold};

/// Repeats of one run with these outcomes; `None` was not needed.
fn race(claim: Option<&str>, outcomes: &[Option<Outcome>]) -> ResultFile {
    let claim = claim.map(|rate| Claim::parse(Bound::AtMost, rate).unwrap());
    let setting = RaceSetting { repeat: outcomes.len() as u32, claim, ..RaceSetting::default() };
    let id = |repeat| RunId { scenario: "s".into(), repeat: repeat as u32 + 1, ..RunId::default() };
    let runs = (0..outcomes.len()).map(id).collect();
    let mut events = vec![(None, EventKind::Race { setting }), (None, EventKind::Planned { runs })];
    for (run, outcome) in outcomes.iter().enumerate() {
        let Some(outcome) = *outcome else {
            events.push((Some(run), EventKind::NotNeeded { reason: "decided".into() }));
            continue;
        };
        let step = StepResult {
            name: "expect".into(),
            outcome,
            duration_ms: 1,
            message: None,
            evidence: Vec::new(),
        };
        events.push((Some(run), EventKind::RunStarted { directory: "0".into() }));
        events.push((Some(run), EventKind::StepFinished { index: 0, step }));
        let finished = EventKind::RunFinished {
            outcome,
            duration_ms: 1,
            observed: Default::default(),
            reason: None,
            artifacts: Vec::new(),
            evidence: Vec::new(),
        };
        events.push((Some(run), finished));
    }
    fold(&events.into_iter().map(|(run, kind)| Event { at_ms: 0, run, kind }).collect::<Vec<_>>())
}

const PASS: Option<Outcome> = Some(Outcome::Passed);
const FAIL: Option<Outcome> = Some(Outcome::Failed);
const INCONCLUSIVE: Option<Outcome> = Some(Outcome::Inconclusive);

fn verdict(result: &ResultFile) -> RaceVerdict {
    result.race.as_ref().unwrap().groups[0].verdict
}

#[test]
fn without_a_claim_a_single_failure_is_one() {
    let flaky = race(None, &[PASS, FAIL, None, None]);
    assert_eq!((verdict(&flaky), flaky.exit_code()), (RaceVerdict::Flaky, 1));
    assert_eq!((flaky.runs[1].repeat, flaky.summary.skipped), (2, 2));
    let steady = race(None, &[PASS; 5]);
    assert_eq!((verdict(&steady), steady.exit_code()), (RaceVerdict::AlwaysPassed, 0));
    assert_eq!(race(None, &[PASS, INCONCLUSIVE]).exit_code(), 3);
}

#[test]
fn a_claim_decides_whatever_became_of_single_repeats() {
    let mut outcomes = vec![PASS; 60];
    outcomes[7] = FAIL;
    let rare = race(Some("20%"), &outcomes);
    assert_eq!((verdict(&rare), rare.exit_code()), (RaceVerdict::ClaimHolds, 0));
    let often = race(Some("1%"), &[FAIL, FAIL, PASS, None]);
    assert_eq!((verdict(&often), often.exit_code()), (RaceVerdict::ClaimRefuted, 1));
    let few = race(Some("1%"), &[PASS; 5]);
    assert_eq!((verdict(&few), few.exit_code()), (RaceVerdict::Undecided, 3));
    assert_eq!(race(Some("1%"), &[INCONCLUSIVE; 3]).exit_code(), 3);
    assert_eq!(race(Some("1%"), &[]).exit_code(), 4);
    assert_eq!(race(Some("50%"), &[None, None]).exit_code(), 4);
}

#[test]
fn the_result_reads_back() {
    let result = race(Some("20%"), &[PASS, FAIL, None]);
    let read = |text: &str| serde_json::from_str::<ResultFile>(text).unwrap();
    // serde_json reads a number to within its last binary digit.
    let mut back = read(&serde_json::to_string(&result).unwrap());
    let interval = |result: &ResultFile| result.race.as_ref().unwrap().groups[0].interval;
    let (ours, theirs) = (interval(&result), interval(&back));
    assert!((ours.low - theirs.low).abs() < 1e-12 && (ours.high - theirs.high).abs() < 1e-12);
    back.race.as_mut().unwrap().groups[0].interval = ours;
    assert_eq!(back, result);
}
