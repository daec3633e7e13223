//! MetalLB's controller: which addresses each LoadBalancer Service has.
//!
//! A Service keeps its addresses while they still fit. Where MetalLB walks over a Go map of pools (a random order), this walks by
//! name, so that the same manifests always give the same addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::admit;
use super::objects::{ObjectId, Resource};
use super::resolve::{Pool, confuses_buggy_firmware};
use super::specs::{IpFamily, IpFamilyPolicy, ServiceSpec, ServiceType, TrafficPolicy};
use super::store::Objects;

/// Annotations, each with its name up to v0.14.8, which later releases still read where the new one is missing.
const POOL: [&str; 2] = ["metallb.io/address-pool", "metallb.universe.tf/address-pool"];
const ADDRESSES: [&str; 2] = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];
const SHARING: [&str; 2] = ["metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"];
/// Those that exist since v0.14.9.
pub(super) const NEW_ANNOTATIONS: [&str; 3] = [POOL[0], ADDRESSES[0], SHARING[0]];

/// What a Service asks for.
struct Request {
    v4: bool,
    v6: bool,
    addresses: Vec<IpAddr>,
    pool: Option<String>,
    tenancy: Tenancy,
}

/// How a Service uses an address; two may share one when these agree.
#[derive(Clone, Debug)]
struct Tenancy {
    sharing: String,
    backend: String,
    ports: BTreeSet<(String, u16)>,
}

/// address -> its users
type Tenants = BTreeMap<IpAddr, Vec<(ObjectId, Tenancy)>>;

/// Brings the addresses in line with the objects.
pub(super) fn converge(objects: &mut Objects) {
    // Admission has passed, so what does not resolve here is only waiting for another object; pools never are.
    let pools = admit::resolve_all(objects, None, &mut Vec::new()).map(|r| r.pools).unwrap_or_default();
    let mut tenants = Tenants::new();
    let mut addresses = BTreeMap::new();
    let mut pending = BTreeMap::new();
    let mut open = Vec::new();
    for (id, service) in objects.services_by_age() {
        if !is_ours(&service.spec) {
            continue;
        }
        let request = match request(service) {
            Ok(request) => request,
            Err(reason) => {
                pending.insert(id.clone(), reason);
                continue;
            }
        };
        match objects.addresses.get(id).filter(|have| fits(id, have, &request, &pools, service, &tenants)) {
            Some(have) => {
                settle(&mut tenants, id, have, &request);
                addresses.insert(id.clone(), have.clone());
            }
            None => open.push((id, service, request)),
        }
    }
    // Only after those that keep their addresses, so that nobody loses one to an older Service that had none.
    for (id, service, request) in open {
        match allocate(id, service, &request, &pools, &tenants) {
            Ok(ips) => {
                settle(&mut tenants, id, &ips, &request);
                addresses.insert(id.clone(), ips);
            }
            Err(reason) => {
                pending.insert(id.clone(), reason);
            }
        }
    }
    objects.addresses = addresses;
    objects.pending = pending;
}

/// MetalLB leaves Services with a class to others, unless told its own class.
pub(super) fn is_ours(spec: &ServiceSpec) -> bool {
    spec.kind == ServiceType::LoadBalancer && spec.load_balancer_class.is_none()
}

/// The pool that owns all of `ips`.
pub(super) fn pool_of<'a>(pools: &'a [Pool], ips: &[IpAddr]) -> Option<&'a Pool> {
    pools.iter().find(|p| ips.iter().all(|ip| p.owns(*ip)))
}

fn request(service: &Resource<ServiceSpec>) -> Result<Request, String> {
    let spec = &service.spec;
    // An empty new annotation hides the old one.
    let annotation = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| Some((name, service.meta.annotations.get(name)?)))
    };
    let (v4, v6) = families(spec)?;
    let listed = annotation(ADDRESSES).filter(|(_, text)| !text.is_empty());
    let single = spec.load_balancer_ip.as_ref().filter(|t| !t.is_empty());
    let addresses = match (listed, single) {
        (Some((name, _)), Some(_)) => {
            return Err(format!("service can not have both {name} and svc.Spec.LoadBalancerIP"));
        }
        (Some((name, text)), None) => text
            .split(',')
            .map(|part| part.trim().parse().map_err(|_| format!("invalid {name}: \"{text}\"")))
            .collect::<Result<Vec<IpAddr>, _>>()?,
        (None, Some(text)) => {
            vec![text.parse().map_err(|_| format!("invalid spec.loadBalancerIP \"{text}\""))?]
        }
        (None, None) => Vec::new(),
    };
    if !addresses.is_empty() {
        let count = |six: bool| addresses.iter().filter(|a| a.is_ipv6() == six).count();
        if (count(false), count(true)) != (usize::from(v4), usize::from(v6)) {
            return Err(format!(
                "requested loadBalancer IP(s) {addresses:?} does not match the ipFamily of the service"
            ));
        }
    }
    let backend = match spec.external_traffic_policy {
        TrafficPolicy::Local => {
            spec.selector.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
        }
        TrafficPolicy::Cluster => String::new(),
    };
    let ports = spec.ports.iter().map(|p| (p.protocol.clone(), p.port)).collect();
    let sharing = annotation(SHARING).map(|(_, key)| key.clone()).unwrap_or_default();
    let pool = annotation(POOL).map(|(_, name)| name.clone()).filter(|t| !t.is_empty());
    Ok(Request { v4, v6, addresses, pool, tenancy: Tenancy { sharing, backend, ports } })
}

