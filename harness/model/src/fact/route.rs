//! Routes and their next hops.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A route of one table of a node's kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    pub table: u32,
    pub prefix: IpNet,
    /// The kernel's metric (RTA_PRIORITY); 0 when the kernel gives none.
    pub metric: u32,
    /// rtm_protocol by name where the field has one (`bgp`, `kernel`, `static`, `zebra`, ...), else the number.
    pub protocol: String,
    /// rtm_type: `unicast`, `blackhole`, `unreachable`, `prohibit`, `local`, ...
    pub kind: String,
    pub scope: String,
    pub prefsrc: Option<IpAddr>,
    pub nhid: Option<u32>,
    /// Resolved: the members of the next-hop object or group when `nhid` is set.
    pub nexthops: BTreeSet<NextHop>,
    /// rtm_tos: the DSCP that the packet must carry, 0 for any. IPv4 only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tos: u8,
    /// RTA_SRC of a source-specific route. IPv6 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpNet>,
}

/// One way out of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NextHop {
    pub gateway: Option<IpAddr>,
    pub device: Option<String>,
    /// 1-based as users write it (the kernel stores weight - 1).
    pub weight: u16,
    pub onlink: bool,
    /// RTNH_F_DEAD: the device is administratively down, the kernel does not use this hop.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dead: bool,
    /// RTNH_F_LINKDOWN: no carrier. The kernel still uses the hop unless `ignore_routes_with_linkdown` is set.
    #[serde(default, skip_serializing_if = "is_false")]
    pub linkdown: bool,
}

impl NextHop {
    /// A usable hop of weight 1.
    pub fn new(gateway: Option<IpAddr>, device: Option<&str>) -> Self {
        NextHop { gateway, device: device.map(str::to_owned), weight: 1, ..NextHop::default() }
    }

    /// A set of hops. A way that is listed twice (IPv4 and groups allow that) gets as much traffic as both together.
    pub fn set(hops: impl IntoIterator<Item = NextHop>) -> BTreeSet<NextHop> {
        let mut ways: Vec<NextHop> = Vec::new();
        for hop in hops {
            match ways.iter_mut().find(|way| way.same_way(&hop)) {
                Some(way) => way.weight = way.weight.saturating_add(hop.weight),
                None => ways.push(hop),
            }
        }
        ways.into_iter().collect()
    }

    /// The same way out, whatever its weight and its present health.
    pub fn same_way(&self, other: &NextHop) -> bool {
        self.gateway == other.gateway && self.device == other.device
    }
}

/// `via 192.168.1.5 dev eth1 weight 1`, the way `ip route` writes it.
impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.gateway.map(|gateway| format!("via {gateway}")));
        words.extend(self.device.as_ref().map(|device| format!("dev {device}")));
        words.push(format!("weight {}", self.weight));
        let flags = [(self.onlink, "onlink"), (self.dead, "dead"), (self.linkdown, "linkdown")];
        words.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
        f.write_str(&words.join(" "))
    }
}

pub(super) fn is_zero(value: &u8) -> bool {
    *value == 0
}

pub(super) fn is_false(value: &bool) -> bool {
    !*value
}
