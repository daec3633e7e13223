//! Addresses for a Service that has none.

use std::net::IpAddr;

use ipnet::IpNet;

use super::converge::pool_of;
use super::request::Request;
use super::tenancy::{Tenants, usable};
use crate::metallb::objects::{ObjectId, Resource};
use crate::metallb::release::Generation;
use crate::metallb::resolve::{Pool, confuses_buggy_firmware};
use crate::metallb::specs::{IpFamilyPolicy, ServiceSpec};

/// The state of the cluster that a choice depends on.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub id: &'a ObjectId,
    pub service: &'a Resource<ServiceSpec>,
    pub request: &'a Request,
    pub pools: &'a [Pool],
    pub tenants: &'a Tenants,
    pub generation: Generation,
}

/// The first free address of each family.
#[derive(Clone, Copy, Debug, Default)]
struct Free {
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    /// Whether the pool names the IPv6 address first.
    v6_first: bool,
}

/// Whether a Service that prefers two families is content with one.
fn takes_one(choice: &Choice<'_>) -> bool {
    choice.request.families.policy == IpFamilyPolicy::PreferDual && choice.generation >= Generation::V0_14_9
}

/// The addresses of a Service, or the controller's reason.
pub(super) fn allocate(choice: &Choice<'_>) -> Result<Vec<IpAddr>, String> {
    if !choice.request.addresses.is_empty() {
        return assign(choice);
    }
    let Some(name) = &choice.request.pool else {
        return from_any(choice).ok_or_else(|| "no available IPs".to_owned());
    };
    let found = choice.pools.iter().find(|p| p.id.name == *name);
    let pool = found.ok_or_else(|| format!("unknown pool \"{name}\""))?;
    let ips = selected(choice, free(choice, pool))
        .ok_or_else(|| format!("no available IPs in pool \"{}\"", pool.id.name))?;
    match admits(pool, choice.service) {
        true => Ok(ips),
        false => Err(format!("pool {name} not compatible for ip assignment")),
    }
}

/// The pools that are for this Service come first, then those that are for all.
fn from_any(choice: &Choice<'_>) -> Option<Vec<IpAddr>> {
    let open: Vec<&Pool> = choice.pools.iter().filter(|p| p.auto_assign && p.allocation.is_none()).collect();
    from_best(choice, &pinned(choice)).or_else(|| from_best(choice, &open))
}

/// The first pool that has all that is asked for; failing that, for a Service that is content with one of two families, the first
/// that has its first family, then the first that has the other.
fn from_best(choice: &Choice<'_>, pools: &[&Pool]) -> Option<Vec<IpAddr>> {
    let families = choice.request.families;
    let all: Vec<Free> = pools.iter().map(|pool| free(choice, pool)).collect();
    let whole = all.iter().find(|f| (f.v4.is_some() || !families.v4) && (f.v6.is_some() || !families.v6));
    if whole.is_some() || !takes_one(choice) || !families.are_both() {
        return selected(choice, *whole?);
    }
    let has = |six: bool| move |f: &&Free| if six { f.v6.is_some() } else { f.v4.is_some() };
    let primary = all.iter().find(has(families.v6_first));
    selected(choice, *primary.or_else(|| all.iter().find(has(!families.v6_first)))?)
}

/// What a Service takes of the free addresses of a pool. Since v0.14.9 one that prefers two families takes whatever there is, also
/// beyond the families of its cluster addresses, and IPv4 comes first.
fn selected(choice: &Choice<'_>, free: Free) -> Option<Vec<IpAddr>> {
    if takes_one(choice) {
        let ips: Vec<IpAddr> = free.v4.into_iter().chain(free.v6).collect();
        return Some(ips).filter(|ips| !ips.is_empty());
    }
    let families = choice.request.families;
    let wanted = |wants: bool, ip: Option<IpAddr>| if wants { ip.map(Some) } else { Some(None) };
    let (v4, v6) = (wanted(families.v4, free.v4)?, wanted(families.v6, free.v6)?);
    let in_order = free.v6_first && choice.generation < Generation::V0_14_9;
    let pair = if in_order { [v6, v4] } else { [v4, v6] };
    Some(pair.into_iter().flatten().collect())
}

