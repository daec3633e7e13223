//! What was seen in a node's kernel, decoded from netlink into plain values.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Nanoseconds on CLOCK_MONOTONIC: one clock for every node of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub u64);

/// A route of one table of a node's kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    pub table: u32,
    pub prefix: IpNet,
    /// The kernel's metric (RTA_PRIORITY); 0 when the kernel gives none.
    pub metric: u32,
    /// rtm_protocol by name where the field has one (`bgp`, `kernel`, `static`, `zebra`, ...), else the number.
    pub protocol: String,
    /// rtm_type: `unicast`, `blackhole`, `unreachable`, `prohibit`, `local`, ...
    pub kind: String,
    pub scope: String,
    pub prefsrc: Option<IpAddr>,
    pub nhid: Option<u32>,
    /// Resolved: the members of the next-hop object or group when `nhid` is set.
    pub nexthops: BTreeSet<NextHop>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NextHop {
    pub gateway: Option<IpAddr>,
    pub device: Option<String>,
    /// 1-based as users write it (the kernel stores weight - 1).
    pub weight: u16,
    pub onlink: bool,
}
