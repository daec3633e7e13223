//! A report, and what it ought to be: made again of the same runs and deviations.

use std::collections::BTreeSet;

use super::report::{Report, RequirementResult};

/// What the report `told` says otherwise than `again`, one line each.
pub fn differences(told: &Report, again: &Report) -> Vec<String> {
    let ids: BTreeSet<&String> = told.requirements.iter().chain(&again.requirements).map(|r| &r.id).collect();
    let mut all: Vec<String> = ids.into_iter().filter_map(|id| of_requirement(id, told, again)).collect();
    let when: BTreeSet<&String> = told.sanity.keys().chain(again.sanity.keys()).collect();
    for when in when.into_iter().filter(|when| told.sanity.get(*when) != again.sanity.get(*when)) {
        let word = |report: &Report| report.sanity.get(when).map_or("nothing", |outcome| outcome.word());
        let (told, again) = (word(told), word(again));
        all.push(format!("the sanity gate {when} the runs: the report says {told}, the runs say {again}"));
    }
    let same = [
        ("schema", told.schema == again.schema),
        ("router", told.router == again.router),
        ("level", told.level == again.level),
        ("number of rounds", told.rounds == again.rounds),
        ("end of the soak", ended(told) == ended(again)),
        ("summary", told.summary == again.summary),
    ];
    let differ = same.into_iter().filter(|(_, same)| !same);
    all.extend(differ.map(|(what, _)| format!("the report's {what} is not what the runs say")));
    all
}

/// How long a soak was asked to go on is not in its runs.
fn ended(report: &Report) -> Option<usize> {
    report.soak.and_then(|soak| soak.crashed_in_round)
}

fn of_requirement(id: &str, told: &Report, again: &Report) -> Option<String> {
    let of = |report: &'_ Report| report.requirements.iter().find(|r| r.id == *id).cloned();
    let what = match (of(told), of(again)) {
        (Some(told), Some(again)) if told == again => return None,
        (Some(told), Some(again)) if told.outcome != again.outcome => {
            format!("the report says {}, the runs say {}", told.outcome, again.outcome)
        }
        (Some(told), Some(again)) => {
            format!("its {} are not what the runs say", parts(&told, &again).join(", "))
        }
        (Some(_), None) => "the report has it, no run names it".to_string(),
        (None, again) => {
            let again = again.map_or("nothing", |again| again.outcome.word());
            format!("the report leaves it out, the runs say {again}")
        }
    };
    Some(format!("{id}: {what}"))
}

fn parts(told: &RequirementResult, again: &RequirementResult) -> Vec<&'static str> {
    let same = [
        ("text", told.text == again.text),
        ("reason", told.reason == again.reason),
        ("deviation", told.deviation == again.deviation),
        ("rounds", told.rounds == again.rounds),
        ("runs", told.runs == again.runs),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(what, _)| what).collect()
}
