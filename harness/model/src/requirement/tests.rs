use std::collections::BTreeSet;

use super::*;
use crate::diag::Source;

fn requirement(id: &str) -> Requirement {
    let text = "t".to_string();
    Requirement {
        id: id.into(),
        text: text.clone(),
        rationale: text.clone(),
        severity: Severity::Must,
        pass: text.clone(),
        source: text,
    }
}

fn proof(scenario: &str, ids: &[&str]) -> Proof {
    Proof {
        scenario: scenario.into(),
        about: "about <it>".into(),
        requirements: ids.iter().map(ToString::to_string).collect(),
        axes: vec![Default::default()],
        procedure: vec!["look".into()],
        positive: vec!["look".into()],
        negative: Vec::new(),
        mutations: BTreeSet::from(["peer-down"]),
        unchecked: Vec::new(),
    }
}

#[test]
fn the_lint_finds_each_kind_of_fault() {
    let catalogue = ["A-1.1", "A-1.2", "A-1.3", "B-2.1"].map(requirement).to_vec();
    let negative_only =
        Proof { positive: Vec::new(), negative: vec!["no".into()], ..proof("negative", &["A-1.2"]) };
    let vacuous = Proof { mutations: BTreeSet::new(), ..proof("vacuous", &["A-1.3"]) };
    let empty = Proof { positive: Vec::new(), unchecked: vec!["apply x".into()], ..proof("empty", &[]) };
    let proofs = [proof("right", &["A-1.1", "C-9.9"]), negative_only, vacuous, empty];
    insta::assert_snapshot!(lint(&catalogue, &proofs).join("\n"), @r"
    no scenario of A-1.2 shows that something comes or is there
    nothing shows that A-1.3 can be broken: its scenarios have no negative case, and no mutation breaks their expectations
    no scenario proves B-2.1
    right names C-9.9, which the catalogue does not have
    empty proves no requirement
    empty checks nothing
    empty: nothing is checked after `apply x`
    ");
}

#[test]
fn what_is_right_is_not_complained_about() {
    assert_eq!(lint(&vec![requirement("A-1.1")], &[proof("right", &["A-1.1"])]), Vec::<String>::new());
}

#[test]
fn mistakes_point_at_their_line() {
    let entry = |id: &str, text: &str| {
        format!("- id: {id}\n  text: {text}\n  rationale: r\n  severity: must\n  pass: p\n  source: s\n")
    };
    let said = |text: String| parse(&Source::new("requirements.yaml", text)).unwrap_err().to_string();
    insta::assert_snapshot!(said(entry("learn-1.1", "t")));
    insta::assert_snapshot!(said([entry("A-1.1", "t"), entry("A-1.1", "t")].concat()));
    insta::assert_snapshot!(said(entry("A-1.1", "''")));
    insta::assert_snapshot!(said(entry("A-1.1", "t").replace("severity: must", "severity: shall")));
    insta::assert_snapshot!(said(entry("A-1.1", "t").replace("rationale", "reason")));
}

#[test]
fn the_plan_names_what_proves_and_what_breaks() {
    let negative = Proof { negative: vec!["no route".into()], ..proof("two", &["A-1.2"]) };
    insta::assert_snapshot!(markdown(
        &["A-1.1", "A-1.2", "B-1.1"].map(requirement).to_vec(),
        &[proof("one", &["A-1.1"]), negative]
    ));
}
