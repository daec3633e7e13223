//! What kube-proxy serves: each load-balancer address and port of a Service, and the pods behind it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::endpoints::{Endpoint, EndpointSlice};
use super::nodes::Here;
use super::objects::ObjectId;
use super::release::Generation;
use super::specs::{ServicePort, ServiceSpec, TrafficPolicy};
use super::store::{Objects, Slices};

/// One address and port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontend {
    /// `namespace/name`.
    pub service: String,
    pub address: IpAddr,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    pub port: u16,
    /// externalTrafficPolicy Local: only pods of the node itself, and the client's address stays.
    pub local: bool,
    /// Ready pods of the address's family.
    pub backends: Vec<Backend>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    pub address: IpAddr,
    pub port: u16,
    pub node: Option<String>,
}

impl Frontend {
    /// The pods that a node sends requests to.
    pub fn backends_of(&self, node: &str) -> impl Iterator<Item = &Backend> {
        let local = self.local;
        self.backends.iter().filter(move |b| !local || b.node.as_deref() == Some(node))
    }
}

/// Every frontend of Services that have EndpointSlices, oldest Service first.
pub fn frontends(objects: &Objects) -> Vec<Frontend> {
    let mut all = Vec::new();
    let slices = objects.slices_by_service();
    for (id, service) in objects.services_by_age() {
        let Some(addresses) = objects.addresses.get(id) else { continue };
        let Some(slices) = slices.get(&id.place()) else { continue };
        for address in addresses {
            all.extend(service.spec.ports.iter().map(|port| Frontend {
                service: id.key(),
                address: *address,
                protocol: port.protocol.to_lowercase(),
                port: port.port,
                local: service.spec.external_traffic_policy == TrafficPolicy::Local,
                backends: backends(slices, port, *address),
            }));
        }
    }
    all
}

fn backends(slices: &[&EndpointSlice], port: &ServicePort, address: IpAddr) -> Vec<Backend> {
    let mut all = Vec::new();
    for slice in slices {
        // Ports of a Service and of its slices belong together by their names.
        let Some(target) = slice.ports.iter().find(|p| p.name == port.name && p.protocol == port.protocol)
        else {
            continue;
        };
        let ready = slice.endpoints.iter().filter(|e| e.is_ready());
        all.extend(ready.filter_map(|e| {
            let pod = e.address().filter(|pod| pod.is_ipv4() == address.is_ipv4())?;
            Some(Backend { address: pod, port: target.port, node: e.node_name.clone() })
        }));
    }
    all
}

/// Whether a node's speaker announces a Service: where there is a pod that serves in the cluster, and with externalTrafficPolicy
/// Local also one on the node itself. A Service without EndpointSlices counts as having pods everywhere.
pub(super) fn is_announced(slices: &Slices<'_>, id: &ObjectId, spec: &ServiceSpec, here: &Here<'_>) -> bool {
    let Some(slices) = slices.get(&id.place()) else { return true };
    let everywhere = slices.iter().flat_map(|slice| &slice.endpoints);
    let local = everywhere.clone().filter(|e| e.node_name.as_deref() == Some(here.name));
    let needs_local = spec.external_traffic_policy == TrafficPolicy::Local;
    serves(everywhere, here) && (!needs_local || serves(local, here))
}

/// Whether one of these pods serves. Up to v0.15.3 an address that one entry calls unready is unready, whatever others say of it.
fn serves<'a>(pods: impl Iterator<Item = &'a Endpoint> + Clone, here: &Here<'_>) -> bool {
    let mut serving = pods.clone().filter(|e| here.can_serve(e)).flat_map(|e| &e.addresses);
    if here.generation >= Generation::V0_16_0 {
        return serving.next().is_some();
    }
    serving.any(|ip| !pods.clone().any(|e| !here.can_serve(e) && e.addresses.contains(ip)))
}