/// The families that the API server would give the Service on a dual-stack cluster whose first family is IPv4.
fn families(spec: &ServiceSpec) -> Result<(bool, bool), String> {
    let given: Vec<bool> = if spec.cluster_ips.is_empty() {
        spec.cluster_ip.iter().filter_map(|t| t.parse::<IpAddr>().ok()).map(|ip| ip.is_ipv6()).collect()
    } else {
        let parsed: Result<Vec<IpAddr>, _> = spec.cluster_ips.iter().map(|t| t.parse()).collect();
        let parsed = parsed
            .map_err(|_| format!("invalid ClusterIPs {:?}, can't determine family", spec.cluster_ips))?;
        parsed.iter().map(IpAddr::is_ipv6).collect()
    };
    let named: Vec<bool> = spec.ip_families.iter().map(|f| *f == IpFamily::IPv6).collect();
    let chosen = if given.is_empty() { named } else { given };
    let dual = chosen.len() == 2;
    if chosen.len() > 2 || (dual && chosen[0] == chosen[1]) {
        return Err("a service has at most one address of each family".to_owned());
    }
    if dual && spec.cluster_ips.is_empty() && spec.ip_family_policy == IpFamilyPolicy::Single {
        return Err(
            "with two ipFamilies, ipFamilyPolicy must be PreferDualStack or RequireDualStack".to_owned()
        );
    }
    if dual || (spec.cluster_ips.is_empty() && spec.ip_family_policy != IpFamilyPolicy::Single) {
        return Ok((true, true));
    }
    let six = chosen.first().copied().unwrap_or(false);
    Ok((!six, six))
}

/// Whether a Service may keep what it has. Addresses that no pool owns any more are kept (and no longer announced): MetalLB's
/// controller refuses such a configuration and leaves the Service alone.
fn fits(
    id: &ObjectId,
    have: &[IpAddr],
    request: &Request,
    pools: &[Pool],
    service: &Resource<ServiceSpec>,
    tenants: &Tenants,
) -> bool {
    let six = have.iter().filter(|a| a.is_ipv6()).count();
    if (have.len() - six, six) != (usize::from(request.v4), usize::from(request.v6)) {
        return false;
    }
    let sorted = |ips: &[IpAddr]| ips.iter().copied().collect::<BTreeSet<_>>();
    if !request.addresses.is_empty() && sorted(have) != sorted(&request.addresses) {
        return false;
    }
    let Some(pool) = pool_of(pools, have) else { return true };
    request.pool.as_ref().is_none_or(|p| *p == pool.id.name)
        && admits(pool, service)
        && have.iter().all(|ip| usable(id, *ip, &request.tenancy, tenants).is_ok())
}

fn settle(tenants: &mut Tenants, id: &ObjectId, ips: &[IpAddr], request: &Request) {
    for ip in ips {
        tenants.entry(*ip).or_default().push((id.clone(), request.tenancy.clone()));
    }
}

fn allocate(
    id: &ObjectId,
    service: &Resource<ServiceSpec>,
    request: &Request,
    pools: &[Pool],
    tenants: &Tenants,
) -> Result<Vec<IpAddr>, String> {
    if !request.addresses.is_empty() {
        return assign(id, service, request, pools, tenants);
    }
    if let Some(name) = &request.pool {
        let pool =
            pools.iter().find(|p| p.id.name == *name).ok_or_else(|| format!("unknown pool \"{name}\""))?;
        let ips = from_pool(id, request, pool, tenants)?;
        return match admits(pool, service) {
            true => Ok(ips),
            false => Err(format!("pool {name} not compatible for ip assignment")),
        };
    }
    let candidates = pinned(pools, service);
    let open = pools.iter().filter(|p| p.auto_assign && p.allocation.is_none());
    candidates
        .into_iter()
        .chain(open)
        .find_map(|pool| from_pool(id, request, pool, tenants).ok())
        .ok_or_else(|| "no available IPs".to_owned())
}

