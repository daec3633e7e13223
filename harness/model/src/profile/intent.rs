//! What a gateway is to be, in no vendor's words: `*.intent.yaml` beside a topology.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ability::Ability;
use crate::diag::{Diagnostic, Source};
use crate::{path, yaml};

/// Families of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    fn of(address: IpAddr) -> Family {
        if address.is_ipv6() { Family::Ipv6 } else { Family::Ipv4 }
    }
}

/// A gateway: who it is, with whom it speaks, what it announces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Intent {
    pub router_id: Ipv4Addr,
    pub asn: u32,
    /// Announced to every peer that is in no VRF, in its families.
    #[serde(default, deserialize_with = "crate::scenario::prefixes")]
    pub prefixes: Vec<IpNet>,
    #[serde(default)]
    pub peers: Vec<Peer>,
    /// Peers that call from these networks (passive).
    #[serde(default)]
    pub dynamic_peers: Vec<DynamicPeers>,
    #[serde(default)]
    pub vrfs: Vec<Vrf>,
    /// Subinterfaces.
    #[serde(default)]
    pub vlans: Vec<Vlan>,
    /// Next hops of one prefix that are used side by side; 1 for no ECMP.
    #[serde(default = "ecmp")]
    pub ecmp: u16,
    #[serde(default)]
    pub graceful_restart: GracefulRestart,
    /// Whether the router offers route refresh (RFC 2918).
    #[serde(default = "yes")]
    pub route_refresh: bool,
    #[serde(default)]
    pub timers: Timers,
    #[serde(default)]
    pub bfd: BfdTimers,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Peer {
    pub address: IpAddr,
    pub asn: u32,
    /// The session's own address; needed by some routers.
    #[serde(default)]
    pub local_address: Option<IpAddr>,
    /// The address's own family, unless said.
    #[serde(default)]
    pub families: Vec<Family>,
    #[serde(default)]
    pub vrf: Option<String>,
    #[serde(default)]
    pub bfd: bool,
    /// RFC 2385.
    #[serde(default)]
    pub password: Option<String>,
    /// Hops that the peer may be away (eBGP multihop).
    #[serde(default)]
    pub multihop: Option<u8>,
    /// Waits for the peer to call.
    #[serde(default)]
    pub passive: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DynamicPeers {
    pub range: IpNet,
    pub asn: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Vrf {
    pub name: String,
    /// The kernel's table, where the router has one.
    pub table: u32,
    #[serde(default)]
    pub interfaces: Vec<String>,
    /// Announced to the VRF's peers, and to no others.
    #[serde(default, deserialize_with = "crate::scenario::prefixes")]
    pub prefixes: Vec<IpNet>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Vlan {
    pub interface: String,
    pub id: u16,
    #[serde(default)]
    pub addresses: Vec<IpNet>,
}

/// RFC 4724.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GracefulRestart {
    /// Whatever the router does when nothing is configured.
    #[default]
    Default,
    Off,
    /// Keeps peers' routes.
    Helper,
    /// And asks peers to keep its own.
    Restart,
}

/// Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Timers {
    pub keepalive: u16,
    pub hold: u16,
    pub connect: u16,
}

impl Default for Timers {
    fn default() -> Timers {
        // The hold time that RFC 4271, section 10 suggests; a connect retry that a lab can wait for.
        Timers { keepalive: 30, hold: 90, connect: 5 }
    }
}

/// RFC 5880: milliseconds between packets, and how many may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BfdTimers {
    pub interval_ms: u32,
    pub multiplier: u8,
}

impl Default for BfdTimers {
    fn default() -> BfdTimers {
        BfdTimers { interval_ms: 300, multiplier: 3 }
    }
}

fn ecmp() -> u16 {
    1
}

fn yes() -> bool {
    true
}

