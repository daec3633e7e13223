//! T0: requirements and scenarios name each other. `requirements.yaml` is the catalogue.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use routeproof_model::diag::Source;
use routeproof_model::scenario::ScenarioFile;
use routeproof_model::yaml;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    /// What holds when it is met.
    text: String,
    /// Who says so: an RFC's section, a document or commit, or `measured`.
    source: String,
}

/// What the lint looks at of a scenario.
struct Proof {
    name: String,
    ids: Vec<String>,
    readme: String,
}

/// What is wrong, in words.
fn lint(catalogue: &[Requirement], proofs: &[Proof]) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeSet<&str> = catalogue.iter().map(|r| r.id.as_str()).collect();
    if known.len() < catalogue.len() {
        wrong.push("the catalogue has an id twice".into());
    }
    for Requirement { id, text, source } in catalogue {
        let numbers = id.split_once('-').map_or(Vec::new(), |(_, numbers)| numbers.split('.').collect());
        let well_formed = id.starts_with(|c: char| c.is_ascii_uppercase())
            && (2..=3).contains(&numbers.len())
            && numbers.iter().all(|n| n.parse::<u8>().is_ok());
        if !well_formed {
            wrong.push(format!("`{id}` is not of the form AREA-n.m"));
        }
        if text.trim().is_empty() || source.trim().is_empty() {
            wrong.push(format!("{id} has no text or no source"));
        }
        if !proofs.iter().any(|p| p.ids.contains(id)) {
            wrong.push(format!("no scenario proves {id}"));
        }
    }
    for Proof { name, ids, readme } in proofs {
        if ids.is_empty() {
            wrong.push(format!("{name} proves no requirement"));
        }
        for id in ids {
            if !known.contains(id.as_str()) {
                wrong.push(format!("{name} names {id}, which the catalogue does not have"));
            }
            if !readme.contains(id.as_str()) {
                wrong.push(format!("the README of {name} does not mention {id}"));
            }
        }
    }
    wrong
}

fn source(path: &Path) -> Source {
    Source::new(path, fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

#[test]
fn requirements_and_scenarios_name_each_other() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalogue: Vec<Requirement> =
        yaml::parse(&source(&here.join("requirements.yaml"))).unwrap_or_else(|e| panic!("{e}"));
    let folders = fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = folders.filter(|folder| folder.join("scenario.yaml").is_file()).collect();
    assert!(folders.len() > 5, "the scenarios are elsewhere");
    let proof = |folder: &Path| {
        let file: ScenarioFile =
            yaml::parse(&source(&folder.join("scenario.yaml"))).unwrap_or_else(|e| panic!("{e}"));
        Proof {
            name: file.name,
            ids: file.requirements,
            readme: source(&folder.join("README.md")).text.to_string(),
        }
    };
    let proofs: Vec<Proof> = folders.iter().map(|folder| proof(folder)).collect();
    assert_eq!(lint(&catalogue, &proofs), Vec::<String>::new());
}

#[test]
fn the_lint_finds_each_kind_of_fault() {
    let requirement = |id: &str| Requirement { id: id.into(), text: "t".into(), source: "s".into() };
    let proof = |name: &str, ids: &[&str], readme: &str| Proof {
        name: name.into(),
        ids: ids.iter().map(|id| id.to_string()).collect(),
        readme: readme.into(),
    };
    let catalogue = ["A-1.1", "A-1.1", "B-2.1", "b1"].map(requirement);
    let proofs =
        [proof("one", &["A-1.1", "b1"], "A-1.1"), proof("two", &["C-9.9"], "C-9.9"), proof("three", &[], "")];
    let expected = [
        "the catalogue has an id twice",
        "no scenario proves B-2.1",
        "`b1` is not of the form AREA-n.m",
        "the README of one does not mention b1",
        "two names C-9.9, which the catalogue does not have",
        "three proves no requirement",
    ];
    assert_eq!(lint(&catalogue, &proofs), expected);
}
