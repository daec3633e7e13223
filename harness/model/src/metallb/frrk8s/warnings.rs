//! What frr-k8s accepts, and a user would not expect.

use std::net::IpAddr;

use super::conf::Router;
use super::node::{is_read, neighbors};
use super::version::{FrrK8s, Generation};
use crate::metallb::admit::Resolved;
use crate::metallb::objects::ObjectId;
use crate::metallb::store::{METALLB_NAMESPACE, Objects};

/// Objects, or parts of them, that have no effect.
pub(super) fn of_objects(
    objects: &Objects,
    resolved: &Resolved,
    generated: &ObjectId,
    frr_k8s: &FrrK8s,
) -> Vec<String> {
    let mut out = Vec::new();
    for (id, from) in objects.frr_configurations() {
        if !is_read(id, frr_k8s) {
            let namespace = &id.namespace;
            out.push(format!(
                "{id}: is in namespace `{namespace}`, and frr-k8s reads only those in {METALLB_NAMESPACE}"
            ));
        }
        if id == generated {
            out.push(format!("{id}: MetalLB replaces it with its own of that name"));
        }
        let disabled = from.spec.bgp.routers.iter().flat_map(|r| &r.neighbors).any(|n| n.disable_mp);
        if disabled && frr_k8s.generation >= Generation::V0_0_20 {
            out.push(format!("{id}: disableMP has no effect in {frr_k8s}"));
        }
    }
    for (id, peer) in &resolved.peers {
        let lost = [("sourceAddress", peer.source.is_some()), ("localASN", peer.local_asn.is_some())];
        for (field, _) in lost.iter().filter(|(_, set)| *set) {
            out.push(format!("{id}: MetalLB does not pass `{field}` on to frr-k8s; it has no effect"));
        }
    }
    out
}

/// What the objects say, before they are united.
pub(super) fn of_routers(routers: &[Router]) -> Vec<String> {
    let mut out = Vec::new();
    let all: Vec<_> = neighbors(routers).collect();
    for (i, n) in all.iter().enumerate() {
        let id = &n.written.id;
        if let Ok(ip) = n.host.parse::<IpAddr>()
            && n.host != ip.to_canonical().to_string()
        {
            out.push(format!(
                "{id}: neighbor {} is another one for frr-k8s than {}, as MetalLB writes it; they are not united",
                n.host,
                ip.to_canonical()
            ));
        }
        let other = all[..i].iter().find(|o| o.vrf == n.vrf && o.host == n.host);
        if let Some(other) = other.filter(|o| o.graceful_restart != n.graceful_restart) {
            out.push(format!(
                "{id}: enableGracefulRestart of neighbor {} is not what {} says; frr-k8s takes that of whichever it reads first",
                n.host, other.written.id
            ));
        }
    }
    out
}

/// What uniting them has lost.
pub(super) fn of_merged(routers: &[Router]) -> Vec<String> {
    let half = neighbors(routers).filter(|n| n.hold.is_some() != n.keepalive.is_some());
    half.map(|n| {
        let (dropped, kept) = match n.hold {
            Some(hold) => ("keepaliveTime 60s", format!("holdTime {hold}s")),
            None => ("holdTime 180s", format!("keepaliveTime {}s", n.keepalive.unwrap_or_default())),
        };
        format!(
            "{}: neighbor {}: frr-k8s drops {dropped}, FRR's default, and {kept} with it: FRR runs with 60s and 180s",
            n.written.id, n.host
        )
    })
    .collect()
}
