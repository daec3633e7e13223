//! What must be true: the expectations of a scenario, as they are written and as they are judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bond::ExpectBond;
use super::isolation::ExpectIsolation;
use super::routes::ExpectRoutes;
use super::session::ExpectSession;
use super::stream::ExpectLoss;
use crate::fact::Protocol;

use super::words::{any_table, duration, prefix, some_duration, some_prefix, table};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    Session(ExpectSession),
    Route(ExpectRoute),
    Routes(ExpectRoutes),
    NoRoute(ExpectNoRoute),
    RibFib(ExpectRibFib),
    Ecmp(ExpectEcmp),
    ReturnPath(ExpectReturnPath),
    Convergence(ExpectConvergence),
    Loss(ExpectLoss),
    Isolation(ExpectIsolation),
    Bond(ExpectBond),
}

impl Expect {
    /// In place of a node: each cluster node.
    pub const ALL: &str = "all";

    /// The same of another node; `None` for what is not looked at in many nodes at once.
    pub fn on(&self, name: &str) -> Option<Expect> {
        let mut same = self.clone();
        let node = match &mut same {
            Expect::Session(e) => &mut e.node,
            Expect::Route(e) => &mut e.node,
            Expect::Routes(e) => &mut e.node,
            Expect::RibFib(e) => &mut e.node,
            _ => return None,
        };
        *node = name.to_string();
        Some(same)
    }

    /// The route to `prefix` that is to be there while something else is not: in the same VRF, if one is named.
    pub fn witness(&self, prefix: ipnet::IpNet) -> ExpectRoute {
        let mut route = ExpectRoute::any(self.node(), prefix);
        if let Expect::NoRoute(absent) = self {
            route.vrf.clone_from(&absent.vrf);
        }
        route
    }

    /// The word that a scenario file uses.
    pub fn word(&self) -> &'static str {
        match self {
            Expect::Session(_) => "session",
            Expect::Route(_) => "route",
            Expect::Routes(_) => "routes",
            Expect::NoRoute(_) => "no-route",
            Expect::RibFib(_) => "rib-fib",
            Expect::Ecmp(_) => "ecmp",
            Expect::ReturnPath(_) => "return-path",
            Expect::Convergence(_) => "convergence",
            Expect::Loss(_) => "loss",
            Expect::Isolation(_) => "isolation",
            Expect::Bond(_) => "bond",
        }
    }

    /// The node whose kernel or daemon is looked at.
    pub fn node(&self) -> &str {
        match self {
            Expect::Session(e) => &e.node,
            Expect::Route(e) => &e.node,
            Expect::Routes(e) => &e.node,
            Expect::NoRoute(e) => &e.node,
            Expect::RibFib(e) => &e.node,
            Expect::Ecmp(e) => &e.node,
            Expect::ReturnPath(e) => &e.node,
            Expect::Convergence(e) => &e.node,
            Expect::Loss(e) => &e.node,
            Expect::Isolation(e) => &e.node,
            Expect::Bond(e) => &e.node,
        }
    }
}

/// A route of the kernel. What is not said does not matter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectRoute {
    pub node: String,
    #[serde(deserialize_with = "prefix")]
    pub prefix: ipnet::IpNet,
    /// The gateways: names of nodes, or addresses.
    #[serde(default)]
    pub via: Vec<String>,
    /// The next hops in full, instead of `via`.
    #[serde(default)]
    pub nexthops: Vec<ExpectNextHop>,
    /// Whether `via` and `nexthops` are the whole set; with `false` there may be others beside them.
    #[serde(default = "yes")]
    pub exact: bool,
    /// rtm_protocol by name, for instance `bgp`.
    pub proto: Option<String>,
    /// Kernel table; the main table is 254.
    #[serde(default = "main_table", deserialize_with = "table")]
    pub table: u32,
    /// A VRF device, instead of its table.
    pub vrf: Option<String>,
    /// The kernel's metric (RTA_PRIORITY); FRR uses 20 by default.
    pub metric: Option<u32>,
    /// rtm_scope by name: `global`, `link`, `host`.
    pub scope: Option<String>,
    /// The preferred source (RTA_PREFSRC).
    pub src: Option<std::net::IpAddr>,
    /// rtm_type by name: `unicast`, `blackhole`, `unreachable`, `prohibit`, ... Without it the route must lead somewhere.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// One next hop. What is not said does not matter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectNextHop {
    /// A node's name, or an address.
    pub via: Option<String>,
    pub dev: Option<String>,
    /// 1 and up, as `ip route` writes it.
    pub weight: Option<u16>,
    pub onlink: Option<bool>,
}

