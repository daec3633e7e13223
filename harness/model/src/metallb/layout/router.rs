//! A `router bgp` block.

use std::fmt::Write as _;

use super::line;
use crate::metallb::frrconf::{Family, Neighbor, Router};

/// v0.13.8 to v0.13.12.
pub(super) fn v0_13_8(out: &mut String, r: &Router) {
    opening(out, r);
    for n in &r.neighbors {
        session(out, r.asn, n, "");
    }
    for n in &r.neighbors {
        out.push('\n');
        for family in Family::BOTH {
            activation(out, n, family, None, "    ");
        }
    }
    for (family, networks) in [(Family::Ipv4, &r.networks_v4), (Family::Ipv6, &r.networks_v6)] {
        if networks.is_empty() {
            continue;
        }
        line!(out, "  address-family {} unicast", family.name());
        for network in networks {
            line!(out, "    network {network}");
        }
        line!(out, "  exit-address-family");
        out.push('\n');
    }
    out.push('\n');
}

/// v0.13.0 to v0.13.7: one address-family block per advertisement.
pub(super) fn v0_13_0(out: &mut String, r: &Router) {
    opening(out, r);
    out.push('\n');
    for n in &r.neighbors {
        session(out, r.asn, n, " ");
    }
    out.push('\n');
    for n in &r.neighbors {
        if n.announcements.is_empty() {
            // That template indents this one line by a tab.
            for family in Family::BOTH {
                activation(out, n, family, None, "\t");
            }
        }
        for a in &n.announcements {
            activation(out, n, a.family, Some(&a.prefix), "    ");
        }
        out.push('\n');
    }
}

fn opening(out: &mut String, r: &Router) {
    let _ = write!(out, "router bgp {}", r.asn);
    if !r.vrf.is_empty() {
        let _ = write!(out, " vrf {}", r.vrf);
    }
    line!(out, "  no bgp ebgp-requires-policy");
    line!(out, "  no bgp network import-check");
    line!(out, "  no bgp default ipv4-unicast");
    out.push('\n');
    if let Some(id) = &r.router_id {
        line!(out, "  bgp router-id {id}");
    }
}

/// `before_bfd` ends the line before the bfd line: the oldest template leaves a space there.
fn session(out: &mut String, my_asn: u32, n: &Neighbor, before_bfd: &str) {
    let p = &n.address;
    line!(out, "  neighbor {p} remote-as {}", n.asn);
    if n.ebgp_multihop {
        line!(out, "  neighbor {p} ebgp-multihop");
    }
    line!(out, "  ");
    if n.port != 0 {
        let _ = write!(out, "neighbor {p} port {}", n.port);
    }
    line!(out, "  neighbor {p} timers {} {}", n.keepalive, n.hold);
    line!(out, "  ");
    if !n.password.is_empty() {
        let _ = write!(out, "neighbor {p} password {}", n.password);
    }
    line!(out, "  ");
    if let Some(source) = &n.source {
        let _ = write!(out, "neighbor {p} update-source {source}");
    }
    if !n.bfd_profile.is_empty() {
        out.push_str(before_bfd);
        line!(out, "  neighbor {p} bfd profile {}", n.bfd_profile);
    }
    if n.family == Family::Ipv6 && my_asn != n.asn && !n.ebgp_multihop {
        line!(out, "  neighbor {p} disable-connected-check");
    }
}

fn activation(out: &mut String, n: &Neighbor, family: Family, network: Option<&str>, indent: &str) {
    let (p, id) = (&n.address, n.id());
    line!(out, "  address-family {} unicast", family.name());
    line!(out, "    neighbor {p} activate");
    line!(out, "    neighbor {p} route-map {id}-in in");
    if let Some(network) = network {
        line!(out, "    network {network}");
    }
    line!(out, "{indent}neighbor {p} route-map {id}-out out");
    line!(out, "  exit-address-family");
}
