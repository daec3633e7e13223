//! The resolved topology.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::addresses;
use super::interfaces::{Interface, commands};
use crate::diag::Diagnostic;

/// A resolved topology: defaults, kinds and groups are folded in, every reference exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Topology {
    pub name: String,
    /// As it was named when it was read; empty in plans of older versions.
    #[serde(default)]
    pub file: PathBuf,
    /// The folder of the topology file; binds and startup configs lie in it.
    pub dir: PathBuf,
    /// In the order of the file; `k8s-kind` nodes are in [`Topology::clusters`] instead.
    pub nodes: Vec<Node>,
    pub links: Vec<Link>,
    pub clusters: Vec<Cluster>,
    /// Keys that are accepted but have no effect in the embedded lab.
    #[serde(skip)]
    pub warnings: Vec<Diagnostic>,
}

/// A kind cluster (containerlab's `k8s-kind`): its nodes are the `ext-container`s named after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    pub name: String,
    /// The node image (`kindest/node:...`), for backends that boot one.
    pub image: Option<String>,
    /// kind's own configuration file.
    pub startup_config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Plays a Kubernetes node: runs MetalLB's FRR (containerlab's `ext-container` of a `k8s-kind` cluster).
    ClusterNode,
    /// A router: FRR, or another that a profile describes.
    Gateway,
    /// A host without a routing daemon.
    Client,
    /// A shared segment (containerlab's `bridge`): a bridge, not a namespace.
    Bridge,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::ClusterNode => "cluster node",
            Role::Gateway => "gateway",
            Role::Client => "client",
            Role::Bridge => "bridge",
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    pub name: String,
    /// The name without the cluster's (`worker` for `k8s-worker`), for cluster nodes of a `k8s-kind` cluster.
    pub alias: Option<String>,
    pub role: Role,
    /// The image as written (`quay.io/frrouting/frr:8.4.4`); `None` for bridges, and for cluster nodes unless written.
    pub image: Option<String>,
    /// What the topology declares besides the links' ends, in the order in which it is made; done before the `exec` lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// Commands run in the node after links are up, in order; each is an argv after shell-word splitting.
    pub exec: Vec<Vec<String>>,
    /// Ordered so that a folder comes before what is mounted inside it.
    pub binds: Vec<Bind>,
    pub env: BTreeMap<String, String>,
    /// A router configuration that the daemons load at start.
    pub startup_config: Option<StartupConfig>,
    /// What the gateway is to be, in no vendor's words ([`crate::profile::Intent`]); below [`Topology::dir`].
    #[serde(default)]
    pub intent: Option<PathBuf>,
    pub labels: BTreeMap<String, String>,
    /// Only `net.*`: the others belong to the host's kernel as a whole.
    pub sysctls: BTreeMap<String, String>,
    pub hostname: String,
}

impl Node {
    /// The declared interfaces as command lines, then the `exec` lines: everything that the topology does in the node.
    pub fn lines(&self) -> Vec<Vec<String>> {
        let bridge = (self.role == Role::Bridge).then_some(self.name.as_str());
        [commands(bridge, &self.interfaces), self.exec.clone()].concat()
    }

    /// The addresses that `exec` lines give to one of its interfaces.
    pub fn addresses_by_lines(&self, device: &str) -> Vec<IpNet> {
        let all = self.exec.iter().flat_map(|argv| addresses::added_by(argv));
        all.filter(|added| added.device.as_deref() == Some(device)).map(|added| added.net).collect()
    }

    /// The first `exec` line that does more than give addresses.
    pub fn other_line(&self) -> Option<String> {
        let gives =
            |argv: &&Vec<String>| addresses::added_by(argv).len() == addresses::simple_commands(argv).len();
        self.exec.iter().find(|argv| !gives(argv)).map(|argv| argv.join(" "))
    }

    /// The addresses that the topology itself gives to the node, apart from those of its links.
    fn assigned(&self) -> impl Iterator<Item = IpNet> {
        let declared: Vec<IpNet> = self.interfaces.iter().flat_map(|i| i.addresses.iter().copied()).collect();
        declared.into_iter().chain(self.exec.iter().flat_map(|argv| addresses::added_by(argv)).map(|a| a.net))
    }
}

