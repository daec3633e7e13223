//! Everything that a node's kernel holds at one moment, and what its routing daemons say of their sessions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::frr::{BfdPeer, Session};
use crate::metallb::Frontend;

use super::{Address, KernelState, Link, Neighbour, NexthopObject, Route, Rule};

pub const INSPECTION_SCHEMA: &str = "routeproof/inspection/v1";

/// What `routeproof inspect NODE` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// [`INSPECTION_SCHEMA`].
    pub schema: String,
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    pub neighbours: Vec<Neighbour>,
    pub rules: Vec<Rule>,
    pub nexthops: Vec<NexthopObject>,
    /// Routes of every table, in order of table, prefix and metric.
    pub routes: Vec<Route>,
    /// Messages that could not be decoded; what they held is missing above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecoded: Vec<String>,
    /// Absent where no bgpd runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemons: Option<DaemonSessions>,
    /// What decides of a packet beside the tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarding: Option<Forwarding>,
    /// Addresses and ports of Services that the node answers, and the pods behind them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Frontend>,
    /// Whether FRR and the kernel agree, in one line; absent where no zebra runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rib_fib: Option<String>,
}

/// What is known of a node beside its kernel's tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    pub daemons: Option<DaemonSessions>,
    pub forwarding: Option<Forwarding>,
    pub services: Vec<Frontend>,
    pub rib_fib: Option<String>,
}

/// Sysctls that choose a packet's way (Documentation/networking/ip-sysctl.rst).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarding {
    pub ipv4: bool,
    pub ipv6: bool,
    /// fib_multipath_hash_policy: 0 addresses, 1 ports too, 2 inner addresses, 3 custom. `None` without the sysctl.
    pub hash_policy_ipv4: Option<u8>,
    pub hash_policy_ipv6: Option<u8>,
    /// Per interface the larger of `all` and its own: 0 off, 1 strict, 2 loose.
    pub rp_filter: BTreeMap<String, u8>,
}

impl Inspection {
    #[must_use]
    pub fn beside(self, beside: Beside) -> Inspection {
        let Beside { daemons, forwarding, services, rib_fib } = beside;
        Inspection { daemons, forwarding, services, rib_fib, ..self }
    }
}

/// What bgpd and bfdd say of their sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonSessions {
    pub bgp: Vec<Session>,
    pub bfd: Vec<BfdPeer>,
    /// Why the two above are empty, if a daemon gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
}

impl From<&KernelState> for Inspection {
    fn from(state: &KernelState) -> Self {
        let mut routes: Vec<Route> = state.routes().collect();
        routes.sort_by_key(|route| (route.table, route.prefix, route.metric));
        Inspection {
            schema: INSPECTION_SCHEMA.to_owned(),
            links: state.links().cloned().collect(),
            addresses: state.addresses().cloned().collect(),
            neighbours: state.neighbours().cloned().collect(),
            rules: state.rules().cloned().collect(),
            nexthops: state.nexthop_objects().cloned().collect(),
            routes,
            undecoded: Vec::new(),
            daemons: None,
            forwarding: None,
            services: Vec::new(),
            rib_fib: None,
        }
    }
}
