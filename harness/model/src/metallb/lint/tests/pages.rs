//! Each rule's page keeps its word: its wrong example gives that finding, its right one none.

use super::*;

/// The fenced example below a heading: its attributes and its text.
fn example<'p>(page: &'p str, heading: &str) -> (&'p str, &'p str) {
    let below = page.split_once(heading).unwrap_or_else(|| panic!("no {heading} in {page}")).1;
    let fenced = below.split_once("```").unwrap().1.split_once("\n```").unwrap().0;
    fenced.split_once('\n').unwrap()
}

fn linted(page: &str, heading: &str) -> Vec<Finding> {
    let (attributes, text) = example(page, heading);
    let mut with = USUAL;
    let mut words = attributes.split(' ');
    let language = words.next();
    for (name, value) in words.map(|w| w.split_once('=').unwrap()) {
        match name {
            "metallb" => with.metallb = value,
            "frr" => with.frr = value,
            other => panic!("{other}"),
        }
    }
    match language {
        Some("frr") => lint(with, &[PEERS, &config_map(text)]),
        Some("yaml") => lint(with, &[PEERS, text]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn examples_give_what_their_page_is_about_and_nothing_else() {
    for rule in Rule::ALL {
        let (wrong, right) = (linted(rule.page(), "## Wrong"), linted(rule.page(), "## Right"));
        let expected = match rule {
            // The form that FRR 7.5 does not notice is the one that alternates on every FRR.
            Rule::OrderingBug => vec![Rule::OrderingBug.id(), Rule::SharedSequence.id()],
            rule => vec![rule.id()],
        };
        assert_eq!(ids(&wrong), expected, "{rule}: {wrong:#?}");
        assert!(right.is_empty(), "{rule}: {right:#?}");
    }
}

#[test]
fn pages_are_listed_and_say_their_severity() {
    let list = include_str!("../../../../../../docs/lints/README.md");
    for rule in Rule::ALL {
        let title = rule.page().lines().next().unwrap();
        let (id, what) = title.strip_prefix("# ").and_then(|t| t.split_once(": ")).unwrap();
        assert_eq!(id, rule.id());
        assert!(list.contains(&format!("| [{id}]({id}.md) | {what} |")), "{id} is not in the list");
        assert_eq!(rule.page().lines().nth(1).unwrap(), format!("{:?}.", rule.severity()));
    }
}
