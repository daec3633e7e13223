//! The matrices of `isolation` steps, of those that passed, too: equal ones once.

use routeproof_model::check::{IsolationMatrix, Standing};
use routeproof_model::result::{ResultFile, StepResult};

use super::failure::title;

/// A matrix, and where it was found.
pub(super) struct Found {
    node: String,
    matrix: IsolationMatrix,
    /// Scenario and axes of each run.
    runs: Vec<String>,
}

/// Every matrix of the result, in the order of the runs.
pub(super) fn matrices(result: &ResultFile) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    for run in &result.runs {
        for (node, matrix) in run.steps.iter().flat_map(of_step) {
            let place = title(result, run);
            match all.iter_mut().find(|found| found.node == node && found.matrix == matrix) {
                Some(found) if found.runs.contains(&place) => {}
                Some(found) => found.runs.push(place),
                None => all.push(Found { node, matrix, runs: vec![place] }),
            }
        }
    }
    all
}

/// What is no matrix after all (a result of another version) is left to the result file.
fn of_step(step: &StepResult) -> impl Iterator<Item = (String, IsolationMatrix)> {
    let evidence = step.evidence.iter().filter(|e| e.what == IsolationMatrix::EVIDENCE);
    evidence.filter_map(|e| {
        let matrix = serde_json::from_value(e.value.clone()).ok()?;
        Some((e.node.clone().unwrap_or_default(), matrix))
    })
}

impl Found {
    pub fn title(&self) -> String {
        format!("isolation of {}: {}", self.node, self.runs.join(", "))
    }

    pub fn header(&self) -> Vec<String> {
        let columns = self.matrix.segments().into_iter().map(|name| format!("to {name}"));
        ["from", "family"].into_iter().map(str::to_string).chain(columns).collect()
    }

