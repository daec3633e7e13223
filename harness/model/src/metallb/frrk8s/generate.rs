//! The FRRConfiguration that MetalLB's speaker writes for its node. Nothing in it receives: `toReceive` stays empty.

use std::collections::BTreeMap;

use super::specs::{
    AdvertiseSpec, AllowedOutSpec, BfdProfileItem, BgpSpec, CommunityPrefixesSpec, FrrConfigurationSpec,
    LocalPrefSpec, NeighborSpec, RouterSpec,
};
use super::version::{FrrK8s, Generation as K8sGeneration};
use crate::metallb::admit::Resolved;
use crate::metallb::duration::GoDuration;
use crate::metallb::frrconf::Announcement;
use crate::metallb::meta::{LabelSelector, Labels, any_or_all};
use crate::metallb::nodes::Here;
use crate::metallb::objects::{Kind, ObjectId};
use crate::metallb::release::Generation;
use crate::metallb::resolve::{BfdProfile, Host, Peer, RemoteAs};
use crate::metallb::speaker::{self, Ad};
use crate::metallb::store::{METALLB_NAMESPACE, Objects};

/// The identity of a node's object.
pub(super) fn id(node: &str) -> ObjectId {
    ObjectId {
        kind: Kind::FrrConfiguration,
        namespace: METALLB_NAMESPACE.to_owned(),
        name: format!("metallb-{node}"),
    }
}

/// What the node's speaker writes.
pub(super) fn spec(
    objects: &Objects,
    resolved: &Resolved,
    frr_k8s: &FrrK8s,
    here: &Here<'_>,
) -> FrrConfigurationSpec {
    let generation = here.generation;
    let ads = speaker::ads(objects, resolved, here);
    let mut routers: BTreeMap<String, (RouterSpec, BTreeMap<String, NeighborSpec>)> = BTreeMap::new();
    for (_, peer) in resolved.peers.iter().filter(|(_, p)| any_or_all(&p.nodes, here.labels)) {
        let heard = heard(peer, &ads, generation);
        let (router, neighbors) = routers
            .entry(speaker::router_key(peer, generation))
            .or_insert_with(|| (router(peer), BTreeMap::new()));
        router.prefixes.extend(heard.iter().map(|a| a.prefix.clone()));
        neighbors.insert(neighbor_key(peer, generation), neighbor(peer, &heard, generation, frr_k8s));
    }
    let hostname = Labels::from([("kubernetes.io/hostname".to_owned(), here.name.to_owned())]);
    FrrConfigurationSpec {
        bgp: BgpSpec {
            routers: routers.into_values().map(|(router, neighbors)| finished(router, neighbors)).collect(),
            bfd_profiles: resolved.bfd_profiles.iter().map(bfd_profile).collect(),
        },
        node_selector: LabelSelector { match_labels: hostname, ..LabelSelector::default() },
        ..FrrConfigurationSpec::default()
    }
}

fn router(peer: &Peer) -> RouterSpec {
    RouterSpec {
        asn: Some(peer.my_asn),
        id: peer.router_id.map(|id| id.to_string()).unwrap_or_default(),
        vrf: peer.vrf.clone(),
        ..RouterSpec::default()
    }
}

fn finished(mut router: RouterSpec, neighbors: BTreeMap<String, NeighborSpec>) -> RouterSpec {
    router.prefixes.sort();
    router.prefixes.dedup();
    router.neighbors = neighbors.into_values().collect();
    router
}

/// The speaker sorts neighbors by these texts.
fn neighbor_key(peer: &Peer, generation: Generation) -> String {
    if generation < Generation::V0_15_0 {
        return speaker::neighbor_key(peer, generation);
    }
    let source = peer.source.map_or_else(|| "<nil>".to_owned(), |ip| ip.to_string());
    let vrf = if peer.vrf.is_empty() { String::new() } else { format!("/{}", peer.vrf) };
    format!("{}@{}-{}@{source}{vrf}", peer.asn, peer.host, peer.my_asn)
}

