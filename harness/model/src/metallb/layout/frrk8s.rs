//! The file that frr-k8s writes. Its templates descend from MetalLB's; what lets routes in is its own: no `-in deny 20`, but a prefix
//! list for each neighbor and entries whose numbers go on from those of `-out`.

use std::fmt::Write as _;

use super::filters::{allowed, final_entries};
use super::per_family::{outgoing, properties};
use super::sequenced::{Owner, with_entries};
use super::{Counter, Echo, bfd, header, line, router};
use crate::metallb::frrconf::Family;
use crate::metallb::frrk8s::Generation;
use crate::metallb::frrk8s::conf::{Families, Incoming, Neighbor, NodeConf, Router};

/// The file.
pub(in crate::metallb) fn text(conf: &NodeConf, generation: Generation) -> String {
    let mut out = String::new();
    header(&mut out, generation >= Generation::V0_0_25, &conf.log_level, &conf.hostname);
    let mut counter = Counter::per_name();
    for neighbor in conf.routers.iter().flat_map(|r| &r.neighbors) {
        out.push('\n');
        match generation >= Generation::V0_0_20 {
            true => per_family(&mut out, neighbor, &mut counter),
            false => inline(&mut out, neighbor, &mut counter),
        }
    }
    out.push_str("\n\n");
    for router in &conf.routers {
        routes(&mut out, router, generation);
    }
    let echo = if generation < Generation::V0_0_13 { Echo::One } else { Echo::TransmitFirst };
    bfd(&mut out, &conf.bfd_profiles, echo);
    if !conf.raw.is_empty() {
        out.push('\n');
        out.push_str(&conf.raw);
    }
    out.push('\n');
    out
}

/// Up to v0.0.16.
fn inline(out: &mut String, n: &Neighbor, counter: &mut Counter) {
    let (id, family) = (n.id(), own_family(n));
    let (out_list, in_list) = (allowed(&id, family), incoming_list(n));
    for a in &n.announcements {
        with_entries(out, Owner { id: &id, family }, a, "", counter);
    }
    out.push('\n');
    final_entries(out, &id, &out_list, counter);
    out.push_str("\n\n\n");
    for family in Family::BOTH {
        if !n.announcements.iter().any(|a| a.family == family) {
            line!(out, "{} prefix-list {out_list} seq {} deny any", family.word(), counter.next(&out_list));
        }
    }
    out.push_str("\n\n\n\n");
    permits(out, &in_list, &n.incoming, counter);
    out.push_str("\n\n");
    denies(out, &in_list, &n.incoming, counter);
    match n.incoming.all {
        // The lists, which deny everything then, are not looked at.
        true => {
            line!(out, "route-map {id}-in permit {}", counter.next(&id));
            out.push('\n');
        }
        false => in_entries(out, &id, &in_list, counter),
    }
}

/// Since v0.0.20.
fn per_family(out: &mut String, n: &Neighbor, counter: &mut Counter) {
    let (id, list) = (n.id(), incoming_list(n));
    let (mut lists, communities) = properties(&id, &n.announcements);
    // All in one order, unlike MetalLB's.
    lists.extend(communities);
    outgoing(out, &id, lists.iter(), &n.announcements, counter);
    out.push_str("\n\n\n\n");
    permits(out, &list, &n.incoming, counter);
    match n.incoming.all {
        true => {
            for family in Family::BOTH {
                line!(out, "{} prefix-list {list} seq {} permit any", family.word(), counter.next(&list));
            }
            out.push('\n');
        }
        false => {
            out.push('\n');
            denies(out, &list, &n.incoming, counter);
        }
    }
    in_entries(out, &id, &list, counter);
}

/// Up to v0.0.16 there are no dual-stack sessions.
fn own_family(n: &Neighbor) -> Family {
    match n.families {
        Families::One(family) => family,
        Families::Dual => Family::Ipv4,
    }
}

/// One list, and one counter, for both families.
fn incoming_list(n: &Neighbor) -> String {
    format!("{}-inpl-{}", n.id(), n.families.name())
}

