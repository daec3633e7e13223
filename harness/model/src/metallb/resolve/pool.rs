//! IPAddressPool.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

use crate::metallb::meta::{LabelSelector, Labels, check_selectors, first_duplicate};
use crate::metallb::objects::{ObjectId, Resource};
use crate::metallb::reject::Reject;
use crate::metallb::specs::{IpAddressPoolSpec, ServiceAllocation};
use crate::metallb::store::Objects;
use crate::path;

/// Addresses for Services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Pool {
    pub id: ObjectId,
    pub labels: Labels,
    /// One entry per item of `addresses`: a CIDR, or the CIDRs that make up a range in ascending order.
    pub addresses: Vec<Vec<IpNet>>,
    pub auto_assign: bool,
    pub avoid_buggy_ips: bool,
    pub allocation: Option<Allocation>,
}

/// Which Services may use a pool, with namespace selectors already turned into namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Allocation {
    pub priority: i64,
    pub namespaces: Vec<String>,
    pub services: Vec<LabelSelector>,
    /// It names neither namespaces nor Services.
    pub for_all: bool,
}

impl Pool {
    pub fn cidrs(&self) -> impl Iterator<Item = &IpNet> {
        self.addresses.iter().flatten()
    }

    /// Whether `ip` may come from this pool.
    pub fn owns(&self, ip: IpAddr) -> bool {
        !(self.avoid_buggy_ips && confuses_buggy_firmware(ip)) && self.cidrs().any(|c| c.contains(&ip))
    }

    /// No address may be in two pools, nor twice in one: the first entry of `addresses` that breaks this, and MetalLB's reason.
    /// `earlier` are the pools before this one.
    pub fn overlap(&self, earlier: &[Pool]) -> Option<(usize, String)> {
        let mut seen: Vec<&IpNet> = earlier.iter().flat_map(Pool::cidrs).collect();
        for (i, nets) in self.addresses.iter().enumerate() {
            for net in nets {
                if let Some(other) = seen.iter().find(|o| o.contains(net) || net.contains(**o)) {
                    let reason = format!(
                        "CIDR \"{net}\" in pool \"{}\" overlaps with already defined CIDR \"{other}\"",
                        self.id.name
                    );
                    return Some((i, reason));
                }
                seen.push(net);
            }
        }
        None
    }
}

/// An IPv4 address ending in .0 or .255, which some routers drop.
pub(in crate::metallb) fn confuses_buggy_firmware(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if matches!(v4.octets()[3], 0 | 255))
}

pub(in crate::metallb) fn pool(
    id: &ObjectId,
    from: &Resource<IpAddressPoolSpec>,
    objects: &Objects,
) -> Result<Pool, Box<Reject>> {
    let spec = &from.spec;
    if spec.addresses.is_empty() {
        return Err(Reject::spec(id, "addresses", "pool has no prefixes defined"));
    }
    let mut addresses = Vec::new();
    for (i, text) in spec.addresses.iter().enumerate() {
        let nets = parse_addresses(text).map_err(|reason| {
            Reject::item(
                id,
                "addresses",
                i,
                format!("invalid CIDR \"{text}\" in pool \"{}\": {reason}", id.name),
            )
            .hint("either a CIDR (192.0.2.0/24) or a range (192.0.2.10-192.0.2.20)")
        })?;
        addresses.push(nets);
    }
    let allocation = spec.service_allocation.as_ref().map(|a| allocation(id, a, objects)).transpose()?;
    Ok(Pool {
        id: id.clone(),
        labels: from.meta.labels.clone(),
        addresses,
        auto_assign: spec.auto_assign.unwrap_or(true),
        avoid_buggy_ips: spec.avoid_buggy_ips,
        allocation,
    })
}

