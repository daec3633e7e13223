//! The catalogue as a document: the test plan.

use std::fmt::Write as _;

use super::{Catalogue, Proof, Requirement};

/// Requirements by area, then scenarios with their procedure, as GitHub's Markdown.
pub fn markdown(catalogue: &Catalogue, proofs: &[Proof]) -> String {
    let mut text = String::from("# Requirements and test plan\n");
    let counts = format!("{} requirements, {} scenarios", catalogue.len(), proofs.len());
    let _ = writeln!(
        text,
        "{counts}. `must`, `should` and `may` as in RFC 2119. A requirement is met when all its scenarios pass."
    );
    let mut area = "";
    for requirement in catalogue {
        if requirement.area() != area {
            area = requirement.area();
            let _ = writeln!(text, "\n## {area}");
        }
        one(&mut text, requirement, proofs);
    }
    text.push_str("\n## Scenarios\n");
    for proof in proofs {
        scenario(&mut text, proof);
    }
    text
}

fn one(text: &mut String, requirement: &Requirement, proofs: &[Proof]) {
    let Requirement { id, text: what, rationale, severity, pass, source } = requirement;
    let _ = writeln!(text, "\n### {id} ({severity})\n{}\n", line(what));
    let _ = writeln!(text, "- why: {}", line(rationale));
    let _ = writeln!(text, "- passes when: {}", line(pass));
    let _ = writeln!(text, "- source: {}", line(source));
    let of_it: Vec<&Proof> = proofs.iter().filter(|proof| proof.requirements.contains(id)).collect();
    let names: Vec<String> = of_it.iter().map(|proof| format!("[{0}](#{0})", proof.scenario)).collect();
    let _ =
        writeln!(text, "- scenarios: {}", if names.is_empty() { "none".into() } else { names.join(", ") });
    let breaks = |proof: &&&Proof| !proof.negative.is_empty();
    let negative: Vec<&str> = of_it.iter().filter(breaks).map(|proof| proof.scenario.as_str()).collect();
    let mutations: Vec<&str> = of_it
        .iter()
        .flat_map(|proof| proof.mutations.iter().copied())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut shown = Vec::new();
    if !negative.is_empty() {
        shown.push(format!("negative cases in {}", negative.join(", ")));
    }
    if !mutations.is_empty() {
        shown.push(format!("`run --mutate` ({})", mutations.join(", ")));
    }
    let _ = writeln!(
        text,
        "- shown to fail by: {}",
        if shown.is_empty() { "nothing".into() } else { shown.join("; ") }
    );
}

fn scenario(text: &mut String, proof: &Proof) {
    let runs = match proof.axes.len() {
        1 => "1 run".to_string(),
        n => format!("{n} runs"),
    };
    let _ = writeln!(text, "\n### {}\n{}\n", proof.scenario, line(&proof.about));
    let _ = writeln!(text, "Proves {}. {runs}.\n", proof.requirements.join(", "));
    for (number, step) in proof.procedure.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", number + 1, escape(step));
    }
}

/// What YAML folds over lines, in one.
fn line(text: &str) -> String {
    escape(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// So that nothing in it is taken for HTML.
fn escape(text: &str) -> String {
    text.replace('<', "&lt;")
}
