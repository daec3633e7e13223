//! The configuration as a user writes it. Every field may be missing or null, as in MetalLB's own reader, which then takes its zero.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::metallb::meta::{LabelSelector, Labels, Operator, Requirement};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    pub peers: Option<Vec<PeerFile>>,
    pub bgp_communities: Option<BTreeMap<String, String>>,
    pub address_pools: Option<Vec<PoolFile>>,
    pub bfd_profiles: Option<Vec<BfdProfileFile>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct PeerFile {
    pub my_asn: Option<u32>,
    pub peer_asn: Option<u32>,
    pub peer_address: Option<String>,
    pub source_address: Option<String>,
    pub peer_port: Option<u16>,
    pub hold_time: Option<String>,
    pub keepalive_time: Option<String>,
    pub router_id: Option<String>,
    pub node_selectors: Option<Vec<SelectorFile>>,
    pub password: Option<String>,
    pub bfd_profile: Option<String>,
    pub ebgp_multihop: Option<Flag>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct SelectorFile {
    match_labels: Option<Labels>,
    match_expressions: Option<Vec<RequirementFile>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementFile {
    key: String,
    operator: Operator,
    #[serde(default)]
    values: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct PoolFile {
    pub protocol: Option<String>,
    pub name: Option<String>,
    pub addresses: Option<Vec<String>>,
    pub avoid_buggy_ips: Option<Flag>,
    pub auto_assign: Option<Flag>,
    pub bgp_advertisements: Option<Vec<AdvertisementFile>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct AdvertisementFile {
    pub aggregation_length: Option<i32>,
    pub aggregation_length_v6: Option<i32>,
    /// MetalLB gives this one no dash.
    pub localpref: Option<u32>,
    pub communities: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct BfdProfileFile {
    pub name: Option<String>,
    pub receive_interval: Option<u32>,
    pub transmit_interval: Option<u32>,
    pub detect_multiplier: Option<u32>,
    pub echo_interval: Option<u32>,
    pub echo_mode: Option<Flag>,
    pub passive_mode: Option<Flag>,
    pub minimum_ttl: Option<u32>,
}

impl SelectorFile {
    pub fn selector(&self) -> LabelSelector {
        let requirement = |r: &RequirementFile| Requirement {
            key: r.key.clone(),
            operator: r.operator,
            values: r.values.clone().unwrap_or_default(),
        };
        LabelSelector {
            match_labels: self.match_labels.clone().unwrap_or_default(),
            match_expressions: self.match_expressions.iter().flatten().map(requirement).collect(),
        }
    }
}

/// A truth value in the words of YAML 1.1, which MetalLB v0.12 reads: `yes` and `on` too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true` or `false`")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Flag, E> {
        match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(Flag(true)),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(Flag(false)),
            _ => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }
}
