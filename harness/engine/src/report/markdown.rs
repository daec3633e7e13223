//! A summary for CI (`$GITHUB_STEP_SUMMARY`) in GitHub's Markdown.

use std::fmt::Write as _;

use routeproof_model::check::Standing;
use routeproof_model::race::Race;
use routeproof_model::result::{
    Cell, Grid, Outcome, ResultFile, RunResult, ScenarioAxes, describe_first_good, first_good,
};

use super::evidence::{evidence_lines, evidence_title};
use super::failure::{Failure, failures, finding, skips, totals};
use super::isolation::{self, Found};
use super::races;
use super::terminal::{MARK, legend};
use super::text::{clean, count, duration};
use super::{Report, View};

pub(super) struct Markdown;

impl Report for Markdown {
    fn render(&self, view: &View<'_>) -> String {
        let mut out = String::new();
        header(&mut out, view.result);
        let (grids, singles): (Vec<_>, Vec<_>) =
            view.result.scenarios.iter().partition(|scenario: &&ScenarioAxes| scenario.axes.len() >= 2);
        match &view.result.race {
            Some(race) => race_section(&mut out, view.result, race),
            None => verdicts(&mut out, view.result, &singles),
        }
        for scenario in grids {
            if let Some(grid) = Grid::of(view.result, &scenario.name) {
                grid_section(&mut out, view.result, scenario, &grid);
            }
        }
        isolation::matrices(view.result).iter().for_each(|found| isolation_section(&mut out, found));
        failure_sections(&mut out, view);
        for (reason, number) in skips(view.result) {
            let _ = writeln!(out, "⏭️ skipped {}: {}\n", count(number, "run"), prose(&reason));
        }
        if let Some(directory) = view.directory {
            let _ = writeln!(out, "Run directory: {}", code(&directory.display().to_string()));
        }
        out
    }
}

fn header(out: &mut String, result: &ResultFile) {
    let ResultFile { summary, runs, warnings, .. } = result;
    let sign = match result.exit_code() {
        0 => "✅",
        1 => "❌",
        _ => "⚠️",
    };
    let interrupted = if summary.interrupted { ", interrupted" } else { "" };
    let totals = totals(runs.iter());
    let runs = count(runs.len(), "run");
    let _ = writeln!(
        out,
        "## {sign} routeproof: {runs}, {totals} in {}{interrupted}\n",
        duration(summary.duration_ms)
    );
    for capability in &summary.missing {
        let _ = writeln!(out, "> ⚠️ required and missing: {}\n", prose(capability));
    }
    for warning in warnings {
        let _ = writeln!(out, "> ⚠️ {}\n", prose(warning));
    }
}

fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "✅",
        Outcome::Skipped => "⏭️",
        Outcome::Inconclusive => "❔",
        Outcome::Broken => "💥",
        Outcome::Failed => "❌",
    }
}

fn verdicts(out: &mut String, result: &ResultFile, scenarios: &[&ScenarioAxes]) {
    let runs: Vec<&RunResult> =
        scenarios.iter().flat_map(|scenario| result.runs_of(&scenario.name)).collect();
    if runs.is_empty() {
        return;
    }
    out.push_str("| verdict | scenario | axes | time | finding |\n|---|---|---|---:|---|\n");
    for run in runs {
        let (verdict, time) = (format!("{} {}", sign(run.outcome), run.outcome), duration(run.duration_ms));
        let (scenario, axes, finding) =
            (prose(&run.scenario), prose(&result.axes_text(run)), prose(&finding(run)));
        let _ = writeln!(out, "| {verdict} | {scenario} | {axes} | {time} | {finding} |");
    }
    out.push('\n');
}

fn race_section(out: &mut String, result: &ResultFile, race: &Race) {
    let _ = writeln!(out, "### {}\n", prose(&races::heading(race)));
    out.push_str("| run | verdict | repeats |\n|---|---|---|\n");
    for group in &race.groups {
        let sign = ["✅", "❔", "❌"][usize::from(races::badness(group.verdict))];
        let name = prose(&races::name(result, group));
        let _ = writeln!(out, "| {name} | {sign} {} | {} |", group.verdict.word(), prose(&group.to_string()));
    }
    let _ = writeln!(out, "\n{}\n", prose(races::legend(race)));
}

