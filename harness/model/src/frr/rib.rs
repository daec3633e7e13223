//! zebra's RIB: `show ip|ipv6 route [vrf all] json`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::answer::{FrrViewError, parse_all, parse_long};

/// One protocol's offer for a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RibEntry {
    pub vrf: String,
    /// FRR's word: `bgp`, `static`, `connected`, `kernel`, `local`.
    pub protocol: String,
    /// It won by administrative distance.
    pub selected: bool,
    /// zebra believes that the kernel has it. The kernel decides whether that is true.
    pub installed: bool,
    /// The kernel's routing table, for instance 254 for main.
    pub table: u32,
    pub distance: u8,
    pub metric: u32,
    pub next_hops: Vec<RibNextHop>,
    /// zebra's id of the nexthop group, equal to the kernel's nexthop object id; FRR 7.5 does not tell it.
    pub nexthop_group: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RibNextHop {
    pub address: Option<IpAddr>,
    pub interface: Option<String>,
    /// It resolves.
    pub active: bool,
    /// It is in the forwarding plane; false for a duplicate of another next hop.
    pub fib: bool,
    /// Its share beside the others. 1 where FRR does not tell it.
    #[serde(default = "equal")]
    pub weight: u16,
}

fn equal() -> u16 {
    1
}

/// Parses `show ip route json`, `show ipv6 route json` and their VRF forms. FRR 10 keys `vrf all` by VRF, older ones
/// give a document for each VRF, one behind the other, and name the VRF in each entry.
///
/// # Errors
/// When the text is a refusal or no JSON, or a key is missing.
pub fn rib(show_route_json: &str) -> Result<BTreeMap<IpNet, Vec<RibEntry>>, FrrViewError> {
    let listings: Vec<Listing> = parse_all(WHAT, show_route_json)?;
    let mut found: BTreeMap<IpNet, Vec<RibEntry>> = BTreeMap::new();
    for (prefix, entry) in listings.into_iter().flat_map(|Listing(entries)| entries) {
        found.entry(prefix).or_default().push(entry);
    }
    Ok(found)
}

/// [`rib`] of an answer that is too long to hold as text: a full table is 100 MB. By prefix.
///
/// # Errors
/// As [`rib`], and when the reader fails.
pub fn read_rib(show_route_json: impl Read) -> Result<Vec<(IpNet, RibEntry)>, FrrViewError> {
    let listings: Vec<Listing> = parse_long(WHAT, show_route_json)?;
    let mut entries: Vec<(IpNet, RibEntry)> =
        listings.into_iter().flat_map(|Listing(entries)| entries).collect();
    // zebra lists a VRF's prefixes in order. The order within a prefix stays its own.
    if !entries.is_sorted_by_key(|(prefix, _)| *prefix) {
        entries.sort_by_key(|(prefix, _)| *prefix);
    }
    Ok(entries)
}

const WHAT: &str = "show route json";

/// All entries, each as it is read.
struct Listing(Vec<(IpNet, RibEntry)>);

impl<'de> Deserialize<'de> for Listing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = Vec::new();
        deserializer.deserialize_map(Prefixes { vrfs: true, found: &mut entries })?;
        Ok(Listing(entries))
    }
}

/// A map from prefixes to entries; at the top it may be one from VRFs to such maps.
struct Prefixes<'a> {
    vrfs: bool,
    found: &'a mut Vec<(IpNet, RibEntry)>,
}

impl<'de> Visitor<'de> for Prefixes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries by prefix")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Value { key, vrfs: self.vrfs, found: self.found })?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Prefixes<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// What stands behind a key: the entries of a prefix, or a VRF's prefixes.
struct Value<'a> {
    key: String,
    vrfs: bool,
    found: &'a mut Vec<(IpNet, RibEntry)>,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.vrfs { "a prefix's entries or a VRF's prefixes" } else { "a prefix's entries" })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let no_prefix = || A::Error::custom(format!("{:?} stands where a prefix should be", self.key));
        let prefix = self.key.parse().map_err(|_| no_prefix())?;
        while let Some(raw) = seq.next_element::<RawEntry>()? {
            self.found.push((prefix, entry(raw)));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match self.vrfs {
            true => Prefixes { vrfs: false, found: self.found }.visit_map(map),
            false => Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
        }
    }
}

