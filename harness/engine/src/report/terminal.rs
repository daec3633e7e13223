//! The final table: per scenario its grid or its verdicts, then what went wrong, then the totals.

use std::fmt::Write as _;

use anstyle::Style;
use routeproof_model::check::Standing;
use routeproof_model::race::{Group, Race};
use routeproof_model::result::{
    Cell, Grid, Outcome, ResultFile, RunResult, ScenarioAxes, describe_first_good, first_good, is_surprising,
};

use super::evidence::{evidence_lines, evidence_title};
use super::failure::{self, Failure, failures, skips, totals};
use super::isolation::{self, Found};
use super::races;
use super::text::{
    BOLD, CYAN, DIM, GREEN, PLAIN, Painted, RED, YELLOW, column_widths, count, duration, paint, row_line,
    width, wrap,
};
use super::{Report, View};

/// Marks a cell that is not as the scenario expects, also where there is no colour.
pub(super) const MARK: &str = "!= ";

pub(super) struct Terminal;

impl Report for Terminal {
    fn render(&self, view: &View<'_>) -> String {
        anstream::adapter::strip_str(&styled(view)).to_string()
    }
}

/// The report with its colours; print it through `anstream`, which removes them where they are not wanted.
pub fn styled(view: &View<'_>) -> String {
    let mut out = String::new();
    let (grids, singles): (Vec<_>, Vec<_>) =
        view.result.scenarios.iter().partition(|scenario: &&ScenarioAxes| scenario.axes.len() >= 2);
    match &view.result.race {
        // A line for each repeat would say less.
        Some(race) => race_section(&mut out, view, race),
        None => verdicts(&mut out, view, &singles),
    }
    for scenario in grids {
        if let Some(grid) = Grid::of(view.result, &scenario.name) {
            grid_section(&mut out, view, scenario, &grid);
        }
    }
    for found in isolation::matrices(view.result) {
        isolation_section(&mut out, view, &found);
    }
    let (shown, left_out) = failures(view);
    for failure in &shown {
        failure_section(&mut out, view, failure);
    }
    if left_out > 0 {
        let _ = writeln!(out, "and {} more; the result file has them all\n", count(left_out, "such run"));
    }
    for (reason, number) in skips(view.result) {
        let line = format!("skipped {}: {reason}", count(number, "run"));
        let _ = writeln!(out, "{}", paint(CYAN, &wrap(&line, view.width, 2).join("\n")));
    }
    summary(&mut out, view);
    out
}

pub(super) fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Passed => GREEN,
        Outcome::Skipped => CYAN,
        Outcome::Inconclusive => YELLOW.bold(),
        Outcome::Broken | Outcome::Failed => RED,
    }
}

/// The scenarios without a matrix: one line per run.
fn verdicts(out: &mut String, view: &View<'_>, scenarios: &[&ScenarioAxes]) {
    let runs: Vec<_> = scenarios.iter().flat_map(|scenario| view.result.runs_of(&scenario.name)).collect();
    if runs.is_empty() {
        return;
    }
    let rows: Vec<_> = runs.iter().map(|run| verdict_row(view.result, run)).collect();
    let widths = column_widths(&rows);
    let used = 2 + widths.iter().map(|column| column + 2).sum::<usize>();
    for (run, row) in runs.iter().zip(&rows) {
        let mut line = row_line(row, &widths, 2);
        let finding = failure::finding(run);
        if !finding.is_empty() {
            let used_here =
                2 + width(&row[2].text) + widths[..2].iter().map(|column| column + 2).sum::<usize>();
            // Beside the row where there is room for it, else below.
            let fits = used + width(&finding) <= view.width || used + 28 <= view.width;
            let indent = if fits { used } else { 6 };
            let _ = match fits {
                true => write!(line, "{}", " ".repeat(used - used_here)),
                false => write!(line, "\n{}", " ".repeat(indent)),
            };
            line.push_str(
                &wrap(&finding, view.width.saturating_sub(indent), 0)
                    .join(&format!("\n{}", " ".repeat(indent))),
            );
        }
        let _ = writeln!(out, "{line}");
    }
    out.push('\n');
}

fn verdict_row(result: &ResultFile, run: &RunResult) -> Vec<Painted> {
    vec![
        Painted::new(run.outcome.word(), outcome_style(run.outcome)),
        Painted::new(format!("{:>6}", duration(run.duration_ms)), DIM),
        Painted::new(failure::title(result, run), PLAIN),
    ]
}

