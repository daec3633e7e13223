//! How often repeats failed, in the words of every report.

use routeproof_model::race::{Group, Method, Race, RaceVerdict};
use routeproof_model::result::{ResultFile, RunResult};

use super::text::count;

/// What was done, in a line.
pub(super) fn heading(race: &Race) -> String {
    let setting = &race.setting;
    let mut words = vec![format!("repeated {}", count(setting.repeat as usize, "time"))];
    if setting.until_decided {
        words.push("or until decided".to_string());
    }
    if let Some(claim) = &setting.claim {
        words.push(format!("to see whether it {claim}"));
    }
    let mut line = words.join(" ");
    if let Some(seed) = setting.seed {
        line.push_str(&format!("; perturbed: {}, seed {seed}", setting.perturb.join(", ")));
    }
    line
}

/// What the intervals are, for those who want to know.
pub(super) fn legend(race: &Race) -> &'static str {
    match race.groups.first().map(|group| group.interval.method) {
        Some(Method::AnyTime) => "intervals hold at every number of repeats at once (Robbins' mixture), 95 %",
        _ => "intervals are Wilson's, 95 %",
    }
}

/// `learn-routes frr=7.5.1`, in the scenario's order of axes.
pub(super) fn name(result: &ResultFile, group: &Group) -> String {
    let is_of = |run: &&RunResult| run.scenario == group.scenario && run.axes == group.axes;
    let axes = result.runs.iter().find(is_of).map(|run| result.axes_text(run)).unwrap_or_default();
    format!("{} {axes}", group.scenario).trim_end().to_owned()
}

/// How bad a verdict is: 0 good, 1 not certain, 2 bad.
pub(super) fn badness(verdict: RaceVerdict) -> u8 {
    match verdict {
        RaceVerdict::AlwaysPassed | RaceVerdict::ClaimHolds => 0,
        RaceVerdict::Undecided | RaceVerdict::NothingJudged => 1,
        RaceVerdict::AlwaysFailed | RaceVerdict::Flaky | RaceVerdict::ClaimRefuted => 2,
    }
}
