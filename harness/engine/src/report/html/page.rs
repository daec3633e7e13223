//! The page as a whole.

use std::collections::BTreeMap;

use askama::Template;
use routeproof_model::check::Standing;
use routeproof_model::race::{Group, Race};
use routeproof_model::result::{
    Grid, Outcome, RequirementGrid, ResultFile, RunResult, ScenarioAxes, describe_first_good, first_good,
};

use super::super::View;
use super::super::failure::{MAX_FAILURES, skips_of, title, totals, worst_first};
use super::super::isolation;
use super::super::races;
use super::super::terminal::legend;
use super::super::text::count;
use super::acceptance::Acceptance;
use super::facts;
use super::gather::Gathered;
use super::run::{self, RunView};

/// What the template `report.html` is filled with.
#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page {
    pub headline: String,
    pub verdict: String,
    pub lead: String,
    pub verdict_class: &'static str,
    pub counts: Vec<Count>,
    /// The verdict on a router, where the runs are those of an acceptance.
    pub acceptance: Option<Acceptance>,
    pub facts: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
    pub surprises: Vec<Link>,
    pub surprises_left_out: usize,
    pub skips: Vec<String>,
    pub requirements: Option<Table>,
    pub grids: Vec<GridView>,
    pub isolation: Vec<(String, Table)>,
    pub race: Option<(String, Table, &'static str)>,
    pub topologies: Vec<(String, String)>,
    pub scenarios: Vec<ScenarioView>,
}

pub(super) struct Count {
    pub outcome: &'static str,
    pub word: &'static str,
    pub sign: &'static str,
    pub number: usize,
}

/// The runs of a scenario by its axes.
pub(super) struct GridView {
    pub name: String,
    pub about: Vec<(bool, String)>,
    pub table: Table,
    /// What is to be said below.
    pub words: Vec<String>,
}

/// A run to go to.
pub(super) struct Link {
    pub href: String,
    pub outcome: &'static str,
    pub sign: &'static str,
    pub text: String,
    pub finding: String,
}

/// A table whose first columns are labels.
pub(super) struct Table {
    pub header: Vec<String>,
    /// How many of the columns are labels.
    pub labels: usize,
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Default)]
pub(super) struct Cell {
    pub class: &'static str,
    pub text: String,
    pub href: Option<String>,
    /// Below the text of a label.
    pub detail: Option<Vec<(bool, String)>>,
}

pub(super) struct ScenarioView {
    pub name: String,
    pub about: Vec<(bool, String)>,
    pub totals: String,
    pub topology: Option<String>,
    pub runs: Vec<RunView>,
}

/// The terminal's words, and what there is room for here.
const BUG: &str = "bug = observed, ok = observed to be absent";
const BUG_IN_FULL: &str = "bug = the known defect was looked for and is there, ok = it was looked for and is not there; both are what the scenario expects of that version where no sign stands beside them";

/// A sign beside the word and the colour, for those who do not see the colour.
pub(super) fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "\u{2713}",
        Outcome::Skipped => "\u{2013}",
        Outcome::Inconclusive => "?",
        Outcome::Broken => "!",
        Outcome::Failed => "\u{2717}",
    }
}

impl Page {
    pub fn of(view: &View<'_>) -> Page {
        let result = view.result;
        let mut gathered = Gathered::new(view.directory);
        let drawings = gathered.drawings(result);
        let scenarios = scenarios(view, &mut gathered, &drawings);
        let (verdict, verdict_class) = verdict(result);
        let mut surprises: Vec<Link> =
            worst_first(result).into_iter().map(|index| link(result, index)).collect();
        let surprises_left_out = surprises.len().saturating_sub(3 * MAX_FAILURES);
        surprises.truncate(3 * MAX_FAILURES);
        let notes = result.warnings.iter().chain(&gathered.problems).cloned().collect();
        let skips =
            skips_of(result.runs.iter()).into_iter().map(|(why, n)| format!("{}: {why}", count(n, "run")));
        Page {
            headline: format!("{}: {}", count(result.runs.len(), "run"), totals(result.runs.iter())),
            verdict,
            lead: facts::lead(result),
            verdict_class,
            counts: counts(result),
            acceptance: None,
            facts: facts::facts(result, gathered.all_planned(), view.directory),
            notes,
            surprises,
            surprises_left_out,
            skips: skips.collect(),
            requirements: requirements(result),
            grids: grids(result),
            isolation: isolation(result),
            race: result.race.as_ref().map(|r| (races::heading(r), race(result, r), races::legend(r))),
            topologies: drawings.into_iter().collect(),
            scenarios,
        }
    }
}

fn verdict(result: &ResultFile) -> (String, &'static str) {
    let (words, class) = match result.exit_code() {
        0 => ("Everything is as expected", "passed"),
        1 => ("An expectation did not hold", "failed"),
        3 => ("Not everything could be measured", "inconclusive"),
        4 => ("Nothing ran", "skipped"),
        5 => ("Something that is required is missing", "failed"),
        _ => ("Interrupted", "inconclusive"),
    };
    (words.to_string(), class)
}

fn counts(result: &ResultFile) -> Vec<Count> {
    use Outcome::{Broken, Failed, Inconclusive, Passed, Skipped};
    let number = |outcome| result.runs.iter().filter(|run| run.outcome == outcome).count();
    let all = [Passed, Failed, Broken, Inconclusive, Skipped];
    let all = all.map(|outcome| Count {
        outcome: outcome.word(),
        word: outcome.word(),
        sign: sign(outcome),
        number: number(outcome),
    });
    all.into_iter().filter(|count| count.number > 0).collect()
}