fn grid_section(out: &mut String, result: &ResultFile, scenario: &ScenarioAxes, grid: &Grid) {
    let runs: Vec<_> = result.runs_of(&scenario.name).collect();
    let totals = totals(runs.iter().copied());
    let _ = writeln!(out, "### {}: {}, {totals}\n", prose(&scenario.name), count(runs.len(), "run"));
    let axis = &grid.columns.name;
    let columns = grid.columns.values.iter().map(|value| prose(&format!("{axis} {value}")));
    let header: Vec<_> = grid.row_axes.iter().map(|name| prose(name)).chain(columns).collect();
    let rule = ["---"].repeat(header.len());
    let _ = writeln!(out, "| {} |\n|{}|", header.join(" | "), rule.join("|"));
    for row in &grid.rows {
        let cells = row.cells.iter().map(|cell| grid_cell(result, cell.as_ref()));
        let cells: Vec<_> = row.labels.iter().map(|label| prose(label)).chain(cells).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
    for line in legend(grid).into_iter().chain(describe_first_good(&first_good(result, &scenario.name))) {
        let _ = writeln!(out, "- {}", prose(&line));
    }
    out.push('\n');
}

fn grid_cell(result: &ResultFile, cell: Option<&Cell>) -> String {
    let Some(cell) = cell else { return "-".into() };
    if !cell.surprising {
        return prose(&cell.text);
    }
    let run = &result.runs[cell.run];
    let want: Vec<_> = run.expected.iter().map(|(key, want)| format!("{key} {want}")).collect();
    let want = if want.is_empty() { String::new() } else { format!(" (expected {})", want.join(", ")) };
    format!("{} **{MARK}{}**{}", sign(cell.outcome), prose(&cell.text), prose(&want))
}

fn isolation_section(out: &mut String, found: &Found) {
    let header: Vec<_> = found.header().iter().map(|name| prose(name)).collect();
    let rule = ["---"].repeat(header.len());
    let _ = writeln!(out, "#### {}\n", prose(&found.title()));
    let _ = writeln!(out, "| {} |\n|{}|", header.join(" | "), rule.join("|"));
    for row in found.rows() {
        let cell = |(text, standing): &(String, Option<Standing>)| match standing {
            Some(Standing::Leaks | Standing::Absent) => format!("❌ **{}**", prose(text)),
            Some(Standing::Unproved) => format!("❔ {}", prose(text)),
            _ => prose(text),
        };
        let cells: Vec<_> = row.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
}

fn failure_sections(out: &mut String, view: &View<'_>) {
    let (shown, left_out) = failures(view);
    for failure in &shown {
        failure_section(out, failure);
    }
    if left_out > 0 {
        let _ = writeln!(out, "And {} more; the result file has them all.\n", count(left_out, "such run"));
    }
}

/// Inside `<details>` GitHub reads Markdown again after an empty line.
fn failure_section(out: &mut String, failure: &Failure<'_>) {
    let (sign, outcome) = (sign(failure.run.outcome), failure.run.outcome);
    let (title, finding) = (html(&failure.title), html(&finding(failure.run)));
    let _ = writeln!(out, "<details><summary>{sign} {outcome}: {title}: {finding}</summary>\n");
    for expected in &failure.expected {
        let _ = writeln!(
            out,
            "- {}: {}<br>seen: {}",
            expected.label,
            prose(&expected.what),
            prose(&expected.seen)
        );
    }
    for evidence in &failure.evidence {
        let _ = writeln!(out, "- {}", prose(&evidence_title(evidence)));
        let lines: Vec<_> = evidence_lines(evidence).iter().map(|line| clean(line)).collect();
        let fence = fence(&lines);
        for line in std::iter::once(&fence).chain(&lines).chain([&fence]) {
            let _ = writeln!(out, "  {line}");
        }
    }
    if failure.evidence_left_out > 0 {
        let _ = writeln!(out, "- {} more in the result file", count(failure.evidence_left_out, "piece"));
    }
    for file in &failure.files {
        let _ = writeln!(out, "- file: {}", code(&file.display().to_string()));
    }
    if let Some(again) = &failure.again {
        let _ = writeln!(out, "- again: {}", code(again));
    }
    out.push_str("\n</details>\n\n");
}

/// A fence that no line of the text can close.
fn fence(lines: &[String]) -> String {
    let ticks = |line: &String| line.trim_start().chars().take_while(|&c| c == '`').count();
    "`".repeat(lines.iter().map(ticks).max().unwrap_or(0).max(2) + 1)
}

/// Code in running text or a table; GitHub's tables split at `|` even inside of code.
fn code(text: &str) -> String {
    let text = clean(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let (ticks, pad) = ("`".repeat(longest + 1), if longest > 0 { " " } else { "" });
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Text inside an HTML element, where GitHub reads no Markdown.
fn html(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "&#64;")
}

/// Text that is to be read as it is: no HTML, no emphasis, no links, no mentions, no table cells.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