fn permits(out: &mut String, list: &str, incoming: &Incoming, counter: &mut Counter) {
    for filter in incoming.v4.iter().chain(&incoming.v6) {
        let word = filter.family.word();
        line!(out, "{word} prefix-list {list} seq {} permit {}", counter.next(list), filter.prefix);
        // In this order; FRR itself shows `ge` first.
        for (name, length) in [("le", filter.le), ("ge", filter.ge)] {
            if let Some(length) = length {
                let _ = write!(out, " {name} {length}");
            }
        }
    }
}

/// For the families without filters.
fn denies(out: &mut String, list: &str, incoming: &Incoming, counter: &mut Counter) {
    for (family, filters) in [(Family::Ipv4, &incoming.v4), (Family::Ipv6, &incoming.v6)] {
        if filters.is_empty() {
            line!(out, "{} prefix-list {list} seq {} deny any", family.word(), counter.next(list));
        }
        if family == Family::Ipv4 {
            out.push('\n');
        }
    }
}

/// The numbers go on from those of `-out`: both count the neighbor's name.
fn in_entries(out: &mut String, id: &str, list: &str, counter: &mut Counter) {
    for family in Family::BOTH {
        line!(out, "route-map {id}-in permit {}", counter.next(id));
        line!(out, "  match {} address prefix-list {list}", family.word());
    }
}

fn routes(out: &mut String, r: &Router, generation: Generation) {
    let id = Some(r.id.as_str()).filter(|id| !id.is_empty());
    router::opening(out, r.asn, &r.vrf, generation >= Generation::V0_0_14, id);
    if !r.imports.is_empty() {
        for family in Family::BOTH {
            line!(out, "  address-family {} unicast", family.name());
            for vrf in &r.imports {
                line!(out, "    import vrf {vrf}");
            }
            line!(out, "  exit-address-family");
        }
    }
    for n in &r.neighbors {
        session(out, r.asn, n, generation);
    }
    for n in &r.neighbors {
        out.push('\n');
        for family in Family::BOTH.into_iter().filter(|f| activates(n, *f, generation)) {
            router::activation(out, &n.host, &n.id(), family, None, Some("    "));
        }
    }
    router::networks(out, &r.networks_v4, &r.networks_v6);
    out.push('\n');
}

fn activates(n: &Neighbor, family: Family, generation: Generation) -> bool {
    match generation >= Generation::V0_0_20 {
        true => n.families.carries(family),
        false => !n.disable_mp || n.families.carries(family),
    }
}

/// As MetalLB's, with a line more before the timers.
fn session(out: &mut String, my_asn: u32, n: &Neighbor, generation: Generation) {
    let p = &n.host;
    line!(out, "  neighbor {p} {}remote-as {}", if n.unnumbered { "interface " } else { "" }, n.asn);
    if n.ebgp_multihop {
        line!(out, "  neighbor {p} ebgp-multihop");
    }
    if let Some(asn) = n.local_as {
        line!(out, "  neighbor {p} local-as {asn} no-prepend replace-as");
    }
    line!(out, "  ");
    if let Some(port) = n.port {
        let _ = write!(out, "neighbor {p} port {port}");
    }
    line!(out, "  ");
    if let (Some(keepalive), Some(hold)) = (n.keepalive, n.hold) {
        line!(out, "  neighbor {p} timers {keepalive} {hold}");
    }
    if let Some(connect) = n.connect {
        line!(out, "  neighbor {p} timers connect {connect}");
    }
    line!(out, "  ");
    if !n.password.is_empty() {
        let _ = write!(out, "neighbor {p} password {}", n.password);
    }
    line!(out, "  ");
    if !n.source.is_empty() {
        let _ = write!(out, "neighbor {p} update-source {}", n.source);
    }
    if n.graceful_restart {
        line!(out, "  neighbor {p} graceful-restart");
    }
    if !n.bfd_profile.is_empty() {
        if generation >= Generation::V0_0_13 {
            line!(out, "  neighbor {p} bfd");
        }
        line!(out, "  neighbor {p} bfd profile {}", n.bfd_profile);
    }
    let ipv6 = n.families == Families::One(Family::Ipv6);
    if ipv6 && n.asn.is_external(my_asn) && !n.ebgp_multihop {
        line!(out, "  neighbor {p} disable-connected-check");
    }
}
