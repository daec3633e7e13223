//! FRRConfiguration, `frrk8s.metallb.io/v1beta1`, as a user writes it and as MetalLB's speaker writes it. Fields that only later
//! releases have are read here and refused for a release without them.

use serde::{Deserialize, Serialize};

use crate::metallb::duration::GoDuration;
use crate::metallb::meta::LabelSelector;
use crate::metallb::specs::SecretRef;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FrrConfigurationSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub bgp: BgpSpec,
    /// FRR configuration that is appended verbatim.
    #[serde(skip_serializing_if = "is_default")]
    pub raw: RawSpec,
    /// Empty selects every node.
    #[serde(skip_serializing_if = "is_default")]
    pub node_selector: LabelSelector,
}

/// `spec.raw`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RawSpec {
    /// Higher comes later in the file; of equals, by the objects' names.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub raw_config: String,
}

/// `spec.bgp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BgpSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub routers: Vec<RouterSpec>,
    #[serde(skip_serializing_if = "is_default")]
    pub bfd_profiles: Vec<BfdProfileItem>,
}

/// One `router bgp` block: one per VRF.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RouterSpec {
    pub asn: Option<u32>,
    /// The router ID (RFC 4271, section 4.2).
    #[serde(skip_serializing_if = "is_default")]
    pub id: String,
    #[serde(skip_serializing_if = "is_default")]
    pub vrf: String,
    #[serde(skip_serializing_if = "is_default")]
    pub neighbors: Vec<NeighborSpec>,
    /// `network` lines.
    #[serde(skip_serializing_if = "is_default")]
    pub prefixes: Vec<String>,
    /// Since v0.0.14: VRFs whose routes are imported.
    #[serde(skip_serializing_if = "is_default")]
    pub imports: Vec<ImportSpec>,
}

/// One imported VRF; `default` is the one without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub vrf: String,
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NeighborSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Since v0.0.15: `internal` or `external`.
    #[serde(rename = "dynamicASN", skip_serializing_if = "is_default")]
    pub dynamic_asn: String,
    /// Since v0.0.12. All lower case, unlike BGPPeer's.
    #[serde(rename = "sourceaddress", skip_serializing_if = "is_default")]
    pub source_address: String,
    #[serde(skip_serializing_if = "is_default")]
    pub address: String,
    /// Since v0.0.17: an unnumbered session.
    #[serde(skip_serializing_if = "is_default")]
    pub interface: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "is_default")]
    pub password: String,
    #[serde(skip_serializing_if = "SecretRef::is_empty")]
    pub password_secret: SecretRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_time: Option<GoDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_time: Option<GoDuration>,
    /// Since v0.0.10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_time: Option<GoDuration>,
    #[serde(skip_serializing_if = "is_default")]
    pub ebgp_multi_hop: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub bfd_profile: String,
    /// Since v0.0.14.
    #[serde(skip_serializing_if = "is_default")]
    pub enable_graceful_restart: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub to_advertise: AdvertiseSpec,
    #[serde(skip_serializing_if = "is_default")]
    pub to_receive: ReceiveSpec,
    /// Since v0.0.11; without effect since v0.0.19.
    #[serde(rename = "disableMP", skip_serializing_if = "is_default")]
    pub disable_mp: bool,
    /// Since v0.0.19.
    #[serde(skip_serializing_if = "is_default")]
    pub dual_stack_address_family: bool,
    /// Since v0.0.24.
    #[serde(rename = "localASN", skip_serializing_if = "Option::is_none")]
    pub local_asn: Option<u32>,
}

/// What the neighbor hears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AdvertiseSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub allowed: AllowedOutSpec,
    #[serde(skip_serializing_if = "is_default")]
    pub with_local_pref: Vec<LocalPrefSpec>,
    #[serde(skip_serializing_if = "is_default")]
    pub with_community: Vec<CommunityPrefixesSpec>,
}

/// What is taken from the neighbor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiveSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub allowed: AllowedInSpec,
}

/// Whether the list counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AllowMode {
    All,
    #[default]
    Filtered,
}

/// Prefixes of the router that may be advertised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AllowedOutSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub prefixes: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub mode: AllowMode,
}

/// Prefixes that may be received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AllowedInSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub prefixes: Vec<PrefixSelectorSpec>,
    #[serde(skip_serializing_if = "is_default")]
    pub mode: AllowMode,
}

/// A prefix, or the prefixes below it from length `ge` to length `le`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrefixSelectorSpec {
    pub prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub le: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ge: Option<u32>,
}

/// Prefixes that go out with a local preference (RFC 4271, section 5.1.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LocalPrefSpec {
    pub prefixes: Vec<String>,
    pub local_pref: u32,
}

/// Prefixes that go out with a community: `A:B`, or `large:A:B:C`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommunityPrefixesSpec {
    pub prefixes: Vec<String>,
    pub community: String,
}

/// A BFD profile; intervals in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BfdProfileItem {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transmit_interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detect_multiplier: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_mode: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_mode: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_ttl: Option<u32>,
}