    /// Each cell with its standing; labels, and pairs without a common family, have none.
    pub fn rows(&self) -> Vec<Vec<(String, Option<Standing>)>> {
        let row = |(from, family, cells): (&str, routeproof_model::scenario::IpFamily, Vec<_>)| {
            let cell = |cell: Option<&routeproof_model::check::IsolationCell>| match cell {
                None => ("-".to_string(), None),
                Some(cell) => (cell.to_string(), Some(cell.standing())),
            };
            let labels = [(from.to_string(), None), (family.as_str().to_string(), None)];
            labels.into_iter().chain(cells.into_iter().map(cell)).collect()
        };
        self.matrix.rows().into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use routeproof_model::check::{Finding, IsolationCell, Look};
    use routeproof_model::event::{Event, EventKind, RunId};
    use routeproof_model::result::{Evidence, Outcome, fold};
    use routeproof_model::scenario::IpFamily;

    use super::*;
    use crate::report::{FORMATS, View};

    fn cell(from: &str, to: &str, family: IpFamily, looks: &[(Look, Standing)]) -> IsolationCell {
        let finding = |standing| Finding { standing, why: Some("because".into()) };
        let looks = looks.iter().map(|(look, standing)| (*look, finding(*standing))).collect();
        IsolationCell { from: from.into(), to: to.into(), family, looks }
    }

    fn matrix(leaks: bool) -> IsolationMatrix {
        let bad = if leaks { Standing::Leaks } else { Standing::Isolated };
        let works = [(Look::Lookup, Standing::Works), (Look::Probe, Standing::Works)];
        let across = [(Look::Table, bad), (Look::Rules, Standing::Isolated), (Look::Probe, bad)];
        let unproved = [(Look::Table, Standing::Isolated), (Look::Probe, Standing::Unproved)];
        let v4 = IpFamily::Ipv4;
        let cells = vec![
            cell("red", "red", v4, &works),
            cell("red", "blue", v4, &across),
            cell("blue", "red", v4, if leaks { &unproved } else { &across }),
            cell("blue", "blue", v4, &works),
            cell("blue", "blue", IpFamily::Ipv6, &works),
        ];
        IsolationMatrix { cells }
    }

    fn result() -> ResultFile {
        let run = |frr: &str| RunId {
            scenario: "s".into(),
            axes: vec![("frr".into(), frr.into())],
            ..RunId::default()
        };
        let runs = ["7.5.1", "8.4.4", "10.3"].map(run).to_vec();
        let mut events = vec![Event { at_ms: 0, run: None, kind: EventKind::Planned { runs } }];
        for (index, leaks) in [false, true, false].into_iter().enumerate() {
            let outcome = if leaks { Outcome::Failed } else { Outcome::Passed };
            let value = serde_json::to_value(matrix(leaks)).unwrap();
            let what = IsolationMatrix::EVIDENCE.to_string();
            let step = StepResult {
                name: "worker keeps blue and red apart".into(),
                outcome,
                duration_ms: 1,
                message: leaks.then(|| "red leaks into blue".into()),
                evidence: vec![Evidence { what, node: Some("worker".into()), value }],
            };
            let mut send = |kind| events.push(Event { at_ms: 1, run: Some(index), kind });
            send(EventKind::RunStarted { directory: "0".into() });
            send(EventKind::StepStarted { index: 0, name: step.name.clone(), limit_ms: None });
            send(EventKind::StepFinished { index: 0, step });
            send(EventKind::RunFinished {
                outcome,
                duration_ms: 1,
                observed: Default::default(),
                reason: leaks.then(|| "red leaks into blue".into()),
                artifacts: Vec::new(),
                evidence: Vec::new(),
            });
        }
        fold(&events)
    }

    fn render(format: &str) -> String {
        let (_, report) = FORMATS.iter().find(|(name, _)| *name == format).unwrap();
        report.render(&View {
            result: &result(),
            events: &[],
            directory: Some(Path::new("runs")),
            width: 100,
        })
    }

    #[test]
    fn a_passed_and_a_failed_matrix_on_a_terminal() {
        insta::assert_snapshot!(render("terminal"), @r"
          passed    0.0s  s frr=7.5.1
          failed    0.0s  s frr=8.4.4  red leaks into blue
          passed    0.0s  s frr=10.3

        isolation of worker: s frr=7.5.1, s frr=10.3

          from  family  to blue   to red
          blue  ipv4    works     isolated
          blue  ipv6    works     -
          red   ipv4    isolated  works

        isolation of worker: s frr=8.4.4

          from  family  to blue               to red
          blue  ipv4    works                 unproved by probe
          blue  ipv6    works                 -
          red   ipv4    LEAK by table, probe  works

        FAILED: s frr=8.4.4
          reason    red leaks into blue
          expected  worker keeps blue and red apart
          seen      red leaks into blue
          file      runs/0

        3 runs: 2 passed, 1 failed in 0.0s
        run directory: runs
        ");
    }

    #[test]
    fn a_passed_and_a_failed_matrix_in_markdown() {
        insta::assert_snapshot!(render("markdown"), @r"
        ## ❌ routeproof: 3 runs, 2 passed, 1 failed in 0.0s

        | verdict | scenario | axes | time | finding |
        |---|---|---|---:|---|
        | ✅ passed | s | frr=7.5.1 | 0.0s |  |
        | ❌ failed | s | frr=8.4.4 | 0.0s | red leaks into blue |
        | ✅ passed | s | frr=10.3 | 0.0s |  |

        #### isolation of worker: s frr=7.5.1, s frr=10.3

        | from | family | to blue | to red |
        |---|---|---|---|
        | blue | ipv4 | works | isolated |
        | blue | ipv6 | works | - |
        | red | ipv4 | isolated | works |

        #### isolation of worker: s frr=8.4.4

        | from | family | to blue | to red |
        |---|---|---|---|
        | blue | ipv4 | works | ❔ unproved by probe |
        | blue | ipv6 | works | - |
        | red | ipv4 | ❌ **LEAK by table, probe** | works |

        <details><summary>❌ failed: s frr=8.4.4: red leaks into blue</summary>

        - expected: worker keeps blue and red apart<br>seen: red leaks into blue
        - file: `runs/0`

        </details>

        Run directory: `runs`
        ");
    }
}
