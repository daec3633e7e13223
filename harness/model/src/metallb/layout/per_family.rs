//! The route maps and prefix lists of a neighbor since v0.15.0 (frr-k8s v0.0.20): each list holds prefixes of the one family that its name says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Counter, line};
use crate::metallb::frrconf::{Announcement, Family, Neighbor};

/// A list of prefixes and what an out entry sets for them.
#[derive(Debug)]
pub(super) struct Property<'a> {
    family: Family,
    set: String,
    prefixes: BTreeSet<&'a str>,
}

/// By the lists' names, which is also the order of the out entries.
pub(super) type Properties<'a> = BTreeMap<String, Property<'a>>;

pub(super) fn v0_15_0(out: &mut String, n: &Neighbor, counter: &mut Counter) {
    let id = n.id();
    line!(out, "route-map {id}-in deny 20");
    let (preferences, communities) = properties(&id, &n.announcements);
    outgoing(out, &id, preferences.iter().chain(&communities), &n.announcements, counter);
}

/// Local preferences and communities.
pub(super) fn properties<'a>(
    id: &str,
    announcements: &'a [Announcement],
) -> (Properties<'a>, Properties<'a>) {
    let (mut preferences, mut communities) = (Properties::new(), Properties::new());
    for a in announcements {
        collect(&mut preferences, &mut communities, id, a);
    }
    (preferences, communities)
}

/// The lists with their entries in the order given, then what is allowed at all.
pub(super) fn outgoing<'a>(
    out: &mut String,
    id: &str,
    properties: impl Iterator<Item = (&'a String, &'a Property<'a>)>,
    announcements: &[Announcement],
    counter: &mut Counter,
) {
    for (list, property) in properties {
        entry(out, id, list, property, counter);
    }
    for family in Family::BOTH {
        out.push_str("\n\n");
        let prefixes = announcements.iter().filter(|a| a.family == family).map(|a| a.prefix.as_str());
        let prefixes: BTreeSet<&str> = prefixes.collect();
        let (word, list) = (family.word(), allowed(id, family));
        if prefixes.is_empty() {
            line!(out, "{word} prefix-list {list} seq {} deny any", counter.next(&list));
        }
        permit(out, word, &list, &prefixes, counter);
    }
    for family in Family::BOTH {
        out.push('\n');
        line!(out, "route-map {id}-out permit {}", counter.next(id));
        line!(out, "  match {} address prefix-list {}", family.word(), allowed(id, family));
    }
}

fn allowed(id: &str, family: Family) -> String {
    format!("{id}-allowed-{}", family.name())
}

fn collect<'a>(
    preferences: &mut Properties<'a>,
    communities: &mut Properties<'a>,
    id: &str,
    a: &'a Announcement,
) {
    let word = a.family.word();
    let add = |all: &mut Properties<'a>, list: String, set: String| {
        let new = || Property { family: a.family, set, prefixes: BTreeSet::new() };
        all.entry(list).or_insert_with(new).prefixes.insert(&a.prefix);
    };
    if let Some(value) = a.local_pref {
        add(
            preferences,
            format!("{id}-{value}-{word}-localpref-prefixes"),
            format!("local-preference {value}"),
        );
    }
    for c in &a.communities.0 {
        add(communities, format!("{id}-{c}-{word}-community-prefixes"), format!("community {c} additive"));
    }
    for c in &a.large_communities.0 {
        let set = format!("large-community {c} additive");
        add(communities, format!("{id}-large:{c}-{word}-community-prefixes"), set);
    }
}

fn entry(out: &mut String, id: &str, list: &str, property: &Property<'_>, counter: &mut Counter) {
    let word = property.family.word();
    permit(out, word, list, &property.prefixes, counter);
    out.push('\n');
    line!(out, "route-map {id}-out permit {}", counter.next(id));
    line!(out, "  match {word} address prefix-list {list}");
    line!(out, "  set {}", property.set);
    line!(out, "  on-match next");
    out.push('\n');
}

fn permit(out: &mut String, word: &str, list: &str, prefixes: &BTreeSet<&str>, counter: &mut Counter) {
    for prefix in prefixes {
        line!(out, "{word} prefix-list {list} seq {} permit {prefix}", counter.next(list));
    }
}
