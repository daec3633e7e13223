//! What a node's interfaces are to be, resolved.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::netem::Netem;

/// An interface that the topology declares. Everything that it names (parent, master, members) is a link's end, `lo`, or
/// comes before it in [`crate::topology::Node::interfaces`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub kind: InterfaceKind,
    /// The bond, bridge or VRF that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<String>,
    /// In bytes; without it the kernel's: 1500, or the parent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<[u8; 6]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpNet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netem: Option<Netem>,
    /// Of a port of a VLAN-aware bridge, and of such a bridge itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlans: Option<PortVlans>,
}

/// What an interface is made as (ip-link(8), "type").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    /// A link's end, or `lo`: it is there already.
    Existing,
    /// An IEEE 802.1Q sub-interface.
    Vlan {
        parent: String,
        id: u16,
    },
    /// Documentation/networking/vrf.rst. Its table ends in an unreachable default route.
    Vrf {
        table: u32,
        rules: Vec<VrfRule>,
    },
    /// Documentation/networking/bonding.rst.
    Bond(Bond),
    /// `vlan_aware`: it filters VLANs, and a port has those only that it is given.
    Bridge {
        vlan_aware: bool,
    },
    Dummy,
    Macvlan {
        parent: String,
        mode: MacvlanMode,
    },
    Vxlan(Vxlan),
}

/// A policy rule that has packets looked up in a VRF's table (ip-rule(8)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrfRule {
    pub priority: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<IpNet>,
    /// The interface that packets come in by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iif: Option<String>,
}

impl VrfRule {
    /// Whether it is an IPv6 rule, for each rule of the kernel that it stands for: without a prefix both families have one.
    pub fn families(&self) -> &'static [bool] {
        match self.from.or(self.to) {
            None => &[false, true],
            Some(IpNet::V4(_)) => &[false],
            Some(IpNet::V6(_)) => &[true],
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    pub mode: BondMode,
    pub members: Vec<String>,
    /// How often the carrier is looked at, in milliseconds.
    pub miimon_ms: u32,
    /// LACPDUs each second instead of each 30 (IEEE 802.1AX, 6.4.4, `Fast_Periodic_Time`).
    pub lacp_fast: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_policy: Option<HashPolicy>,
    /// The member that is active whenever it is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// How many members must be up for the bond to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_links: Option<u32>,
    /// The LACP system that the bond says it is, if not its MAC address: two switches of one system are one to the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<[u8; 6]>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $(#[serde(rename = $word)] $variant),+
        }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// iproute2's word.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// How a bond uses its members.
    BondMode {
        BalanceRr = "balance-rr",
        ActiveBackup = "active-backup",
        BalanceXor = "balance-xor",
        Broadcast = "broadcast",
        Lacp = "802.3ad",
        BalanceTlb = "balance-tlb",
        BalanceAlb = "balance-alb",
    }
}
words! {
    /// What of a packet chooses the member.
    HashPolicy { Layer2 = "layer2", Layer23 = "layer2+3", Layer34 = "layer3+4" }
}
words! {
    MacvlanMode { Bridge = "bridge", Private = "private", Vepa = "vepa", Passthru = "passthru" }
}

/// RFC 7348.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vxlan {
    /// The VXLAN network identifier.
    pub id: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<std::net::IpAddr>,
    /// A tunnel's other end, or a multicast group.
    pub remote: std::net::IpAddr,
    /// UDP; 4789 is IANA's.
    pub port: u16,
}

/// Which VLANs a bridge's port has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortVlans {
    /// What comes in without a tag belongs to it, and what leaves of it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untagged: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tagged: Vec<u16>,
}

impl Interface {
    pub fn new(name: &str, kind: InterfaceKind) -> Interface {
        Interface {
            name: name.to_owned(),
            kind,
            master: None,
            mtu: None,
            mac: None,
            addresses: Vec::new(),
            netem: None,
            vlans: None,
        }
    }

    /// The interface below it.
    pub fn parent(&self) -> Option<&str> {
        match &self.kind {
            InterfaceKind::Vlan { parent, .. } | InterfaceKind::Macvlan { parent, .. } => Some(parent),
            InterfaceKind::Vxlan(vxlan) => vxlan.parent.as_deref(),
            _ => None,
        }
    }
}