fn heard(peer: &Peer, ads: &[Ad<'_>], generation: Generation) -> Vec<Announcement> {
    let family = speaker::family_of_host(&peer.host);
    let carries = |a: &Announcement| {
        generation < Generation::V0_15_0 || speaker::is_dual_stack(peer, generation) || a.family == family
    };
    let heard = ads.iter().filter(|a| speaker::hears(peer, a.from));
    let all = heard.map(|a| speaker::announcement(a, generation)).filter(carries);
    let mut all: Vec<Announcement> = all.collect();
    all.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    all
}

/// Source addresses and localASN are not passed on by any release; what frr-k8s has no field for is not, either.
fn neighbor(peer: &Peer, heard: &[Announcement], generation: Generation, frr_k8s: &FrrK8s) -> NeighborSpec {
    let (asn, dynamic_asn) = match peer.asn {
        RemoteAs::Number(asn) => (Some(asn), String::new()),
        dynamic => (None, dynamic.to_string()),
    };
    let (address, interface) = match &peer.host {
        Host::Address(ip) => (ip.to_string(), String::new()),
        Host::Interface(name) => (String::new(), name.clone()),
    };
    let seconds = |s: u64| GoDuration(std::time::Duration::from_secs(s));
    NeighborSpec {
        asn,
        dynamic_asn,
        address,
        interface,
        port: Some(peer.port),
        password: if peer.secret.is_empty() { peer.password.clone() } else { String::new() },
        password_secret: peer.secret.clone(),
        hold_time: peer.timers.map(|t| t.hold),
        keepalive_time: peer.timers.map(|t| t.keepalive),
        connect_time: peer.connect.map(seconds),
        ebgp_multi_hop: peer.ebgp_multihop,
        bfd_profile: peer.bfd_profile.clone(),
        enable_graceful_restart: peer.graceful_restart && generation >= Generation::V0_14_9,
        to_advertise: advertised(heard, generation),
        disable_mp: peer.disable_mp && frr_k8s.generation >= K8sGeneration::V0_0_11,
        dual_stack_address_family: peer.dual_stack,
        ..NeighborSpec::default()
    }
}

fn advertised(heard: &[Announcement], generation: Generation) -> AdvertiseSpec {
    let mut local_prefs: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut communities: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for a in heard {
        if let Some(value) = a.local_pref {
            local_prefs.entry(value).or_default().push(a.prefix.clone());
        }
        let large = a.large_communities.0.iter().map(|c| format!("large:{c}"));
        for community in a.communities.0.iter().cloned().chain(large) {
            communities.entry(community).or_default().push(a.prefix.clone());
        }
    }
    // Up to v0.14.8 two Services of one prefix are there twice, which frr-k8s refuses for local preferences.
    let unique = |mut prefixes: Vec<String>| {
        if generation >= Generation::V0_14_9 {
            prefixes.dedup();
        }
        prefixes
    };
    let prefixes = unique(heard.iter().map(|a| a.prefix.clone()).collect());
    let with_local_pref = local_prefs.into_iter();
    let with_community = communities.into_iter();
    AdvertiseSpec {
        allowed: AllowedOutSpec { prefixes, ..AllowedOutSpec::default() },
        with_local_pref: with_local_pref
            .map(|(local_pref, prefixes)| LocalPrefSpec { prefixes: unique(prefixes), local_pref })
            .collect(),
        with_community: with_community
            .map(|(community, prefixes)| CommunityPrefixesSpec { prefixes: unique(prefixes), community })
            .collect(),
    }
}

fn bfd_profile(p: &BfdProfile) -> BfdProfileItem {
    BfdProfileItem {
        name: p.name.clone(),
        receive_interval: p.receive,
        transmit_interval: p.transmit,
        detect_multiplier: p.multiplier,
        echo_interval: p.echo,
        echo_mode: Some(p.echo_mode),
        passive_mode: Some(p.passive),
        minimum_ttl: p.minimum_ttl,
    }
}
