//! The route maps and prefix lists of a neighbor.

use std::fmt::Write as _;

use super::{Counter, line, per_family, sequenced, v0_12};
use crate::metallb::frrconf::{Announcement, Family, FrrConf, Neighbor};
use crate::metallb::release::Generation;

/// The filters of all neighbors.
pub(super) fn append(out: &mut String, conf: &FrrConf, counter: &mut Counter, generation: Generation) {
    let neighbors = conf.routers.iter().flat_map(|r| &r.neighbors);
    match generation {
        Generation::V0_12 => v0_12::filters(out, conf, counter),
        Generation::V0_13_0 => neighbors.for_each(|n| v0_13_0(out, n, counter)),
        Generation::V0_13_8 | Generation::V0_13_10 | Generation::V0_13_11 => {
            neighbors.for_each(|n| v0_13_8(out, n, counter, generation));
        }
        Generation::V0_14_0
        | Generation::V0_14_4
        | Generation::V0_14_5
        | Generation::V0_14_6
        | Generation::V0_14_9 => {
            neighbors.for_each(|n| sequenced::v0_14(out, n, counter, generation));
        }
        Generation::V0_15_0 | Generation::V0_16_0 | Generation::V0_16_2 => {
            neighbors.for_each(|n| per_family::v0_15_0(out, n, counter));
        }
    }
}

/// v0.13.8 to v0.13.12.
fn v0_13_8(out: &mut String, n: &Neighbor, counter: &mut Counter, generation: Generation) {
    let (id, list) = (n.id(), allowed(&n.id(), n.family));
    line!(out, "route-map {id}-in deny 20");
    for a in &n.announcements {
        out.push('\n');
        properties(out, n, a, counter, generation >= Generation::V0_13_10);
        out.push('\n');
        line!(out, "{} prefix-list {list} permit {}", a.family.word(), a.prefix);
    }
    out.push('\n');
    final_entries(out, &id, &list, counter);
    if generation < Generation::V0_13_10 {
        out.push('\n');
        deny_all(out, &list, &Family::BOTH);
        return;
    }
    out.push_str("\n\n");
    let silent: Vec<Family> = Family::BOTH.into_iter().filter(|f| !n.announces(*f)).collect();
    deny_all(out, &list, &silent);
}

/// v0.13.0 to v0.13.7.
fn v0_13_0(out: &mut String, n: &Neighbor, counter: &mut Counter) {
    let (id, list) = (n.id(), allowed(&n.id(), n.family));
    line!(out, "route-map {id}-in deny 20");
    for a in &n.announcements {
        properties(out, n, a, counter, false);
        line!(out, "{} prefix-list {list} permit {}", a.family.word(), a.prefix);
    }
    final_entries(out, &id, &list, counter);
    deny_all(out, &list, &Family::BOTH);
}

/// The family in every list name is the neighbor's own, whatever the list holds.
pub(super) fn allowed(id: &str, family: Family) -> String {
    format!("{id}-pl-{}", family.name())
}

fn properties(out: &mut String, n: &Neighbor, a: &Announcement, counter: &mut Counter, large: bool) {
    let (id, family) = (n.id(), n.family.name());
    if let Some(value) = a.local_pref {
        let list = format!("{id}-{value}-{family}-localpref-prefixes");
        property(out, &id, a, &list, &format!("local-preference {value}"), counter);
    }
    for c in &a.communities.0 {
        let list = format!("{id}-{c}-{family}-community-prefixes");
        property(out, &id, a, &list, &format!("community {c} additive"), counter);
    }
    for c in a.large_communities.0.iter().filter(|_| large) {
        let list = format!("{id}-large:{c}-{family}-community-prefixes");
        property(out, &id, a, &list, &format!("large-community {c} additive"), counter);
    }
}

fn property(out: &mut String, id: &str, a: &Announcement, list: &str, set: &str, counter: &mut Counter) {
    let word = a.family.word();
    line!(out, "{word} prefix-list {list} permit {}", a.prefix);
    line!(out, "route-map {id}-out permit {}", counter.next(id));
    line!(out, "  match {word} address prefix-list {list}");
    line!(out, "  set {set}");
    line!(out, "  on-match next");
}

pub(super) fn final_entries(out: &mut String, id: &str, list: &str, counter: &mut Counter) {
    for family in Family::BOTH {
        line!(out, "route-map {id}-out permit {}", counter.next(id));
        line!(out, "  match {} address prefix-list {list}", family.word());
    }
}

fn deny_all(out: &mut String, list: &str, families: &[Family]) {
    for family in families {
        line!(out, "{} prefix-list {list} deny any", family.word());
    }
}
