//! Which nodes announce Services at all, and where two advertisements or peers can meet.

use std::net::IpAddr;

use serde::Deserialize;

use super::endpoints::Endpoint;
use super::meta::{LabelSelector, Labels, any_or_all};
use super::objects::ObjectId;
use super::proxy::is_announced;
use super::reject::Reject;
use super::release::Generation;
use super::resolve::Pool;
use super::specs::ServiceSpec;
use super::store::{Objects, Slices};

/// The label that takes a node out of load balancing (KEP-1143).
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// The parts of a Node that decide what its speaker announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeState {
    pub spec: NodeSpec,
    pub status: NodeStatus,
}

/// `spec` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    unschedulable: bool,
}

/// `status` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    conditions: Vec<Condition>,
    addresses: Vec<NodeAddress>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct NodeAddress {
    #[serde(rename = "type")]
    kind: String,
    address: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

impl NodeStatus {
    fn network_is_unavailable(&self) -> bool {
        self.conditions.iter().any(|c| c.kind == "NetworkUnavailable" && c.status == "True")
    }

    /// Its addresses in the cluster's network.
    pub(super) fn internal_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let internal = self.addresses.iter().filter(|a| a.kind == "InternalIP");
        internal.filter_map(|a| a.address.parse().ok())
    }
}

/// A node as its speaker sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here<'a> {
    pub name: &'a str,
    pub labels: &'a Labels,
    pub generation: Generation,
}

impl Here<'_> {
    /// Why the speaker announces no Service at all.
    pub fn silence(&self, objects: &Objects) -> Option<String> {
        let node = objects.node_state(self.name);
        let offline = node.is_some_and(|n| n.status.network_is_unavailable());
        if offline && self.generation >= Generation::V0_13_10 {
            return Some(format!("node/{}: NetworkUnavailable; its speaker announces no Service", self.name));
        }
        if self.generation == Generation::V0_14_9 && node.is_some_and(|n| n.spec.unschedulable) {
            return Some(format!(
                "node/{}: is cordoned; a speaker of v0.14.9 announces no Service then",
                self.name
            ));
        }
        let excluded = self.labels.contains_key(EXCLUDED) && self.generation >= Generation::V0_14_0;
        excluded.then(|| {
            format!("node/{}: has the label {EXCLUDED}; its speaker announces no Service", self.name)
        })
    }

    /// Whether the speaker takes note of an object with these node selectors: up to v0.15.3 of all.
    pub fn looks_at(&self, selectors: &[LabelSelector]) -> bool {
        self.generation < Generation::V0_16_0 || any_or_all(selectors, self.labels)
    }

    /// Whether the speaker waits for what an object lacks.
    pub fn waits_for(&self, objects: &Objects, id: &ObjectId) -> bool {
        let peer = objects.peers().find(|(other, _)| *other == id).map(|(_, r)| &r.spec.node_selectors);
        let adv = || {
            let found = objects.advertisements().find(|(other, _)| *other == id);
            found.map(|(_, r)| &r.spec.node_selectors)
        };
        peer.or_else(adv).is_none_or(|selectors| self.looks_at(selectors))
    }

    /// Whether the speaker announces a Service whose addresses are in order.
    pub fn announces(&self, slices: &Slices<'_>, id: &ObjectId, spec: &ServiceSpec) -> bool {
        is_announced(slices, id, spec, self)
    }

    /// Whether a pod gets requests: since v0.14.0 also one that ends but still serves. Up to v0.14.4 `serving` then decides alone,
    /// where it is said.
    pub fn can_serve(&self, endpoint: &Endpoint) -> bool {
        let ready = endpoint.is_ready();
        match endpoint.conditions.serving {
            Some(serving) if self.generation >= Generation::V0_14_5 => ready || serving,
            Some(serving) if self.generation >= Generation::V0_14_0 => serving,
            _ => ready,
        }
    }
}

/// v0.15.0 alone refuses a pool that has a node's address in it.
pub(super) fn check_pools(objects: &Objects, pools: &[Pool]) -> Result<(), Box<Reject>> {
    let of_nodes = objects.nodes().filter_map(|(name, _)| objects.node_state(name));
    let of_nodes: Vec<IpAddr> = of_nodes.flat_map(|node| node.status.internal_addresses()).collect();
    for pool in pools {
        for (i, cidr) in
            pool.addresses.iter().enumerate().flat_map(|(i, all)| all.iter().map(move |c| (i, c)))
        {
            if let Some(ip) = of_nodes.iter().find(|ip| cidr.contains(*ip)) {
                let reason = format!("pool cidr \"{cidr}\" contains nodeIp \"{ip}\"");
                return Err(Reject::item(&pool.id, "addresses", i, reason)
                    .hint("v0.15.0 alone refuses this: choose a newer `metallb.version`"));
            }
        }
    }
    Ok(())
}

/// The labels of every Node object, with the host name that Kubernetes gives each.
pub(super) fn all_labels(objects: &Objects) -> Vec<Labels> {
    let with_hostname = |(name, labels): (&String, &Labels)| {
        let mut all = Labels::from([("kubernetes.io/hostname".to_owned(), name.clone())]);
        all.extend(labels.clone());
        all
    };
    objects.nodes().map(with_hostname).collect()
}