/// The address of the family that a Service lacks which prefers both, from the pool of the one that it has.
pub(super) fn additional(choice: &Choice<'_>, have: IpAddr) -> Option<IpAddr> {
    let pool = pool_of(choice.pools, &[have]).filter(|_| takes_one(choice))?;
    let free = free(choice, pool);
    if have.is_ipv4() { free.v6 } else { free.v4 }
}

/// The addresses that the user asked for, if they are free and allowed.
fn assign(choice: &Choice<'_>) -> Result<Vec<IpAddr>, String> {
    let Choice { id, request, .. } = *choice;
    let ips = &request.addresses;
    let pool = pool_of(choice.pools, ips).ok_or_else(|| format!("{ips:?} is not allowed in config"))?;
    if !admits(pool, choice.service) {
        return Err(format!("pool {} not compatible for ip assignment", pool.id.name));
    }
    for ip in ips {
        usable(id, *ip, &request.tenancy, choice.tenants).map_err(|clash| clash.text(id, *ip))?;
    }
    let is_checked = choice.generation >= Generation::V0_13_10;
    match request.pool.as_ref().filter(|wanted| **wanted != pool.id.name && is_checked) {
        Some(wanted) => Err(format!(
            "requested loadBalancer IP(s) {ips:?} is not compatible with requested address pool {wanted}"
        )),
        None => Ok(ips.clone()),
    }
}

/// Pools reserved for this Service, lowest priority number first, 0 last. A reservation that names nobody is for all Services since
/// v0.15.0, and for none before.
fn pinned<'a>(choice: &Choice<'a>) -> Vec<&'a Pool> {
    let is_for_all = choice.generation >= Generation::V0_15_0;
    let mut found: Vec<(&Pool, i64)> = choice
        .pools
        .iter()
        .filter(|p| p.auto_assign && admits(p, choice.service))
        .filter_map(|p| {
            let a = p.allocation.as_ref()?;
            let names_some = !a.namespaces.is_empty() || !a.services.is_empty();
            (names_some || (a.for_all && is_for_all)).then_some((p, a.priority))
        })
        .collect();
    found.sort_by_key(|(_, priority)| (*priority == 0, *priority));
    found.into_iter().map(|(p, _)| p).collect()
}

/// Whether a pool is for a Service.
pub(super) fn admits(pool: &Pool, service: &Resource<ServiceSpec>) -> bool {
    let Some(a) = &pool.allocation else { return true };
    let namespace = service.meta.namespace.as_deref().unwrap_or("default");
    (a.namespaces.is_empty() || a.namespaces.iter().any(|n| n == namespace))
        && (a.services.is_empty() || a.services.iter().any(|s| s.matches(&service.meta.labels)))
}

/// In the order of the pool's CIDRs.
fn free(choice: &Choice<'_>, pool: &Pool) -> Free {
    let mut all = Free::default();
    for cidr in pool.cidrs() {
        let six = cidr.addr().is_ipv6();
        if (if six { all.v6 } else { all.v4 }).is_some() {
            continue;
        }
        let is_free = |ip: &IpAddr| {
            !(pool.avoid_buggy_ips && confuses_buggy_firmware(*ip))
                && usable(choice.id, *ip, &choice.request.tenancy, choice.tenants).is_ok()
        };
        let found = every(cidr).find(is_free);
        match six {
            true => (all.v6, all.v6_first) = (found, found.is_some() && all.v4.is_none()),
            false => all.v4 = found,
        }
    }
    all
}

/// Every address of a CIDR, network and broadcast included, as MetalLB hands them out.
fn every(cidr: &IpNet) -> Box<dyn Iterator<Item = IpAddr>> {
    match cidr {
        IpNet::V4(n) => {
            let (a, b) = (u32::from(n.network()), u32::from(n.broadcast()));
            Box::new((a..=b).map(|n| IpAddr::V4(n.into())))
        }
        IpNet::V6(n) => {
            let (a, b) = (u128::from(n.network()), u128::from(n.broadcast()));
            Box::new((a..=b).map(|n| IpAddr::V6(n.into())))
        }
    }
}
