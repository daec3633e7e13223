//! A topology as written: every key of containerlab's schema, nothing inherited or checked yet.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::stages::Stages;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologyFile {
    pub name: String,
    pub prefix: Option<String>,
    pub mgmt: Option<Mgmt>,
    pub settings: Option<IgnoredAny>,
    pub debug: Option<bool>,
    pub topology: TopologySection,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologySection {
    pub defaults: Option<NodeFile>,
    #[serde(default)]
    pub kinds: Named<Option<NodeFile>>,
    #[serde(default)]
    pub groups: Named<Option<NodeFile>>,
    #[serde(default)]
    pub nodes: Named<Option<NodeFile>>,
    pub links: Option<Vec<LinkFile>>,
}

/// Docker's management network; the embedded lab has none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mgmt {
    pub network: Option<String>,
    pub bridge: Option<String>,
    pub ipv4_subnet: Option<String>,
    pub ipv6_subnet: Option<String>,
    pub ipv4_gw: Option<String>,
    pub ipv6_gw: Option<String>,
    pub ipv4_range: Option<String>,
    pub ipv6_range: Option<String>,
    pub mtu: Option<u32>,
    pub external_access: Option<bool>,
    pub skip_when_unused: Option<bool>,
    pub driver_opts: Option<IgnoredAny>,
}

/// A node, or what defaults, a kind or a group give to nodes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NodeFile {
    pub kind: Option<String>,
    pub group: Option<String>,
    pub image: Option<String>,
    pub exec: Option<Vec<String>>,
    pub binds: Option<Vec<String>>,
    pub env: Option<BTreeMap<String, String>>,
    pub startup_config: Option<String>,
    pub labels: Option<BTreeMap<String, String>>,
    pub sysctls: Option<BTreeMap<String, String>>,
    pub hostname: Option<String>,
    pub cmd: Option<String>,
    pub entrypoint: Option<String>,
    pub user: Option<String>,
    pub network_mode: Option<String>,
    pub startup_delay: Option<u64>,
    pub env_files: Option<Vec<String>>,
    pub volumes: Option<Vec<String>>,
    pub tmpfs: Option<BTreeMap<String, String>>,
    pub devices: Option<Vec<String>>,
    pub stages: Option<Stages>,
    pub components: Option<IgnoredAny>,
    #[serde(rename = "type")]
    pub type_: Option<String>,
    pub license: Option<String>,
    pub position: Option<String>,
    pub image_pull_policy: Option<String>,
    pub restart_policy: Option<String>,
    pub enforce_startup_config: Option<bool>,
    pub suppress_startup_config: Option<bool>,
    pub auto_remove: Option<bool>,
    pub config: Option<IgnoredAny>,
    pub cap_add: Option<Vec<String>>,
    pub privileged: Option<bool>,
    pub cgroupns_mode: Option<String>,
    pub cgroup_parent: Option<String>,
    pub pid_mode: Option<String>,
    pub security_opts: Option<Vec<String>>,
    pub shm_size: Option<String>,
    pub ports: Option<Vec<String>>,
    pub mgmt_ipv4: Option<String>,
    pub mgmt_ipv6: Option<String>,
    pub runtime: Option<String>,
    pub cpu: Option<f64>,
    pub cpu_set: Option<String>,
    pub memory: Option<String>,
    pub extras: Option<IgnoredAny>,
    pub dns: Option<IgnoredAny>,
    pub certificate: Option<IgnoredAny>,
    pub healthcheck: Option<IgnoredAny>,
    pub credentials: Option<IgnoredAny>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub aliases: Option<Vec<String>>,
    pub link_apply_mode: Option<String>,
}

/// A link of any type: `type` decides which of the keys belong to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LinkFile {
    #[serde(rename = "type")]
    pub type_: Option<String>,
    pub endpoints: Option<Vec<EndpointFile>>,
    pub mtu: Option<u32>,
    pub ipv4: Option<Vec<String>>,
    pub ipv6: Option<Vec<String>>,
    pub vars: Option<IgnoredAny>,
    pub labels: Option<IgnoredAny>,
    pub endpoint: Option<FullEndpoint>,
    pub host_interface: Option<String>,
    pub mode: Option<String>,
    pub remote: Option<String>,
    pub vni: Option<u32>,
    pub dst_port: Option<u16>,
    pub src_port: Option<u16>,
    /// An older name of `dst-port`.
    pub udp_port: Option<u16>,
    pub parent_interface: Option<String>,
}

/// One end of a link.
#[derive(Clone, Debug)]
pub enum EndpointFile {
    /// `node:interface`
    Brief(String),
    Full(FullEndpoint),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullEndpoint {
    pub node: String,
    pub interface: String,
    pub mac: Option<String>,
    pub ipv4: Option<String>,
    pub ipv6: Option<String>,
    pub vars: Option<IgnoredAny>,
}

impl<'de> Deserialize<'de> for EndpointFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = EndpointFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`node:interface`, or a mapping with `node` and `interface`")
            }

            fn visit_str<E>(self, text: &str) -> Result<EndpointFile, E> {
                Ok(EndpointFile::Brief(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EndpointFile, A::Error> {
                FullEndpoint::deserialize(MapAccessDeserializer::new(map)).map(EndpointFile::Full)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A mapping in the order of the file: lists that people read back keep the order that they wrote.
#[derive(Clone, Debug)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<Option<T>> {
    /// The entry of that name. A name without a body (`node1:`) is there, with nothing in it.
    pub(super) fn get(&self, name: &str) -> Option<&Option<T>> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            /// `nodes:` with nothing below it.
            fn visit_unit<E>(self) -> Result<Named<T>, E> {
                Ok(Named::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_any(InOrder(PhantomData))
    }
}
