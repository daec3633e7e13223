//! What a speaker hands to its template: the contents of frr.conf, still independent of its layout. Addresses and prefixes are
//! texts because MetalLB sorts and names by text.

use super::resolve::{BfdProfile, RemoteAs};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub const BOTH: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// `ipv4` or `ipv6`, as in `address-family` and list names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// `ip` or `ipv6`, as in `prefix-list` and `match` lines.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ipv4 => "ip",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FrrConf {
    /// FRR's name of the level, `informational` for a default speaker.
    pub log_level: String,
    pub hostname: String,
    pub routers: Vec<Router>,
    pub bfd_profiles: Vec<BfdProfile>,
    pub extras: Option<String>,
}

/// One `router bgp` block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Router {
    pub asn: u32,
    pub router_id: Option<String>,
    pub vrf: String,
    pub neighbors: Vec<Neighbor>,
    /// Announced prefixes of all its neighbors, sorted.
    pub networks_v4: Vec<String>,
    pub networks_v6: Vec<String>,
}

/// One neighbor of a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Neighbor {
    /// That of the address; IPv6 for an unnumbered session.
    pub family: Family,
    /// Whether both families are activated, or only [`Self::family`].
    pub dual_stack: bool,
    pub asn: RemoteAs,
    /// Address or, for an unnumbered session, interface.
    pub host: String,
    pub unnumbered: bool,
    pub port: u16,
    /// (keepalive, hold) in seconds; `None` leaves them to FRR.
    pub timers: Option<(u64, u64)>,
    /// Seconds; 0 leaves it to FRR.
    pub connect: u64,
    pub password: String,
    pub source: Option<String>,
    pub bfd_profile: String,
    pub graceful_restart: bool,
    pub ebgp_multihop: bool,
    pub local_as: Option<u32>,
    pub vrf: String,
    pub announcements: Vec<Announcement>,
}

impl Neighbor {
    /// The prefix of the neighbor's route-map and list names.
    pub fn id(&self) -> String {
        neighbor_id(&self.host, &self.vrf)
    }

    /// Whether the session carries this family since v0.15.0.
    pub fn carries(&self, family: Family) -> bool {
        self.dual_stack || self.family == family
    }

    pub fn announces(&self, family: Family) -> bool {
        self.announcements.iter().any(|a| a.family == family)
    }
}

/// `<address or interface>`, with `-<vrf>` if there is one.
pub(super) fn neighbor_id(host: &str, vrf: &str) -> String {
    match vrf {
        "" => host.to_owned(),
        _ => format!("{host}-{vrf}"),
    }
}

/// A prefix that one neighbor hears, with its attributes. The order of fields is the order in which v0.13.11 sorts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Announcement {
    pub family: Family,
    pub prefix: String,
    pub local_pref: Option<u32>,
    pub communities: Attributes,
    pub large_communities: Attributes,
}

/// Communities as texts; fewer sort before more, as in v0.13.11.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes(pub Vec<String>);

impl Attributes {
    /// The union, sorted as texts.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort();
        self.0.dedup();
    }
}

impl PartialOrd for Attributes {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Attributes {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}
