//! T0: requirements and scenarios name each other. `requirements.yaml` is the catalogue.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::path::{Path, PathBuf};

use routeproof_engine::run::{load, read_source};
use routeproof_model::requirement::{lint, parse, proofs};

fn folders() -> Vec<PathBuf> {
    let here = fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> = here.filter(|folder| folder.join("scenario.yaml").is_file()).collect();
    assert!(folders.len() > 5, "the scenarios are elsewhere");
    folders
}

#[test]
fn requirements_and_scenarios_name_each_other() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.yaml");
    let catalogue = parse(&read_source(&file).unwrap()).unwrap_or_else(|e| panic!("{e}"));
    let loaded: Vec<_> =
        folders().iter().map(|folder| load(folder).unwrap_or_else(|e| panic!("{}", e.line()))).collect();
    let proofs = proofs(loaded.iter().flat_map(|scenario| &scenario.runs));
    assert_eq!(lint(&catalogue, &proofs), Vec::<String>::new());
}

#[test]
fn each_scenarios_readme_says_what_it_proves() {
    for folder in folders() {
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        let loaded = load(&folder).unwrap_or_else(|e| panic!("{}", e.line()));
        for id in &loaded.runs[0].requirements {
            assert!(readme.contains(id), "the README of {} does not mention {id}", loaded.name);
        }
    }
}
