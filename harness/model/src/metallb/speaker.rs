//! MetalLB's speaker: which sessions a node runs and what it announces over each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::admit::{Resolved, clashes};
use super::allocate::pool_of;
use super::community::Community;
use super::frrconf::{Announcement, Attributes, Family, FrrConf, Neighbor, Router};
use super::meta::any_or_all;
use super::nodes::Here;
use super::objects::ObjectId;
use super::release::Generation;
use super::resolve::{Advertisement, Host, Peer, Pool, Timers};
use super::store::Objects;

/// One address of a Service under one advertisement.
pub(super) struct Ad<'a> {
    prefix: IpNet,
    pub from: &'a Advertisement,
}

/// The contents of a node's frr.conf.
pub(super) fn frr_conf(objects: &Objects, resolved: &Resolved, here: &Here<'_>) -> FrrConf {
    let (generation, labels) = (here.generation, here.labels);
    let ads = ads(objects, resolved, here);
    let mut routers: BTreeMap<String, BTreeMap<String, (&Peer, Neighbor)>> = BTreeMap::new();
    for (_, peer) in resolved.peers.iter().filter(|(_, p)| any_or_all(&p.nodes, labels)) {
        let mut neighbor = neighbor(peer, generation);
        let heard = ads.iter().filter(|a| hears(peer, a.from)).map(|a| announcement(a, generation));
        neighbor.announcements = arranged(heard.collect(), &neighbor, generation);
        routers
            .entry(router_key(peer, generation))
            .or_default()
            .insert(neighbor_key(peer, generation), (peer, neighbor));
    }
    FrrConf {
        log_level: "informational".to_owned(),
        hostname: here.name.to_owned(),
        routers: routers.into_values().map(router).collect(),
        bfd_profiles: resolved.bfd_profiles.clone(),
        extras: objects.extras().map(str::to_owned),
    }
}

/// Up to v0.13.10 MetalLB walks over its Services in a random order; here it is that of their creation, so that a new Service only
/// adds lines.
pub(super) fn ads<'a>(objects: &Objects, resolved: &'a Resolved, here: &Here<'_>) -> Vec<Ad<'a>> {
    let mut all = Vec::new();
    for (id, ips) in announced(objects, here) {
        let Some(pool) = pool_of(&resolved.pools, ips) else { continue };
        let chosen = advertisements(objects, resolved, here, id, pool);
        if conflict(&chosen, pool, here.generation).is_some() {
            continue;
        }
        for ip in ips {
            for from in &chosen {
                let times = if from.selects_twice(pool) { 2 } else { 1 };
                all.extend((0..times).map(|_| Ad { prefix: rolled_up(*ip, from), from }));
            }
        }
    }
    all
}

/// The advertisements of a Service with an address of `pool`, on this node.
fn advertisements<'a>(
    objects: &Objects,
    resolved: &'a Resolved,
    here: &Here<'_>,
    id: &ObjectId,
    pool: &Pool,
) -> Vec<&'a Advertisement> {
    let labels = objects.service_labels(id);
    let chosen = |adv: &&Advertisement| {
        adv.selects(pool) && any_or_all(&adv.services, labels) && any_or_all(&adv.nodes, here.labels)
    };
    resolved.advertisements.iter().filter(chosen).collect()
}

/// Since v0.16.0 a Service is not announced whose advertisements give one update two local preferences, which selectors make
/// possible; before, and without selectors, [`check_local_pref`](super::admit::check_local_pref) refuses them.
fn conflict<'a>(
    chosen: &[&'a Advertisement],
    pool: &Pool,
    generation: Generation,
) -> Option<(&'a Advertisement, &'a Advertisement)> {
    let pairs = chosen.iter().enumerate().flat_map(|(i, a)| chosen[i + 1..].iter().map(move |b| (*a, *b)));
    let clash = |(a, b): &(&Advertisement, &Advertisement)| clashes(b, a, pool, generation);
    pairs.into_iter().find(|pair| generation >= Generation::V0_16_0 && clash(pair))
}

/// Services that are not announced because of their advertisements, with the reason.
pub(super) fn conflicts(objects: &Objects, resolved: &Resolved, here: &Here<'_>) -> Vec<String> {
    if here.generation < Generation::V0_16_0 {
        return Vec::new();
    }
    let told = announced(objects, here).into_iter().filter_map(|(id, ips)| {
        let pool = pool_of(&resolved.pools, ips)?;
        let chosen = advertisements(objects, resolved, here, id, pool);
        let (a, b) = conflict(&chosen, pool, here.generation)?;
        Some(format!(
            "{id}: is not announced: the BGPAdvertisements `{}` and `{}` give it the local preferences {} and {}",
            a.id.name, b.id.name, a.local_pref, b.local_pref
        ))
    });
    told.collect()
}

/// Services that have addresses and are announced by a node, oldest first.
pub(super) fn announced<'a>(objects: &'a Objects, here: &Here<'_>) -> Vec<(&'a ObjectId, &'a Vec<IpAddr>)> {
    if here.silence(objects).is_some() {
        return Vec::new();
    }
    let slices = objects.slices_by_service();
    let by_age = objects.services_by_age().into_iter();
    let spoken = by_age.filter(|(id, service)| here.announces(&slices, id, &service.spec));
    spoken.filter_map(|(id, _)| objects.addresses.get(id).map(|ips| (id, ips))).collect()
}