/// The addresses that the user asked for, if they are free and allowed.
fn assign(
    id: &ObjectId,
    service: &Resource<ServiceSpec>,
    request: &Request,
    pools: &[Pool],
    tenants: &Tenants,
) -> Result<Vec<IpAddr>, String> {
    let ips = &request.addresses;
    let pool = pool_of(pools, ips).ok_or_else(|| format!("{ips:?} is not allowed in config"))?;
    if !admits(pool, service) {
        return Err(format!("pool {} not compatible for ip assignment", pool.id.name));
    }
    for ip in ips {
        usable(id, *ip, &request.tenancy, tenants).map_err(|clash| clash.text(id, *ip))?;
    }
    match &request.pool {
        Some(wanted) if *wanted != pool.id.name => Err(format!(
            "requested loadBalancer IP(s) {ips:?} is not compatible with requested address pool {wanted}"
        )),
        _ => Ok(ips.clone()),
    }
}

/// Pools reserved for this Service, lowest priority number first, 0 last.
fn pinned<'a>(pools: &'a [Pool], service: &Resource<ServiceSpec>) -> Vec<&'a Pool> {
    let mut found: Vec<(&Pool, i64)> = pools
        .iter()
        .filter(|p| p.auto_assign && admits(p, service))
        .filter_map(|p| {
            let a = p.allocation.as_ref()?;
            (!a.namespaces.is_empty() || !a.services.is_empty()).then_some((p, a.priority))
        })
        .collect();
    found.sort_by_key(|(_, priority)| (*priority == 0, *priority));
    found.into_iter().map(|(p, _)| p).collect()
}

fn admits(pool: &Pool, service: &Resource<ServiceSpec>) -> bool {
    let Some(a) = &pool.allocation else { return true };
    let namespace = service.meta.namespace.as_deref().unwrap_or("default");
    (a.namespaces.is_empty() || a.namespaces.iter().any(|n| n == namespace))
        && (a.services.is_empty() || a.services.iter().any(|s| s.matches(&service.meta.labels)))
}

/// The first free address of each family that is asked for, in the order of the pool's CIDRs.
fn from_pool(
    id: &ObjectId,
    request: &Request,
    pool: &Pool,
    tenants: &Tenants,
) -> Result<Vec<IpAddr>, String> {
    let (mut v4, mut v6) = (request.v4, request.v6);
    let mut ips = Vec::new();
    for cidr in pool.cidrs() {
        let wanted = if cidr.addr().is_ipv6() { &mut v6 } else { &mut v4 };
        if !*wanted {
            continue;
        }
        let free = |ip: &IpAddr| {
            !(pool.avoid_buggy_ips && confuses_buggy_firmware(*ip))
                && usable(id, *ip, &request.tenancy, tenants).is_ok()
        };
        if let Some(ip) = every(cidr).find(free) {
            ips.push(ip);
            *wanted = false;
        }
    }
    match v4 || v6 {
        true => Err(format!("no available IPs in pool \"{}\"", pool.id.name)),
        false => Ok(ips),
    }
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

/// Why an address cannot be had. The texts are made only where somebody reads them: a search passes many.
enum Clash<'a> {
    Sharing(&'a ObjectId),
    Port(&'a str, u16),
}

impl Clash<'_> {
    fn text(&self, id: &ObjectId, ip: IpAddr) -> String {
        match self {
            Clash::Sharing(other) => format!(
                "can't change sharing key for \"{}\", address also in use by {}",
                id.key(),
                other.key()
            ),
            Clash::Port(protocol, port) => format!("port {protocol}/{port} is already in use on \"{ip}\""),
        }
    }
}

fn usable<'a>(
    id: &ObjectId,
    ip: IpAddr,
    tenancy: &'a Tenancy,
    tenants: &'a Tenants,
) -> Result<(), Clash<'a>> {
    for (other, theirs) in tenants.get(&ip).into_iter().flatten().filter(|(other, _)| other != id) {
        let shares = !theirs.sharing.is_empty()
            && theirs.sharing == tenancy.sharing
            && theirs.backend == tenancy.backend;
        if !shares {
            return Err(Clash::Sharing(other));
        }
        if let Some((protocol, port)) = theirs.ports.intersection(&tenancy.ports).next() {
            return Err(Clash::Port(protocol, *port));
        }
    }
    Ok(())
}
