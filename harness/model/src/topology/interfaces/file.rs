//! The text of the label `routeproof.interfaces`, as written.

use serde::Deserialize;

use super::netem::NetemFile;

/// An interface of any type: `type` decides which of the keys belong to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct InterfaceFile {
    #[serde(rename = "type")]
    pub type_: Option<String>,
    pub parent: Option<String>,
    pub id: Option<u64>,
    pub vrf: Option<String>,
    pub addresses: Option<Vec<String>>,
    pub mtu: Option<u64>,
    pub mac: Option<String>,
    pub netem: Option<NetemFile>,
    pub table: Option<u64>,
    pub rules: Option<Vec<RuleFile>>,
    pub members: Option<Vec<String>>,
    pub mode: Option<String>,
    pub miimon: Option<String>,
    pub lacp_rate: Option<String>,
    pub hash_policy: Option<String>,
    pub primary: Option<String>,
    pub min_links: Option<u32>,
    pub system: Option<String>,
    pub local: Option<String>,
    pub remote: Option<String>,
    pub port: Option<u16>,
    pub untagged: Option<u64>,
    pub tagged: Option<Vec<u64>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    pub priority: u32,
    pub from: Option<String>,
    pub to: Option<String>,
    pub iif: Option<String>,
}

/// The types of interfaces that are made.
pub(super) const TYPES: [&str; 7] = ["vlan", "vrf", "bond", "bridge", "dummy", "macvlan", "vxlan"];

/// What a link's end, or `lo`, is called where the types' keys are told.
pub(super) const EXISTING: &str = "";

type IsSet = fn(&InterfaceFile) -> bool;

/// Which types have a key; those without an entry belong to every interface.
pub(super) const KEYS: [(&str, IsSet, &[&str]); 15] = [
    ("parent", |f| f.parent.is_some(), &["vlan", "macvlan", "vxlan"]),
    ("id", |f| f.id.is_some(), &["vlan", "vxlan"]),
    ("table", |f| f.table.is_some(), &["vrf"]),
    ("rules", |f| f.rules.is_some(), &["vrf"]),
    ("members", |f| f.members.is_some(), &["bond", "bridge"]),
    ("mode", |f| f.mode.is_some(), &["bond", "macvlan"]),
    ("miimon", |f| f.miimon.is_some(), &["bond"]),
    ("lacp-rate", |f| f.lacp_rate.is_some(), &["bond"]),
    ("hash-policy", |f| f.hash_policy.is_some(), &["bond"]),
    ("primary", |f| f.primary.is_some(), &["bond"]),
    ("min-links", |f| f.min_links.is_some(), &["bond"]),
    ("system", |f| f.system.is_some(), &["bond"]),
    ("local", |f| f.local.is_some(), &["vxlan"]),
    ("remote", |f| f.remote.is_some(), &["vxlan"]),
    ("port", |f| f.port.is_some(), &["vxlan"]),
];
