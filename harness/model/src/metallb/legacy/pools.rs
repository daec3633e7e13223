//! `address-pools`, each with its `bgp-advertisements`.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::file::{AdvertisementFile, PoolFile};
use super::resolve::{community, within};
use crate::metallb::admit::Resolved;
use crate::metallb::community::Community;
use crate::metallb::meta::{Labels, first_duplicate};
use crate::metallb::objects::{Kind, ObjectId};
use crate::metallb::reject::{Place, Reject};
use crate::metallb::resolve::{Advertisement, Pool, parse_addresses};
use crate::metallb::store::METALLB_NAMESPACE;
use crate::path;

/// Alias -> community.
pub(super) type Communities = BTreeMap<String, Community>;

/// Adds the pools and their advertisements to `all`.
pub(super) fn resolve(
    root: &Place,
    files: &[PoolFile],
    communities: &Communities,
    all: &mut Resolved,
) -> Result<(), Box<Reject>> {
    for (i, file) in files.iter().enumerate() {
        let place = root.at(path!["address-pools", i]);
        let (pool, advertisements) = pool(&place, file, communities)
            .map_err(|r| within(r, &format!("parsing address pool #{}", i + 1)))?;
        if all.pools.iter().any(|known| known.id == pool.id) {
            let reason = format!("duplicate definition of pool \"{}\"", pool.id.name);
            return Err(place.at(path!["name"]).reject(reason));
        }
        check_overlap(&place, &pool, &all.pools)?;
        all.pools.push(pool);
        all.advertisements.extend(advertisements);
    }
    // As the controller's own order is random, ours is that of custom resources: by name.
    all.pools.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(())
}

fn pool(
    place: &Place,
    file: &PoolFile,
    communities: &Communities,
) -> Result<(Pool, Vec<Advertisement>), Box<Reject>> {
    let Some(name) = file.name.clone().filter(|name| !name.is_empty()) else {
        return Err(place.at(path!["name"]).reject("missing pool name"));
    };
    let texts = file.addresses.as_deref().unwrap_or_default();
    if texts.is_empty() {
        return Err(place.at(path!["addresses"]).reject("pool has no prefixes defined"));
    }
    let mut addresses = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        addresses.push(parse_addresses(text).map_err(|reason| {
            place
                .at(path!["addresses", i])
                .reject(format!("invalid CIDR \"{text}\" in pool \"{name}\": {reason}"))
                .hint("either a CIDR (192.0.2.0/24) or a range (192.0.2.10-192.0.2.20)")
        })?);
    }
    let pool = Pool {
        id: ObjectId { kind: Kind::IpAddressPool, namespace: METALLB_NAMESPACE.to_owned(), name },
        labels: Labels::new(),
        addresses,
        auto_assign: file.auto_assign.is_none_or(|flag| flag.0),
        avoid_buggy_ips: file.avoid_buggy_ips.unwrap_or_default().0,
        allocation: None,
    };
    let ads = file.bgp_advertisements.as_deref().unwrap_or_default();
    let at_protocol = || place.at(path!["protocol"]);
    let advertisements = match file.protocol.as_deref().unwrap_or_default() {
        "bgp" => advertisements(&place.at(path!["bgp-advertisements"]), ads, &pool, communities)
            .map_err(|r| within(r, "parsing BGP communities"))?,
        "layer2" if ads.is_empty() => Vec::new(),
        "layer2" => {
            let reason = "cannot have bgp-advertisements configuration element in a layer2 address pool";
            return Err(place.at(path!["bgp-advertisements"]).reject(reason));
        }
        "" => {
            return Err(at_protocol()
                .reject("address pool is missing the protocol field")
                .hint("`bgp` or `layer2`"));
        }
        other => {
            return Err(at_protocol()
                .reject(format!("unknown protocol \"{other}\""))
                .hint("`bgp` or `layer2`"));
        }
    };
    Ok((pool, advertisements))
}

