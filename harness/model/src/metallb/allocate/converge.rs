//! The controller's loop over all Services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::choose::{self, Choice, admits};
use super::request::{Request, request};
use super::tenancy::{Tenants, usable};
use crate::metallb::objects::ObjectId;
use crate::metallb::release::Generation;
use crate::metallb::resolve::Pool;
use crate::metallb::specs::{IpFamilyPolicy, ServiceSpec, ServiceType};
use crate::metallb::store::Objects;
use crate::metallb::{admit, legacy};

/// Brings the addresses in line with the objects.
pub(in crate::metallb) fn converge(objects: &mut Objects) {
    let pools = pools(objects);
    let generation = objects.generation.unwrap_or(Generation::V0_16_2);
    let mut tenants = Tenants::new();
    let mut addresses = BTreeMap::new();
    let mut pending = BTreeMap::new();
    let (mut kept, mut open) = (Vec::new(), Vec::new());
    for (id, service) in objects.services_by_age() {
        if !is_ours(&service.spec, objects.generation) {
            continue;
        }
        let request = match request(service) {
            Ok(request) => request,
            Err(reason) => {
                pending.insert(id.clone(), reason);
                continue;
            }
        };
        let choice = Choice { id, service, request: &request, pools: &pools, tenants: &tenants, generation };
        match objects.addresses.get(id).filter(|have| fits(&choice, have)) {
            Some(have) => {
                settle(&mut tenants, id, have, &request);
                kept.push((id, service, request, have.clone()));
            }
            None => open.push((id, service, request)),
        }
    }
    for (id, service, request, mut have) in kept {
        let choice = Choice { id, service, request: &request, pools: &pools, tenants: &tenants, generation };
        if let [only] = have[..]
            && let Some(other) = choose::additional(&choice, only)
        {
            settle(&mut tenants, id, &[other], &request);
            have.push(other);
        }
        addresses.insert(id.clone(), have);
    }
    // Only after those that keep their addresses, so that nobody loses one to an older Service that had none.
    for (id, service, request) in open {
        let choice = Choice { id, service, request: &request, pools: &pools, tenants: &tenants, generation };
        match choose::allocate(&choice) {
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

/// The pools of the configuration in force.
fn pools(objects: &Objects) -> Vec<Pool> {
    let resolved = match objects.generation {
        // A controller that cannot read its ConfigMap hands out nothing.
        Some(Generation::V0_12) => legacy::resolve(objects).ok(),
        // Admission has passed, so what does not resolve here is only waiting for another object; pools never are.
        _ => admit::resolve_all(objects, None, &mut Vec::new()).ok(),
    };
    resolved.map(|r| r.pools).unwrap_or_default()
}

/// Since v0.13.0 MetalLB leaves Services with a class to others, unless told its own class.
pub(in crate::metallb) fn is_ours(spec: &ServiceSpec, generation: Option<Generation>) -> bool {
    let any_class = generation == Some(Generation::V0_12);
    spec.kind == ServiceType::LoadBalancer && (any_class || spec.load_balancer_class.is_none())
}

/// The pool that owns all of `ips`.
pub(in crate::metallb) fn pool_of<'a>(pools: &'a [Pool], ips: &[IpAddr]) -> Option<&'a Pool> {
    pools.iter().find(|p| ips.iter().all(|ip| p.owns(*ip)))
}

/// Whether a Service may keep what it has. Up to v0.13.12 addresses that no pool owns any more are kept (and no longer announced):
/// the controller refuses such a configuration and leaves the Service alone.
fn fits(choice: &Choice<'_>, have: &[IpAddr]) -> bool {
    let Choice { id, request, .. } = *choice;
    let prefers_two = request.families.policy == IpFamilyPolicy::PreferDual;
    let may_be_one = choice.generation >= Generation::V0_14_9 && prefers_two && request.families.are_both();
    let fits = request.families.fit(have) || (may_be_one && have.len() == 1);
    if !fits {
        return false;
    }
    let sorted = |ips: &[IpAddr]| ips.iter().copied().collect::<BTreeSet<_>>();
    if !request.addresses.is_empty() && sorted(have) != sorted(&request.addresses) {
        return false;
    }
    let Some(pool) = pool_of(choice.pools, have) else { return choice.generation < Generation::V0_14_0 };
    let is_asked_for = request.pool.as_ref().is_none_or(|p| *p == pool.id.name);
    is_asked_for
        && admits(pool, choice.service)
        && have.iter().all(|ip| usable(id, *ip, &request.tenancy, choice.tenants).is_ok())
}

fn settle(tenants: &mut Tenants, id: &ObjectId, ips: &[IpAddr], request: &Request) {
    for ip in ips {
        tenants.entry(*ip).or_default().push((id.clone(), request.tenancy.clone()));
    }
}
