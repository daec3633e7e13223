//! The route maps and prefix lists of a neighbor with sequence numbers, v0.14.0 to v0.14.9. A list name and its numbers are shared by
//! `ip` and `ipv6` lines: the family in it is the neighbor's.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::filters::{allowed, final_entries};
use super::{Counter, line};
use crate::metallb::frrconf::{Announcement, Family, Neighbor};
use crate::metallb::release::Generation;

/// What an out entry sets for the prefixes of its list. The order is that of the entries since v0.14.4; local preferences sort as
/// numbers and communities as texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Property {
    LocalPref(u32),
    Large(String),
    Standard(String),
}

impl Property {
    fn list(&self, owner: Owner<'_>) -> String {
        let (id, family) = (owner.id, owner.family.name());
        match self {
            Self::LocalPref(value) => format!("{id}-{value}-{family}-localpref-prefixes"),
            Self::Large(c) => format!("{id}-large:{c}-{family}-community-prefixes"),
            Self::Standard(c) => format!("{id}-{c}-{family}-community-prefixes"),
        }
    }

    fn set(&self) -> String {
        match self {
            Self::LocalPref(value) => format!("local-preference {value}"),
            Self::Large(c) => format!("large-community {c} additive"),
            Self::Standard(c) => format!("community {c} additive"),
        }
    }

    /// Groups the entries: a property's IPv4 entries come before those of IPv6.
    fn rank(&self) -> u8 {
        match self {
            Self::LocalPref(_) => 0,
            Self::Large(_) => 1,
            Self::Standard(_) => 2,
        }
    }
}

/// In the order in which an announcement lists them.
fn properties(a: &Announcement) -> Vec<Property> {
    let local_pref = a.local_pref.map(Property::LocalPref);
    let standard = a.communities.0.iter().cloned().map(Property::Standard);
    let large = a.large_communities.0.iter().cloned().map(Property::Large);
    local_pref.into_iter().chain(standard).chain(large).collect()
}

/// Whose lists they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    /// The prefix of all names.
    pub id: &'a str,
    /// That of the neighbor.
    pub family: Family,
}

/// v0.14.0 to v0.14.9.
pub(super) fn v0_14(out: &mut String, n: &Neighbor, counter: &mut Counter, generation: Generation) {
    let (id, list) = (n.id(), allowed(&n.id(), n.family));
    let owner = Owner { id: &id, family: n.family };
    let inline = generation < Generation::V0_14_4;
    line!(out, "route-map {id}-in deny 20");
    if !inline {
        entries(out, owner, &n.announcements, counter);
    }
    for a in &n.announcements {
        if inline {
            // With a stray space in one line.
            with_entries(out, owner, a, " ", counter);
            continue;
        }
        out.push('\n');
        for property in properties(a) {
            permit(out, "", &property.list(owner), a, counter);
        }
        out.push_str("\n\n");
        permit(out, "", &list, a, counter);
    }
    out.push_str("\n\n\n\n");
    for family in Family::BOTH.into_iter().filter(|f| !n.announces(*f)) {
        line!(out, "{} prefix-list {list} seq {} deny any", family.word(), counter.next(&list));
    }
    out.push('\n');
    final_entries(out, &id, &list, counter);
}

/// One announcement with its out entries next to its lists: MetalLB up to v0.14.3, frr-k8s up to v0.0.16.
pub(super) fn with_entries(
    out: &mut String,
    owner: Owner<'_>,
    a: &Announcement,
    indent: &str,
    counter: &mut Counter,
) {
    out.push('\n');
    for property in properties(a) {
        let list = property.list(owner);
        match property {
            // The one list that got its numbers only in v0.14.4.
            Property::Large(_) => line!(out, "{} prefix-list {list} permit {}", a.family.word(), a.prefix),
            _ => {
                out.push('\n');
                permit(out, "", &list, a, counter);
            }
        }
        entry(out, owner, a.family, &property, counter);
    }
    out.push_str("\n\n");
    permit(out, indent, &allowed(owner.id, owner.family), a, counter);
}

fn permit(out: &mut String, indent: &str, list: &str, a: &Announcement, counter: &mut Counter) {
    let (word, prefix) = (a.family.word(), &a.prefix);
    line!(out, "{indent}{word} prefix-list {list} seq {} permit {prefix}", counter.next(list));
}

/// One out entry for each property and family.
fn entries(out: &mut String, owner: Owner<'_>, announcements: &[Announcement], counter: &mut Counter) {
    let all: BTreeSet<(u8, Family, Property)> = announcements
        .iter()
        .flat_map(|a| properties(a).into_iter().map(|p| (p.rank(), a.family, p)))
        .collect();
    for (_, family, property) in &all {
        entry(out, owner, *family, property, counter);
    }
}

fn entry(out: &mut String, owner: Owner<'_>, family: Family, property: &Property, counter: &mut Counter) {
    let id = owner.id;
    line!(out, "route-map {id}-out permit {}", counter.next(id));
    line!(out, "  match {} address prefix-list {}", family.word(), property.list(owner));
    line!(out, "  set {}", property.set());
    line!(out, "  on-match next");
}
