//! Everything that a node's kernel holds at one moment, and what its routing daemons say of their sessions.

use serde::{Deserialize, Serialize};

use crate::frr::{BfdPeer, Session};

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
        }
    }
}
