//! A run as a set of facts, each a subject and what is true of it.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

use super::convergence::Took;
use super::{Change, convergence, words};
use crate::check::AddressBook;
use crate::fact::KernelState;
use crate::frr::{RibEntry, Session};
use crate::recording::Recording;
use crate::result::RunResult;

/// What a fact is about, in the order in which facts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Outcome,
    Observed,
    Step,
    /// How long a convergence took.
    Convergence,
    /// What the recording lacks: without it the other facts of the node are not complete.
    Recording,
    Link,
    Address,
    Rule,
    /// A next-hop object of the kernel.
    Nexthop,
    Route,
    Session,
    /// An entry of zebra's RIB.
    Rib,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Outcome => "outcome",
            Kind::Observed => "observed",
            Kind::Step => "step",
            Kind::Convergence => "convergence",
            Kind::Recording => "recording",
            Kind::Link => "link",
            Kind::Address => "address",
            Kind::Rule => "rule",
            Kind::Nexthop => "nexthop",
            Kind::Route => "route",
            Kind::Session => "session",
            Kind::Rib => "rib",
        })
    }
}

/// A fact's subject. Numbers come before the text, so that tables and prefixes sort as such.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    kind: Kind,
    number: u32,
    prefix: Option<IpNet>,
    subject: String,
}

/// Subject -> what is true of it; several values where several objects share the subject.
pub type Known = BTreeMap<Key, Vec<String>>;

/// Everything about one run that another run may share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub(super) run: Known,
    pub(super) took: Took,
    pub(super) nodes: BTreeMap<String, Known>,
}

impl Facts {
    /// How a run went, and the final state that was recorded of it, if any was.
    pub fn of(recording: Option<&Recording>, result: Option<&RunResult>) -> Facts {
        let took = result.map(convergence::took).unwrap_or_default();
        let mut facts = Facts { run: result.map(of_run).unwrap_or_default(), took, nodes: BTreeMap::new() };
        match recording {
            Some(recording) => {
                let of = |node: &str| (node.to_string(), of_node(recording, node));
                facts.nodes = recording.nodes().into_iter().map(of).collect();
            }
            None => put(&mut facts.run, Kind::Recording, "observations.jsonl", "not there".to_string()),
        }
        facts
    }
}

fn put(known: &mut Known, kind: Kind, subject: impl Into<String>, value: String) {
    put_at(known, Key { kind, number: 0, prefix: None, subject: subject.into() }, value);
}

fn put_at(known: &mut Known, key: Key, value: String) {
    let values = known.entry(key).or_default();
    values.push(value);
    values.sort();
}

fn of_run(result: &RunResult) -> Known {
    let mut known = Known::new();
    put(&mut known, Kind::Outcome, "run", result.outcome.to_string());
    for (name, value) in &result.observed {
        put(&mut known, Kind::Observed, name, value.clone());
    }
    for (index, step) in result.steps.iter().enumerate() {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let subject = format!("{} {}", index + 1, step.name);
        put_at(&mut known, Key { kind: Kind::Step, number, prefix: None, subject }, step.outcome.to_string());
    }
    known
}

fn of_node(recording: &Recording, node: &str) -> Known {
    let mut known = Known::new();
    let book = &recording.book;
    let state = recording.final_kernel(node);
    if state.gap().is_some() {
        put(&mut known, Kind::Recording, "kernel events", "some were lost and not read again".to_string());
    }
    kernel(&mut known, &state, book);
    sessions(&mut known, recording.final_sessions(node));
    rib(&mut known, recording.final_rib(node), book);
    known
}

fn kernel(known: &mut Known, state: &KernelState, book: &AddressBook) {
    for link in state.links() {
        put(known, Kind::Link, &link.name, words::link(link, state));
    }
    for address in state.addresses() {
        let (subject, value) = words::address(address, book);
        put(known, Kind::Address, subject, value);
    }
    for rule in state.rules() {
        let subject = format!("{} {}", if rule.ipv6 { "ipv6" } else { "ipv4" }, rule.priority);
        let key = Key { kind: Kind::Rule, number: rule.priority, prefix: None, subject };
        put_at(known, key, words::rule(rule));
    }
    for object in state.nexthop_objects() {
        let group = if object.group.is_empty() { "single" } else { "group" };
        put(known, Kind::Nexthop, group, words::nexthop(object, state, book));
    }
    for route in state.routes() {
        let subject = words::route_key(&route, book);
        let prefix = (!words::is_volatile(route.prefix.addr())).then_some(route.prefix);
        let key = Key { kind: Kind::Route, number: route.table, prefix, subject };
        put_at(known, key, words::route(&route, book));
    }
}

fn sessions(known: &mut Known, sessions: &[Session]) {
    for session in sessions {
        let vrf = if session.vrf == "default" { String::new() } else { format!(" vrf {}", session.vrf) };
        put(known, Kind::Session, format!("{}{vrf}", session.peer), words::session(session));
    }
}

fn rib(known: &mut Known, entries: &[(IpNet, RibEntry)], book: &AddressBook) {
    for (prefix, entry) in entries {
        let vrf = if entry.vrf == "default" { String::new() } else { format!(" vrf {}", entry.vrf) };
        let subject = format!("{}{vrf} {}", words::prefix(*prefix, book), entry.protocol);
        let sort = (!words::is_volatile(prefix.addr())).then_some(*prefix);
        let key = Key { kind: Kind::Rib, number: entry.table, prefix: sort, subject };
        put_at(known, key, words::rib(entry, book));
    }
}

/// What is true on one side only.
pub fn changes(a: &Known, b: &Known) -> Vec<Change> {
    let keys: std::collections::BTreeSet<&Key> = a.keys().chain(b.keys()).collect();
    let values = |known: &Known, key: &Key| known.get(key).cloned().unwrap_or_default();
    let change = |key: &Key| {
        let (mut only_a, mut only_b) = (values(a, key), values(b, key));
        // Equal values cancel out one for one: two objects that look alike are two.
        only_a.retain(|value| match only_b.iter().position(|other| other == value) {
            Some(at) => {
                only_b.remove(at);
                false
            }
            None => true,
        });
        (!only_a.is_empty() || !only_b.is_empty()).then(|| Change {
            kind: key.kind,
            subject: key.subject.clone(),
            a: only_a,
            b: only_b,
        })
    };
    keys.into_iter().filter_map(change).collect()
}