/// A CIDR (its host bits are dropped, as Go does) or an inclusive range.
pub(in crate::metallb) fn parse_addresses(text: &str) -> Result<Vec<IpNet>, String> {
    let Some((start, end)) = text.split_once('-') else {
        return text
            .parse::<IpNet>()
            .map(|n| vec![n.trunc()])
            .map_err(|_| format!("invalid CIDR \"{text}\""));
    };
    let ip = |which: &str, part: &str| {
        part.trim()
            .parse::<IpAddr>()
            .map_err(|_| format!("invalid IP range \"{text}\": invalid {which} IP \"{part}\""))
    };
    match (ip("start", start)?, ip("end", end)?) {
        (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => {
            Ok(Ipv4Subnets::new(a, b, 0).map(|n: Ipv4Net| n.into()).collect())
        }
        (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => {
            Ok(Ipv6Subnets::new(a, b, 0).map(|n: Ipv6Net| n.into()).collect())
        }
        (a, b) if a.is_ipv4() == b.is_ipv4() => {
            Err(format!("invalid IP range \"{text}\": start IP \"{a}\" is after the end IP \"{b}\""))
        }
        // MetalLB itself reads such a range as no addresses at all.
        _ => Err(format!("invalid IP range \"{text}\": its ends are of two address families")),
    }
}

fn allocation(id: &ObjectId, from: &ServiceAllocation, objects: &Objects) -> Result<Allocation, Box<Reject>> {
    let at = |field: &str| path!["spec", "serviceAllocation", field];
    if first_duplicate(&from.namespaces).is_some() {
        return Err(Reject::at(id, at("namespaces"), "duplicate definition in namespaces field"));
    }
    for (field, selectors) in
        [("namespaceSelectors", &from.namespace_selectors), ("serviceSelectors", &from.service_selectors)]
    {
        check_selectors(selectors, field).map_err(|(_, reason)| Reject::at(id, at(field), reason))?;
    }
    let mut namespaces = from.namespaces.clone();
    for (name, labels) in objects.namespaces() {
        if from.namespace_selectors.iter().any(|s| s.matches(labels)) && !namespaces.contains(name) {
            namespaces.push(name.clone());
        }
    }
    let names = from.namespaces.len() + from.namespace_selectors.len() + from.service_selectors.len();
    let services = from.service_selectors.clone();
    Ok(Allocation { priority: from.priority, namespaces, services, for_all: names == 0 })
}

pub(in crate::metallb) fn check_overlap(pool: &Pool, earlier: &[Pool]) -> Result<(), Box<Reject>> {
    match pool.overlap(earlier) {
        None => Ok(()),
        Some((i, reason)) => Err(Reject::item(&pool.id, "addresses", i, reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    #[test]
    fn reads_cidrs_and_ranges() {
        let show =
            |t: &str| parse_addresses(t).map(|v| v.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(show("192.0.2.77/24").unwrap(), ["192.0.2.0/24"]);
        assert_eq!(show("192.0.2.1 - 192.0.2.4").unwrap(), ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/32"]);
        assert_eq!(show("fc00::1-fc00::2").unwrap(), ["fc00::1/128", "fc00::2/128"]);
        assert!(show("192.0.2.9-192.0.2.1").unwrap_err().contains("is after the end"));
        assert!(show("192.0.2.9-fc00::1").unwrap_err().contains("two address families"));
        assert!(show("192.0.2.9").unwrap_err().contains("invalid CIDR"));
    }

    proptest! {
        /// The CIDRs of a range cover it exactly, in order.
        #[test]
        fn a_range_is_its_cidrs(start in any::<u32>(), size in 0u32..300) {
            let end = start.saturating_add(size);
            let text = format!("{}-{}", Ipv4Addr::from(start), Ipv4Addr::from(end));
            let mut next = u64::from(start);
            for net in parse_addresses(&text).unwrap() {
                let IpNet::V4(net) = net else { panic!("{net}") };
                prop_assert_eq!(u64::from(u32::from(net.network())), next);
                next = u64::from(u32::from(net.broadcast())) + 1;
            }
            prop_assert_eq!(next, u64::from(end) + 1);
        }
    }
}