fn rolled_up(ip: IpAddr, adv: &Advertisement) -> IpNet {
    let length = if ip.is_ipv4() { adv.length_v4 } else { adv.length_v6 };
    // The length was checked against its family when the advertisement was resolved.
    IpNet::new(ip, length).unwrap_or_else(|_| IpNet::from(ip)).trunc()
}

pub(super) fn hears(peer: &Peer, adv: &Advertisement) -> bool {
    adv.peers.is_empty() || adv.peers.contains(&peer.name)
}

pub(super) fn announcement(ad: &Ad<'_>, generation: Generation) -> Announcement {
    let texts = |large: bool| {
        let kept = ad.from.communities.iter().filter(|c| matches!(c, Community::Large(..)) == large);
        Attributes(kept.map(ToString::to_string).collect())
    };
    Announcement {
        family: family_of(ad.prefix.addr()),
        prefix: ad.prefix.to_string(),
        local_pref: (ad.from.local_pref != 0).then_some(ad.from.local_pref),
        communities: texts(false),
        large_communities: if generation >= Generation::V0_13_10 {
            texts(true)
        } else {
            Attributes::default()
        },
    }
}

pub(super) fn family_of(ip: IpAddr) -> Family {
    if ip.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}

/// Sorted and merged as the release does it.
fn arranged(mut all: Vec<Announcement>, n: &Neighbor, generation: Generation) -> Vec<Announcement> {
    if generation >= Generation::V0_15_0 {
        all.retain(|a| n.carries(a.family));
    }
    if generation < Generation::V0_13_11 {
        return all;
    }
    all.sort();
    if generation < Generation::V0_14_0 {
        return all;
    }
    // By prefix as text, whatever the family; what has the same prefix becomes one. Differing local preferences were refused.
    let mut merged: BTreeMap<String, Announcement> = BTreeMap::new();
    for a in all {
        match merged.get_mut(&a.prefix) {
            None => _ = merged.insert(a.prefix.clone(), a),
            Some(first) => {
                first.communities.merge(a.communities);
                first.large_communities.merge(a.large_communities);
            }
        }
    }
    merged.into_values().collect()
}

/// Which families a session activates.
pub(super) fn is_dual_stack(peer: &Peer, generation: Generation) -> bool {
    match generation >= Generation::V0_15_0 {
        true => peer.dual_stack || matches!(peer.host, Host::Interface(_)),
        false => !peer.disable_mp,
    }
}

/// That of the address; an unnumbered session runs over IPv6.
pub(super) fn family_of_host(host: &Host) -> Family {
    match host {
        Host::Address(ip) => family_of(*ip),
        Host::Interface(_) => Family::Ipv6,
    }
}

fn neighbor(peer: &Peer, generation: Generation) -> Neighbor {
    Neighbor {
        family: family_of_host(&peer.host),
        dual_stack: is_dual_stack(peer, generation),
        asn: peer.asn,
        host: peer.host.to_string(),
        unnumbered: matches!(peer.host, Host::Interface(_)),
        port: peer.port,
        timers: peer.timers.map(Timers::seconds),
        connect: peer.connect.unwrap_or(0),
        graceful_restart: peer.graceful_restart,
        local_as: peer.local_asn,
        password: peer.password.clone(),
        source: peer.source.map(|s| s.to_string()),
        bfd_profile: peer.bfd_profile.clone(),
        ebgp_multihop: peer.ebgp_multihop,
        vrf: peer.vrf.clone(),
        announcements: Vec::new(),
    }
}

fn router(neighbors: BTreeMap<String, (&Peer, Neighbor)>) -> Router {
    let mut networks = [BTreeSet::new(), BTreeSet::new()];
    let mut router = Router::default();
    for (_, (peer, neighbor)) in neighbors {
        // The same for all: it is in the key.
        router.asn = peer.my_asn;
        router.router_id = peer.router_id.map(|id| id.to_string());
        router.vrf.clone_from(&peer.vrf);
        for a in &neighbor.announcements {
            networks[a.family as usize].insert(a.prefix.clone());
        }
        router.neighbors.push(neighbor);
    }
    let [v4, v6] = networks;
    router.networks_v4 = v4.into_iter().collect();
    router.networks_v6 = v6.into_iter().collect();
    router
}

/// MetalLB sorts routers and neighbors by these texts, so AS 100 comes before AS 65; a missing router ID reads `<nil>`.
pub(super) fn router_key(peer: &Peer, generation: Generation) -> String {
    let id = peer.router_id.map_or_else(|| "<nil>".to_owned(), |id| id.to_string());
    with_vrf(format!("{}@{id}", peer.my_asn), peer, generation)
}

pub(super) fn neighbor_key(peer: &Peer, generation: Generation) -> String {
    let host = match &peer.host {
        host if generation >= Generation::V0_15_0 => host.to_string(),
        Host::Address(IpAddr::V4(ip)) => format!("{ip}:{}", peer.port),
        Host::Address(IpAddr::V6(ip)) => format!("[{ip}]:{}", peer.port),
        Host::Interface(name) => name.clone(),
    };
    with_vrf(format!("{}@{host}", peer.asn), peer, generation)
}

fn with_vrf(key: String, peer: &Peer, generation: Generation) -> String {
    if generation >= Generation::V0_13_8 { format!("{key}@{}", peer.vrf) } else { key }
}
