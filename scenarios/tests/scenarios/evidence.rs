//! Reading a result as a sceptic does: by its evidence, not by its verdict.

use routeproof_model::result::{Evidence, RunResult};

/// All evidence of a run of one kind, in the order in which it was found.
pub fn all<'a>(run: &'a RunResult, what: &str) -> Vec<&'a Evidence> {
    run.steps.iter().flat_map(|step| &step.evidence).filter(|e| e.what == what).collect()
}

/// A value in the last step's evidence that has one of this kind; `pointer` as in RFC 6901.
#[track_caller]
pub fn last<T: serde::de::DeserializeOwned>(run: &RunResult, what: &str, pointer: &str) -> T {
    let found = all(run, what);
    let value = found.last().unwrap_or_else(|| panic!("no evidence `{what}`")).value.pointer(pointer);
    let value = value.unwrap_or_else(|| panic!("evidence `{what}` has no {pointer}: {:?}", found.last()));
    serde_json::from_value(value.clone()).unwrap()
}
