//! Prefix lists: used, defined, each line with a purpose.

use std::collections::{BTreeMap, HashMap, HashSet};

use ipnet::IpNet;

use super::catalogue::Rule;
use super::finding::Draft;
use super::frr_version::FrrVersion;
use super::parse::{Extras, Match};
use super::peers::Peers;
use super::prefix::{ListLine, Range};
use crate::diag::nearest;
use crate::metallb::frrconf::Family;

/// (family, name): FRR keeps `ip` and `ipv6` lists apart.
type Key<'e> = (Family, &'e str);

pub(super) fn check(extras: &Extras, peers: &Peers, frr: Option<FrrVersion>, out: &mut Vec<Draft>) {
    let mut lists: BTreeMap<Key<'_>, Vec<&ListLine>> = BTreeMap::new();
    for line in &extras.lists {
        lists.entry((line.family, &line.name)).or_default().push(line);
    }
    let used: HashSet<Key<'_>> = matches(extras).filter_map(|(_, m)| reference(m)).collect();
    let elsewhere: HashSet<&str> = extras.elsewhere.iter().map(String::as_str).collect();
    for (key, lines) in &lists {
        if !used.contains(key) && !elsewhere.contains(key.1) && !is_taken_for_another(extras, key.1) {
            out.push(unused(lines[0], &used, key));
        }
        sequences(lines, frr, out);
        shadowed(lines, out);
    }
    references(extras, peers, &lists, out);
}

fn matches(extras: &Extras) -> impl Iterator<Item = (bool, &Match)> {
    extras.entries.iter().flat_map(|e| e.matches.iter().map(|m| (e.permits, m)))
}

fn reference(clause: &Match) -> Option<Key<'_>> {
    let family = if clause.kind.starts_with("ipv6") { Family::Ipv6 } else { Family::Ipv4 };
    Some((family, clause.list.as_deref()?))
}

/// A match means this name and says something else (another family, an access list): that is reported there.
fn is_taken_for_another(extras: &Extras, name: &str) -> bool {
    matches(extras).any(|(_, m)| m.list.as_deref() == Some(name) || m.access_list.as_deref() == Some(name))
}

fn unused(line: &ListLine, used: &HashSet<Key<'_>>, key: &Key<'_>) -> Draft {
    let names = used.iter().filter(|(family, _)| *family == key.0).map(|(_, name)| *name);
    let word = key.0.word();
    let fix = match nearest(key.1, names) {
        Some(near) => format!("is it the `{near}` that a match asks for?"),
        None => format!(
            "add `match {word} address prefix-list {}` to a route-map entry, or leave the list out",
            key.1
        ),
    };
    Draft::new(Rule::UnusedList, line.place, format!("nothing uses the {word} prefix list `{}`", key.1))
        .because("a list does nothing of itself: an entry without a match takes every route")
        .fix(fix)
}

fn references(
    extras: &Extras,
    peers: &Peers,
    lists: &BTreeMap<Key<'_>, Vec<&ListLine>>,
    out: &mut Vec<Draft>,
) {
    for (permits, clause) in matches(extras) {
        if let Some(name) = clause.access_list.as_deref() {
            out.extend(access_list(extras, clause, name, lists));
        }
        let Some(key) = reference(clause) else { continue };
        if let Some(lines) = lists.get(&key) {
            let partly = extras.named_lists.iter().any(|(f, n)| (*f, n.as_str()) == key);
            if permits && !partly && lines.iter().all(|l| !l.permits) {
                out.push(never_permits(clause, key));
            }
            continue;
        }
        let named = extras.named_lists.iter().any(|(f, n)| (*f, n.as_str()) == key);
        // MetalLB's own lists are there, whatever is thought of using them. Others' definitions may be in lines beyond the contract.
        let rendered = peers.by_id.keys().any(|id| key.1.starts_with(&format!("{id}-")));
        if named || rendered || extras.elsewhere.iter().any(|w| w == key.1) {
            continue;
        }
        let refused = extras.named_lists.iter().filter(|(f, _)| *f == key.0).map(|(_, n)| n.as_str());
        out.push(undefined(clause, key, lists, &refused.collect::<Vec<_>>()));
    }
}

/// `others`: lists that are meant to be there, and have no line that FRR takes.
fn undefined(
    clause: &Match,
    (family, name): Key<'_>,
    lists: &BTreeMap<Key<'_>, Vec<&ListLine>>,
    others: &[&str],
) -> Draft {
    let word = family.word();
    let other = if family == Family::Ipv4 { Family::Ipv6 } else { Family::Ipv4 };
    let same_family = lists.keys().filter(|(f, _)| *f == family).map(|(_, name)| *name);
    let fix = if lists.contains_key(&(other, name)) {
        let o = other.word();
        format!("there is an `{o} prefix-list {name}`: match it with `match {o} address prefix-list {name}`")
    } else if let Some(near) = nearest(name, same_family.chain(others.iter().copied())) {
        format!("did you mean `{near}`?")
    } else {
        format!("add `{word} prefix-list {name} seq 5 permit PREFIX`")
    };
    Draft::new(Rule::UndefinedList, clause.place, format!("there is no `{word} prefix-list {name}`"))
        .because("FRR accepts the match all the same, and it fits no route")
        .fix(fix)
}

