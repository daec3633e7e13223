//! The `spec` of each custom resource and of a Service, as a user writes it. Fields that only later releases know are read here
//! and refused by [`super::admit`] for a release without them, so that the error can name the release.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::duration::GoDuration;
use super::meta::{LabelSelector, Labels};

/// `metallb.io` BGPPeer, v1beta2 (and v1beta1, which has fewer fields).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BgpPeerSpec {
    #[serde(rename = "myASN")]
    pub my_asn: u32,
    #[serde(rename = "peerASN")]
    pub peer_asn: u32,
    pub peer_address: String,
    pub source_address: String,
    /// Default 179; 0 leaves the port to FRR.
    pub peer_port: Option<u16>,
    pub hold_time: Option<GoDuration>,
    pub keepalive_time: Option<GoDuration>,
    #[serde(rename = "routerID")]
    pub router_id: String,
    pub node_selectors: Vec<LabelSelector>,
    pub password: String,
    pub password_secret: SecretRef,
    pub bfd_profile: String,
    pub ebgp_multi_hop: bool,
    pub vrf: String,
    /// Since v0.14.4.
    pub connect_time: Option<GoDuration>,
    /// Since v0.14.4; without effect since v0.15.0.
    #[serde(rename = "disableMP")]
    pub disable_mp: bool,
    /// Since v0.14.6; once given it cannot change.
    pub enable_graceful_restart: Option<bool>,
    /// Since v0.14.9: `internal` or `external`.
    #[serde(rename = "dynamicASN")]
    pub dynamic_asn: String,
    /// Since v0.15.0: an unnumbered session.
    pub interface: String,
    /// Since v0.15.0.
    pub dual_stack_address_family: bool,
    /// Since v0.16.0.
    #[serde(rename = "localASN")]
    pub local_asn: Option<u32>,
}

/// A reference to a Secret in MetalLB's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretRef {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

impl SecretRef {
    /// Whether it refers to nothing.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.namespace.is_empty()
    }
}

/// `metallb.io/v1beta1` IPAddressPool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IpAddressPoolSpec {
    pub addresses: Vec<String>,
    #[serde(rename = "autoAssign")]
    pub auto_assign: Option<bool>,
    /// Leave out IPv4 addresses that end in .0 or .255.
    #[serde(rename = "avoidBuggyIPs")]
    pub avoid_buggy_ips: bool,
    #[serde(rename = "serviceAllocation")]
    pub service_allocation: Option<ServiceAllocation>,
}

/// Which Services a pool is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceAllocation {
    /// Lower is tried first; 0 means last.
    pub priority: i64,
    pub namespaces: Vec<String>,
    pub namespace_selectors: Vec<LabelSelector>,
    pub service_selectors: Vec<LabelSelector>,
}

/// `metallb.io/v1beta1` BGPAdvertisement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BgpAdvertisementSpec {
    /// Prefix length for IPv4, default 32.
    pub aggregation_length: Option<i32>,
    /// Prefix length for IPv6, default 128.
    pub aggregation_length_v6: Option<i32>,
    pub local_pref: u32,
    pub communities: Vec<String>,
    pub ip_address_pools: Vec<String>,
    pub ip_address_pool_selectors: Vec<LabelSelector>,
    pub node_selectors: Vec<LabelSelector>,
    pub peers: Vec<String>,
    /// Since v0.16.0.
    pub service_selectors: Vec<LabelSelector>,
    /// Since v0.16.2, in frr-k8s mode only.
    pub as_path_prepend: u8,
}

/// `metallb.io/v1beta1` Community: named aliases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommunitySpec {
    pub communities: Vec<CommunityAlias>,
}

/// One alias.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommunityAlias {
    pub name: String,
    pub value: String,
}

/// `metallb.io/v1beta1` BFDProfile; intervals in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BfdProfileSpec {
    pub receive_interval: Option<u32>,
    pub transmit_interval: Option<u32>,
    pub detect_multiplier: Option<u32>,
    pub echo_interval: Option<u32>,
    pub echo_mode: Option<bool>,
    pub passive_mode: Option<bool>,
    pub minimum_ttl: Option<u32>,
}

impl BfdProfileSpec {
    /// How long a neighbour may be silent, in milliseconds, if it sends as often as we do (RFC 5880, section 6.8.4). What is
    /// not given is FRR's default: 3 times 300 ms.
    pub fn detection_ms(&self) -> u64 {
        let slower = self.receive_interval.unwrap_or(300).max(self.transmit_interval.unwrap_or(300));
        u64::from(self.detect_multiplier.unwrap_or(3)) * u64::from(slower)
    }
}

/// The parts of a Service that decide its addresses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceSpec {
    #[serde(rename = "type")]
    pub kind: ServiceType,
    pub selector: Labels,
    pub ports: Vec<ServicePort>,
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    pub ip_families: Vec<IpFamily>,
    pub ip_family_policy: IpFamilyPolicy,
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    pub load_balancer_class: Option<String>,
    pub external_traffic_policy: TrafficPolicy,
    // Kubernetes' other fields: accepted, without effect on routing.
    #[serde(rename = "internalTrafficPolicy")]
    _internal_traffic_policy: Option<IgnoredAny>,
    #[serde(rename = "allocateLoadBalancerNodePorts")]
    _allocate_load_balancer_node_ports: Option<IgnoredAny>,
    #[serde(rename = "sessionAffinity")]
    _session_affinity: Option<IgnoredAny>,
    #[serde(rename = "sessionAffinityConfig")]
    _session_affinity_config: Option<IgnoredAny>,
    #[serde(rename = "externalIPs")]
    _external_ips: Option<IgnoredAny>,
    #[serde(rename = "externalName")]
    _external_name: Option<IgnoredAny>,
    #[serde(rename = "healthCheckNodePort")]
    _health_check_node_port: Option<IgnoredAny>,
    #[serde(rename = "publishNotReadyAddresses")]
    _publish_not_ready_addresses: Option<IgnoredAny>,
    #[serde(rename = "loadBalancerSourceRanges")]
    _load_balancer_source_ranges: Option<IgnoredAny>,
    #[serde(rename = "trafficDistribution")]
    _traffic_distribution: Option<IgnoredAny>,
}

/// `spec.type` of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ServiceType {
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalName,
}

/// One port; the protocol defaults to TCP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicePort {
    pub port: u16,
    #[serde(default = "tcp")]
    pub protocol: String,
    #[serde(default)]
    pub name: String,
    #[serde(rename = "targetPort")]
    _target_port: Option<IgnoredAny>,
    #[serde(rename = "nodePort")]
    _node_port: Option<IgnoredAny>,
    #[serde(rename = "appProtocol")]
    _app_protocol: Option<IgnoredAny>,
}

pub(super) fn tcp() -> String {
    "TCP".to_owned()
}

/// An entry of `spec.ipFamilies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum IpFamily {
    IPv4,
    IPv6,
}

/// `spec.ipFamilyPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum IpFamilyPolicy {
    #[default]
    #[serde(rename = "SingleStack")]
    Single,
    #[serde(rename = "PreferDualStack")]
    PreferDual,
    #[serde(rename = "RequireDualStack")]
    RequireDual,
}

/// `spec.externalTrafficPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TrafficPolicy {
    #[default]
    Cluster,
    Local,
}
