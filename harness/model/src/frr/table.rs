//! bgpd's tables: the Loc-RIB per family, and what goes to and comes from one neighbor.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::answer::{FrrViewError, parse};

/// One VRF's BGP table of one address family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgpTable {
    pub vrf: String,
    pub local_asn: u32,
    /// Every path that passed the inbound policy, by prefix.
    pub routes: BTreeMap<IpNet, Vec<Path>>,
}

/// A path to a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// The neighbor that sent it; `None` for a route of this router.
    pub peer: Option<String>,
    /// The next hop resolves, and no rule excludes it.
    pub valid: bool,
    /// The best path of RFC 4271 section 9.1.2.
    pub best: bool,
    /// Used beside the best path (ECMP).
    pub multipath: bool,
    pub next_hops: Vec<NextHop>,
    /// As FRR prints it; empty for a route of this router.
    pub as_path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHop {
    pub address: IpAddr,
    /// An IPv6 path can carry a global and a link-local next hop (RFC 2545); this one goes to the kernel.
    pub used: bool,
}

/// A prefix in an Adj-RIB-Out or Adj-RIB-In listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertisedRoute {
    /// As FRR stores it, before it puts itself in; `0.0.0.0` or `::` for its own routes.
    pub next_hop: IpAddr,
    pub as_path: String,
}

/// Parses `show bgp [vrf all|X] ipv4|ipv6 unicast json`, and `... neighbors X routes json`, which has the same form.
///
/// # Errors
/// When bgpd refused (for instance because no BGP instance exists), or a key is missing.
pub fn bgp_table(show_bgp_unicast_json: &str) -> Result<Vec<BgpTable>, FrrViewError> {
    const WHAT: &str = "show bgp unicast json";
    let keys: BTreeMap<String, IgnoredAny> = parse(WHAT, show_bgp_unicast_json)?;
    let raw: Vec<RawTable> = if keys.contains_key("vrfName") || keys.contains_key("routes") {
        vec![parse(WHAT, show_bgp_unicast_json)?]
    } else {
        parse::<BTreeMap<String, RawTable>>(WHAT, show_bgp_unicast_json)?.into_values().collect()
    };
    Ok(raw.into_iter().map(table).collect())
}

/// Parses `show bgp ipv4|ipv6 unicast neighbors X advertised-routes json`: the Adj-RIB-Out.
///
/// # Errors
/// When bgpd refused (no such neighbor), or a key is missing.
pub fn adj_rib_out(advertised_routes_json: &str) -> Result<BTreeMap<IpNet, AdvertisedRoute>, FrrViewError> {
    const WHAT: &str = "show bgp neighbors advertised-routes json";
    let raw: RawOut = parse(WHAT, advertised_routes_json)?;
    listed(WHAT, raw.advertised_routes)
}

/// Parses `show bgp ipv4|ipv6 unicast neighbors X received-routes json`: the Adj-RIB-In before policy.
///
/// # Errors
/// bgpd refuses this without `soft-reconfiguration inbound`; or a key is missing.
pub fn routes_received(received_routes_json: &str) -> Result<BTreeMap<IpNet, AdvertisedRoute>, FrrViewError> {
    const WHAT: &str = "show bgp neighbors received-routes json";
    let raw: RawIn = parse(WHAT, received_routes_json)?;
    listed(WHAT, raw.received_routes)
}

