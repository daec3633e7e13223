//! Links, addresses, neighbours, rules and next-hop objects.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network device of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub index: u32,
    pub name: String,
    /// `veth`, `vlan`, `vrf`, `bridge`, ...; `loopback` or `device` where the kernel gives no kind.
    pub kind: String,
    pub mac: Option<String>,
    /// Bytes.
    pub mtu: u32,
    /// Administratively up (IFF_UP).
    pub up: bool,
    /// The lower layer is up (IFF_LOWER_UP).
    pub carrier: bool,
    /// RFC 2863 as the kernel names it: `up`, `down`, `lowerlayerdown`, `unknown`, ...
    pub operstate: String,
    /// Index of the bridge, bond or VRF that this link belongs to.
    pub master: Option<u32>,
    /// Index of the lower device or of the veth's other end (IFLA_LINK), valid in `peer_netns` when that is set.
    pub peer: Option<u32>,
    /// The kernel's id of the namespace that holds `peer`; absent when it is this namespace.
    pub peer_netns: Option<i32>,
    /// Routing table of a VRF device.
    pub vrf_table: Option<u32>,
    pub vlan: Option<u16>,
    /// Of a bond's member: whether the bond uses it (`active`) or keeps it in reserve (`backup`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bond_active: Option<bool>,
}

/// An address on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub device: String,
    /// The address with its prefix length.
    pub address: IpNet,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    pub scope: String,
    /// IFA_F_SECONDARY (IPv4) or a temporary address (IPv6).
    pub secondary: bool,
    /// Duplicate address detection has not finished (RFC 4862); the address cannot be used yet.
    pub tentative: bool,
    /// Duplicate address detection failed.
    pub dadfailed: bool,
    pub deprecated: bool,
}

/// An entry of the ARP or neighbour discovery table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    pub device: String,
    pub address: IpAddr,
    pub mac: Option<String>,
    /// `reachable`, `stale`, `failed`, `permanent`, ...
    pub state: String,
    pub router: bool,
    pub proxy: bool,
}

/// A policy routing rule (`ip rule`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    pub ipv6: bool,
    pub priority: u32,
    /// `table`, `goto`, `nop`, `blackhole`, `unreachable`, `prohibit`.
    pub action: String,
    /// The table to look in; 0 for the VRF's own table when `l3mdev` is set.
    pub table: u32,
    pub from: Option<IpNet>,
    pub to: Option<IpNet>,
    pub iif: Option<String>,
    pub oif: Option<String>,
    pub fwmark: Option<u32>,
    pub fwmask: Option<u32>,
    pub tos: u8,
    pub not: bool,
    pub l3mdev: bool,
    pub goto: Option<u32>,
    /// Lowest and highest user id.
    pub uids: Option<(u32, u32)>,
    pub ip_protocol: Option<u8>,
    pub source_ports: Option<(u16, u16)>,
    pub destination_ports: Option<(u16, u16)>,
    pub suppress_prefixlen: Option<u32>,
    pub protocol: String,
}

/// A next-hop object (`ip nexthop`, linux/nexthop.h): one way out, a group of them, or a hole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NexthopObject {
    pub id: u32,
    pub gateway: Option<IpAddr>,
    pub device: Option<String>,
    pub onlink: bool,
    pub dead: bool,
    pub linkdown: bool,
    pub blackhole: bool,
    /// Members of a group; empty for a single next hop.
    pub group: Vec<GroupMember>,
    /// A resilient group (NEXTHOP_GRP_TYPE_RES) instead of a hash-threshold one.
    pub resilient: bool,
    /// Buckets of a resilient group.
    pub buckets: Option<u16>,
    /// Only for bridge forwarding entries, never for routes.
    pub fdb: bool,
    pub protocol: String,
    pub scope: String,
}

/// A member of a next-hop group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    pub id: u32,
    /// 1-based as users write it.
    pub weight: u16,
}
