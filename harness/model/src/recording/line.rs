//! The lines of a recording.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::check::{AddressBook, LostBefore, OrderingFacts, Sample};
use crate::fact::{Flows, HostHealth, Isolation, KernelEvent, Mono, NextHop, Returned, Stream};
use crate::frr::{BfdPeer, RibEntry, Session};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Line {
    /// Who has which address; written once, before the first step.
    Addresses {
        book: AddressBook,
    },
    Kernel {
        node: String,
        event: KernelEvent,
    },
    /// Several next hops, with the number that later lines of the node name them by.
    NextHops {
        node: String,
        number: u32,
        hops: BTreeSet<NextHop>,
    },
    /// A change of a route whose next hops are those of that number.
    KernelBy {
        node: String,
        hops: u32,
        event: KernelEvent,
    },
    /// What bgpd claims of its sessions; written when it changed.
    Sessions {
        node: String,
        at: Mono,
        sessions: Vec<Session>,
    },
    /// What bfdd claims of its sessions; written when it was asked and had changed.
    Bfd {
        node: String,
        at: Mono,
        peers: Vec<BfdPeer>,
    },
    /// What zebra claims to have; written when it was asked.
    Rib {
        node: String,
        at: Mono,
        entries: Vec<(IpNet, RibEntry)>,
    },
    /// A gateway's Adj-RIB-Out towards a node.
    Advertised {
        gateway: String,
        to: String,
        at: Mono,
        prefixes: Vec<IpNet>,
    },
    /// Requests to a service, and the ways of their replies.
    Returned {
        to: String,
        seen: Returned,
    },
    /// Flows that were sent and counted.
    Flows {
        flows: Flows,
    },
    /// A stream that has ended.
    Stream {
        stream: Stream,
    },
    /// The segments of a node: lookups, and probes from one into another.
    Isolation {
        seen: Isolation,
    },
    /// A window in which something must hold opens; its witness was there.
    WindowOpened {
        step: usize,
        at: Mono,
    },
    StepStarted {
        step: usize,
        at: Mono,
    },
    StepFinished {
        step: usize,
        at: Mono,
    },
    /// How the host was while a step was timed.
    Host {
        step: usize,
        health: HostHealth,
    },
    /// When a fault began to act.
    Fault {
        step: usize,
        at: Mono,
        name: String,
    },
    /// How often the sessions of a node had been lost before the change that the step made.
    LostBefore {
        step: usize,
        node: String,
        at: Mono,
        lost: LostBefore,
    },
    /// What a `diagnose` step concludes from.
    OrderingFacts {
        step: usize,
        facts: OrderingFacts,
    },
    /// The steps are done; what comes later (faults are undone, the lab ends) is not part of the final state.
    FinalState {
        at: Mono,
    },
    /// What an `observe` step saw.
    Sample {
        step: usize,
        sample: Sample,
    },
}

/// A [`Line`] to write, with its large parts borrowed. It reads back as the `Line` of that name.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum LineRef<'a> {
    Kernel { node: &'a str, event: &'a KernelEvent },
    NextHops { node: &'a str, number: u32, hops: &'a BTreeSet<NextHop> },
    KernelBy { node: &'a str, hops: u32, event: &'a KernelEvent },
    Rib { node: &'a str, at: Mono, entries: &'a [(IpNet, RibEntry)] },
}

/// Most lines are events of kernels. serde reads a tagged enum by way of a copy of all of its values, which takes twice as
/// long; where the tag comes first, as we write it, there is no need.
pub(super) fn read(line: &str) -> Result<Line, serde_json::Error> {
    #[derive(Deserialize)]
    struct Kernel {
        node: String,
        event: KernelEvent,
    }
    if line.starts_with(r#"{"source":"kernel","#) {
        return serde_json::from_str(line).map(|Kernel { node, event }| Line::Kernel { node, event });
    }
    #[derive(Deserialize)]
    struct KernelBy {
        node: String,
        hops: u32,
        event: KernelEvent,
    }
    if line.starts_with(r#"{"source":"kernel-by","#) {
        let read = serde_json::from_str(line);
        return read.map(|KernelBy { node, hops, event }| Line::KernelBy { node, hops, event });
    }
    serde_json::from_str(line)
}
