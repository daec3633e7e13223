//! Route maps: whose they are, and which of their entries are ever reached.

use std::collections::{BTreeMap, HashSet};

use super::catalogue::Rule;
use super::finding::Draft;
use super::frr_version::FrrVersion;
use super::parse::{Entry, Extras};
use super::peers::{Owner, Peers};

/// The entry that MetalLB renders: `route-map PEER-in deny 20`, without a match.
const RENDERED: u32 = 20;
/// What is advised instead.
const OWN: u32 = 10;

pub(super) fn check(extras: &Extras, peers: &Peers, frr: Option<FrrVersion>, out: &mut Vec<Draft>) {
    let elsewhere: HashSet<&str> = extras.elsewhere.iter().map(String::as_str).collect();
    let mut maps: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &extras.entries {
        maps.entry(&entry.map).or_default().push(entry);
        replaced_matches(entry, out);
    }
    for (name, entries) in maps {
        match peers.owner(name) {
            Owner::Out(_) => continue,
            Owner::Nobody if elsewhere.contains(name) => continue,
            Owner::Nobody => {
                out.push(nobodys(name, entries[0], peers));
                continue;
            }
            Owner::In(_) | Owner::Future => {}
        }
        shared(&entries, frr, out);
        unreachable(&entries, out);
        if entries.iter().all(|e| !e.permits) {
            out.push(deny_only(entries[0]));
        }
    }
}

fn nobodys(name: &str, entry: &Entry, peers: &Peers) -> Draft {
    let draft =
        Draft::new(Rule::UnknownPeer, entry.name_place, format!("no session uses a route map `{name}`"));
    match peers.meant(name) {
        Some((meant, why)) => draft
            .because(format!("{why}; FRR accepts the map and applies it to nothing"))
            .fix(format!("did you mean `{meant}`?")),
        None if peers.by_id.is_empty() => draft
            .because(
                "MetalLB applies `ADDRESS-in` (in a VRF `ADDRESS-VRF-in`) to each session, and no other map",
            )
            .fix("name it after the peer, for instance `192.168.1.5-in`"),
        None => draft
            .because("FRR accepts the map and applies it to nothing")
            .fix(format!("the sessions' maps are {}", peers.maps())),
    }
}

/// Two spellings of one entry, one of them MetalLB's; and what FRR 7.5 makes of the first reload with it.
fn shared(entries: &[&Entry], frr: Option<FrrVersion>, out: &mut Vec<Draft>) {
    for (i, entry) in entries.iter().enumerate() {
        let twin = entries[..i].iter().find(|e| e.sequence == entry.sequence && e.permits != entry.permits);
        let rendered = entry.sequence == RENDERED && entry.permits;
        let header = format!("route-map {} {} {}", entry.map, action(entry), entry.sequence);
        let free = free(entries);
        if rendered {
            out.push(
                Draft::new(
                    Rule::SharedSequence,
                    entry.sequence_place,
                    format!("`{header}` is the entry that MetalLB renders as `deny {RENDERED}`"),
                )
                .because(
                    "FRR keeps one entry a number, and each reload puts in the spelling that is missing: learnt routes vanish when \
                     the next Service or peer is added and return with the one after",
                )
                .fix(format!("use a lower number of its own: `route-map {} permit {free}`", entry.map)),
            );
        } else if let Some(twin) = twin {
            out.push(
                Draft::new(
                    Rule::SharedSequence,
                    entry.sequence_place,
                    format!("entry {} is both `{}` and `{}`", entry.sequence, action(twin), action(entry)),
                )
                .because("FRR keeps one entry a number, and each reload puts in the spelling that is missing: they take turns")
                .fix("give each entry a number of its own, below 20"),
            );
        }
        if let Some(version) = frr.filter(|v| rendered && v.has_ordering_bug() && entry.matches.is_empty()) {
            out.push(
                Draft::new(
                    Rule::OrderingBug,
                    entry.place,
                    format!("FRR {version} does not notice `{header}` once the session is up"),
                )
                .because(
                    "it changes only the action of an entry that is there, of which FRR 7.5 does not tell bgpd; nothing is learnt until \
                     the session or the speaker restarts",
                )
                .fix(format!(
                    "use an entry of its own, `route-map {} permit {free}`, which FRR notices in whatever order it comes",
                    entry.map
                )),
            );
        }
    }
}

/// [`OWN`], or a number near it that no entry has.
fn free(entries: &[&Entry]) -> u32 {
    let taken = |n: &u32| entries.iter().any(|e| e.sequence == *n);
    (OWN..RENDERED).find(|n| !taken(n)).unwrap_or(OWN)
}

fn unreachable(entries: &[&Entry], out: &mut Vec<Draft>) {
    let mut ordered: Vec<&Entry> = entries.to_vec();
    ordered.sort_by_key(|e| e.sequence);
    if ordered.iter().any(|e| e.goes_on) {
        // `on-match goto` may lead past anything.
        return;
    }
    let is_filled = ordered.iter().any(|e| e.sequence == RENDERED && !e.matches.is_empty());
    for (i, entry) in ordered.iter().enumerate() {
        let before = &ordered[..i];
        let behind = before.iter().find(|e| e.sequence < entry.sequence && takes_all(e, before));
        let (what, fix) = match behind {
            Some(first) => (
                format!("entry {} has no match and takes every route", first.sequence),
                format!("add a match to entry {}, or leave one of them out", first.sequence),
            ),
            None if entry.sequence > RENDERED && !is_filled => (
                format!("MetalLB's `deny {RENDERED}` comes first and takes every route"),
                format!(
                    "use a number below {RENDERED}: `route-map {} {} {}`",
                    entry.map,
                    action(entry),
                    free(entries)
                ),
            ),
            None => continue,
        };
        out.push(
            Draft::new(
                Rule::UnreachableEntry,
                entry.sequence_place,
                format!("entry {} of `{}` is never reached", entry.sequence, entry.map),
            )
            .because(what)
            .fix(fix),
        );
    }
}

/// An entry may be written in parts: any of them may bring the match.
fn takes_all(entry: &Entry, all: &[&Entry]) -> bool {
    all.iter().filter(|e| e.sequence == entry.sequence).all(|e| e.matches.is_empty())
}

fn deny_only(entry: &Entry) -> Draft {
    Draft::new(Rule::DenyOnly, entry.place, format!("`{}` only denies, which changes nothing", entry.map))
        .because("MetalLB's own `deny 20` denies every route that nothing permits")
        .fix(format!("write `route-map {} permit {OWN}` for what is to be learnt", entry.map))
}

fn replaced_matches(entry: &Entry, out: &mut Vec<Draft>) {
    for (i, clause) in entry.matches.iter().enumerate() {
        let Some(first) = entry.matches[..i].iter().find(|m| m.kind == clause.kind) else { continue };
        if (&first.list, &first.access_list) == (&clause.list, &clause.access_list) && clause.list.is_some() {
            continue;
        }
        out.push(
            Draft::new(
                Rule::ReplacedMatch,
                clause.place,
                format!("entry {} has `match {}` twice", entry.sequence, clause.kind),
            )
            .because(
                "FRR keeps one of a kind, and each reload puts in the one that is missing: they take turns",
            )
            .fix("write one entry for each, or one list with the prefixes of both"),
        );
    }
}

pub(super) fn action(entry: &Entry) -> &'static str {
    if entry.permits { "permit" } else { "deny" }
}
