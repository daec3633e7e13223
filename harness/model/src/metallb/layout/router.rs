//! A `router bgp` block.

use std::fmt::Write as _;

use super::line;
use crate::metallb::frrconf::{Family, Neighbor, Router};
use crate::metallb::release::Generation;

/// From v0.13.8 on.
pub(super) fn v0_13_8(out: &mut String, r: &Router, generation: Generation) {
    opening(out, r.asn, &r.vrf, generation >= Generation::V0_14_6, r.router_id.as_deref());
    for n in &r.neighbors {
        session(out, r.asn, n, generation);
    }
    for n in &r.neighbors {
        out.push('\n');
        for family in Family::BOTH.into_iter().filter(|f| n.carries(*f)) {
            activation(out, &n.host, &n.id(), family, None, Some("    "));
        }
    }
    networks(out, &r.networks_v4, &r.networks_v6);
    out.push('\n');
}

/// What the router announces.
pub(super) fn networks(out: &mut String, v4: &[String], v6: &[String]) {
    for (family, networks) in [(Family::Ipv4, v4), (Family::Ipv6, v6)] {
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
}

/// v0.13.0 to v0.13.7: one address-family block per advertisement.
pub(super) fn v0_13_0(out: &mut String, r: &Router) {
    opening(out, r.asn, &r.vrf, false, r.router_id.as_deref());
    out.push('\n');
    for n in &r.neighbors {
        session(out, r.asn, n, Generation::V0_13_0);
    }
    out.push('\n');
    for n in &r.neighbors {
        if n.announcements.is_empty() {
            // That template indents this one line by a tab.
            for family in Family::BOTH {
                activation(out, &n.host, &n.id(), family, None, Some("\t"));
            }
        }
        for a in &n.announcements {
            activation(out, &n.host, &n.id(), a.family, Some(&a.prefix), Some("    "));
        }
        out.push('\n');
    }
}

pub(super) fn opening(out: &mut String, asn: u32, vrf: &str, preserve: bool, router_id: Option<&str>) {
    let _ = write!(out, "router bgp {asn}");
    if !vrf.is_empty() {
        let _ = write!(out, " vrf {vrf}");
    }
    line!(out, "  no bgp ebgp-requires-policy");
    line!(out, "  no bgp network import-check");
    line!(out, "  no bgp default ipv4-unicast");
    if preserve {
        line!(out, "  bgp graceful-restart preserve-fw-state");
    }
    out.push('\n');
    if let Some(id) = router_id {
        line!(out, "  bgp router-id {id}");
    }
}

/// Fields that a generation does not have are empty in its [`Neighbor`]s.
pub(super) fn session(out: &mut String, my_asn: u32, n: &Neighbor, generation: Generation) {
    let p = &n.host;
    line!(out, "  neighbor {p} {}remote-as {}", if n.unnumbered { "interface " } else { "" }, n.asn);
    if n.ebgp_multihop {
        line!(out, "  neighbor {p} ebgp-multihop");
    }
    if let Some(asn) = n.local_as {
        line!(out, "  neighbor {p} local-as {asn} no-prepend replace-as");
    }
    line!(out, "  ");
    if n.port != 0 {
        let _ = write!(out, "neighbor {p} port {}", n.port);
    }
    if let Some((keepalive, hold)) = n.timers {
        line!(out, "  neighbor {p} timers {keepalive} {hold}");
    }
    if n.connect != 0 {
        line!(out, "  neighbor {p} timers connect {}", n.connect);
    }
    line!(out, "  ");
    if !n.password.is_empty() {
        let _ = write!(out, "neighbor {p} password {}", n.password);
    }
    line!(out, "  ");
    if let Some(source) = &n.source {
        let _ = write!(out, "neighbor {p} update-source {source}");
    }
    if n.graceful_restart {
        line!(out, "  neighbor {p} graceful-restart");
    }
    bfd(out, n, generation);
    // Since v0.15.0 a session for both families counts as neither IPv4 nor IPv6.
    let ipv6 = n.family == Family::Ipv6 && !(n.dual_stack && generation >= Generation::V0_15_0);
    if ipv6 && n.asn.is_external(my_asn) && !n.ebgp_multihop && generation >= Generation::V0_13_0 {
        line!(out, "  neighbor {p} disable-connected-check");
    }
}

fn bfd(out: &mut String, n: &Neighbor, generation: Generation) {
    let (p, profile) = (&n.host, &n.bfd_profile);
    if profile.is_empty() {
        return;
    }
    if generation < Generation::V0_13_8 {
        // The oldest template leaves a space at the end of the line before.
        out.push(' ');
    }
    if generation >= Generation::V0_14_6 {
        line!(out, "  neighbor {p} bfd");
    }
    line!(out, "  neighbor {p} bfd profile {profile}");
}

/// `out_map` is the indent of the line that attaches the out map, which v0.12 leaves out where it has nothing to set.
pub(super) fn activation(
    out: &mut String,
    host: &str,
    id: &str,
    family: Family,
    network: Option<&str>,
    out_map: Option<&str>,
) {
    line!(out, "  address-family {} unicast", family.name());
    line!(out, "    neighbor {host} activate");
    line!(out, "    neighbor {host} route-map {id}-in in");
    if let Some(network) = network {
        line!(out, "    network {network}");
    }
    if let Some(indent) = out_map {
        line!(out, "{indent}neighbor {host} route-map {id}-out out");
    }
    line!(out, "  exit-address-family");
}