/// Flags are printed only when set; everything else is always there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry {
    vrf_name: String,
    protocol: String,
    #[serde(default)]
    selected: bool,
    #[serde(default)]
    installed: bool,
    table: u32,
    distance: u8,
    metric: u32,
    nexthops: Vec<RawNextHop>,
    nexthop_group_id: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawNextHop {
    ip: Option<IpAddr>,
    interface_name: Option<String>,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    fib: bool,
    #[serde(default)]
    duplicate: bool,
    weight: Option<u32>,
}

fn entry(raw: RawEntry) -> RibEntry {
    let next_hops = raw.nexthops.into_iter().map(|hop| RibNextHop {
        address: hop.ip,
        interface: hop.interface_name,
        active: hop.active,
        fib: hop.fib && !hop.duplicate,
        weight: u16::try_from(hop.weight.unwrap_or(1).max(1)).unwrap_or(u16::MAX),
    });
    let mut next_hops: Vec<RibNextHop> = next_hops.collect();
    // serde makes room for more, and there are many entries.
    next_hops.shrink_to_fit();
    RibEntry {
        vrf: raw.vrf_name,
        protocol: raw.protocol,
        selected: raw.selected,
        installed: raw.installed,
        table: raw.table,
        distance: raw.distance,
        metric: raw.metric,
        next_hops,
        nexthop_group: raw.nexthop_group_id,
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::{fixture, versions};
    use super::*;

    #[test]
    fn ribs_of_every_version() {
        for (version, text) in versions!("route-ipv4.json") {
            let rib = rib(text).unwrap();
            let [learnt] = &rib[&"172.16.1.0/24".parse().unwrap()][..] else {
                panic!("{version}: one entry")
            };
            assert_eq!(
                (learnt.protocol.as_str(), learnt.vrf.as_str(), learnt.table),
                ("bgp", "default", 254),
                "{version}"
            );
            assert!(learnt.selected && learnt.installed, "{version}");
            assert_eq!((learnt.distance, learnt.metric), (20, 50), "{version}");
            assert_eq!(learnt.nexthop_group.is_some(), version != "7.5.1", "{version}");
            let hop = &learnt.next_hops[0];
            assert_eq!(
                (hop.address, hop.interface.as_deref(), hop.fib, hop.weight),
                ("192.168.1.5".parse().ok(), Some("eth1"), true, 1),
                "{version}"
            );
        }
    }

    #[test]
    fn a_duplicate_next_hop_is_not_in_the_fib() {
        let rib = rib(fixture!("10.3/route-ipv6.json")).unwrap();
        let hops = &rib[&"2001:db8:1::/64".parse().unwrap()][0].next_hops;
        assert_eq!(hops.iter().map(|hop| hop.fib).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn the_vrf_form_has_the_same_routes() {
        for ((_, plain), (version, by_vrf)) in
            versions!("route-ipv4.json").into_iter().zip(versions!("route-ipv4-vrf-all.json"))
        {
            assert_eq!(rib(plain).unwrap(), rib(by_vrf).unwrap(), "{version}");
        }
    }

    #[test]
    fn a_document_for_each_vrf() {
        let text = fixture!("8.4.4/route-ipv4-two-vrfs.json");
        let rib = rib(text).unwrap();
        let learnt = |prefix: &str| {
            let entries = rib[&prefix.parse().unwrap()].iter().filter(|e| e.protocol == "bgp");
            entries.map(|e| (e.vrf.as_str(), e.table)).collect::<Vec<_>>()
        };
        assert_eq!(learnt("10.1.8.0/24"), [("red", 100)]);
        assert_eq!(learnt("10.2.8.0/24"), [("blue", 200)]);
        let all: usize = rib.values().map(Vec::len).sum();
        assert_eq!(read_rib(text.as_bytes()).unwrap().len(), all);
        let garbage = format!("{text}\n% and more");
        assert!(matches!(super::rib(&garbage), Err(FrrViewError::NotJson { .. })));
    }

    #[test]
    fn a_missing_key_is_an_error_that_names_it() {
        let text = fixture!("8.4.4/route-ipv4.json").replacen("\"protocol\"", "\"proto\"", 1);
        insta::assert_snapshot!(rib(&text).unwrap_err(), @"the answer to `show route json` lacks the key `172.16.1.0/24[0].protocol`");
        insta::assert_snapshot!(rib("% Unknown VRF").unwrap_err(), @"FRR refused `show route json`: Unknown VRF");
    }
}
