//! BGPAdvertisement and the Community aliases it may use.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::Pool;
use crate::diag::nearest;
use crate::metallb::community::{Community, CommunityError};
use crate::metallb::meta::{LabelSelector, check_selectors, first_duplicate};
use crate::metallb::objects::{ObjectId, Resource};
use crate::metallb::reject::Reject;
use crate::metallb::specs::{BgpAdvertisementSpec, CommunitySpec};
use crate::path;

/// How the addresses of some pools are announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Advertisement {
    pub id: ObjectId,
    pub length_v4: u8,
    pub length_v6: u8,
    /// 0 when not set.
    pub local_pref: u32,
    /// In the order in which MetalLB renders them, without duplicates.
    pub communities: Vec<Community>,
    pub pools: Vec<String>,
    pub pool_selectors: Vec<LabelSelector>,
    pub nodes: Vec<LabelSelector>,
    /// Names of BGPPeers; empty means all.
    pub peers: Vec<String>,
    /// Since v0.16.0; empty means all Services of the pools.
    pub services: Vec<LabelSelector>,
}

impl Advertisement {
    /// Whether it announces the addresses of `pool`; without names and selectors it announces all.
    pub fn selects(&self, pool: &Pool) -> bool {
        (self.pools.is_empty() && self.pool_selectors.is_empty())
            || self.pools.contains(&pool.id.name)
            || self.pool_selectors.iter().any(|s| s.matches(&pool.labels))
    }

    /// Whether it selects `pool` both by name and by label: MetalLB then has it twice.
    pub fn selects_twice(&self, pool: &Pool) -> bool {
        self.pools.contains(&pool.id.name) && self.pool_selectors.iter().any(|s| s.matches(&pool.labels))
    }

    fn length_for(&self, net: &IpNet) -> u8 {
        match net {
            IpNet::V4(_) => self.length_v4,
            IpNet::V6(_) => self.length_v6,
        }
    }
}

/// Alias name -> community, of all Community objects.
pub(in crate::metallb) type Aliases = BTreeMap<String, Community>;

/// Reads every Community object; an alias may be defined once only.
pub(in crate::metallb) fn aliases<'a>(
    objects: impl Iterator<Item = (&'a ObjectId, &'a Resource<CommunitySpec>)>,
) -> Result<Aliases, Box<Reject>> {
    let mut all = Aliases::new();
    for (id, object) in objects {
        for (i, alias) in object.spec.communities.iter().enumerate() {
            let at = |field: &str| path!["spec", "communities", i, field];
            let value = Community::parse(&alias.value).map_err(|e| {
                let (CommunityError::Value(why) | CommunityError::Format(why)) = e;
                Reject::at(id, at("value"), format!("parsing community \"{}\": {why}", alias.name))
                    .hint("`65000:1` or `large:65000:1:1`")
            })?;
            if all.insert(alias.name.clone(), value).is_some() {
                let reason = format!("duplicate definition of community \"{}\"", alias.name);
                return Err(Reject::at(id, at("name"), reason));
            }
        }
    }
    Ok(all)
}

pub(in crate::metallb) fn advertisement(
    id: &ObjectId,
    from: &Resource<BgpAdvertisementSpec>,
    aliases: &Aliases,
) -> Result<Advertisement, Box<Reject>> {
    let spec = &from.spec;
    for (field, what, list) in [
        ("ipAddressPools", "ipAddressPools", &spec.ip_address_pools),
        ("communities", "community", &spec.communities),
        ("peers", "peers", &spec.peers),
    ] {
        if let Some(twice) = first_duplicate(list) {
            return Err(Reject::spec(id, field, format!("duplicate definition of {what} \"{twice}\"")));
        }
    }
    for (field, selectors) in [
        ("ipAddressPoolSelectors", &spec.ip_address_pool_selectors),
        ("nodeSelectors", &spec.node_selectors),
        ("serviceSelectors", &spec.service_selectors),
    ] {
        check_selectors(selectors, field).map_err(|(i, reason)| Reject::item(id, field, i, reason))?;
    }
    check_service_selectors(id, spec)?;
    let mut communities = Vec::new();
    for (i, text) in spec.communities.iter().enumerate() {
        communities.push(community(id, i, text, aliases)?);
    }
    communities.sort_by(Community::order);
    communities.dedup();
    if communities.len() > 63 {
        let reason = format!("max supported communities is 63, got {}", communities.len());
        return Err(Reject::spec(id, "communities", reason));
    }
    Ok(Advertisement {
        id: id.clone(),
        length_v4: length_v4(id, spec.aggregation_length)?,
        length_v6: length_v6(id, spec.aggregation_length_v6)?,
        local_pref: spec.local_pref,
        communities,
        pools: spec.ip_address_pools.clone(),
        pool_selectors: spec.ip_address_pool_selectors.clone(),
        nodes: spec.node_selectors.clone(),
        peers: spec.peers.clone(),
        services: spec.service_selectors.clone(),
    })
}