/// A pool without advertisements is announced address by address.
fn advertisements(
    place: &Place,
    files: &[AdvertisementFile],
    pool: &Pool,
    communities: &Communities,
) -> Result<Vec<Advertisement>, Box<Reject>> {
    for (j, file) in files.iter().enumerate() {
        if let Some(i) = files[..j].iter().position(|other| other == file) {
            let reason = format!(
                "duplicate definition of bgpadvertisements. advertisement {} and {} are equal",
                i + 1,
                j + 1
            );
            return Err(place.at(path![j]).reject(reason));
        }
    }
    match files {
        [] => Ok(vec![advertisement(place, &AdvertisementFile::default(), pool, communities)?]),
        _ => {
            let each = files.iter().enumerate();
            each.map(|(i, file)| advertisement(&place.at(path![i]), file, pool, communities)).collect()
        }
    }
}

fn advertisement(
    place: &Place,
    file: &AdvertisementFile,
    pool: &Pool,
    aliases: &Communities,
) -> Result<Advertisement, Box<Reject>> {
    let texts = file.communities.as_deref().unwrap_or_default();
    if let Some(twice) = first_duplicate(texts) {
        let reason = format!("duplicate definition of community \"{twice}\"");
        return Err(place.at(path!["communities"]).reject(reason));
    }
    let length_v4 = length(place, "aggregation-length", file.aggregation_length, 32, "IPv4")?;
    let length_v6 = length(place, "aggregation-length-v6", file.aggregation_length_v6, 128, "IPv6")?;
    check_aggregation(place, pool, length_v4, length_v6)?;
    let mut communities = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let known = aliases.get(text).copied().map_or_else(|| community(text), Ok);
        communities.push(known.map_err(|why| {
            let place = place.at(path!["communities", i]);
            place.reject(format!("invalid community \"{text}\" in BGP advertisement: {why}"))
        })?);
    }
    communities.sort_by(Community::order);
    communities.dedup();
    Ok(Advertisement {
        id: pool.id.clone(),
        length_v4: length_v4.try_into().unwrap_or(0),
        length_v6: length_v6.try_into().unwrap_or(0),
        local_pref: file.localpref.unwrap_or(0),
        communities,
        pools: vec![pool.id.name.clone()],
        pool_selectors: Vec::new(),
        nodes: Vec::new(),
        peers: Vec::new(),
        services: Vec::new(),
    })
}

/// Negative lengths are only refused where the pool has addresses of the family.
fn length(
    place: &Place,
    field: &str,
    given: Option<i32>,
    max: i32,
    family: &str,
) -> Result<i32, Box<Reject>> {
    match given.unwrap_or(max) {
        n if n > max => {
            Err(place.at(path![field]).reject(format!("invalid aggregation length \"{n}\" for {family}")))
        }
        n => Ok(n),
    }
}

/// A pool must not be smaller than the prefix its addresses are rolled up to.
fn check_aggregation(place: &Place, pool: &Pool, v4: i32, v6: i32) -> Result<(), Box<Reject>> {
    for nets in &pool.addresses {
        let Some(first) = nets.first() else { continue };
        let (field, length) = match first {
            IpNet::V4(_) => ("aggregation-length", v4),
            IpNet::V6(_) => ("aggregation-length-v6", v6),
        };
        // Of a range, the widest CIDR counts.
        let lowest = nets.iter().map(IpNet::prefix_len).min().unwrap_or(0);
        if length < i32::from(lowest) {
            let reason = format!(
                "invalid aggregation length {length}: prefix {lowest} in this pool is more specific than the aggregation \
                 length for addresses {first}"
            );
            return Err(place.at(path![field]).reject(reason));
        }
    }
    Ok(())
}

fn check_overlap(place: &Place, pool: &Pool, earlier: &[Pool]) -> Result<(), Box<Reject>> {
    match pool.overlap(earlier) {
        None => Ok(()),
        Some((i, reason)) => Err(place.at(path!["addresses", i]).reject(reason)),
    }
}
