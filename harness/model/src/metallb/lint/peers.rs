//! The sessions that extras may be about.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::diag::nearest;
use crate::metallb::frrconf::{Family, neighbor_id};
use crate::metallb::render::PeerInfo;

/// What a route map's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'p> {
    /// The map through which a session's routes come in.
    In(&'p PeerInfo),
    /// The map of what a session is told: MetalLB's own.
    Out(&'p PeerInfo),
    /// It reads like the first, and no peer is known yet.
    Future,
    Nobody,
}

/// Every BGPPeer, by the prefix of its route maps.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    pub by_id: BTreeMap<String, PeerInfo>,
    /// Some BGPPeer could not be resolved: what is not here may be it.
    pub incomplete: bool,
}

impl Peers {
    pub fn owner(&self, map: &str) -> Owner<'_> {
        if let Some(peer) = map.strip_suffix("-in").and_then(|id| self.by_id.get(id)) {
            return Owner::In(peer);
        }
        if let Some(peer) = map.strip_suffix("-out").and_then(|id| self.by_id.get(id)) {
            return Owner::Out(peer);
        }
        let unsure = self.by_id.is_empty() || self.incomplete;
        if unsure && map.ends_with("-in") { Owner::Future } else { Owner::Nobody }
    }

    /// The map that the author of a name that nobody has meant, and why it is not this.
    pub fn meant(&self, map: &str) -> Option<(String, String)> {
        let stem = map.strip_suffix("-in").or_else(|| map.strip_suffix("-out")).unwrap_or(map);
        let of = |peer: &PeerInfo| format!("{}-in", peer.id);
        let peers = || self.by_id.values();
        if stem == map
            && let Some(peer) = self.by_id.get(map)
        {
            return Some((of(peer), "the map's name ends in `-in`".to_owned()));
        }
        if let Some(peer) = peers().find(|p| p.name == stem) {
            return Some((of(peer), "the name has the peer's address, not the BGPPeer's name".to_owned()));
        }
        if let Some((peer, why)) = peers().find_map(|p| Some((p, same_address(p, stem)?))) {
            return Some((of(peer), why));
        }
        let names: Vec<String> = peers().map(of).collect();
        let near = nearest(map, names.iter().map(String::as_str))?;
        Some((near.to_owned(), "no BGPPeer has this address".to_owned()))
    }

    /// The maps that there are, for people.
    pub fn maps(&self) -> String {
        const MOST: usize = 8;
        let mut names: Vec<String> = self.by_id.keys().take(MOST).map(|id| format!("`{id}-in`")).collect();
        if self.by_id.len() > MOST {
            names.push(format!("and {} more", self.by_id.len() - MOST));
        }
        names.join(", ")
    }
}

/// Whether `stem` is the peer's address in another spelling, with a VRF too few or too many; and which of these.
fn same_address(peer: &PeerInfo, stem: &str) -> Option<String> {
    let address = peer.address?;
    let (written, vrf) = split(stem)?;
    if written != address {
        return None;
    }
    let in_vrf = |vrf: &str| neighbor_id(&address.to_string(), vrf);
    match (peer.vrf.as_str(), vrf) {
        (own, given) if own == given => {
            Some(format!("MetalLB spells the address `{address}`, and names are compared as texts"))
        }
        (own, "") => Some(format!("the peer is in VRF `{own}`, which its maps have in their names")),
        ("", _) => Some(format!("the peer is in no VRF, so its maps begin with `{}-`", in_vrf(""))),
        (own, _) => Some(format!("the peer is in VRF `{own}`")),
    }
}

/// An address and, behind a dash, a VRF; a prefix length is no part of it.
fn split(stem: &str) -> Option<(IpAddr, &str)> {
    let parse = |text: &str| text.trim_matches(['[', ']']).split('/').next()?.parse::<IpAddr>().ok();
    if let Some(address) = parse(stem) {
        return Some((address, ""));
    }
    let (address, vrf) = stem.split_once('-')?;
    Some((parse(address)?, vrf))
}

/// `IPv4` or `IPv6`.
pub(super) fn label(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

/// The family of the session's own address; unnumbered sessions have none to speak of.
pub(super) fn own_family(peer: &PeerInfo) -> Option<Family> {
    peer.address.map(|ip| if ip.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 })
}
