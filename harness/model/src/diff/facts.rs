//! A run as a set of facts, each a subject and what is true of it.

use std::collections::{BTreeMap, BTreeSet};
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
use crate::topology::Topology;

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
        Facts::build(recording, result, None)
    }

    /// The same without what is not on interfaces of the topology: a kubelet's node has an interface for its cluster, and one for each pod.
    pub fn on_topology(
        recording: Option<&Recording>,
        result: Option<&RunResult>,
        topology: &Topology,
    ) -> Facts {
        Facts::build(recording, result, Some(topology))
    }

    fn build(
        recording: Option<&Recording>,
        result: Option<&RunResult>,
        topology: Option<&Topology>,
    ) -> Facts {
        let took = result.map(convergence::took).unwrap_or_default();
        let mut facts = Facts { run: result.map(of_run).unwrap_or_default(), took, nodes: BTreeMap::new() };
        match recording {
            Some(recording) => {
                let of = |node: &str| {
                    let devices = topology.map(|topology| devices(topology, node));
                    (node.to_string(), of_node(recording, node, &Devices(devices)))
                };
                facts.nodes = recording.nodes().into_iter().map(of).collect();
            }
            None => put(&mut facts.run, Kind::Recording, "observations.jsonl", "not there".to_string()),
        }
        facts
    }
}

/// The interfaces that count; without a set all do.
struct Devices<'a>(Option<BTreeSet<&'a str>>);

impl Devices<'_> {
    fn has(&self, device: Option<&str>) -> bool {
        match (&self.0, device) {
            (Some(devices), Some(device)) => devices.contains(device),
            // What is on none, such as a route that only refuses.
            _ => true,
        }
    }
}

/// What a topology says that a node has.
fn devices<'a>(topology: &'a Topology, node: &str) -> BTreeSet<&'a str> {
    let ends = topology.links.iter().flat_map(|link| &link.endpoints);
    let ends = ends.filter(|end| topology.nodes[end.node].name == node).map(|end| end.interface.as_str());
    let declared = topology.node(node).into_iter().flat_map(|n| &n.interfaces).map(|i| i.name.as_str());
    ends.chain(declared).chain(["lo"]).collect()
}

/// Of link-local networks, one on each interface, zebra selects any.
fn is_anybodys(prefix: &IpNet) -> bool {
    matches!(prefix, IpNet::V6(v6) if v6.addr().is_unicast_link_local())
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

fn of_node(recording: &Recording, node: &str, devices: &Devices<'_>) -> Known {
    let mut known = Known::new();
    let book = &recording.book;
    let state = recording.final_kernel(node);
    if state.gap().is_some() {
        put(&mut known, Kind::Recording, "kernel events", "some were lost and not read again".to_string());
    }
    kernel(&mut known, &state, book, devices);
    sessions(&mut known, recording.final_sessions(node));
    rib(&mut known, recording.final_rib(node), book, devices);
    known
}

fn kernel(known: &mut Known, state: &KernelState, book: &AddressBook, devices: &Devices<'_>) {
    for link in state.links().filter(|link| devices.has(Some(&link.name))) {
        put(known, Kind::Link, &link.name, words::link(link, state));
    }
    for address in state.addresses().filter(|address| devices.has(Some(&address.device))) {
        let (subject, value) = words::address(address, book);
        put(known, Kind::Address, subject, value);
    }
    for rule in state.rules() {
        let subject = format!("{} {}", if rule.ipv6 { "ipv6" } else { "ipv4" }, rule.priority);
        let key = Key { kind: Kind::Rule, number: rule.priority, prefix: None, subject };
        put_at(known, key, words::rule(rule));
    }
    for object in state.nexthop_objects().filter(|object| devices.has(object.device.as_deref())) {
        let group = if object.group.is_empty() { "single" } else { "group" };
        put(known, Kind::Nexthop, group, words::nexthop(object, state, book));
    }
    for route in state.routes() {
        if !route.nexthops.iter().all(|hop| devices.has(hop.device.as_deref())) {
            continue;
        }
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

fn rib(known: &mut Known, entries: &[(IpNet, RibEntry)], book: &AddressBook, devices: &Devices<'_>) {
    for (prefix, entry) in entries {
        let is_there = entry.next_hops.iter().all(|hop| devices.has(hop.interface.as_deref()));
        if !is_there || (devices.0.is_some() && is_anybodys(prefix)) {
            continue;
        }
        let vrf = if entry.vrf == "default" { String::new() } else { format!(" vrf {}", entry.vrf) };
        let subject = format!("{}{vrf} {}", words::prefix(*prefix, book), entry.protocol);
        let sort = (!words::is_volatile(prefix.addr())).then_some(*prefix);
        let key = Key { kind: Kind::Rib, number: entry.table, prefix: sort, subject };
        put_at(known, key, words::rib(entry, book));
    }
}

/// What is true on one side only.
pub fn changes(a: &Known, b: &Known) -> Vec<Change> {
    let keys: BTreeSet<&Key> = a.keys().chain(b.keys()).collect();
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
