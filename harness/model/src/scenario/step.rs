//! What a run does, step by step, after axes and paths are resolved.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The step in one line, for people.
    pub name: String,
    pub verb: Verb,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Apply {
        manifests: Vec<PathBuf>,
    },
    Delete {
        manifests: Vec<PathBuf>,
    },
    RestartSpeaker(RestartSpeaker),
    Settle(Settle),
    /// The expectation becomes true at some moment within the limit.
    Eventually {
        expect: Expect,
        within: Duration,
    },
    /// The expectation is true during the whole window.
    Holds {
        expect: Expect,
        window: Duration,
        witness: Option<ipnet::IpNet>,
    },
    Fault(Fault),
    Observe(Observe),
    Diagnose(Diagnosis),
}

/// Restarts the speaker pod of a node: its FRR starts again from the startup configuration and loads the whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestartSpeaker {
    pub node: String,
}

/// Waits until no route-map change is pending in the node's bgpd: `bgp route-map delay-timer` (5 s by default) has run
/// out since the last configuration change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub node: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    Session(ExpectSession),
    Route(ExpectRoute),
    NoRoute(ExpectNoRoute),
    RibFib(ExpectRibFib),
}

impl Expect {
    /// The node whose kernel or daemon is looked at.
    pub fn node(&self) -> &str {
        match self {
            Expect::Session(e) => &e.node,
            Expect::Route(e) => &e.node,
            Expect::NoRoute(e) => &e.node,
            Expect::RibFib(e) => &e.node,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectSession {
    pub node: String,
    /// A node of the topology, or the peer's address.
    pub peer: String,
    /// RFC 4271, section 8.2.2: `idle`, `connect`, `active`, `opensent`, `openconfirm`, `established`.
    #[serde(default = "established")]
    pub state: String,
}

fn established() -> String {
    "established".to_string()
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
    #[serde(default = "main_table")]
    pub table: u32,
    /// A VRF device, instead of its table.
    pub vrf: Option<String>,
    /// The kernel's metric (RTA_PRIORITY); FRR uses 20 by default.
    pub metric: Option<u32>,
    /// rtm_scope by name: `global`, `link`, `host`.
    pub scope: Option<String>,
    /// The preferred source (RTA_PREFSRC).
    pub src: Option<std::net::IpAddr>,
    /// rtm_type by name: `unicast`, `blackhole`, `unreachable`, `prohibit`, ...
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

/// ipnet's own message speaks of an IP address, whatever is wrong.
fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ipnet::IpNet, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!("`{text}` is not a prefix such as 172.16.1.0/24 or fc00:1::/64"))
    })
}

fn some_prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ipnet::IpNet>, D::Error> {
    // JSON plans have `null` here; in a scenario file the field is missing instead.
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| prefix(serde::de::value::StringDeserializer::new(text))).transpose()
}

fn yes() -> bool {
    true
}

fn main_table() -> u32 {
    254
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectNoRoute {
    pub node: String,
    /// Without it: no route at all of the protocol `proto`.
    #[serde(default, deserialize_with = "some_prefix")]
    pub prefix: Option<ipnet::IpNet>,
    pub proto: Option<String>,
    #[serde(default = "main_table")]
    pub table: u32,
    /// A gateway that must have an Established session and, if a prefix is given, advertise it to the node, for the
    /// whole window: the positive witness where no other prefix can serve.
    pub peer: Option<String>,
}

/// What zebra calls installed is what the kernel holds, and the other way round, for every prefix and table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectRibFib {
    pub node: String,
}

/// Something that breaks, or is mended, on purpose.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// SIGKILL to a daemon of FRR; nothing restarts it.
    KillDaemon { node: String, daemon: String },
    /// A router's daemons stop (SIGTERM), start again and load their configuration.
    RestartRouter { node: String },
    /// An interface goes down, or up again.
    Link { node: String, interface: String, up: bool },
    /// `clear bgp PEER`: the session is torn down with a NOTIFICATION (RFC 4486, administrative reset).
    ResetSession { node: String, peer: String },
}

impl Fault {
    pub fn node(&self) -> &str {
        match self {
            Fault::KillDaemon { node, .. }
            | Fault::RestartRouter { node }
            | Fault::Link { node, .. }
            | Fault::ResetSession { node, .. } => node,
        }
    }
}

/// Samples what a node holds of a prefix: the kernel, the BGP table, the route map in the running configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    pub node: String,
    pub peer: String,
    #[serde(deserialize_with = "prefix")]
    pub prefix: ipnet::IpNet,
}

/// A known bug that has a signature of its own: evidence for it, not mere absence of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// FRR 7.5: changing only the action of a route-map entry is not notified to bgpd (fixed by 4fc5dafd1c, FRR 8.0).
    FrrOrdering,
    /// frr-reload.py flips an entry whose sequence number occurs in the file with two actions, at every reload.
    ExtrasAlternation,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Diagnosis {
    pub signature: Signature,
    pub node: String,
    pub peer: String,
    pub prefix: ipnet::IpNet,
    /// How long a healthy node may take to learn the prefix.
    pub within: Duration,
}
