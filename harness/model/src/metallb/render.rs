//! From the cluster's objects to one node's frr.conf.

use std::net::IpAddr;

use thiserror::Error;

use super::admit::{self, Resolved};
use super::allocate::{is_ours, pool_of};
use super::frrconf::{Family, neighbor_id};
use super::frrk8s::{self, FrrConfiguration};
use super::legacy::{self, Refusal};
use super::meta::{Labels, any_or_all};
use super::nodes::Here;
use super::objects::ObjectId;
use super::reject::Reject;
use super::release::{Generation, Mode, Release, UnknownMode};
use super::resolve::{Host, Peer, RemoteAs};
use super::specs::{ServiceType, TrafficPolicy};
use super::store::Objects;
use super::{layout, speaker};
use crate::diag::Diagnostic;
use crate::path;

/// The node to render for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeInfo {
    /// Also the `hostname` line, and the label `kubernetes.io/hostname` unless the labels have one.
    pub name: String,
    /// Labels that selectors see; those of a Node object of this name are added and win.
    pub labels: Labels,
}

/// A session that the node runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// The BGPPeer's name.
    pub name: String,
    /// The prefix of its route maps: `<id>-in` and `<id>-out`.
    pub id: String,
    /// `None` for an unnumbered session.
    pub address: Option<IpAddr>,
    /// The peer's AS number.
    pub asn: RemoteAs,
    /// Empty for the default VRF.
    pub vrf: String,
    /// The activated address families.
    pub families: Vec<Family>,
}

/// A node's configuration and what a scenario may want to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// frr.conf, the extras (or raw configurations) verbatim at its end.
    pub conf: String,
    /// What the speaker writes in frr-k8s mode.
    pub generated: Option<FrrConfiguration>,
    /// In the order of the BGPPeers' names.
    pub peers: Vec<PeerInfo>,
    /// (`namespace/name`, addresses), in the order of creation.
    pub services: Vec<(String, Vec<IpAddr>)>,
    /// What MetalLB only logs or does silently.
    pub warnings: Vec<String>,
}

/// A node's frr.conf could not be rendered.
#[derive(Clone, Debug, Error)]
pub enum RenderError {
    /// The frr-k8s that a release ships is not known.
    #[error(transparent)]
    Unsupported(UnknownMode),
    /// MetalLB refuses the objects for good.
    #[error(transparent)]
    Refused(Box<Diagnostic>),
    /// Something that an object refers to is not there (yet): the speakers keep the configuration they have.
    #[error(transparent)]
    Pending(Box<Diagnostic>),
}

/// Renders frr.conf as the speaker on `node` would or, in frr-k8s mode, as the frr-k8s there would.
///
/// # Errors
/// See [`RenderError`]; after `Pending` a caller should leave the node's FRR alone, as MetalLB does.
pub fn render(
    release: &Release,
    mode: Mode,
    objects: &Objects,
    node: &NodeInfo,
) -> Result<Rendered, RenderError> {
    let labels = labels_of(objects, node);
    let here = Here { name: &node.name, labels: &labels, generation: release.generation };
    let resolved = resolve(release, objects, &here)?;
    admit::check_local_pref(objects, &resolved, &here).map_err(|r| located(objects, &r))?;
    let mut warnings: Vec<String> = here
        .silence(objects)
        .into_iter()
        .chain(legacy::unread(release, objects))
        .chain(warnings(objects, &resolved, release.generation))
        .chain(speaker::conflicts(objects, &resolved, &here))
        .collect();
    let (conf, generated) = match mode {
        Mode::Frr => {
            refuse_frr_configurations(release, objects)?;
            let conf = speaker::frr_conf(objects, &resolved, &here);
            (layout::text(&conf, release.generation), None)
        }
        Mode::FrrK8s => {
            let outcome = frrk8s::node_conf(release, objects, &resolved, &here)?;
            warnings.extend(outcome.warnings);
            (layout::frrk8s_text(&outcome.conf, outcome.generation), outcome.generated)
        }
    };
    let peers = resolved.peers.iter().filter(|(_, p)| any_or_all(&p.nodes, &labels));
    Ok(Rendered {
        conf,
        generated,
        peers: peers.map(|(_, p)| peer_info(p, release.generation)).collect(),
        services: speaker::announced(objects, &here)
            .into_iter()
            .map(|(id, ips)| (id.key(), ips.clone()))
            .collect(),
        warnings,
    })
}

/// The manifests of frr mode do not define the resource.
fn refuse_frr_configurations(release: &Release, objects: &Objects) -> Result<(), RenderError> {
    let Some((id, _)) = objects.frr_configurations().next() else { return Ok(()) };
    let Some(origin) = objects.origin(id) else { return Ok(()) };
    let message =
        format!("no matches for kind \"FRRConfiguration\": MetalLB {release} in frr mode has no frr-k8s");
    let diagnostic = origin.error_at(&path!["kind"], message);
    Err(RenderError::Refused(Box::new(match release.check(Mode::FrrK8s) {
        Ok(()) => diagnostic
            .hint("choose the mode frr-k8s: `metallb: { mode: frr-k8s }`, or `render --mode frr-k8s`"),
        Err(UnknownMode::TooOld { since, .. }) => {
            diagnostic.hint(format!("frr-k8s came with MetalLB {since}"))
        }
        Err(too_new) => diagnostic.hint(too_new.to_string()),
    })))
}