impl Intent {
    /// Reads a file.
    ///
    /// # Errors
    /// The first mistake, at its line and column.
    pub fn parse(source: &Source) -> Result<Intent, Diagnostic> {
        let mut intent: Intent = yaml::parse(source)?;
        if intent.peers.is_empty() && intent.dynamic_peers.is_empty() {
            let error = source.error("the gateway has no peers: it would speak with nobody");
            return Err(error.hint("add `peers` or `dynamic-peers`"));
        }
        for (index, peer) in intent.peers.iter_mut().enumerate() {
            let at = path!["peers", index];
            if peer.families.is_empty() {
                peer.families.push(Family::of(peer.address));
            }
            if let Some(local) = peer.local_address.filter(|l| l.is_ipv6() != peer.address.is_ipv6()) {
                let what = format!("{local} is of another family than the peer's {}", peer.address);
                return Err(source.error_at(&[at, path!["local-address"]].concat(), what));
            }
            let known = |name: &String| intent.vrfs.iter().any(|vrf| vrf.name == *name);
            if let Some(vrf) = peer.vrf.as_ref().filter(|name| !known(name)) {
                let error = source.error_at(&[at, path!["vrf"]].concat(), format!("unknown VRF `{vrf}`"));
                return Err(error
                    .suggest(vrf, intent.vrfs.iter().map(|v| v.name.as_str()))
                    .hint("VRFs are listed under `vrfs`"));
            }
        }
        for (index, vrf) in intent.vrfs.iter().enumerate() {
            intent.check_vrf(index, vrf).map_err(|(field, what)| {
                source.error_at(&[path!["vrfs", index], path![field]].concat(), what)
            })?;
        }
        if intent.timers.hold != 0 && intent.timers.hold < 3 {
            let what = format!("a hold time of {} s: RFC 4271 has 0 or at least 3", intent.timers.hold);
            return Err(source.error_at(&path!["timers", "hold"], what));
        }
        Ok(intent)
    }

    /// Two VRFs that share a name or a table are one; prefixes that nobody hears of are a mistake.
    fn check_vrf(&self, index: usize, vrf: &Vrf) -> Result<(), (&'static str, String)> {
        let before = &self.vrfs[..index];
        if before.iter().any(|other| other.name == vrf.name) {
            return Err(("name", format!("there are two VRFs `{}`", vrf.name)));
        }
        if let Some(other) = before.iter().find(|other| other.table == vrf.table) {
            return Err(("table", format!("table {} is that of VRF `{}` already", vrf.table, other.name)));
        }
        let is_heard = self.peers.iter().any(|peer| peer.vrf.as_ref() == Some(&vrf.name));
        if !vrf.prefixes.is_empty() && !is_heard {
            return Err((
                "prefixes",
                format!("no peer is in VRF `{}`: nobody would hear of these", vrf.name),
            ));
        }
        Ok(())
    }

    /// What the router must be able to do to be this gateway.
    pub fn demands(&self) -> BTreeSet<Ability> {
        let peers = |is: fn(&Peer) -> bool| self.peers.iter().any(is);
        let wanted = [
            (Ability::Bfd, peers(|p| p.bfd)),
            (Ability::Md5, peers(|p| p.password.is_some())),
            (Ability::Multihop, peers(|p| p.multihop.is_some())),
            (Ability::BothFamilies, peers(|p| p.families.len() > 1)),
            (Ability::Vrf, !self.vrfs.is_empty()),
            (Ability::Vlan, !self.vlans.is_empty()),
            (Ability::DynamicPeers, !self.dynamic_peers.is_empty()),
            (Ability::FibEcmp, self.ecmp > 1),
            (Ability::NoRouteRefresh, !self.route_refresh),
            (Ability::GracefulRestart, self.graceful_restart == GracefulRestart::Restart),
            (Ability::GracefulRestartHelper, self.graceful_restart == GracefulRestart::Helper),
        ];
        wanted.into_iter().filter(|(_, is)| *is).map(|(ability, _)| ability).collect()
    }
}