impl ExpectRoute {
    /// RT_TABLE_MAIN, the table of a route that does not say another.
    pub const MAIN: u32 = 254;

    /// Any route to the prefix in the main table.
    pub fn any(node: &str, prefix: ipnet::IpNet) -> ExpectRoute {
        ExpectRoute {
            node: node.to_string(),
            prefix,
            via: Vec::new(),
            nexthops: Vec::new(),
            exact: true,
            proto: None,
            table: main_table(),
            vrf: None,
            metric: None,
            scope: None,
            src: None,
            kind: None,
        }
    }
}

fn yes() -> bool {
    true
}

fn main_table() -> u32 {
    ExpectRoute::MAIN
}

/// No route to a prefix, or none of a protocol.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectNoRoute {
    pub node: String,
    /// Without it: no route at all of the protocol `proto`.
    #[serde(default, deserialize_with = "some_prefix")]
    pub prefix: Option<ipnet::IpNet>,
    pub proto: Option<String>,
    /// Nothing: in any table (`any`).
    #[serde(default = "in_main_table", deserialize_with = "any_table")]
    pub table: Option<u32>,
    /// A VRF device, instead of its table. The witness is looked for there, too.
    #[serde(default)]
    pub vrf: Option<String>,
    /// Nor a longer prefix inside it (Junos' `orlonger`, FRR's `le`).
    #[serde(default)]
    pub or_longer: bool,
    /// A gateway that must have an Established session and, if a prefix is given, advertise it to the node, for the
    /// whole window: the positive witness where no other prefix can serve.
    pub peer: Option<String>,
}

impl ExpectNoRoute {
    /// Whether a route to that prefix is what must not be.
    pub fn covers(&self, other: &ipnet::IpNet) -> bool {
        match self.prefix {
            None => true,
            Some(prefix) if self.or_longer => prefix.contains(other),
            Some(prefix) => prefix == *other,
        }
    }
}

fn in_main_table() -> Option<u32> {
    Some(ExpectRoute::MAIN)
}

/// What zebra calls installed is what the kernel holds, and the other way round, for every prefix and table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectRibFib {
    pub node: String,
}

/// A prefix is spread over gateways: in the kernel's table, and in fact by flows that the node sends into it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectEcmp {
    pub node: String,
    #[serde(deserialize_with = "prefix")]
    pub prefix: ipnet::IpNet,
    /// The gateways, no more and no fewer: nodes of the topology, or addresses of such.
    pub via: Vec<String>,
    /// One for each of `via`, as the kernel must have it; without them all gateways must have the same.
    #[serde(default)]
    pub weights: Option<Vec<u16>>,
    /// How many flows are sent. The tolerance of the shares follows from it.
    #[serde(default = "enough_flows")]
    pub flows: u32,
    /// What the kernel's hash looks at; without it, whatever is set.
    #[serde(default)]
    pub hash_policy: Option<HashPolicy>,
    /// A VRF device, instead of the main table.
    #[serde(default)]
    pub vrf: Option<String>,
}

impl ExpectEcmp {
    /// The weight of the gateway at that place of `via`, relative to the others.
    pub fn weight(&self, index: usize) -> u16 {
        self.weights.as_ref().and_then(|weights| weights.get(index).copied()).unwrap_or(1)
    }
}