fn grid_section(out: &mut String, view: &View<'_>, scenario: &ScenarioAxes, grid: &Grid) {
    let runs: Vec<_> = view.result.runs_of(&scenario.name).collect();
    let heading =
        format!("{}: {}, {}", scenario.name, count(runs.len(), "run"), totals(runs.iter().copied()));
    let _ = writeln!(out, "{}\n", paint(BOLD, &super::text::clean(&heading)));
    for block in column_blocks(grid, view.width) {
        grid_block(out, grid, block);
        out.push('\n');
    }
    let lines: Vec<_> = legend(grid)
        .into_iter()
        .chain(describe_first_good(&first_good(view.result, &scenario.name)))
        .map(|line| format!("  {}\n", wrap(&line, view.width.saturating_sub(2), 2).join("\n  ")))
        .collect();
    out.push_str(&lines.concat());
    if !lines.is_empty() {
        out.push('\n');
    }
}

fn label_cells(grid: &Grid) -> Vec<Vec<Painted>> {
    let header = grid.row_axes.iter().map(|name| Painted::new(name, BOLD)).collect();
    let rows =
        grid.rows.iter().map(|row| row.labels.iter().map(|label| Painted::new(label, PLAIN)).collect());
    std::iter::once(header).chain(rows).collect()
}

fn column_cells(grid: &Grid, column: usize) -> Vec<Painted> {
    let header = Painted::new(&grid.columns.values[column], BOLD);
    std::iter::once(header).chain(grid.rows.iter().map(|row| grid_cell(row.cells[column].as_ref()))).collect()
}

fn grid_cell(cell: Option<&Cell>) -> Painted {
    let Some(cell) = cell else { return Painted::new("-", DIM) };
    match (cell.surprising, cell.outcome, cell.text.as_str()) {
        (true, ..) => Painted::new(format!("{MARK}{}", cell.text), RED),
        (_, Outcome::Skipped, text) => Painted::new(text, CYAN),
        (_, _, "bug") => Painted::new("bug", YELLOW),
        (_, _, text) => Painted::new(text, GREEN),
    }
}

/// Ranges of columns that fit beside the row labels: a wide grid is shown in several blocks, not broken lines.
fn column_blocks(grid: &Grid, columns: usize) -> Vec<std::ops::Range<usize>> {
    let labels: usize = column_widths(&label_cells(grid)).iter().map(|label| label + 2).sum();
    let mut blocks: Vec<std::ops::Range<usize>> = Vec::new();
    let mut used = 0;
    for column in 0..grid.columns.values.len() {
        let needs = column_cells(grid, column).iter().map(|cell| width(&cell.text)).max().unwrap_or(0) + 2;
        match blocks.last_mut() {
            Some(block) if used + needs <= columns => block.end = column + 1,
            _ => {
                blocks.push(column..column + 1);
                used = 2 + labels;
            }
        }
        used += needs;
    }
    blocks
}

fn grid_block(out: &mut String, grid: &Grid, block: std::ops::Range<usize>) {
    let mut rows = label_cells(grid);
    let labels = column_widths(&rows);
    for column in block {
        for (row, cell) in rows.iter_mut().zip(column_cells(grid, column)) {
            row.push(cell);
        }
    }
    // The name of the column axis above the first of its values.
    let indent = 2 + labels.iter().map(|label| label + 2).sum::<usize>();
    let _ = writeln!(out, "{}{}", " ".repeat(indent), paint(BOLD, &super::text::clean(&grid.columns.name)));
    let widths = column_widths(&rows);
    for row in &rows {
        let _ = writeln!(out, "{}", row_line(row, &widths, 2));
    }
}

/// Explains what the grid shows, and nothing else.
pub(super) fn legend(grid: &Grid) -> Option<String> {
    let cells: Vec<_> = grid.rows.iter().flat_map(|row| row.cells.iter()).collect();
    let shows = |text: &str| cells.iter().any(|cell| cell.as_ref().is_some_and(|cell| cell.text == text));
    let mut words = Vec::new();
    if shows("bug") || shows("ok") {
        words.push("bug = observed, ok = observed to be absent");
    }
    if grid.has_surprises() {
        words.push("!= marks what is not as expected or has no verdict");
    }
    if cells.iter().any(|cell| cell.is_none()) {
        words.push("- = not planned");
    }
    (!words.is_empty()).then(|| words.join("; "))
}

