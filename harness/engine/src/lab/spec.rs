//! What the harness asks of a lab's init and of a node's agent: plain values that travel as JSON.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use routeproof_model::topology::Interface;
use serde::{Deserialize, Serialize};

/// Beyond the indexes of nodes' interfaces: asked to make an interface in a node's namespace, Linux 6.1 refuses (EEXIST) an
/// index that something has in the lab's own.
const FIRST_BRIDGE: u32 = 1_000_000;

/// Beyond the indexes of what a container has already.
const FIRST_OF_CONTAINER: u32 = 100_000;

/// A whole lab, as its init builds it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LabSpec {
    /// An existing, empty folder. Inside the lab's mount namespace a tmpfs covers it; on the host it stays empty.
    pub mount_point: PathBuf,
    /// Shared segments; each becomes a Linux bridge in the lab's own network namespace.
    pub bridges: Vec<BridgeSpec>,
    pub nodes: Vec<NodeSpec>,
    pub links: Vec<LinkSpec>,
    /// The nodes are containers, which have agents already: they are wired, and no more.
    #[serde(default)]
    pub joined: bool,
    /// The last of those that join is no node but the patch ([`Laid::Patched`]).
    #[serde(default)]
    pub patch: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BridgeSpec {
    pub name: String,
    /// Bonds of its ports, and the VLANs of ports.
    pub interfaces: Vec<Interface>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NodeSpec {
    pub name: String,
    pub hostname: String,
    /// The root filesystem's folder; it is the read-only lower layer of the node's overlay.
    pub tree: PathBuf,
    /// Written in this order before the node has links, for instance `net.ipv4.ip_forward` = `1`.
    pub sysctls: Vec<(String, String)>,
    /// Host files copied into the node at boot: what the node writes stays in the lab.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// What it has besides the links' ends, in the order in which it is made.
    pub interfaces: Vec<Interface>,
}

/// A veth pair. An end in a bridge is enslaved to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkSpec {
    pub ends: [LinkEnd; 2],
    pub mtu: Option<u32>,
    #[serde(default)]
    pub laid: Laid,
}