/// Parses `show bgp [vrf X] ipv4|ipv6 unicast neighbors X prefix-counts json`: how many prefixes the Adj-RIB-In holds,
/// before policy. Always 0 without `soft-reconfiguration inbound`.
///
/// # Errors
/// When bgpd refused (no such neighbor), or a key is missing.
pub fn adj_rib_in_count(prefix_counts_json: &str) -> Result<u64, FrrViewError> {
    let raw: RawCounts = parse("show bgp neighbors prefix-counts json", prefix_counts_json)?;
    Ok(raw.rib_table_walk_counters.adj_in)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCounts {
    rib_table_walk_counters: RawWalk,
}

#[derive(Deserialize)]
struct RawWalk {
    #[serde(rename = "Adj-in")]
    adj_in: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTable {
    vrf_name: String,
    #[serde(rename = "localAS")]
    local_asn: u32,
    routes: BTreeMap<IpNet, Vec<RawPath>>,
}

/// FRR prints its flags only when they are set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPath {
    #[serde(default)]
    valid: bool,
    #[serde(default)]
    bestpath: bool,
    #[serde(default)]
    multipath: bool,
    peer_id: String,
    path: String,
    nexthops: Vec<RawNextHop>,
}

#[derive(Deserialize)]
struct RawNextHop {
    ip: IpAddr,
    #[serde(default)]
    used: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOut {
    advertised_routes: BTreeMap<IpNet, RawListed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawIn {
    received_routes: BTreeMap<IpNet, RawListed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawListed {
    next_hop: Option<IpAddr>,
    next_hop_global: Option<IpAddr>,
    path: String,
}

fn table(raw: RawTable) -> BgpTable {
    let routes =
        raw.routes.into_iter().map(|(prefix, paths)| (prefix, paths.into_iter().map(path).collect()));
    BgpTable { vrf: raw.vrf_name, local_asn: raw.local_asn, routes: routes.collect() }
}

fn path(raw: RawPath) -> Path {
    Path {
        peer: Some(raw.peer_id).filter(|peer| peer != "(unspec)"),
        valid: raw.valid,
        best: raw.bestpath,
        multipath: raw.multipath,
        next_hops: raw.nexthops.into_iter().map(|hop| NextHop { address: hop.ip, used: hop.used }).collect(),
        as_path: raw.path,
    }
}

fn listed(
    what: &'static str,
    raw: BTreeMap<IpNet, RawListed>,
) -> Result<BTreeMap<IpNet, AdvertisedRoute>, FrrViewError> {
    raw.into_iter()
        .map(|(prefix, raw)| match raw.next_hop.or(raw.next_hop_global) {
            Some(next_hop) => Ok((prefix, AdvertisedRoute { next_hop, as_path: raw.path })),
            None => Err(FrrViewError::Missing { what, path: format!("{prefix}.nextHop") }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::{fixture, versions};
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn the_adj_rib_in_is_counted() {
        for (version, text) in versions!("prefix-counts.json") {
            assert_eq!(adj_rib_in_count(text).unwrap(), 3, "{version}");
        }
    }

    #[test]
    fn tables_of_every_version() {
        for (version, text) in versions!("bgp-ipv4.json") {
            let [table] = &bgp_table(text).unwrap()[..] else { panic!("{version}: one table") };
            assert_eq!(
                (table.vrf.as_str(), table.local_asn, table.routes.len()),
                ("default", 64513, 4),
                "{version}"
            );
            let [learnt] = &table.routes[&net("172.16.3.0/24")][..] else { panic!("{version}: one path") };
            assert!(learnt.valid && learnt.best, "{version}");
            assert_eq!(learnt.peer.as_deref(), Some("192.168.1.5"), "{version}");
            assert_eq!(
                learnt.next_hops,
                [NextHop { address: "192.168.1.77".parse().unwrap(), used: true }],
                "{version}"
            );
            assert_eq!(table.routes[&net("10.0.0.1/32")][0].peer, None, "{version}");
        }
        for (version, text) in versions!("bgp-ipv6.json") {
            let tables = bgp_table(text).unwrap();
            let paths = &tables[0].routes[&net("2001:db8:1::/64")];
            assert_eq!((paths.len(), paths.iter().filter(|p| p.best).count()), (2, 1), "{version}");
            let used: Vec<_> = paths[0].next_hops.iter().map(|hop| hop.used).collect();
            assert_eq!(used, [false, true], "{version}");
        }
    }

    #[test]
    fn the_vrf_form_has_the_same_table() {
        for ((_, plain), (version, by_vrf)) in
            versions!("bgp-ipv4.json").into_iter().zip(versions!("bgp-ipv4-vrf-all.json"))
        {
            assert_eq!(bgp_table(plain).unwrap(), bgp_table(by_vrf).unwrap(), "{version}");
        }
        assert!(bgp_table("{\n}\n").unwrap().is_empty(), "no BGP instance yet");
    }

    #[test]
    fn adj_rib_out_of_both_families() {
        for (version, text) in versions!("advertised-ipv4.json") {
            let prefixes: Vec<_> = adj_rib_out(text).unwrap().into_keys().map(|p| p.to_string()).collect();
            assert_eq!(prefixes, ["172.16.1.0/24", "172.16.2.0/24", "172.16.3.0/24"], "{version}");
        }
        let six = adj_rib_out(fixture!("10.3/advertised-ipv6.json")).unwrap();
        assert_eq!(six[&net("2001:db8:1::/64")].next_hop.to_string(), "::");
    }

    #[test]
    fn a_refusal_is_not_an_empty_set() {
        for (version, text) in versions!("received-refused.txt") {
            let error = routes_received(text).unwrap_err().to_string();
            assert!(error.ends_with("Inbound soft reconfiguration not enabled"), "{version}: {error}");
        }
        let error = bgp_table("{\n  \"warning\":\"Default BGP instance not found\"\n}\n").unwrap_err();
        insta::assert_snapshot!(error, @"FRR refused `show bgp unicast json`: Default BGP instance not found");
        let text = fixture!("7.5.1/bgp-ipv4.json").replace("\"nexthops\"", "\"hops\"");
        insta::assert_snapshot!(bgp_table(&text).unwrap_err(), @"the answer to `show bgp unicast json` lacks the key `routes.10.0.0.1/32[0].nexthops`");
    }
}
