//! EndpointSlices (discovery.k8s.io/v1): which pods stand behind a Service, and on which nodes they run.

use std::net::IpAddr;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::meta::MetaFile;

/// The label that binds a slice to its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointSlice {
    pub endpoints: Vec<Endpoint>,
    pub ports: Vec<EndpointPort>,
}

/// One pod.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// Consumers use the first (EndpointSlice API).
    pub addresses: Vec<IpAddr>,
    #[serde(default)]
    pub conditions: Conditions,
    /// The node on which the pod runs. The embedded lab needs it: it makes the pod there.
    pub node_name: Option<String>,
    #[serde(rename = "hostname")]
    _hostname: Option<IgnoredAny>,
    #[serde(rename = "targetRef")]
    _target_ref: Option<IgnoredAny>,
    #[serde(rename = "zone")]
    _zone: Option<IgnoredAny>,
    #[serde(rename = "hints")]
    _hints: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// Unknown counts as ready.
    pub ready: Option<bool>,
    pub serving: Option<bool>,
    pub terminating: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointPort {
    #[serde(default)]
    pub name: String,
    pub port: u16,
    #[serde(default = "super::specs::tcp")]
    pub protocol: String,
    #[serde(rename = "appProtocol")]
    _app_protocol: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum AddressType {
    IPv4,
    IPv6,
}

/// The object as it is written: it has no `spec`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EndpointSliceFile {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(default)]
    pub metadata: MetaFile,
    pub address_type: AddressType,
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    #[serde(default)]
    pub ports: Vec<EndpointPort>,
}

impl Endpoint {
    pub fn is_ready(&self) -> bool {
        self.conditions.ready != Some(false)
    }

    pub fn address(&self) -> Option<IpAddr> {
        self.addresses.first().copied()
    }
}

impl EndpointSliceFile {
    /// The first endpoint whose address is not of the slice's type, by its index.
    pub fn misfit(&self) -> Option<usize> {
        let fits = |ip: &IpAddr| ip.is_ipv4() == (self.address_type == AddressType::IPv4);
        self.endpoints.iter().position(|e| e.addresses.is_empty() || !e.addresses.iter().all(fits))
    }
}
