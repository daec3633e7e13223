//! Address families: a match on one never fits routes of the other.

use super::catalogue::Rule;
use super::finding::Draft;
use super::parse::{Entry, Extras, Match};
use super::peers::{Peers, label, own_family};
use crate::metallb::frrconf::Family;
use crate::metallb::render::PeerInfo;

pub(super) fn check(extras: &Extras, peers: &Peers, out: &mut Vec<Draft>) {
    extras.entries.iter().for_each(|entry| contradiction(entry, out));
    for (id, peer) in &peers.by_id {
        let map = format!("{id}-in");
        let entries: Vec<&Entry> = extras.entries.iter().filter(|e| e.map == map).collect();
        let mismatches = entries.iter().filter_map(|e| mismatch(e, peer)).collect::<Vec<_>>();
        if mismatches.is_empty() {
            out.extend(own_unmatched(&entries, peer));
        }
        out.extend(mismatches);
    }
}

fn of(entry: &Entry, family: Family) -> Option<&Match> {
    entry.matches.iter().find(|m| m.family == Some(family))
}

fn contradiction(entry: &Entry, out: &mut Vec<Draft>) {
    let (Some(_), Some(v6)) = (of(entry, Family::Ipv4), of(entry, Family::Ipv6)) else { return };
    out.push(
        Draft::new(
            Rule::ContradictingMatches,
            v6.place,
            format!(
                "entry {} of `{}` matches on IPv4 and on IPv6, so it fits no route",
                entry.sequence, entry.map
            ),
        )
        .because("all matches of an entry must fit, and no route is of both families")
        .fix(format!(
            "write two entries, for instance {} and {}",
            entry.sequence,
            entry.sequence + 1
        )),
    );
}

/// A match on a family that the session does not carry.
fn mismatch(entry: &Entry, peer: &PeerInfo) -> Option<Draft> {
    let foreign = Family::BOTH.into_iter().filter(|f| !peer.families.contains(f));
    let (family, clause) = foreign.filter_map(|f| Some((f, of(entry, f)?))).next()?;
    if Family::BOTH.iter().all(|f| of(entry, *f).is_some()) {
        // A contradiction already.
        return None;
    }
    let carried = peer.families.first().copied()?;
    Some(
        Draft::new(
            Rule::FamilyMismatch,
            clause.place,
            format!("the session of BGPPeer `{}` carries no {} routes", peer.name, label(family)),
        )
        .because(format!("this release activates {} only for it, so this match fits nothing", label(carried)))
        .fix(format!(
            "write `match {} address prefix-list NAME`, or set `dualStackAddressFamily` in the BGPPeer",
            carried.word()
        )),
    )
}

/// Every permit is for the family that is not the session's own.
fn own_unmatched(entries: &[&Entry], peer: &PeerInfo) -> Option<Draft> {
    let own = own_family(peer)?;
    let other = if own == Family::Ipv4 { Family::Ipv6 } else { Family::Ipv4 };
    let mut permits = entries.iter().filter(|e| e.permits).peekable();
    let first = of(permits.peek()?, other)?;
    if !permits.all(|e| of(e, other).is_some() && of(e, own).is_none()) {
        return None;
    }
    let (word, name) = (own.word(), label(own));
    Some(
        Draft::new(
            Rule::OwnFamilyUnmatched,
            first.place,
            format!("no {name} route of the {name} session with BGPPeer `{}` can pass", peer.name),
        )
        .because(format!("`match {} address` never fits {name} routes", other.word()))
        .fix(format!(
            "write `match {word} address prefix-list NAME` with an `{word} prefix-list`; an entry without a match takes both families"
        )),
    )
}
