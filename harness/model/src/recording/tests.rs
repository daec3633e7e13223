use std::borrow::Cow;

use super::*;
use crate::fact::{Change, GapReason, Link};
use crate::frr::sessions;

fn recording(lines: &[Line]) -> Recording {
    let text: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    Recording::parse(&text.join("\n")).unwrap()
}

fn asked(at: u64, flaps: u64) -> Line {
    let mut sessions = sessions(include_str!("../frr/fixtures/10.3/neighbors.json")).unwrap();
    sessions[0].connections_dropped = flaps;
    Line::Sessions { node: "n".into(), at: Mono(at), sessions }
}

#[test]
fn sessions_of_a_window_are_those_seen_in_it_or_the_last_before() {
    let recording = recording(&[asked(10, 0), asked(20, 1), asked(30, 2)]);
    let seen = |from, to| {
        let mut flaps = Vec::new();
        recording.session_states("n", Mono(from), Mono(to), |sessions, _| {
            flaps.push(sessions.first().map(|s| s.connections_dropped));
        });
        flaps
    };
    assert_eq!(seen(15, 40), [Some(1), Some(2)]);
    assert_eq!(seen(31, 40), [Some(2)]);
    assert_eq!(seen(1, 5), [None]);
}

fn link(at: u64, mac: &str, gone: bool) -> Line {
    let link = Object::Link(Link { index: 2, mac: Some(mac.into()), ..Link::default() });
    let change = if gone { Change::Del(link) } else { Change::New(link) };
    Line::Kernel { node: "gw1".into(), event: KernelEvent { at: Mono(at), change } }
}

#[test]
fn link_layer_addresses_are_those_of_the_time() {
    let (old, new) = ("02:00:00:00:00:05", "02:00:00:00:00:55");
    let mut book = AddressBook::default();
    book.set_link_layer("gw1", [old.to_string()]);
    let written = Line::Addresses { book };
    let steady = recording(&[link(1, old, false), written.clone(), link(9, old, false)]);
    assert!(matches!(steady.book_at(Mono(10)), Cow::Borrowed(_)), "nothing has changed");
    let moved = recording(&[link(1, old, false), written, link(20, old, true), link(30, new, false)]);
    let right = |at, mac| moved.book_at(Mono(at)).astray("gw1", mac).is_none();
    assert!(right(10, old) && !right(10, new));
    assert!(!right(25, old) && !right(35, old) && right(35, new));
}

#[test]
fn a_book_of_before_knows_no_neighbour() {
    let old = r#"{"source":"addresses","book":{"owners":{"192.168.1.5":"gw1"},"aliases":{}}}"#;
    let recording = Recording::parse(&format!("{old}\n")).unwrap();
    assert_eq!(recording.book.owner("192.168.1.5".parse().unwrap()), Some("gw1"));
    assert_eq!(recording.book_at(Mono(1)).astray("gw1", "02:00:00:00:00:99"), None);
}

#[test]
fn a_borrowed_line_reads_back_as_the_line_of_its_name() {
    let event = KernelEvent { at: Mono(5), change: Change::Gap(GapReason::Overrun) };
    let borrowed = serde_json::to_string(&LineRef::Kernel { node: "n", event: &event }).unwrap();
    let owned = serde_json::to_string(&Line::Kernel { node: "n".into(), event: event.clone() }).unwrap();
    assert_eq!(borrowed, owned);
    assert!(
        matches!(read(&borrowed).unwrap(), Line::Kernel { node, event: read } if node == "n" && read == event)
    );
    let rib = serde_json::to_string(&LineRef::Rib { node: "n", at: Mono(6), entries: &[] }).unwrap();
    assert_eq!(
        rib,
        serde_json::to_string(&Line::Rib { node: "n".into(), at: Mono(6), entries: vec![] }).unwrap()
    );
    assert!(matches!(read(&rib).unwrap(), Line::Rib { at: Mono(6), .. }));
}
