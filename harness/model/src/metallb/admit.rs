//! What MetalLB's webhooks and reconcilers refuse, beyond what [`super::resolve`] finds in a single object.

use super::allocate;
use super::community::Community;
use super::frrk8s;
use super::meta::any_or_all;
use super::nodes::{self, Here};
use super::objects::{Kind, Object, ObjectId};
use super::reject::Reject;
use super::release::{Generation, Release};
use super::resolve::{self, Advertisement, Host, Peer, Pool};
use super::specs::BgpPeerSpec;
use super::store::{METALLB_NAMESPACE, Objects};
use crate::path;

/// The ConfigMap with raw FRR configuration.
pub(super) const EXTRAS_CONFIG_MAP: &str = "bgpextras";
/// Its only key that is read.
pub(super) const EXTRAS_KEY: &str = "extras";

/// Is the object in a namespace, and under a name and key, where MetalLB looks for it?
pub(super) fn check_placement(id: &ObjectId, object: &Object) -> Result<(), Box<Reject>> {
    let namespace = || path!["metadata", "namespace"];
    if id.kind.reader() == Some("MetalLB") && id.namespace != METALLB_NAMESPACE {
        let reason = format!("resource must be created in {METALLB_NAMESPACE} namespace");
        return Err(Reject::at(id, namespace(), reason)
            .hint(format!("set `metadata.namespace: {METALLB_NAMESPACE}` (it is `{}` now)", id.namespace)));
    }
    let Object::ConfigMap(map) = object else { return Ok(()) };
    if id.name == EXTRAS_CONFIG_MAP && id.namespace != METALLB_NAMESPACE {
        let reason = format!(
            "a {EXTRAS_CONFIG_MAP} in namespace `{}` is never read, only the one in {METALLB_NAMESPACE} is",
            id.namespace
        );
        return Err(Reject::at(id, namespace(), reason)
            .hint(format!("set `metadata.namespace: {METALLB_NAMESPACE}`")));
    }
    if id.namespace != METALLB_NAMESPACE {
        return Ok(());
    }
    if id.name != EXTRAS_CONFIG_MAP {
        // Other ConfigMaps live there too: only what is all but this name is taken for a slip.
        return match strsim::jaro_winkler(&id.name, EXTRAS_CONFIG_MAP) > 0.85 {
            true => Err(Reject::at(id, path!["metadata", "name"], "a ConfigMap of this name is never read")
                .hint(format!("did you mean `{EXTRAS_CONFIG_MAP}`?"))),
            false => Ok(()),
        };
    }
    if !map.spec.is_empty() && !map.spec.contains_key(EXTRAS_KEY) {
        let found: Vec<&str> = map.spec.keys().map(String::as_str).collect();
        return Err(Reject::at(
            id,
            path!["data"],
            format!("it has no key `{EXTRAS_KEY}`, the only one that is read"),
        )
        .hint(format!("found: {}", found.join(", "))));
    }
    Ok(())
}

/// Everything that resolves, in the order of the API server's lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    pub peers: Vec<(ObjectId, Peer)>,
    pub pools: Vec<Pool>,
    pub advertisements: Vec<Advertisement>,
    pub bfd_profiles: Vec<resolve::BfdProfile>,
}

/// Resolves all objects, by the rules of a release if one is given; transient refusals go to `pending` and the object is left out.
pub(super) fn resolve_all(
    objects: &Objects,
    generation: Option<Generation>,
    pending: &mut Vec<Reject>,
) -> Result<Resolved, Box<Reject>> {
    let mut all = Resolved::default();
    for (id, from) in objects.frr_configurations() {
        frrk8s::check_schema(id, from)?;
    }
    for (id, from) in objects.bfd_profiles() {
        let refuse = |field: &str, reason: String| Reject::spec(id, field, reason);
        all.bfd_profiles.push(resolve::bfd_profile(&id.name, &from.spec, refuse)?);
    }
    for (id, from) in objects.peers() {
        if let Some(peer) = unless_transient(resolve::peer(id, from, objects, generation), pending)? {
            all.peers.push((id.clone(), peer));
        }
    }
    let aliases = resolve::aliases(objects.communities())?;
    for (id, from) in objects.pools() {
        let pool = resolve::pool(id, from, objects)?;
        resolve::check_overlap(&pool, &all.pools)?;
        all.pools.push(pool);
    }
    for (id, from) in objects.advertisements() {
        let Some(adv) = unless_transient(resolve::advertisement(id, from, &aliases), pending)? else {
            continue;
        };
        for pool in all.pools.iter().filter(|p| adv.selects(p)) {
            resolve::check_aggregation(&adv, pool)?;
        }
        all.advertisements.push(adv);
    }
    Ok(all)
}

