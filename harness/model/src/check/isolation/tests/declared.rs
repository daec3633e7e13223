//! Leaks that an expectation declares.

use super::*;
use crate::scenario::Leak;

/// A leak of 10.2.5.0/24 from red into blue, as declared or not.
#[test]
fn a_declared_leak_is_wanted_and_goes_no_farther() {
    let mut declared = expect();
    let prefixes = vec!["10.2.5.0/24".parse().unwrap()];
    declared.leaks = vec![Leak { from: "red".into(), to: "blue".into(), prefixes }];
    let leak = || Object::Route(route("10.2.5.0/24", 101, Some("10.2.0.1"), "eth2"));
    assert!(judged(&expect(), &with(isolated(), [leak()]), &seen()).starts_with("red leaks into blue"));
    let there = with(isolated(), [leak()]);
    assert_eq!(
        judged(&declared, &there, &seen()),
        "worker keeps blue and red apart, but for what is declared"
    );
    let checked = isolation(&declared, &there, &seen(), &book());
    let matrix: IsolationMatrix = serde_json::from_value(checked.evidence[0].value.clone()).unwrap();
    let across = matrix.cells.iter().find(|c| c.from == "red" && c.to == "blue").unwrap();
    assert_eq!(across.to_string(), "leaks as declared");
    // Absent; beyond what is declared; the other way round.
    let absent = isolation(&declared, &kernel(isolated()), &seen(), &book());
    assert!(!absent.holds && !absent.unproved);
    insta::assert_snapshot!(absent.status, @"red does not leak into blue (ipv4) as declared by table: table 101 of red has no route to 10.2.5.0/24 that leads into blue");
    let wider =
        with(isolated(), [leak(), Object::Route(route("10.2.0.0/16", 101, Some("10.2.0.1"), "eth2"))]);
    assert!(judged(&declared, &wider, &seen()).contains("table 101 of red has 10.2.0.0/16"));
    let back = with(isolated(), [leak(), Object::Route(route("10.1.5.0/24", 102, Some("10.1.0.1"), "eth1"))]);
    assert!(judged(&declared, &back, &seen()).starts_with("blue leaks into red"));
}

#[test]
fn what_the_kernel_answers_of_a_declared_leak_counts() {
    let mut declared = expect();
    let prefixes = vec!["10.2.0.0/24".parse().unwrap()];
    declared.leaks = vec![Leak { from: "red".into(), to: "blue".into(), prefixes }];
    let leaked = route("10.2.0.0/24", 101, Some("10.2.0.1"), "eth2");
    let state = with(isolated(), [Object::Route(leaked.clone())]);
    // The host's address is asked for, and the kernel says that it is unreachable.
    insta::assert_snapshot!(judged(&declared, &state, &seen()), @"red does not leak into blue (ipv4) as declared by lookup: the kernel does not send what comes in by eth1 for 10.2.0.1 into blue");
    let mut across = seen();
    crossing(&mut across, "red", "blue").chosen = Ok(leaked);
    let probe = shot(&mut across, Shooter::Host, "red", "blue");
    probe.left = ["eth2".to_string()].into();
    assert!(isolation(&declared, &state, &across, &book()).holds);
}
