//! What is wrong between a catalogue and the scenarios.

use std::collections::BTreeSet;

use super::{Catalogue, Proof};

/// In words, one a fault. Empty means: each requirement is proved by a scenario, with a positive case and one that shows that it
/// can be broken, and each scenario proves something that the catalogue has.
pub fn lint(catalogue: &Catalogue, proofs: &[Proof]) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeSet<&str> = catalogue.iter().map(|r| r.id.as_str()).collect();
    for requirement in catalogue {
        let id = &requirement.id;
        let of_it: Vec<&Proof> = proofs.iter().filter(|p| p.requirements.contains(id)).collect();
        if of_it.is_empty() {
            wrong.push(format!("no scenario proves {id}"));
            continue;
        }
        if of_it.iter().all(|p| p.positive.is_empty()) {
            wrong.push(format!("no scenario of {id} shows that something comes or is there"));
        }
        if of_it.iter().all(|p| p.negative.is_empty() && p.mutations.is_empty()) {
            wrong.push(format!(
                "nothing shows that {id} can be broken: its scenarios have no negative case, and no mutation breaks their expectations"
            ));
        }
    }
    for proof in proofs {
        let name = &proof.scenario;
        if proof.requirements.is_empty() {
            wrong.push(format!("{name} proves no requirement"));
        }
        for id in proof.requirements.iter().filter(|id| !known.contains(id.as_str())) {
            wrong.push(format!("{name} names {id}, which the catalogue does not have"));
        }
        if proof.positive.is_empty() && proof.negative.is_empty() {
            wrong.push(format!("{name} checks nothing"));
        }
        for step in &proof.unchecked {
            wrong.push(format!("{name}: nothing is checked after `{step}`"));
        }
    }
    wrong
}
