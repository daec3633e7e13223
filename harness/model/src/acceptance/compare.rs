//! Two reports side by side: vendor 1.2 against 1.3.

use std::collections::BTreeSet;

use serde::Serialize;

use super::report::{AcceptanceOutcome, Report, RouterUnderTest};

/// How a requirement went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Same,
    /// It was met and is not any more.
    Regression,
    /// It is met and was not before.
    Mended,
    /// One of them says neither.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub id: String,
    pub before: Option<AcceptanceOutcome>,
    pub after: Option<AcceptanceOutcome>,
    pub change: Change,
    /// Of the later report, where it is not `pass`.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub before: RouterUnderTest,
    pub after: RouterUnderTest,
    pub rows: Vec<Row>,
}

/// Every requirement of either.
pub fn compare(before: &Report, after: &Report) -> Comparison {
    let ids: BTreeSet<&String> =
        before.requirements.iter().chain(&after.requirements).map(|r| &r.id).collect();
    let rows = ids.into_iter().map(|id| {
        let of = |report: &Report| report.requirements.iter().find(|r| r.id == *id).cloned();
        let (was, is) = (of(before), of(after));
        let (before, after) = (was.map(|r| r.outcome), is.as_ref().map(|r| r.outcome));
        Row {
            id: id.clone(),
            before,
            after,
            change: change(before, after),
            reason: is.and_then(|r| r.reason),
        }
    });
    Comparison { before: before.router.clone(), after: after.router.clone(), rows: rows.collect() }
}

fn change(before: Option<AcceptanceOutcome>, after: Option<AcceptanceOutcome>) -> Change {
    use AcceptanceOutcome::{Fail, Pass, PassWithDeviation};
    match (before, after) {
        (before, after) if before == after => Change::Same,
        // A deviation is a failure that was agreed on: it is no new one, and no repair.
        (Some(Pass), Some(Fail | PassWithDeviation)) => Change::Regression,
        (Some(Fail | PassWithDeviation), Some(Pass)) => Change::Mended,
        _ => Change::Other,
    }
}

impl Comparison {
    /// 1 if a requirement is met no more.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.rows.iter().any(|row| row.change == Change::Regression))
    }
}
