//! What the repeats of a run have come to so far, and whether more of them are needed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use routeproof_model::plan::PlannedRun;
use routeproof_model::race::{RaceSetting, Tally};
use routeproof_model::result::Outcome;
use routeproof_model::scenario::AxisValues;

/// Scenario and axes.
type Group = (String, AxisValues);

#[derive(Debug)]
pub(super) struct Tallies {
    setting: Option<RaceSetting>,
    counted: Mutex<BTreeMap<Group, Tally>>,
}

impl Tallies {
    pub fn new(setting: Option<RaceSetting>) -> Tallies {
        Tallies { setting, counted: Mutex::default() }
    }

    pub fn count(&self, run: &PlannedRun, outcome: Outcome) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.entry(group(run)).or_default().count(outcome);
    }

    /// Why a repeat need not be done, if its verdict is certain without it.
    pub fn not_needed(&self, run: &PlannedRun) -> Option<String> {
        let setting = self.setting.as_ref().filter(|setting| setting.until_decided)?;
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = counted.get(&group(run))?;
        let verdict = tally.decided(setting)?;
        let done = tally.judged() + tally.without_verdict;
        Some(format!("not needed: {} after {done} of {}", verdict.word(), setting.repeat))
    }
}

fn group(run: &PlannedRun) -> Group {
    (run.scenario.clone(), run.axes.clone())
}
