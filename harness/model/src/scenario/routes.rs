//! `routes`: many routes at once.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::expect::ExpectRoute;
use super::session::Count;
use super::words::some_prefix;

/// So many routes of the kernel's main table, each by exactly these gateways. `proto` and `inside` say which are counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectRoutes {
    pub node: String,
    pub count: Count,
    /// The gateways: names of nodes, or addresses. Without them any will do.
    #[serde(default)]
    pub via: Vec<String>,
    /// rtm_protocol by name, for instance `bgp`.
    #[serde(default)]
    pub proto: Option<String>,
    /// Only routes to this prefix and to longer ones inside of it.
    #[serde(default, deserialize_with = "some_prefix")]
    pub inside: Option<IpNet>,
}

impl ExpectRoutes {
    /// What each one must be.
    pub fn one(&self, prefix: IpNet) -> ExpectRoute {
        ExpectRoute {
            via: self.via.clone(),
            proto: self.proto.clone(),
            ..ExpectRoute::any(&self.node, prefix)
        }
    }
}