fn unless_transient<T>(
    result: Result<T, Box<Reject>>,
    pending: &mut Vec<Reject>,
) -> Result<Option<T>, Box<Reject>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(reject) if reject.transient => {
            pending.push(*reject);
            Ok(None)
        }
        Err(reject) => Err(reject),
    }
}

/// BFD echo does not work over IPv6, which is checked since v0.13.10. The webhooks let it pass, the speakers do not; since v0.16.0 a speaker looks only at what selects
/// its node.
pub(super) fn check_echoes(all: &Resolved, here: &Here<'_>) -> Result<(), Box<Reject>> {
    if here.generation < Generation::V0_13_10 {
        return Ok(());
    }
    let advertisements = all.advertisements.iter().filter(|adv| here.looks_at(&adv.nodes));
    for (adv, pool) in advertisements.flat_map(|adv| all.pools.iter().map(move |pool| (adv, pool))) {
        if adv.selects(pool) {
            check_echo(adv, pool, all, here)?;
        }
    }
    Ok(())
}

fn check_echo(adv: &Advertisement, pool: &Pool, all: &Resolved, here: &Here<'_>) -> Result<(), Box<Reject>> {
    if !pool.cidrs().any(|c| c.addr().is_ipv6()) {
        return Ok(());
    }
    let echoes = |peer: &Peer| all.bfd_profiles.iter().any(|b| b.name == peer.bfd_profile && b.echo_mode);
    let chosen =
        |peer: &Peer| here.looks_at(&peer.nodes) && (adv.peers.is_empty() || adv.peers.contains(&peer.name));
    match all.peers.iter().find(|(_, p)| chosen(p) && echoes(p)) {
        None => Ok(()),
        Some((_, peer)) => Err(Reject::spec(
            &adv.id,
            "peers",
            format!(
                "pool {} has bgpadvertisement {} which references peer {} which has bfd echo enabled, which is not possible",
                pool.id.name, adv.id.name, peer.name
            ),
        )),
    }
}

/// Whether objects of this kind can change what [`check_objects`] says.
pub(super) fn is_configuration(kind: Kind) -> bool {
    kind.reader().is_some() || matches!(kind, Kind::Secret | Kind::Namespace)
}

/// Admission: the rules that hold for every release.
pub(super) fn check_objects(objects: &Objects) -> Result<(), Box<Reject>> {
    resolve_all(objects, None, &mut Vec::new()).map(|_| ())
}

/// The rules of one release: fields that it does not have, and the peers' rules of FRR mode.
pub(super) fn check_release(
    objects: &Objects,
    release: &Release,
    resolved: &Resolved,
) -> Result<(), Box<Reject>> {
    for (id, from) in objects.peers() {
        let vrf = (!from.spec.vrf.is_empty()).then_some(("vrf", (Generation::V0_13_8, "v0.13.8")));
        for (field, (generation, since)) in newer_fields(&from.spec).into_iter().chain(vrf) {
            if release.generation < generation {
                return Err(too_new(release, id, field, since));
            }
        }
    }
    for (id, from) in objects.pools() {
        if from.spec.service_allocation.is_some() && release.generation < Generation::V0_13_8 {
            return Err(too_new(release, id, "serviceAllocation", "v0.13.8"));
        }
        if from.spec.avoid_buggy_ips && release.is_before("v0.13.4") {
            return Err(too_new(release, id, "avoidBuggyIPs", "v0.13.4"));
        }
    }
    if release.version == "v0.15.0" {
        nodes::check_pools(objects, &resolved.pools)?;
    }
    for (id, service) in
        objects.services_by_age().into_iter().filter(|_| release.generation < Generation::V0_14_9)
    {
        if let Some(name) =
            allocate::NEW_ANNOTATIONS.iter().find(|n| service.meta.annotations.contains_key(**n))
        {
            let old = name.replacen("metallb.io", "metallb.universe.tf", 1);
            return Err(Reject::at(
                id,
                path!["metadata", "annotations", *name],
                format!("MetalLB {release} does not read the annotation `{name}`"),
            )
            .hint(format!("it exists since v0.14.9; use `{old}`")));
        }
    }
    check_advertisements(objects, release)?;
    for adv in &resolved.advertisements {
        let large = adv.communities.iter().find(|c| matches!(c, Community::Large(..)));
        if let Some(c) = large.filter(|_| release.generation < Generation::V0_13_10) {
            let reason = format!("invalid community large:{c}");
            return Err(Reject::spec(&adv.id, "communities", reason)
                .hint("large communities exist since v0.13.10; choose a newer `metallb.version`"));
        }
    }
    check_peers(objects, &resolved.peers, release.generation)
}

