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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_that_fails_is_enough() {
        let run = |ids: &[&str], frr: &str, outcome: &str| {
            serde_json::json!({
                "scenario": "s", "requirements": ids, "axes": { "frr": frr }, "outcome": outcome, "duration_ms": 1,
                "observed": {}, "expected": {}, "steps": [], "artifacts": [],
            })
        };
        let runs = [
            run(&["B-1.1", "A-1.1"], "10.3", "passed"),
            run(&["A-1.1"], "8.4.4", "passed"),
            run(&["A-1.1"], "8.4.4", "failed"),
            run(&["A-1.1"], "8.4.4", "skipped"),
        ];
        let summary = serde_json::json!({
            "passed": 2, "failed": 1, "inconclusive": 0, "broken": 0, "skipped": 1, "duration_ms": 1,
        });
        let file = serde_json::json!({ "schema": super::super::SCHEMA, "summary": summary, "runs": runs });
        let result: ResultFile = serde_json::from_value(file).unwrap();
        let grid = RequirementGrid::of(&result);
        assert_eq!(grid.versions, ["8.4.4", "10.3"]);
        let ids: Vec<&str> = grid.rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["A-1.1", "B-1.1"]);
        let worst = RequirementCell { outcome: Outcome::Failed, passed: 1, runs: vec![2, 3, 1] };
        assert_eq!(grid.rows[0].cells[0], Some(worst));
        assert_eq!(grid.rows[1].cells[0], None);
    }
}
