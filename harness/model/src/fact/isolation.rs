//! What was seen of a node's segments: where its kernel would send what comes in by each of them, and what became of
//! frames that hosts sent to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Mono, Route};

/// One look at the segments of a node. Segments are named as the scenario names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isolation {
    pub node: String,
    /// When the first question was asked.
    pub from: Mono,
    /// When the last frame had its time.
    pub at: Mono,
    /// Segment -> the port of its host on the segment's link. Missing where the host has none there.
    pub ports: BTreeMap<String, HostPort>,
    pub lookups: Vec<Crossing>,
    pub probes: Vec<Shot>,
    /// Packets that the captures had no room for. Probes may be among them.
    pub dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostPort {
    pub node: String,
    pub interface: String,
}

/// RTM_GETROUTE's answer for a packet that comes in by the interface of `from`, for an address behind `to`. With `from`
/// and `to` the same, a witness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    pub from: String,
    pub to: String,
    pub source: IpAddr,
    pub dst: IpAddr,
    /// The way that the kernel chooses; else why there is none.
    pub chosen: Result<Route, String>,
    /// The entry of the table (RTM_F_FIB_MATCH), which has the prefix.
    pub entry: Option<Route>,
}

/// A frame with a UDP packet of its own mark, built by us: no route of its sender has a say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shot {
    pub sender: Shooter,
    pub from: String,
    pub to: String,
    pub source: IpAddr,
    pub dst: IpAddr,
    /// Why it was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The node had it, addressed to its own interface.
    pub reached_node: bool,
    /// The interfaces by which the node sent it on.
    pub left: BTreeSet<String>,
    /// Who received it, addressed to its own link-layer address.
    pub arrived: BTreeSet<HostPort>,
}

/// Who puts a frame on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shooter {
    /// The host of `from`, to the node's link-layer address: the node has to route it.
    Host,
    /// The node itself, by the interface of `to`, to the link-layer address of the host there.
    Node,
}
