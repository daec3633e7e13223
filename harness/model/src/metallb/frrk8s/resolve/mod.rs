//! From one FRRConfiguration to what its template works with, by the rules of one frr-k8s. What does not resolve is refused by its
//! webhook, and by its daemon, with the reason given here.

mod advertise;
mod fields;
mod neighbor;
mod receive;
mod router;

pub(super) use router::{Sources, profiles, routers};

use std::net::IpAddr;

use ipnet::IpNet;

use crate::metallb::frrconf::Family;

/// The family of a prefix; host bits may be set. `None` for what is no prefix.
fn family_of(prefix: &str) -> Option<Family> {
    let net: IpNet = prefix.parse().ok()?;
    Some(family(net.addr()))
}

/// A mapped address counts as IPv4, as in Go.
fn family(ip: IpAddr) -> Family {
    if ip.to_canonical().is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}