fn race_section(out: &mut String, view: &View<'_>, race: &Race) {
    let _ = writeln!(out, "{}\n", paint(BOLD, &wrap(&races::heading(race), view.width, 2).join("\n")));
    let style = |group: &Group| [GREEN, YELLOW.bold(), RED][usize::from(races::badness(group.verdict))];
    let row = |group: &Group| {
        vec![
            Painted::new(races::name(view.result, group), PLAIN),
            Painted::new(group.verdict.word(), style(group)),
            Painted::new(group.to_string(), PLAIN),
        ]
    };
    let rows: Vec<Vec<Painted>> = race.groups.iter().map(row).collect();
    let widths = column_widths(&rows);
    let whole = widths.iter().sum::<usize>() + 6;
    for row in &rows {
        match whole <= view.width {
            true => drop(writeln!(out, "{}", row_line(row, &widths, 2))),
            // Where there is no room for a table: the name, and below it the rest.
            false => {
                let _ = writeln!(out, "  {}", row[0].text);
                let rest = format!("    {}: {}", row[1].text, row[2].text);
                let _ = writeln!(out, "{}", paint(row[1].style, &wrap(&rest, view.width, 6).join("\n")));
            }
        }
    }
    let _ = writeln!(out, "\n  {}\n", races::legend(race));
}

fn isolation_section(out: &mut String, view: &View<'_>, found: &Found) {
    let _ = writeln!(out, "{}\n", paint(BOLD, &wrap(&found.title(), view.width, 2).join("\n")));
    let style = |standing| match standing {
        None => DIM,
        Some(Standing::Isolated | Standing::Works | Standing::Declared) => GREEN,
        Some(Standing::Unproved) => YELLOW.bold(),
        Some(Standing::Leaks | Standing::Absent) => RED,
    };
    let header = found.header().iter().map(|name| Painted::new(name, BOLD)).collect();
    let row = |row: Vec<(String, Option<Standing>)>| {
        row.into_iter().map(|(text, standing)| Painted::new(text, style(standing))).collect()
    };
    let rows: Vec<Vec<Painted>> = std::iter::once(header).chain(found.rows().into_iter().map(row)).collect();
    let widths = column_widths(&rows);
    for row in &rows {
        let _ = writeln!(out, "{}", row_line(row, &widths, 2));
    }
    out.push('\n');
}

fn failure_section(out: &mut String, view: &View<'_>, failure: &Failure<'_>) {
    let outcome = failure.run.outcome;
    let heading =
        wrap(&format!("{}: {}", outcome.word().to_uppercase(), failure.title), view.width, 2).join("\n");
    let _ = writeln!(out, "{}", paint(outcome_style(outcome), &heading));
    let mut field = |name: &str, text: &str| {
        let _ = writeln!(out, "{}", wrap(&format!("  {name:<9} {text}"), view.width, 12).join("\n"));
    };
    if let Some(reason) = &failure.reason {
        field("reason", reason);
    }
    for expected in &failure.expected {
        field(expected.label, &expected.what);
        field("seen", &expected.seen);
        if let Some(when) = &expected.when {
            field("when", when);
        }
    }
    for evidence in &failure.evidence {
        let lines = evidence_lines(evidence);
        match lines.as_slice() {
            [line] => field("evidence", &format!("{}: {line}", evidence_title(evidence))),
            lines => {
                field("evidence", &format!("{}:", evidence_title(evidence)));
                lines.iter().for_each(|line| field("", &format!("  {line}")));
            }
        }
    }
    if failure.evidence_left_out > 0 {
        field("", &format!("({} more in the result file)", failure.evidence_left_out));
    }
    for file in &failure.files {
        field("file", &file.display().to_string());
    }
    if let Some(again) = &failure.again {
        // Not broken into lines: it is there to be copied.
        let _ = writeln!(out, "  {:<9} {}", "again", super::text::clean(again));
    }
    out.push('\n');
}

fn summary(out: &mut String, view: &View<'_>) {
    let ResultFile { summary, runs, warnings, .. } = view.result;
    let mut line = |style, text: &str| {
        let _ = writeln!(out, "{}", paint(style, &wrap(text, view.width, 2).join("\n")));
    };
    for warning in warnings {
        line(YELLOW, &format!("warning: {warning}"));
    }
    if !summary.missing.is_empty() {
        line(RED, &format!("required and missing: {}", summary.missing.join(", ")));
    }
    if summary.interrupted {
        line(RED, "interrupted");
    }
    let style = if view.result.exit_code() == 0 {
        GREEN.bold()
    } else if runs.iter().any(is_surprising) {
        RED
    } else {
        YELLOW.bold()
    };
    line(
        style,
        &format!(
            "{}: {} in {}",
            count(runs.len(), "run"),
            totals(runs.iter()),
            duration(summary.duration_ms)
        ),
    );
    if let Some(directory) = view.directory {
        line(PLAIN, &format!("run directory: {}", directory.display()));
    }
}

#[cfg(test)]
mod tests;