/// A file or folder of the topology's folder, seen inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Below [`Topology::dir`], without `..`.
    pub host: PathBuf,
    /// Absolute, without `..`.
    pub node: PathBuf,
    pub read_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartupConfig {
    /// Below [`Topology::dir`].
    File(PathBuf),
    /// Written into the topology itself.
    Text(String),
}

impl StartupConfig {
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            StartupConfig::File(file) => Some(file),
            StartupConfig::Text(_) => None,
        }
    }
}

/// A cable between two interfaces (a veth pair), or between an interface and a bridge's port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    pub endpoints: [Endpoint; 2],
    /// In bytes; `None` leaves it to the backend (containerlab: 9500).
    pub mtu: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// Index into [`Topology::nodes`].
    pub node: usize,
    pub interface: String,
    pub mac: Option<[u8; 6]>,
    pub ipv4: Option<Ipv4Net>,
    pub ipv6: Option<Ipv6Net>,
}

impl Endpoint {
    /// What the link itself gives it, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> + use<> {
        self.ipv4.map(IpNet::V4).into_iter().chain(self.ipv6.map(IpNet::V6))
    }
}

impl Topology {
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|n| n.name == name)
    }

    /// A node by its name, else by its alias when only one node has it.
    pub fn find(&self, name: &str) -> Option<&Node> {
        let mut aliased = self.nodes.iter().filter(|n| n.alias.as_deref() == Some(name));
        self.node(name).or_else(|| match (aliased.next(), aliased.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        })
    }

    /// The bridge, and its port, at which the cable of a node's interface ends.
    pub fn bridge_port(&self, node: &str, interface: &str) -> Option<(&str, &str)> {
        let name = &self.find(node)?.name;
        let is = |end: &Endpoint| self.nodes[end.node].name == *name && end.interface == interface;
        let link = self.links.iter().find(|link| link.endpoints.iter().any(is))?;
        let other = link.endpoints.iter().find(|end| !is(end))?;
        let bridge = &self.nodes[other.node];
        // A member of a bond is the bond's port, not the bridge's.
        let in_bond = bridge.interfaces.iter().any(|i| {
            i.name == other.interface && i.master.as_ref().is_some_and(|master| *master != bridge.name)
        });
        let is_port = bridge.role == Role::Bridge && !in_bond;
        is_port.then_some((bridge.name.as_str(), other.interface.as_str()))
    }

    /// The addresses that the topology itself gives to a node (by name or alias): by its links first, then by what it
    /// declares, then by its `exec` lines (`ip addr add`), each in the file's order. Empty for an unknown node.
    pub fn addresses_of(&self, name: &str) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let node = self.find(name).and_then(|n| self.nodes.iter().position(|m| m.name == n.name));
        for addr in node.map(|n| self.node_addresses(n)).unwrap_or_default() {
            match addr {
                IpAddr::V4(a) if !v4.contains(&a) => v4.push(a),
                IpAddr::V6(a) if !v6.contains(&a) => v6.push(a),
                _ => {}
            }
        }
        (v4, v6)
    }

    /// The same with their networks' lengths; addresses that an `exec` line gives without one are left out.
    pub fn networks_of(&self, name: &str) -> Vec<IpNet> {
        let Some(node) = self.find(name).and_then(|n| self.nodes.iter().position(|m| m.name == n.name))
        else {
            return Vec::new();
        };
        let endpoints = self.links.iter().flat_map(|l| &l.endpoints).filter(|e| e.node == node);
        let linked = endpoints.flat_map(Endpoint::addresses);
        linked.chain(self.nodes[node].assigned()).collect()
    }

    /// The node to which the topology gives `ip`; for an address that several nodes share (link-local, anycast), the first.
    pub fn owner_of(&self, ip: IpAddr) -> Option<&Node> {
        (0..self.nodes.len()).find(|n| self.node_addresses(*n).contains(&ip)).map(|n| &self.nodes[n])
    }

    fn node_addresses(&self, node: usize) -> Vec<IpAddr> {
        let endpoints = self.links.iter().flat_map(|l| &l.endpoints).filter(|e| e.node == node);
        let linked = endpoints.flat_map(Endpoint::addresses);
        linked.chain(self.nodes[node].assigned()).map(|net| net.addr()).collect()
    }
}