fn enough_flows() -> u32 {
    400
}

/// fib_multipath_hash_policy (Documentation/networking/ip-sysctl.rst).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashPolicy {
    /// Addresses (and for IPv6 the flow label).
    L3,
    /// Addresses, protocol and ports.
    L4,
}

impl HashPolicy {
    /// The sysctl's value.
    pub fn number(self) -> u8 {
        match self {
            HashPolicy::L3 => 0,
            HashPolicy::L4 => 1,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            HashPolicy::L3 => "l3",
            HashPolicy::L4 => "l4",
        }
    }
}

/// The node's kernel reaches its final state after the last step that changed something, and stays there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectConvergence {
    pub node: String,
    #[serde(deserialize_with = "prefix")]
    pub prefix: ipnet::IpNet,
    /// The final state: the route by exactly these gateways; any route without them.
    #[serde(default)]
    pub via: Vec<String>,
    /// The final state: no route to the prefix.
    #[serde(default)]
    pub absent: bool,
    pub proto: Option<String>,
    #[serde(default = "main_table", deserialize_with = "table")]
    pub table: u32,
    pub vrf: Option<String>,
    /// The longest that it may take from the change, by the kernel's own messages.
    #[serde(default, with = "some_duration")]
    pub at_most: Option<Duration>,
    /// How long a state must stay to be the final one.
    #[serde(default = "a_second", with = "duration")]
    pub stable: Duration,
    /// The prefix has a route in every state on the way.
    #[serde(default)]
    pub never_absent: bool,
    /// The most changes of the prefix's routes on the way, the one into the final state included; 0: nothing happens.
    pub changes_at_most: Option<usize>,
}

fn a_second() -> Duration {
    Duration::from_secs(1)
}

/// A client's requests are answered, and the replies leave the node by the right interface: in packets, and by what the
/// node's kernel answers when it is asked for their way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectReturnPath {
    /// The node that is watched.
    pub node: String,
    pub client: String,
    /// A Service (`NAME` or `NAMESPACE/NAME`) with EndpointSlices, or an address of the node itself.
    pub to: String,
    /// Of the Service's addresses; without it, its first.
    pub family: Option<IpFamily>,
    #[serde(default = "tcp")]
    pub protocol: Protocol,
    /// Of the Service's ports; without it, its first. For an address 80.
    pub port: Option<u16>,
    /// The interface that replies leave by; without it, the one that the requests came in by.
    pub dev: Option<String>,
    /// The gateway that replies go to.
    pub via: Option<String>,
    /// The VRF of the node that the requests come in by, where `to` is an address of the node itself; without it, the VRF of
    /// the device that has the address.
    #[serde(default)]
    pub vrf: Option<String>,
    /// `false`: no reply gets to the client, though every one leaves as said by `dev` and `via`: they are lost on a wrong way.
    #[serde(default = "yes")]
    pub answered: bool,
    /// The mark that replies bear when they are routed (`ip rule ... fwmark`), for the question to the kernel.
    pub mark: Option<u32>,
    /// How many, each from another port, spread over the sources.
    #[serde(default = "some_requests")]
    pub requests: usize,
    /// From how many addresses the client asks: its own, and spare ones of its network, which it has for the time. The
    /// kernel's default hash looks at addresses only: with one, all replies take one of several ways, perhaps the right one.
    #[serde(default = "some_sources")]
    pub sources: usize,
}

fn tcp() -> Protocol {
    Protocol::Tcp
}

fn some_requests() -> usize {
    16
}

fn some_sources() -> usize {
    8
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    Ipv4,
    Ipv6,
}

impl IpFamily {
    pub fn is_of(self, address: std::net::IpAddr) -> bool {
        address.is_ipv4() == (self == IpFamily::Ipv4)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            IpFamily::Ipv4 => "ipv4",
            IpFamily::Ipv6 => "ipv6",
        }
    }
}
