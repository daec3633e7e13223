//! What one node's frr-k8s hands to its template: all FRRConfigurations of the node, merged, still independent of the text's layout.
//! Addresses and prefixes are texts, because frr-k8s compares, sorts and names by text.

use crate::metallb::frrconf::{Announcement, Family, neighbor_id};
use crate::metallb::reject::Place;
use crate::metallb::resolve::{BfdProfile, RemoteAs};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::metallb) struct NodeConf {
    pub log_level: String,
    pub hostname: String,
    /// By VRF.
    pub routers: Vec<Router>,
    /// By name.
    pub bfd_profiles: Vec<BfdProfile>,
    /// All raw configurations, each with a newline after it.
    pub raw: String,
}

/// One `router bgp` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Router {
    pub asn: u32,
    /// Empty leaves it to FRR.
    pub id: String,
    pub vrf: String,
    pub neighbors: Vec<Neighbor>,
    pub networks_v4: Vec<String>,
    pub networks_v6: Vec<String>,
    pub imports: Vec<String>,
    pub written: Place,
}

/// The families that a session carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metallb) enum Families {
    One(Family),
    Dual,
}

impl Families {
    /// As in list names.
    pub fn name(self) -> &'static str {
        match self {
            Self::One(family) => family.name(),
            Self::Dual => "dual",
        }
    }

    pub fn carries(self, family: Family) -> bool {
        self == Self::Dual || self == Self::One(family)
    }
}

/// One neighbor of a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Neighbor {
    pub families: Families,
    pub asn: RemoteAs,
    /// Address or, for an unnumbered session, interface.
    pub host: String,
    pub unnumbered: bool,
    pub port: Option<u16>,
    /// Seconds, as the two that follow; `None` leaves it to FRR.
    pub hold: Option<u64>,
    pub keepalive: Option<u64>,
    pub connect: Option<u64>,
    pub password: String,
    /// The same, unless it comes from a Secret.
    pub written_password: String,
    pub source: String,
    pub bfd_profile: String,
    pub graceful_restart: bool,
    pub ebgp_multihop: bool,
    pub local_as: Option<u32>,
    pub vrf: String,
    /// Up to v0.0.16: only the address's own family is activated.
    pub disable_mp: bool,
    /// What may go out; IPv4 before IPv6, then by prefix.
    pub announcements: Vec<Announcement>,
    pub incoming: Incoming,
    pub written: Place,
}

impl Neighbor {
    /// The prefix of the neighbor's route-map and list names.
    pub fn id(&self) -> String {
        neighbor_id(&self.host, &self.vrf)
    }
}

/// What may come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::metallb) struct Incoming {
    /// Everything; then there are no filters.
    pub all: bool,
    pub v4: Vec<Filter>,
    pub v6: Vec<Filter>,
}

/// An entry of the incoming prefix list. The order is that of frr-k8s.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::metallb) struct Filter {
    pub family: Family,
    pub prefix: String,
    pub le: Option<u32>,
    pub ge: Option<u32>,
}

impl Filter {
    /// By this text filters are told apart, and sorted, when neighbors are merged.
    pub fn key(&self) -> String {
        format!("{}{}{}", self.prefix, self.le.unwrap_or(0), self.ge.unwrap_or(0))
    }
}