/// What a BGPAdvertisement may say since when.
fn check_advertisements(objects: &Objects, release: &Release) -> Result<(), Box<Reject>> {
    for (id, from) in objects.advertisements() {
        if !from.spec.service_selectors.is_empty() && release.generation < Generation::V0_16_0 {
            return Err(too_new(release, id, "serviceSelectors", "v0.16.0"));
        }
        match from.spec.as_path_prepend {
            0 => {}
            _ if release.generation < Generation::V0_16_2 => {
                return Err(too_new(release, id, "asPathPrepend", "v0.16.2"));
            }
            _ => {
                let reason = "asPathPrepend is only supported by the frr-k8s backend";
                return Err(Reject::spec(id, "asPathPrepend", reason));
            }
        }
    }
    Ok(())
}

fn too_new(release: &Release, id: &ObjectId, field: &str, since: &str) -> Box<Reject> {
    Reject::spec(id, field, format!("MetalLB {release} has no field `{field}`"))
        .hint(format!("`{field}` exists since {since}; choose a newer `metallb.version` or leave it out"))
}

type Since = (Generation, &'static str);

/// The fields of a BGPPeer that are set and came after v1beta2's first form.
pub(super) fn newer_fields(spec: &BgpPeerSpec) -> Vec<(&'static str, Since)> {
    [
        ("connectTime", spec.connect_time.is_some(), (Generation::V0_14_4, "v0.14.4")),
        ("disableMP", spec.disable_mp, (Generation::V0_14_4, "v0.14.4")),
        ("enableGracefulRestart", spec.enable_graceful_restart.is_some(), (Generation::V0_14_6, "v0.14.6")),
        ("dynamicASN", !spec.dynamic_asn.is_empty(), (Generation::V0_14_9, "v0.14.9")),
        ("interface", !spec.interface.is_empty(), (Generation::V0_15_0, "v0.15.0")),
        ("dualStackAddressFamily", spec.dual_stack_address_family, (Generation::V0_15_0, "v0.15.0")),
        ("localASN", spec.local_asn.is_some(), (Generation::V0_16_0, "v0.16.0")),
    ]
    .into_iter()
    .filter_map(|(field, set, since)| set.then_some((field, since)))
    .collect()
}

/// FRR mode: one router ID for all peers, one AS number per VRF, no address twice in a VRF. Up to v0.15.3 whatever the nodes, since
/// v0.16.0 for peers that share a node.
fn check_peers(
    objects: &Objects,
    peers: &[(ObjectId, Peer)],
    generation: Generation,
) -> Result<(), Box<Reject>> {
    let per_node = generation >= Generation::V0_16_0;
    let homes = if per_node { homes(objects, peers) } else { Vec::new() };
    // Without Node objects MetalLB takes all peers to meet somewhere.
    let share_node =
        |i: usize, j: usize| homes[i].is_empty() || homes[i].iter().zip(&homes[j]).any(|(a, b)| *a && *b);
    for (i, (id, peer)) in peers.iter().enumerate() {
        for (j, (_, other)) in peers[..i].iter().enumerate() {
            if !per_node || share_node(i, j) {
                check_pair(id, peer, other, per_node)?;
            }
        }
    }
    Ok(())
}

/// For each peer, and each Node object, whether the peer selects the node.
fn homes(objects: &Objects, peers: &[(ObjectId, Peer)]) -> Vec<Vec<bool>> {
    let nodes = nodes::all_labels(objects);
    peers
        .iter()
        .map(|(_, peer)| nodes.iter().map(|labels| any_or_all(&peer.nodes, labels)).collect())
        .collect()
}

fn check_pair(id: &ObjectId, peer: &Peer, other: &Peer, per_node: bool) -> Result<(), Box<Reject>> {
    if peer.router_id != other.router_id {
        let rule = match per_node {
            true => "peers selecting the same node must all have the same RouterID",
            false => "all RouterID must be equal",
        };
        let reason =
            format!("peer {} has RouterID different from {}, in FRR mode {rule}", peer.name, other.name);
        return Err(Reject::spec(id, "routerID", reason));
    }
    if peer.host == other.host && peer.vrf == other.vrf {
        let rule = if per_node { " selecting the same node" } else { "" };
        let reason =
            format!("peer {} already exists, FRR mode doesn't support duplicate BGPPeers{rule}", peer.host);
        let field = if matches!(peer.host, Host::Address(_)) { "peerAddress" } else { "interface" };
        return Err(Reject::spec(id, field, reason).hint(format!("BGPPeer `{}` has it", other.name)));
    }
    if peer.my_asn != other.my_asn && peer.vrf == other.vrf {
        let rule = match per_node {
            true => "peers selecting the same node must have the same myAsn within the same VRF",
            false => "all myAsn must be equal for the same VRF",
        };
        let reason =
            format!("peer {} has myAsn different from {}, in FRR mode {rule}", peer.host, other.host);
        return Err(Reject::spec(id, "myASN", reason));
    }
    Ok(())
}

/// Two advertisements that reach the same node and peer with the same prefix length must not differ in local preference, whichever
/// node this is; checked since v0.13.10.
pub(super) fn check_local_pref(
    objects: &Objects,
    resolved: &Resolved,
    here: &Here<'_>,
) -> Result<(), Box<Reject>> {
    if here.generation < Generation::V0_13_10 {
        return Ok(());
    }
    let mut nodes = nodes::all_labels(objects);
    if objects.node_labels(here.name).is_none() {
        nodes.push(here.labels.clone());
    }
    let meet = |a: &Advertisement, b: &Advertisement| {
        nodes.iter().any(|labels| any_or_all(&a.nodes, labels) && any_or_all(&b.nodes, labels))
    };
    for (i, adv) in resolved.advertisements.iter().enumerate() {
        // Which Services meet under selectors is not known at admission.
        let earlier = resolved.advertisements[..i].iter();
        for other in earlier.filter(|o| o.services.is_empty() && adv.services.is_empty()) {
            let clash =
                |p: &Pool| adv.selects(p) && other.selects(p) && clashes(adv, other, p, here.generation);
            if resolved.pools.iter().any(clash) && meet(adv, other) {
                let reason = format!(
                    "invalid local preference {}: local preference {} was already set for the same type of BGP update",
                    adv.local_pref, other.local_pref
                );
                return Err(Reject::spec(&adv.id, "localPref", reason).hint(format!(
                    "BGPAdvertisement `{}` sets it for the same pool and peer",
                    other.id.name
                )));
            }
        }
    }
    Ok(())
}

/// Whether two advertisements of one pool give the same update different local preferences, where they meet.
pub(super) fn clashes(
    adv: &Advertisement,
    other: &Advertisement,
    pool: &Pool,
    generation: Generation,
) -> bool {
    let share_peer =
        adv.peers.is_empty() || other.peers.is_empty() || adv.peers.iter().any(|p| other.peers.contains(p));
    adv.local_pref != other.local_pref && share_peer && share_length(adv, other, pool, generation)
}

/// Since v0.15.0 a length counts only if the pool has addresses of its family.
fn share_length(adv: &Advertisement, other: &Advertisement, pool: &Pool, generation: Generation) -> bool {
    let counts =
        |v4: bool| generation < Generation::V0_15_0 || pool.cidrs().any(|c| c.addr().is_ipv4() == v4);
    (adv.length_v4 == other.length_v4 && counts(true)) || (adv.length_v6 == other.length_v6 && counts(false))
}

/// What the CRD forbids to change.
pub(super) fn check_change(id: &ObjectId, old: &Object, new: &Object) -> Result<(), Box<Reject>> {
    let (Object::BgpPeer(old), Object::BgpPeer(new)) = (old, new) else { return Ok(()) };
    match (old.spec.enable_graceful_restart, new.spec.enable_graceful_restart) {
        (Some(before), Some(after)) if before != after => {
            let reason = "EnableGracefulRestart cannot be changed after creation";
            Err(Reject::spec(id, "enableGracefulRestart", reason).hint("delete the BGPPeer first"))
        }
        _ => Ok(()),
    }
}

/// MetalLB's reason for refusing to delete an object.
pub(super) fn forbids_deletion(objects: &Objects, id: &ObjectId) -> Option<String> {
    if id.kind != Kind::BfdProfile {
        return None;
    }
    let (user, _) = objects.peers().find(|(_, p)| p.spec.bfd_profile == id.name)?;
    Some(format!("failed to delete BFDProfile {}, used by BGPPeer {}", id.name, user.name))
}