fn resolve(release: &Release, objects: &Objects, here: &Here<'_>) -> Result<Resolved, RenderError> {
    if release.generation == Generation::V0_12 {
        legacy::refuse_resources(release, objects).map_err(RenderError::Refused)?;
        return legacy::resolve(objects).map_err(|refusal| match refusal {
            Refusal::Unreadable(diagnostic) => RenderError::Refused(diagnostic),
            Refusal::Refused(reject) => located(objects, &reject),
        });
    }
    let mut pending = Vec::new();
    let resolved = admit::resolve_all(objects, Some(release.generation), &mut pending)
        .map_err(|r| located(objects, &r))?;
    admit::check_release(objects, release, &resolved).map_err(|r| located(objects, &r))?;
    admit::check_echoes(&resolved, here).map_err(|r| located(objects, &r))?;
    match pending.iter().find(|reject| here.waits_for(objects, &reject.id)) {
        Some(reject) => Err(located(objects, reject)),
        None => Ok(resolved),
    }
}

fn located(objects: &Objects, reject: &Reject) -> RenderError {
    let diagnostic = Box::new(objects.locate(reject));
    if reject.transient { RenderError::Pending(diagnostic) } else { RenderError::Refused(diagnostic) }
}

/// The sessions of all nodes, and whether these are all: not where a BGPPeer is refused or waits for something.
pub(super) fn peers(release: &Release, objects: &Objects) -> (Vec<PeerInfo>, bool) {
    let mut pending = Vec::new();
    let resolved = match release.generation {
        Generation::V0_12 => legacy::resolve(objects).ok(),
        generation => admit::resolve_all(objects, Some(generation), &mut pending).ok(),
    };
    let Some(resolved) = resolved else { return (Vec::new(), false) };
    let infos = resolved.peers.iter().map(|(_, p)| peer_info(p, release.generation));
    (infos.collect(), pending.is_empty())
}

fn labels_of(objects: &Objects, node: &NodeInfo) -> Labels {
    let mut labels = Labels::from([("kubernetes.io/hostname".to_owned(), node.name.clone())]);
    labels.extend(node.labels.clone());
    labels.extend(objects.node_labels(&node.name).cloned().unwrap_or_default());
    labels
}

fn peer_info(peer: &Peer, generation: Generation) -> PeerInfo {
    let families = match speaker::is_dual_stack(peer, generation) {
        true => Family::BOTH.to_vec(),
        false => vec![speaker::family_of_host(&peer.host)],
    };
    PeerInfo {
        name: peer.name.clone(),
        id: id_of(peer),
        address: match peer.host {
            Host::Address(ip) => Some(ip),
            Host::Interface(_) => None,
        },
        asn: peer.asn,
        vrf: peer.vrf.clone(),
        families,
    }
}

fn id_of(peer: &Peer) -> String {
    neighbor_id(&peer.host.to_string(), &peer.vrf)
}

fn warnings(objects: &Objects, resolved: &Resolved, generation: Generation) -> Vec<String> {
    let mut out: Vec<String> =
        objects.pending.iter().map(|(id, why)| format!("{id}: stays pending: {why}")).collect();
    let slices = objects.slices_by_service();
    for (id, service) in objects.services_by_age() {
        if service.spec.kind == ServiceType::LoadBalancer && !is_ours(&service.spec, Some(generation)) {
            out.push(format!("{id}: has a loadBalancerClass, so MetalLB leaves it alone"));
        }
        let Some(ips) = objects.addresses.get(id) else { continue };
        out.extend(unannounced(id, ips, resolved, generation));
        let guessed = !slices.contains_key(&id.place());
        if guessed && service.spec.external_traffic_policy == TrafficPolicy::Local {
            out.push(format!(
                "{id}: externalTrafficPolicy Local is announced from every node, as if each had an endpoint"
            ));
        }
    }
    for adv in &resolved.advertisements {
        for name in adv.peers.iter().filter(|n| !resolved.peers.iter().any(|(_, p)| p.name == **n)) {
            out.push(format!("{}: there is no BGPPeer `{name}`", adv.id));
        }
        for name in adv.pools.iter().filter(|n| !resolved.pools.iter().any(|p| p.id.name == **n)) {
            out.push(format!("{}: there is no IPAddressPool `{name}`", adv.id));
        }
    }
    out
}

fn unannounced(id: &ObjectId, ips: &[IpAddr], resolved: &Resolved, generation: Generation) -> Option<String> {
    let Some(pool) = pool_of(&resolved.pools, ips) else {
        return Some(format!("{id}: keeps {ips:?}, which no pool owns any more; it is not announced"));
    };
    let silent = !resolved.advertisements.iter().any(|a| a.selects(pool));
    silent.then(|| {
        let why = match generation {
            Generation::V0_12 => "layer2 is the protocol of its pool",
            _ => "no BGPAdvertisement selects its pool",
        };
        format!("{id}: {why} `{}`; it is not announced", pool.id.name)
    })
}
