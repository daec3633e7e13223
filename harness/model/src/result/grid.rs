//! A scenario's runs arranged as a matrix, and the first version without the bug.

use std::collections::{BTreeMap, BTreeSet};

use super::version::{compare_versions, is_version};
use super::{Axis, Outcome, ResultFile, RunResult};

/// A scenario's runs: the first axis makes the columns, the product of the others the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    pub columns: Axis,
    /// The names of the axes that make the rows.
    pub row_axes: Vec<String>,
    /// Rows that have at least one run, in the product's order: the last axis varies fastest.
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The values of the row's axes.
    pub labels: Vec<String>,
    /// One per column; `None` where the plan has no run.
    pub cells: Vec<Option<Cell>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Index into [`ResultFile::runs`].
    pub run: usize,
    /// `bug`, `ok`, another observed value, or the outcome.
    pub text: String,
    /// It differs from the expectation, or has no verdict.
    pub surprising: bool,
    pub outcome: Outcome,
}

impl Grid {
    /// `None` for a scenario without axes.
    pub fn of(result: &ResultFile, scenario: &str) -> Option<Grid> {
        let axes = &result.scenarios.iter().find(|s| s.name == scenario)?.axes;
        let (columns, row_axes) = axes.split_first()?;
        // Keyed by the axis values in order. When a cell ran more than once, its worst run speaks for it.
        let mut cells: BTreeMap<Vec<&str>, Cell> = BTreeMap::new();
        for (index, run) in result.runs.iter().enumerate().filter(|(_, run)| run.scenario == scenario) {
            let key = axes.iter().map(|axis| run.axes.get(&axis.name).map_or("", String::as_str)).collect();
            let cell = cell_of(index, run);
            match cells.get(&key) {
                Some(have) if (have.surprising, have.outcome) >= (cell.surprising, cell.outcome) => {}
                _ => drop(cells.insert(key, cell)),
            }
        }
        let row = |labels: Vec<&str>| {
            let cell = |value: &String| cells.get(&[&[value.as_str()], labels.as_slice()].concat()).cloned();
            Row {
                labels: labels.iter().map(|&l| l.to_owned()).collect(),
                cells: columns.values.iter().map(cell).collect(),
            }
        };
        let rows = product(row_axes).into_iter().map(row).filter(|row| row.cells.iter().any(Option::is_some));
        let row_names = row_axes.iter().map(|axis| axis.name.clone()).collect();
        Some(Grid { columns: columns.clone(), row_axes: row_names, rows: rows.collect() })
    }

    /// Whether a cell is marked as surprising.
    pub fn has_surprises(&self) -> bool {
        self.rows.iter().flat_map(|row| row.cells.iter().flatten()).any(|cell| cell.surprising)
    }
}

fn product(axes: &[Axis]) -> Vec<Vec<&str>> {
    axes.iter().fold(vec![Vec::new()], |rows, axis| {
        let values = || axis.values.iter().map(String::as_str);
        rows.iter().flat_map(|row| values().map(|value| [row.as_slice(), &[value]].concat())).collect()
    })
}

fn cell_of(index: usize, run: &RunResult) -> Cell {
    Cell { run: index, text: cell_text(run), surprising: is_surprising(run), outcome: run.outcome }
}

/// Whether a run is not what the scenario expects: failed, or without a verdict. A skipped run is neither.
pub fn is_surprising(run: &RunResult) -> bool {
    !matches!(run.outcome, Outcome::Passed | Outcome::Skipped)
}

/// What a grid shows of a run: what was observed where that is the news, else the outcome.
pub fn cell_text(run: &RunResult) -> String {
    let as_expected = run.expected.iter().all(|(key, want)| run.observed.get(key) == Some(want));
    let judged = match run.outcome {
        Outcome::Passed => true,
        // As observed as expected, and failed all the same: then the failure is the news.
        Outcome::Failed => !as_expected,
        Outcome::Skipped | Outcome::Inconclusive | Outcome::Broken => false,
    };
    if !judged || run.observed.is_empty() {
        return run.outcome.word().to_owned();
    }
    let values = run.observed.iter().map(|(key, value)| match (key.as_str(), value.as_str()) {
        ("bug", "present") => "bug",
        ("bug", "absent") => "ok",
        (_, value) => value,
    });
    values.collect::<Vec<_>>().join(",")
}