/// Who makes a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Laid {
    /// The lab's init.
    #[default]
    Here,
    /// Somebody else, who made the end `there` and left the other one under this name in the patch: a namespace from which it is taken.
    Patched { there: usize, name: String },
    /// Somebody else, both ends.
    There,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LinkEnd {
    /// Index into [`LabSpec::nodes`].
    Node { node: usize, interface: InterfaceSpec },
    /// Index into [`LabSpec::bridges`], and the port's name.
    Bridge { bridge: usize, port: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InterfaceSpec {
    pub name: String,
    pub mac: Option<[u8; 6]>,
    pub addresses: Vec<IpNet>,
}

impl LabSpec {
    /// The interface index before that of a node's first cable.
    pub fn first_index(&self) -> u32 {
        if self.joined { FIRST_OF_CONTAINER } else { 1 }
    }

    /// The interface index of a bridge in the lab's own network namespace; the bridges' ports follow.
    pub fn bridge_index(&self, bridge: usize) -> u32 {
        FIRST_BRIDGE + bridge as u32
    }

    /// A bridge's index and its port's.
    pub fn port(&self, bridge: &str, port: &str) -> Option<(u32, u32)> {
        let of_bridges = self.links.iter().flat_map(|link| &link.ends).filter_map(|end| match end {
            LinkEnd::Bridge { bridge, port } => Some((*bridge, port.as_str())),
            LinkEnd::Node { .. } => None,
        });
        let first = self.bridge_index(self.bridges.len());
        let found =
            of_bridges.enumerate().find(|(_, (at, name))| self.bridges[*at].name == bridge && *name == port);
        found.map(|(position, (at, _))| (self.bridge_index(at), first + position as u32))
    }

    /// The bridge and its port at the other end of the cable of a node's interface.
    pub fn port_of(&self, node: &str, interface: &str) -> Option<(&str, &str)> {
        let is = |end: &LinkEnd| matches!(end, LinkEnd::Node { node: at, interface: i } if self.nodes[*at].name == node && i.name == interface);
        let link = self.links.iter().find(|link| link.ends.iter().any(is))?;
        link.ends.iter().find_map(|end| match end {
            LinkEnd::Bridge { bridge, port } => Some((self.bridges[*bridge].name.as_str(), port.as_str())),
            LinkEnd::Node { .. } => None,
        })
    }
}

/// Lab init to harness.
#[derive(Debug, Serialize, Deserialize)]
pub enum InitReport {
    /// Agent sockets of nodes `first..first + n` travel with this message.
    Agents { first: usize },
    /// Everything is built; a netlink socket of the lab's own network namespace, where the bridges are, travels along,
    /// and a netfilter socket of it where the kernel has one. Microseconds since the init was entered.
    Ready { namespaces_us: u64, roots_us: u64, links_us: u64 },
    /// The lab cannot be built; the init ends.
    Failed { what: String, errno: Option<i32> },
    /// The kernel, or who guards it, refuses what every lab needs; the init ends.
    Forbidden { what: String, errno: i32 },
    /// A node's agent ended, which nobody asked for.
    NodeDied { node: usize },
}

impl InitReport {
    pub fn failed(what: &str, error: &io::Error) -> InitReport {
        // An error without an errno (bad JSON, say) would lose its text on the wire.
        let what = error.raw_os_error().map_or_else(|| format!("{what}: {error}"), |_| what.to_string());
        InitReport::Failed { what, errno: error.raw_os_error() }
    }

    /// The same of what every lab needs: some errors then mean that there can be no lab here.
    pub fn refused(what: &str, error: &io::Error) -> InitReport {
        match error.raw_os_error() {
            // ENOSPC: a limit of namespaces(7), "The /proc/sys/user directory".
            Some(errno @ (libc::EPERM | libc::EACCES | libc::EUSERS | libc::ENOSPC)) => {
                InitReport::Forbidden { what: what.to_string(), errno }
            }
            _ => InitReport::failed(what, error),
        }
    }
}

/// Harness to a node's agent.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    pub id: u64,
    pub call: Call,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Call {
    /// Starts a process; stdin, stdout and stderr travel with the message, and after them the program where the node does not have it.
    Spawn {
        argv: Vec<String>,
        env: BTreeMap<String, String>,
        cwd: String,
        terminal: bool,
        /// Give up every capability that network configuration does not need.
        confined: bool,
        one_user: bool,
        /// Whether the program travels, too.
        brought: bool,
    },
    /// Signals a process, or its process group.
    Kill {
        pid: i32,
        signal: i32,
        group: bool,
    },
    /// A NETLINK_ROUTE socket of the node's network namespace.
    Netlink,
    /// An Internet or packet socket of the node's network namespace, neither bound nor connected.
    Socket {
        kind: SocketKind,
    },
    /// A stream socket connected to a Unix socket of the node.
    Connect {
        path: String,
    },
    Open {
        path: String,
        write: bool,
        mode: u32,
    },
    /// An inotify descriptor that reports files created in or moved into a folder.
    Watch {
        dir: String,
    },
    /// The names in a folder.
    List {
        dir: String,
    },
}

/// What a socket is for. Opening a raw or a packet socket needs CAP_NET_RAW over the network namespace, which the agent
/// has also in an ordinary user's lab; binding and using it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SocketKind {
    Udp(Family),
    Tcp(Family),
    /// A raw socket for ICMP or ICMPv6. Not a ping socket: net.ipv4.ping_group_range lets nobody open one by default.
    Icmp(Family),
    /// A packet socket with link-layer headers; it gets nothing before it is bound to a protocol and an interface.
    Packet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
    }
}

/// Agent to harness.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The call is done; a descriptor travels with it where the call yields one.
    Done {
        id: u64,
        pid: Option<i32>,
        names: Vec<String>,
    },
    Failed {
        id: u64,
        errno: i32,
        what: String,
    },
    Exited {
        pid: i32,
        code: Option<i32>,
        signal: Option<i32>,
    },
}
