//! Which requirement was met with which FRR.

use std::collections::BTreeMap;

use super::version::{compare_versions, is_version};
use super::{Outcome, ResultFile, RunResult};

/// Requirements are the rows, versions of the node's FRR the columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequirementGrid {
    pub versions: Vec<String>,
    pub rows: Vec<RequirementRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequirementRow {
    pub id: String,
    /// One for each version; `None` where no run proves the requirement with it.
    pub cells: Vec<Option<RequirementCell>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequirementCell {
    /// The worst of the runs' outcomes: one run that fails is enough.
    pub outcome: Outcome,
    pub passed: usize,
    /// Indexes into [`ResultFile::runs`], the worst first.
    pub runs: Vec<usize>,
}

/// The column of runs of which nobody knows the FRR.
const UNKNOWN: &str = "not known";

impl RequirementGrid {
    pub fn of(result: &ResultFile) -> RequirementGrid {
        let mut found: BTreeMap<&str, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for (index, run) in result.runs.iter().enumerate() {
            for id in &run.requirements {
                found.entry(id).or_default().entry(frr_of(run)).or_default().push(index);
            }
        }
        let mut versions: Vec<String> = found.values().flat_map(|cells| cells.keys().cloned()).collect();
        versions.sort_by(|a, b| is_version(b).cmp(&is_version(a)).then_with(|| compare_versions(a, b)));
        versions.dedup();
        let row = |(id, cells): (&str, BTreeMap<String, Vec<usize>>)| RequirementRow {
            id: id.to_string(),
            cells: versions.iter().map(|v| cells.get(v).map(|runs| cell(result, runs))).collect(),
        };
        let rows = found.into_iter().map(row).collect();
        RequirementGrid { rows, versions }
    }
}

fn cell(result: &ResultFile, runs: &[usize]) -> RequirementCell {
    let outcome = |index: &usize| result.runs[*index].outcome;
    let mut runs = runs.to_vec();
    runs.sort_by_key(|index| std::cmp::Reverse(outcome(index)));
    RequirementCell {
        outcome: runs.first().map_or(Outcome::Skipped, outcome),
        passed: runs.iter().filter(|index| outcome(index) == Outcome::Passed).count(),
        runs,
    }
}

/// The version of the cluster nodes' FRR, of old results by the axis of that name.
fn frr_of(run: &RunResult) -> String {
    let set = run.setting.as_ref().filter(|setting| !setting.frr.is_empty());
    let known = set.map(|setting| setting.frr.join(" and "));
    known.or_else(|| run.axes.get("frr").cloned()).unwrap_or_else(|| UNKNOWN.to_string())
}
