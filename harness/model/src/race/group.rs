//! How often the repeats of a run failed.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claim::{Claim, percent};
use super::interval::{Interval, always, wilson};
use crate::result::{Outcome, RunResult};

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RaceSetting {
    /// Repeats of each run at most.
    pub repeat: u32,
    /// Stop a run's repeats as soon as its verdict is certain.
    pub until_decided: bool,
    pub claim: Option<Claim>,
    /// `order`, `delay`, `cpu`.
    pub perturb: Vec<String>,
    /// The perturbations' seed; repeats of it have seeds of their own.
    pub seed: Option<u64>,
}

/// A whole invocation of repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Race {
    pub setting: RaceSetting,
    pub groups: Vec<Group>,
}

/// The repeats of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    pub scenario: String,
    pub axes: BTreeMap<String, String>,
    pub tally: Tally,
    /// Of failures, at 95 % confidence.
    pub interval: Interval,
    pub verdict: RaceVerdict,
}

/// What repeats came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    /// Broken or inconclusive: what these would have shown is not known, so they widen the interval both ways.
    pub without_verdict: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RaceVerdict {
    AlwaysPassed,
    AlwaysFailed,
    /// Some passed and some failed.
    Flaky,
    ClaimHolds,
    ClaimRefuted,
    /// More repeats would be needed.
    Undecided,
    /// No repeat has a verdict.
    NothingJudged,
}

impl RaceVerdict {
    pub fn word(self) -> &'static str {
        match self {
            RaceVerdict::AlwaysPassed => "always passed",
            RaceVerdict::AlwaysFailed => "always failed",
            RaceVerdict::Flaky => "FLAKY",
            RaceVerdict::ClaimHolds => "claim holds",
            RaceVerdict::ClaimRefuted => "CLAIM REFUTED",
            RaceVerdict::Undecided => "undecided",
            RaceVerdict::NothingJudged => "nothing judged",
        }
    }
}

impl Tally {
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Broken | Outcome::Inconclusive => self.without_verdict += 1,
            Outcome::Skipped => {}
        }
    }

    pub fn judged(&self) -> usize {
        self.passed + self.failed
    }

    /// Of failures. Repeats without a verdict may all have failed, or none.
    pub fn interval(&self, any_time: bool) -> Interval {
        let of = if any_time { always } else { wilson };
        let all = self.judged() + self.without_verdict;
        let (few, many) = (of(self.failed, all), of(self.failed + self.without_verdict, all));
        Interval { high: many.high, ..few }
    }

    /// The verdict that no further repeat can change, if there is one yet.
    pub fn decided(&self, setting: &RaceSetting) -> Option<RaceVerdict> {
        match &setting.claim {
            Some(claim) => claim.decided(&self.interval(setting.until_decided)).map(claim_verdict),
            None => (self.passed > 0 && self.failed > 0).then_some(RaceVerdict::Flaky),
        }
    }

    /// The verdict at the end.
    pub fn verdict(&self, setting: &RaceSetting) -> RaceVerdict {
        if self.judged() == 0 {
            return RaceVerdict::NothingJudged;
        }
        self.decided(setting).unwrap_or(match (&setting.claim, self.failed) {
            (Some(_), _) => RaceVerdict::Undecided,
            (None, 0) => RaceVerdict::AlwaysPassed,
            (None, _) => RaceVerdict::AlwaysFailed,
        })
    }
}

fn claim_verdict(holds: bool) -> RaceVerdict {
    if holds { RaceVerdict::ClaimHolds } else { RaceVerdict::ClaimRefuted }
}

/// `failed 1 of 20, 5 % (95 % interval 0.9 % to 23.6 %)`, and how many have no verdict.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tally, judged) = (&self.tally, self.tally.judged());
        write!(f, "failed {} of {judged}", tally.failed)?;
        if judged > 0 {
            write!(f, ", {}", percent(tally.failed as f64 / judged as f64))?;
        }
        write!(f, " (95 % interval {} to {})", percent(self.interval.low), percent(self.interval.high))?;
        match tally.without_verdict {
            0 => Ok(()),
            n => write!(f, "; {n} without a verdict"),
        }
    }
}

/// The repeats by what they are repeats of, in the order of the runs.
pub fn groups(runs: &[RunResult], setting: &RaceSetting) -> Vec<Group> {
    let mut tallies: Vec<(&RunResult, Tally)> = Vec::new();
    for run in runs {
        let same =
            |(other, _): &&mut (&RunResult, Tally)| other.scenario == run.scenario && other.axes == run.axes;
        match tallies.iter_mut().find(same) {
            Some((_, tally)) => tally.count(run.outcome),
            None => {
                let mut tally = Tally::default();
                tally.count(run.outcome);
                tallies.push((run, tally));
            }
        }
    }
    let group = |(run, tally): (&RunResult, Tally)| Group {
        scenario: run.scenario.clone(),
        axes: run.axes.clone(),
        tally,
        interval: tally.interval(setting.until_decided),
        verdict: tally.verdict(setting),
    };
    tallies.into_iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::super::claim::Bound;
    use super::*;

    fn tally(passed: usize, failed: usize, without_verdict: usize) -> Tally {
        Tally { passed, failed, without_verdict }
    }

    fn setting(claim: Option<(Bound, f64)>) -> RaceSetting {
        let claim = claim.map(|(bound, rate)| Claim { bound, rate });
        RaceSetting { repeat: 20, claim, ..RaceSetting::default() }
    }

    #[test]
    fn without_a_claim_one_of_each_is_proof() {
        let setting = setting(None);
        assert_eq!(tally(3, 0, 0).decided(&setting), None);
        assert_eq!(tally(3, 1, 0).decided(&setting), Some(RaceVerdict::Flaky));
        assert_eq!(tally(3, 0, 2).verdict(&setting), RaceVerdict::AlwaysPassed);
        assert_eq!(tally(0, 3, 0).verdict(&setting), RaceVerdict::AlwaysFailed);
        assert_eq!(tally(0, 0, 3).verdict(&setting), RaceVerdict::NothingJudged);
    }

    #[test]
    fn what_has_no_verdict_helps_no_claim() {
        let at_most = setting(Some((Bound::AtMost, 0.1)));
        assert_eq!(tally(40, 0, 0).verdict(&at_most), RaceVerdict::ClaimHolds);
        assert_eq!(tally(40, 0, 5).verdict(&at_most), RaceVerdict::Undecided);
        assert_eq!(tally(0, 0, 40).verdict(&at_most), RaceVerdict::NothingJudged);
        let at_least = setting(Some((Bound::AtLeast, 0.5)));
        assert_eq!(tally(0, 10, 0).verdict(&at_least), RaceVerdict::ClaimHolds);
        assert_eq!(tally(0, 10, 10).verdict(&at_least), RaceVerdict::Undecided);
        assert_eq!(tally(20, 0, 1).verdict(&at_least), RaceVerdict::ClaimRefuted);
    }

    #[test]
    fn a_group_reads_like_this() {
        let tally = tally(19, 1, 2);
        let group = Group {
            scenario: "s".into(),
            axes: BTreeMap::new(),
            tally,
            interval: tally.interval(false),
            verdict: RaceVerdict::Flaky,
        };
        insta::assert_snapshot!(group.to_string(), @"failed 1 of 20, 5 % (95 % interval 0.8 % to 33.3 %); 2 without a verdict");
    }
}