pub(super) fn href(index: usize) -> String {
    format!("#run-{index}")
}

fn link(result: &ResultFile, index: usize) -> Link {
    let run = &result.runs[index];
    Link {
        href: href(index),
        outcome: run.outcome.word(),
        sign: sign(run.outcome),
        text: title(result, run),
        finding: super::super::failure::finding(run),
    }
}

fn requirements(result: &ResultFile) -> Option<Table> {
    let grid = RequirementGrid::of(result);
    let versions = grid.versions.iter().map(|version| format!("FRR {version}"));
    let header = std::iter::once("requirement".to_string()).chain(versions).collect();
    let rows = grid.rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| match cell {
            None => Cell { text: "\u{2013}".to_string(), ..Cell::default() },
            Some(cell) => Cell {
                class: cell.outcome.word(),
                text: format!("{} {}/{}", sign(cell.outcome), cell.passed, cell.runs.len()),
                href: cell.runs.first().map(|index| href(*index)),
                detail: None,
            },
        });
        let detail = result.requirements.get(&row.id).map(|text| facts::pieces(text));
        std::iter::once(Cell { text: row.id.clone(), detail, ..Cell::default() }).chain(cells).collect()
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    (!rows.is_empty()).then_some(Table { header, labels: 1, rows })
}

/// The matrices. One run alone makes none: it would only say again what its line says.
fn grids(result: &ResultFile) -> Vec<GridView> {
    let with_rows =
        result.scenarios.iter().filter(|s| s.axes.len() >= 2 && result.runs_of(&s.name).count() >= 2);
    let one = |scenario: &ScenarioAxes| {
        let grid = Grid::of(result, &scenario.name)?;
        let columns = grid.columns.values.iter().map(|value| format!("{} {value}", grid.columns.name));
        let rows = grid.rows.iter().map(|row| {
            let labels = row.labels.iter().map(|label| Cell { text: label.clone(), ..Cell::default() });
            let cells = row.cells.iter().map(|cell| match cell {
                None => Cell { text: "\u{2013}".to_string(), ..Cell::default() },
                Some(cell) => Cell {
                    class: match (cell.surprising, cell.text.as_str()) {
                        (false, "bug") => "known",
                        _ => cell.outcome.word(),
                    },
                    text: format!("{} {}", if cell.surprising { sign(cell.outcome) } else { "" }, cell.text)
                        .trim()
                        .to_string(),
                    href: Some(href(cell.run)),
                    detail: None,
                },
            });
            labels.chain(cells).collect()
        });
        let table = Table {
            header: grid.row_axes.iter().cloned().chain(columns).collect(),
            labels: grid.row_axes.len(),
            rows: rows.collect(),
        };
        let legend = legend(&grid).map(|line| line.replace("!=", "a sign").replace(BUG, BUG_IN_FULL));
        let words = legend.into_iter().chain(describe_first_good(&first_good(result, &scenario.name)));
        let setting = result.runs_of(&scenario.name).find_map(|run| run.setting.as_ref());
        let about = setting.map_or_else(Vec::new, |setting| facts::pieces(&setting.about));
        Some(GridView { name: scenario.name.clone(), about, table, words: words.collect() })
    };
    with_rows.filter_map(one).collect()
}

fn race(result: &ResultFile, race: &Race) -> Table {
    let cell = |text: String| Cell { text, ..Cell::default() };
    let row = |group: &Group| {
        let class = ["passed", "inconclusive", "failed"][usize::from(races::badness(group.verdict))];
        let verdict = Cell { class, ..cell(group.verdict.word().to_string()) };
        vec![cell(races::name(result, group)), verdict, cell(group.to_string())]
    };
    let header = ["run", "verdict", "repeats"].map(str::to_string).to_vec();
    Table { header, labels: 1, rows: race.groups.iter().map(row).collect() }
}

fn isolation(result: &ResultFile) -> Vec<(String, Table)> {
    let class = |standing| match standing {
        None => "",
        Some(Standing::Isolated | Standing::Works | Standing::Declared) => "passed",
        Some(Standing::Unproved) => "inconclusive",
        Some(Standing::Leaks | Standing::Absent) => "failed",
    };
    let table = |found: &isolation::Found| Table {
        header: found.header(),
        labels: 2,
        rows: found
            .rows()
            .into_iter()
            .map(|row| {
                row.into_iter().map(|(text, s)| Cell { class: class(s), text, ..Cell::default() }).collect()
            })
            .collect(),
    };
    isolation::matrices(result).iter().map(|found| (found.title(), table(found))).collect()
}

fn scenarios(
    view: &View<'_>,
    gathered: &mut Gathered<'_>,
    drawings: &BTreeMap<String, String>,
) -> Vec<ScenarioView> {
    let result = view.result;
    let open: Vec<usize> = worst_first(result).into_iter().take(3).collect();
    let mut views = Vec::new();
    for scenario in &result.scenarios {
        let of = |run: &&RunResult| run.scenario == scenario.name;
        let setting = result.runs.iter().find(of).and_then(|run| run.setting.as_ref());
        let indexes = (0..result.runs.len()).filter(|index| result.runs[*index].scenario == scenario.name);
        let runs = indexes.map(|i| run::view(view, i, gathered, open.contains(&i))).collect();
        views.push(ScenarioView {
            name: scenario.name.clone(),
            about: setting.map_or_else(Vec::new, |setting| facts::pieces(&setting.about)),
            totals: totals(result.runs_of(&scenario.name).collect::<Vec<_>>().into_iter()),
            topology: setting.map(|s| s.topology.clone()).filter(|name| drawings.contains_key(name)),
            runs,
        });
    }
    views
}