/// Where the bug ends along a scenario's first axis, for one row of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstGood {
    /// The first axis, for instance `frr`.
    pub axis: String,
    /// Names and values of the other axes.
    pub row: Vec<(String, String)>,
    /// The newest version that shows the bug.
    pub last_bad: String,
    /// The oldest version after it that does not.
    pub first_good: String,
    /// Versions between the two without a verdict: one of them may be the first good one.
    pub unknown: Vec<String>,
}

/// For each row of a scenario's grid that goes from `bug` to `ok` along the first axis: where.
///
/// Only an observation that a judged run made counts (`observed.bug`, outcome passed or failed). Empty when the
/// values of the first axis are not versions.
pub fn first_good(result: &ResultFile, scenario: &str) -> Vec<FirstGood> {
    let Some(grid) = Grid::of(result, scenario) else { return Vec::new() };
    if !grid.columns.values.iter().all(|value| is_version(value)) {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..grid.columns.values.len()).collect();
    order.sort_by(|&a, &b| compare_versions(&grid.columns.values[a], &grid.columns.values[b]));
    grid.rows.iter().filter_map(|row| first_good_of(result, &grid, row, &order)).collect()
}

fn first_good_of(result: &ResultFile, grid: &Grid, row: &Row, order: &[usize]) -> Option<FirstGood> {
    let has_bug = |column: usize| -> Option<bool> {
        let run = &result.runs[row.cells[column].as_ref()?.run];
        let judged = matches!(run.outcome, Outcome::Passed | Outcome::Failed);
        match run.observed.get("bug").filter(|_| judged)?.as_str() {
            "present" => Some(true),
            "absent" => Some(false),
            _ => None,
        }
    };
    let version = |at: usize| grid.columns.values[order[at]].clone();
    let bad = order.iter().rposition(|&column| has_bug(column) == Some(true))?;
    let good = (bad + 1..order.len()).find(|&at| has_bug(order[at]) == Some(false))?;
    Some(FirstGood {
        axis: grid.columns.name.clone(),
        row: grid.row_axes.iter().cloned().zip(row.labels.iter().cloned()).collect(),
        last_bad: version(bad),
        first_good: version(good),
        unknown: (bad + 1..good).map(version).collect(),
    })
}

/// One sentence per different answer: `first good version: frr 8.4.4 (last with the bug: 7.5.1; order=after family=ipv4,ipv6)`.
pub fn describe_first_good(answers: &[FirstGood]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut seen: Vec<(&str, &str, &[String])> = Vec::new();
    for answer in answers {
        let key = (answer.first_good.as_str(), answer.last_bad.as_str(), answer.unknown.as_slice());
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let same = |a: &&FirstGood| (a.first_good.as_str(), a.last_bad.as_str(), a.unknown.as_slice()) == key;
        let rows: Vec<_> = answers.iter().filter(same).map(|a| a.row.as_slice()).collect();
        let unknown = match answer.unknown.as_slice() {
            [] => String::new(),
            versions => format!("; no verdict for {}", versions.join(", ")),
        };
        let head =
            format!("first good version: {} {} (last with the bug: {}{unknown}", answer.axis, key.0, key.1);
        lines.extend(
            describe_rows(&rows)
                .iter()
                .map(|rows| if rows.is_empty() { format!("{head})") } else { format!("{head}; {rows})") }),
        );
    }
    lines
}

/// The rows in one phrase where they are the product of their axes' values, else one phrase each.
fn describe_rows(rows: &[&[(String, String)]]) -> Vec<String> {
    let names: Vec<&str> =
        rows.first().map_or(Vec::new(), |row| row.iter().map(|(name, _)| name.as_str()).collect());
    let values = |at: usize| {
        let mut seen = BTreeSet::new();
        let all = rows.iter().map(|row| row[at].1.as_str());
        all.filter(|value| seen.insert(*value)).collect::<Vec<_>>()
    };
    let values: Vec<Vec<&str>> = (0..names.len()).map(values).collect();
    if values.iter().map(Vec::len).product::<usize>() == rows.len() {
        let phrase = names.iter().zip(&values).map(|(name, values)| format!("{name}={}", values.join(",")));
        return vec![phrase.collect::<Vec<_>>().join(" ")];
    }
    let phrase =
        |row: &&[(String, String)]| row.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ");
    rows.iter().map(phrase).collect()
}
