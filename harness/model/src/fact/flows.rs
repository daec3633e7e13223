//! Flows that a node sent to a prefix, and which gateway got each of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Mac, Mono};

/// One measurement: every flow is one UDP packet, counted where it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// Who sent them.
    pub node: String,
    pub prefix: IpNet,
    /// The VRF that the node looked the route up in; absent for the main table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
    /// When the first was sent.
    pub from: Mono,
    /// When the last was counted or given up.
    pub at: Mono,
    /// net.ipv4.fib_multipath_hash_policy, or net.ipv6..., of the node, by the prefix's family.
    pub hash_policy: u8,
    /// The nodes that arrivals were looked for in.
    pub watched: BTreeSet<String>,
    pub flows: Vec<Flow>,
    /// Packets that the captures had no room for. Flows may be among them.
    pub dropped: u64,
}

/// A UDP flow and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub sport: u16,
    pub dst: IpAddr,
    pub dport: u16,
    /// Why the node's kernel did not take the packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Where it was first seen to leave the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Exit>,
    /// Who received it, addressed to its own MAC address. One node, unless something is wrong.
    pub got: BTreeSet<String>,
}

/// An interface, and the Ethernet address beyond it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exit {
    pub interface: String,
    pub to: Option<Mac>,
}