/// Which Services an aggregate stands for must not depend on their labels.
fn check_service_selectors(id: &ObjectId, spec: &BgpAdvertisementSpec) -> Result<(), Box<Reject>> {
    if spec.service_selectors.is_empty() {
        return Ok(());
    }
    for (field, given, whole) in [
        ("aggregationLength", spec.aggregation_length, 32),
        ("aggregationLengthV6", spec.aggregation_length_v6, 128),
    ] {
        if given.is_some_and(|n| n != whole) {
            let reason = format!(
                "serviceSelectors and {field} are mutually exclusive, both cannot be set in {}",
                id.name
            );
            return Err(Reject::spec(id, field, reason));
        }
    }
    Ok(())
}

fn length_v4(id: &ObjectId, given: Option<i32>) -> Result<u8, Box<Reject>> {
    match given.unwrap_or(32) {
        n if (1..=32).contains(&n) => Ok(u8::try_from(n).unwrap_or(32)),
        n => {
            Err(Reject::spec(id, "aggregationLength", format!("invalid aggregation length \"{n}\" for IPv4")))
        }
    }
}

/// The CRD sets no lower bound here; what is too short is refused by [`check_aggregation`], if a pool has such addresses.
fn length_v6(id: &ObjectId, given: Option<i32>) -> Result<u8, Box<Reject>> {
    match given.unwrap_or(128) {
        n if n > 128 => Err(Reject::spec(
            id,
            "aggregationLengthV6",
            format!("invalid aggregation length \"{n}\" for IPv6"),
        )),
        n => Ok(u8::try_from(n).unwrap_or(0)),
    }
}

fn community(id: &ObjectId, index: usize, text: &str, aliases: &Aliases) -> Result<Community, Box<Reject>> {
    if let Some(known) = aliases.get(text) {
        return Ok(*known);
    }
    let reject = |why: &str| {
        Reject::item(
            id,
            "communities",
            index,
            format!("invalid community \"{text}\" in BGP advertisement: {why}"),
        )
    };
    Community::parse(text).map_err(|e| match e {
        CommunityError::Value(why) => reject(&why),
        CommunityError::Format(why) => match nearest(text, aliases.keys().map(String::as_str)) {
            Some(n) => reject(&why).transient().hint(format!("did you mean the alias `{n}`?")),
            None => reject(&why).transient().hint("no Community object defines this alias"),
        },
    })
}

/// A pool must not be smaller than the prefix its addresses are rolled up to.
pub(in crate::metallb) fn check_aggregation(adv: &Advertisement, pool: &Pool) -> Result<(), Box<Reject>> {
    for nets in &pool.addresses {
        let Some(first) = nets.first() else { continue };
        let max = adv.length_for(first);
        // Of a range, the widest CIDR counts.
        let lowest = nets.iter().map(IpNet::prefix_len).min().unwrap_or(0);
        if max < lowest {
            let field =
                if matches!(first, IpNet::V4(_)) { "aggregationLength" } else { "aggregationLengthV6" };
            let reason = format!(
                "invalid aggregation length {max}: prefix {lowest} in this pool is more specific than the aggregation length \
                 for addresses {first}"
            );
            return Err(Reject::spec(&adv.id, field, reason)
                .hint(format!("pool {} has it; use at least {lowest}", pool.id.name)));
        }
    }
    Ok(())
}
