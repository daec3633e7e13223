//! How a step ended, and how a run.

use std::collections::BTreeMap;

use routeproof_model::plan::PlannedRun;
use routeproof_model::result::{Evidence, Outcome};
use serde::{Deserialize, Serialize};

use crate::run::error::RunError;

/// How a step ended.
#[derive(Clone, Debug)]
pub struct Done {
    pub outcome: Outcome,
    pub message: Option<String>,
    pub evidence: Vec<Evidence>,
}

impl Done {
    pub(super) fn passed() -> Done {
        Done { outcome: Outcome::Passed, message: None, evidence: Vec::new() }
    }
}

/// How a whole run ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Verdict {
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub observed: BTreeMap<String, String>,
    /// It is inconclusive for no other reason than the host: another try may tell.
    pub by_host: bool,
}

impl Verdict {
    /// Of a run whose steps, as far as they went, say nothing.
    pub fn bare(outcome: Outcome, reason: Option<String>) -> Verdict {
        Verdict { outcome, reason, observed: BTreeMap::new(), by_host: false }
    }

    /// Of a run that ended with an error.
    pub fn without_steps(error: &RunError) -> Verdict {
        let hints: Vec<String> = error.hints().into_iter().map(|hint| format!("; hint: {hint}")).collect();
        Verdict::bare(error.outcome(), Some(format!("{}{}", error.line(), hints.concat())))
    }
}

pub fn broken(error: &RunError) -> Done {
    let hints = error.hints().into_iter().map(|h| format!("hint: {h}"));
    let message = [error.line()].into_iter().chain(hints).collect::<Vec<_>>().join("; ");
    Done { outcome: error.outcome(), message: Some(message), evidence: Vec::new() }
}

/// A run whose steps passed still fails if it observed something else than the scenario expects.
pub(super) fn compare(run: &PlannedRun, observed: BTreeMap<String, String>) -> Verdict {
    let differs = run.expected.iter().find(|(key, value)| observed.get(*key) != Some(*value));
    match differs {
        None => Verdict { observed, ..Verdict::bare(Outcome::Passed, None) },
        Some((key, expected)) => {
            let seen = observed.get(key).map_or("nothing", String::as_str);
            let reason = format!("expected {key} {expected}, observed {key} {seen}");
            Verdict { observed, ..Verdict::bare(Outcome::Failed, Some(reason)) }
        }
    }
}
