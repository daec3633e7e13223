//! What was seen of requests to a service and of the way back of their replies.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Exchange, Route};

/// One look at a return path: packets, and what the kernel says to the same question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Returned {
    pub exchange: Exchange,
    /// The client's own address. It also asks from others of its network, so that a hash over addresses hides nothing.
    pub client: IpAddr,
    /// For each source that replies may have in the node's routing: a pod's address, or the service's own.
    pub lookups: Vec<WayBack>,
    /// Reverse path filtering of each interface that requests came in by (IPv4): the larger of `all` and its own
    /// (Documentation/networking/ip-sysctl.rst, rp_filter), and what the filter compares with.
    pub rp_filter: Vec<RpFilter>,
}

/// RTM_GETROUTE's answers for a reply: with source, incoming device and mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WayBack {
    pub source: IpAddr,
    /// The device that the reply comes into the node's routing by; without one the node itself sends it.
    pub iif: Option<String>,
    pub mark: Option<u32>,
    /// The VRF that the service is in: the reply is looked up in its table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
    /// The way that the kernel chooses; else why there is none.
    pub chosen: Result<Route, String>,
    /// The entry of the table with all its next hops (RTM_F_FIB_MATCH).
    pub entry: Option<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpFilter {
    pub interface: String,
    /// 0 off, 1 strict, 2 loose.
    pub value: u8,
    /// The devices of the route to the client, all next hops of it: a strict filter wants the incoming one among them
    /// (fib_info_nh_uses_dev).
    pub ways_back: Vec<String>,
}