fn access_list(
    extras: &Extras,
    clause: &Match,
    name: &str,
    lists: &BTreeMap<Key<'_>, Vec<&ListLine>>,
) -> Option<Draft> {
    let (word, family) = match clause.kind.starts_with("ipv6") {
        true => ("ipv6", Family::Ipv6),
        false => ("ip", Family::Ipv4),
    };
    if !lists.contains_key(&(family, name)) || extras.elsewhere.iter().any(|w| w == name) {
        return None;
    }
    let message =
        format!("`match {word} address {name}` asks for an access list, and `{name}` is a prefix list");
    Some(
        Draft::new(Rule::UndefinedList, clause.place, message)
            .because("without the word `prefix-list` FRR looks for an access list; one that is not there fits no route")
            .fix(format!("write `match {word} address prefix-list {name}`")),
    )
}

fn never_permits(clause: &Match, (family, name): Key<'_>) -> Draft {
    let word = family.word();
    Draft::new(
        Rule::ListNeverPermits,
        clause.place,
        format!("`{word} prefix-list {name}` permits nothing, so this match fits no route"),
    )
    .because("a match fits what its list permits; that the list denies the rest is so anyway")
    .fix("write `permit` in the list's lines for the prefixes that the entry is about")
}

fn sequences(lines: &[&ListLine], frr: Option<FrrVersion>, out: &mut Vec<Draft>) {
    let mut seen: HashMap<u32, &ListLine> = HashMap::new();
    for line in lines {
        let Some(sequence) = line.sequence else { continue };
        let Some(first) = seen.insert(sequence, line) else { continue };
        if (first.permits, first.range) == (line.permits, line.range) {
            continue;
        }
        out.push(
            Draft::new(
                Rule::DuplicateSequence,
                line.place,
                format!("`{}` has the sequence number {sequence} twice", line.name),
            )
            .because("FRR keeps one line a number, and each reload puts in the one that is missing: they take turns")
            .fix(format!("give each line of the list a number of its own, for instance {}", sequence.saturating_add(5))),
        );
    }
    let effect = frr.and_then(|v| Some((v, v.reload_of_unnumbered()?)));
    if let (Some((version, effect)), Some(line)) = (effect, lines.iter().find(|l| l.sequence.is_none())) {
        let (word, name) = (line.family.word(), &line.name);
        out.push(
            Draft::new(
                Rule::ListWithoutSeq,
                line.place,
                format!("`{word} prefix-list {name}` has lines without `seq`"),
            )
            .because(format!("FRR {version} {effect}, because it shows them with numbers and compares texts"))
            .fix(format!("number them: `{word} prefix-list {name} seq 5 ...`, `seq 10 ...`")),
        );
    }
}

/// Lines that never decide anything, because an earlier one with the other action has all of their prefixes.
fn shadowed(lines: &[&ListLine], out: &mut Vec<Draft>) {
    let mut before: HashMap<IpNet, Vec<(Range, bool, &ListLine)>> = HashMap::new();
    for line in in_order(lines) {
        let covering = supernets(line.range.net).find_map(|net| {
            let all = before.get(&net)?.iter();
            all.clone().find(|(range, ..)| range.covers(&line.range)).copied()
        });
        match covering {
            Some((_, permits, first)) if permits != line.permits => out.push(
                Draft::new(Rule::ShadowedLine, line.place, format!("`{}` never decides anything", line.text))
                    .because(format!("`{}` comes first and takes all of its prefixes", first.text))
                    .fix("give it a lower `seq` than that line"),
            ),
            _ => before.entry(line.range.net).or_default().push((line.range, line.permits, line)),
        }
    }
}

/// FRR gives a line without a number the next multiple of five behind the last.
fn in_order<'l>(lines: &[&'l ListLine]) -> Vec<&'l ListLine> {
    let mut last = 0u32;
    let mut numbered: Vec<(u32, &ListLine)> = Vec::new();
    for line in lines {
        let number = line.sequence.unwrap_or_else(|| (last / 5 + 1).saturating_mul(5));
        last = last.max(number);
        numbered.push((number, line));
    }
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, line)| line).collect()
}

/// The prefix itself and all that contain it.
fn supernets(net: IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(Some(net), IpNet::supernet)
}
