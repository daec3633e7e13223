//! What a node's netlink listener records.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Address, Link, Neighbour, NexthopObject, Route, Rule};

/// Nanoseconds on CLOCK_MONOTONIC: one clock for every node of a lab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub u64);

/// One change of a node's kernel, or of what we know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelEvent {
    /// When the message was received, not when the kernel acted.
    pub at: Mono,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// RTM_NEW*: the object exists, with these values.
    New(Object),
    /// RTM_NEWROUTE with NLM_F_APPEND: beside what has the same prefix and metric.
    Append(Object),
    /// RTM_NEW* with NLM_F_REPLACE: instead of what has the same key.
    Replace(Object),
    /// RTM_DEL*.
    Del(Object),
    /// Something was missed between the event before and the next [`Change::Resync`].
    Gap(GapReason),
    /// The tables named were read afresh; the differences follow as changes with the same time.
    /// The reading began at `since`; only gaps up to then are mended, and only when all tables were read.
    Resync { kinds: BTreeSet<Kind>, reason: ResyncReason, since: Mono, differences: usize },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    Link(Link),
    Address(Address),
    Neighbour(Neighbour),
    Rule(Rule),
    Nexthop(NexthopObject),
    Route(Route),
}

/// A table that can be read on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Links,
    Addresses,
    Neighbours,
    Rules,
    Nexthops,
    Routes4,
    Routes6,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The socket's buffer overran (ENOBUFS): messages were lost.
    Overrun,
    /// A message that we could not decode, by its netlink type number.
    Undecodable { message_type: u16, error: String },
    /// Reading the tables afresh failed.
    DumpFailed { error: String },
    /// The listener ended; nothing after this was seen.
    Stopped { error: String },
}

/// A time from which the state may be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub since: Mono,
    /// When the last message is known to have been missed.
    pub last: Mono,
    /// What happened first, unless something worse did later ([`GapReason::is_loss`]).
    pub reason: GapReason,
}

impl GapReason {
    /// Changes may have passed unseen, of whatever kind. A single message that we cannot read leaves the rest known.
    pub fn is_loss(&self) -> bool {
        !matches!(self, GapReason::Undecodable { .. })
    }
}

/// `messages were lost (ENOBUFS)`, for people.
impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GapReason::Overrun => write!(f, "messages were lost (ENOBUFS)"),
            GapReason::Undecodable { message_type, error } => {
                write!(f, "a message of type {message_type} could not be read ({error})")
            }
            GapReason::DumpFailed { error } => write!(f, "the tables could not be read ({error})"),
            GapReason::Stopped { error } => write!(f, "the listener ended ({error})"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// The first reading.
    Start,
    /// After a [`Change::Gap`].
    Gap,
    /// After a change upon which the kernel drops routes without saying so.
    SilentChange,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::Links,
        Kind::Addresses,
        Kind::Neighbours,
        Kind::Rules,
        Kind::Nexthops,
        Kind::Routes4,
        Kind::Routes6,
    ];

    pub fn all() -> BTreeSet<Kind> {
        Kind::ALL.into()
    }
}

impl Object {
    pub fn kind(&self) -> Kind {
        match self {
            Object::Link(_) => Kind::Links,
            Object::Address(_) => Kind::Addresses,
            Object::Neighbour(_) => Kind::Neighbours,
            Object::Rule(_) => Kind::Rules,
            Object::Nexthop(_) => Kind::Nexthops,
            Object::Route(route) if route.prefix.addr().is_ipv4() => Kind::Routes4,
            Object::Route(_) => Kind::Routes6,
        }
    }
}

impl Change {
    /// The object that exists after this change.
    pub fn appeared(&self) -> Option<&Object> {
        match self {
            Change::New(object) | Change::Append(object) | Change::Replace(object) => Some(object),
            Change::Del(_) | Change::Gap(_) | Change::Resync { .. } => None,
        }
    }

    /// The object that this change takes away.
    pub fn gone(&self) -> Option<&Object> {
        match self {
            Change::Del(object) => Some(object),
            _ => None,
        }
    }

    pub(crate) fn object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Change::New(object) | Change::Append(object) | Change::Replace(object) | Change::Del(object) => {
                Some(object)
            }
            Change::Gap(_) | Change::Resync { .. } => None,
        }
    }
}
