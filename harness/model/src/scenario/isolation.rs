//! `isolation` as it is written: the segments of a node that must not leak into each other.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::expect::IpFamily;
use super::words::prefixes;

/// Nothing that comes in by one segment of the node leaves by another: for every ordered pair of segments, and each
/// family that both have prefixes of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectIsolation {
    /// The node that the segments meet in.
    pub node: String,
    /// By name, at least two.
    pub segments: BTreeMap<String, Segment>,
    /// Ways across that are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
}

/// A deliberate leak: what comes in by one segment for these prefixes leaves by another. It must be there, too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leak {
    pub from: String,
    pub to: String,
    #[serde(deserialize_with = "prefixes")]
    pub prefixes: Vec<IpNet>,
}

/// A VLAN, a VRF or a plain interface of the node, with what lies behind it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// The node's interface, for a VLAN the VLAN device.
    pub interface: String,
    /// A node of the lab on the segment's link (mostly its gateway): it sends probes, and must not get those of others.
    pub host: String,
    /// The host's interface on that link; without it the one that has an address of the same network. It must be said where
    /// several have: VRFs may use the same addresses.
    #[serde(default)]
    pub port: Option<String>,
    /// The VRF device that the interface belongs to.
    #[serde(default)]
    pub vrf: Option<String>,
    /// The table that the segment's traffic is looked up in, where there is no VRF; without both the main table.
    #[serde(default)]
    pub table: Option<u32>,
    /// What is reached by the segment, its own network included.
    #[serde(deserialize_with = "prefixes")]
    pub prefixes: Vec<IpNet>,
}

impl ExpectIsolation {
    /// The ordered pairs that are looked at, each segment with itself included: that it works is the witness.
    pub fn pairs(&self) -> impl Iterator<Item = (&String, &String, IpFamily)> {
        let names = self.segments.keys();
        let pairs = names.flat_map(|a| self.segments.keys().map(move |b| (a, b)));
        let families = [IpFamily::Ipv4, IpFamily::Ipv6];
        let all = pairs.flat_map(move |(a, b)| families.map(|family| (a, b, family)));
        all.filter(|(a, b, family)| [a, b].iter().all(|name| self.segments[**name].has(*family)))
    }
}

impl ExpectIsolation {
    /// The prefixes that may be reached from one segment across into another.
    pub fn leaks_of<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        family: IpFamily,
    ) -> impl Iterator<Item = &'a IpNet> {
        let of_pair = self.leaks.iter().filter(move |leak| leak.from == from && leak.to == to);
        of_pair.flat_map(|leak| &leak.prefixes).filter(move |prefix| family.is_of(prefix.addr()))
    }
}

impl Segment {
    fn has(&self, family: IpFamily) -> bool {
        self.of(family).next().is_some()
    }

    /// Its prefixes of a family.
    pub fn of(&self, family: IpFamily) -> impl Iterator<Item = &IpNet> {
        self.prefixes.iter().filter(move |prefix| family.is_of(prefix.addr()))
    }
}
