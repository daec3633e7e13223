//! `isolation`: nothing that comes in by one segment of a node leaves by another.
//!
//! For each ordered pair and family four looks, each of which can leak alone: the segment's table, the policy rules, the
//! kernel's own answer, and a packet. What was not seen counts only beside what was: within each segment the kernel
//! answers from the segment's own table, and packets get through, among them those that the other segment's host is
//! sent by the node. Where that is missing the pair is unproved, which is not a pass.

mod crossed;
mod declared;
mod matrix;
mod pair;
mod tables;

use std::collections::BTreeMap;

use crossed::crossed;
pub use matrix::{Finding, IsolationCell, IsolationMatrix, Look, MatrixRow, Standing};
use pair::{Pair, Side};

use super::route::show;
use super::{AddressBook, Checked, evidence};
use crate::fact::{Crossing, HostPort, Isolation, KernelState, Shooter, Shot, names};
use crate::scenario::{ExpectIsolation, IpFamily};

/// The part that tables and rules show, for moments between two looks.
pub fn isolation_tables(expect: &ExpectIsolation, kernel: &KernelState, book: &AddressBook) -> Checked {
    let cell = |(from, to, family): (&String, &String, IpFamily)| {
        let looks = match pair(expect, from, to, family, kernel) {
            Err(why) => [(Look::Table, Finding::unproved(why))].into(),
            Ok(pair) => static_looks(&pair, kernel, book),
        };
        IsolationCell { from: from.clone(), to: to.clone(), family, looks }
    };
    let cells = expect.pairs().filter(|(from, to, _)| from != to).map(cell).collect();
    judge(expect, IsolationMatrix { cells }, None)
}

/// The same with lookups and probes; `seen` must be of this node and these segments, `kernel` of its time.
pub fn isolation(
    expect: &ExpectIsolation,
    kernel: &KernelState,
    seen: &Isolation,
    book: &AddressBook,
) -> Checked {
    let cell = |(from, to, family): (&String, &String, IpFamily)| {
        let looks = match pair(expect, from, to, family, kernel) {
            Err(why) => [(Look::Lookup, Finding::unproved(why))].into(),
            Ok(pair) if from == to => Witness::of(&expect.node, &pair, seen, book).looks(),
            Ok(pair) => across(expect, &pair, kernel, seen, book),
        };
        IsolationCell { from: from.clone(), to: to.clone(), family, looks }
    };
    judge(expect, IsolationMatrix { cells: expect.pairs().map(cell).collect() }, crossed(expect, seen))
}

fn pair<'a>(
    expect: &'a ExpectIsolation,
    from: &'a str,
    to: &'a str,
    family: IpFamily,
    kernel: &KernelState,
) -> Result<Pair<'a>, String> {
    let side = |name| Side::of(expect, name, kernel).map_err(|why| format!("{} {why}", expect.node));
    let leaks = expect.leaks_of(from, to, family).copied().collect();
    Ok(Pair { from: side(from)?, to: side(to)?, family, leaks })
}

fn static_looks(pair: &Pair<'_>, kernel: &KernelState, book: &AddressBook) -> BTreeMap<Look, Finding> {
    let finding = |leak: Option<String>| leak.map_or(Finding::good(Standing::Isolated), Finding::leaks);
    // Every kernel has rules for the tables local and main; none means that none were read.
    let rules = match kernel.rules().any(|rule| rule.ipv6 != pair.is_ipv4()) {
        true => finding(tables::leaking_rule(pair, kernel)),
        false => Finding::unproved("no policy rules are known".to_string()),
    };
    let table = finding(tables::leaking_route(pair, kernel, book));
    let table = declared::with(table, declared::in_table(pair, kernel, book));
    [(Look::Table, table), (Look::Rules, rules)].into()
}

/// The four looks from one segment into another. Those without a leak stand on what works within the two.
fn across(
    expect: &ExpectIsolation,
    pair: &Pair<'_>,
    kernel: &KernelState,
    seen: &Isolation,
    book: &AddressBook,
) -> BTreeMap<Look, Finding> {
    let within = |of: &Side<'_>| {
        let itself = Pair { from: side(of), to: side(of), family: pair.family, leaks: Vec::new() };
        Witness::of(&expect.node, &itself, seen, book)
    };
    let (own, other) = (within(&pair.from), within(&pair.to));
    let mut looks = static_looks(pair, kernel, book);
    let asked = declared::with(lookups(expect, pair, seen, book), declared::in_lookups(pair, seen));
    looks.insert(Look::Lookup, asked);
    looks.insert(Look::Probe, probes(expect, pair, seen));
    let missing = |look: &Look| match look {
        // The table and the rules are those that the kernel really uses for the segment.
        Look::Table | Look::Rules | Look::Lookup => own.lookup.clone().err(),
        Look::Probe => own.probe.clone().err().or_else(|| other.probe.clone().err()),
    };
    for (look, finding) in &mut looks {
        if let (Standing::Isolated, Some(why)) = (finding.standing, missing(look)) {
            *finding = Finding::unproved(why);
        }
    }
    looks
}

fn side<'a>(side: &Side<'a>) -> Side<'a> {
    Side { devices: side.devices.clone(), ..*side }
}

/// What shows that a segment works.
struct Witness {
    lookup: Result<(), String>,
    probe: Result<(), String>,
}

impl Witness {
    fn of(node: &str, pair: &Pair<'_>, seen: &Isolation, book: &AddressBook) -> Witness {
        Witness { lookup: own_lookups(pair, seen, book), probe: own_probes(node, pair, seen) }
    }

    fn looks(self) -> BTreeMap<Look, Finding> {
        let finding = |seen: Result<(), String>| match seen {
            Ok(()) => Finding::good(Standing::Works),
            Err(why) => Finding::unproved(why),
        };
        [(Look::Lookup, finding(self.lookup)), (Look::Probe, finding(self.probe))].into()
    }
}

fn crossings<'a>(pair: &'a Pair<'_>, seen: &'a Isolation) -> impl Iterator<Item = &'a Crossing> {
    seen.lookups
        .iter()
        .filter(|c| c.from == pair.from.name && c.to == pair.to.name && pair.family.is_of(c.dst))
}

fn shots<'a>(
    pair: &'a Pair<'_>,
    sender: Shooter,
    seen: &'a Isolation,
) -> impl Iterator<Item = &'a Shot> + Clone {
    seen.probes.iter().filter(move |s| {
        s.sender == sender && s.from == pair.from.name && s.to == pair.to.name && pair.family.is_of(s.dst)
    })
}

/// The node's kernel answers from the segment's table, by the segment's devices.
fn own_lookups(pair: &Pair<'_>, seen: &Isolation, book: &AddressBook) -> Result<(), String> {
    let (name, interface) = (pair.from.name, &pair.from.segment.interface);
    let mut asked = false;
    for Crossing { dst, chosen, .. } in crossings(pair, seen) {
        asked = true;
        let question = format!("what comes in by {interface} for {dst} of {name} itself");
        let route = chosen.as_ref().map_err(|why| format!("{question} has no way ({why})"))?;
        if route.table != pair.from.table {
            let (used, own) = (names::table(route.table), names::table(pair.from.table));
            return Err(format!("{question} is looked up in table {used}, not in table {own}"));
        }
        let outside = route.nexthops.iter().find(|hop| !is_of(&pair.from, hop.device.as_deref()));
        match (outside, route.nexthops.is_empty()) {
            (Some(hop), _) => return Err(format!("{question} leaves {}", show(hop, book))),
            (None, true) => return Err(format!("{question} does not leave the node")),
            (None, false) => {}
        }
    }
    if asked { Ok(()) } else { Err(format!("no way within {name} was asked for")) }
}

fn is_of(side: &Side<'_>, device: Option<&str>) -> bool {
    device.is_some_and(|device| side.devices.contains(device))
}

/// The node sends to the segment's host, and forwards to it what the host itself has sent.
fn own_probes(node: &str, pair: &Pair<'_>, seen: &Isolation) -> Result<(), String> {
    let (name, segment) = (pair.from.name, pair.from.segment);
    if seen.dropped > 0 {
        return Err(format!("{} packets were not seen: the captures had no room", seen.dropped));
    }
    let Some(port) = seen.ports.get(name) else {
        return Err(format!("{} has no port on the link of {}", segment.host, segment.interface));
    };
    for prefix in segment.of(pair.family) {
        for sender in [Shooter::Node, Shooter::Host] {
            let mut found = shots(pair, sender, seen).filter(|shot| prefix.contains(&shot.dst)).peekable();
            if found.peek().is_none() {
                return Err(format!("no probe was sent to {prefix} of {name}"));
            }
            if let Some(lost) = found.find(|shot| !shot.arrived.contains(port)) {
                return Err(match sender {
                    Shooter::Node => format!("{}: {}", sent_by_node(lost, node, segment), lost_at(lost)),
                    Shooter::Host => format!("{}: {}", sent_by_host(lost, node, port), lost_at(lost)),
                });
            }
        }
    }
    Ok(())
}

fn sent_by_node(shot: &Shot, node: &str, segment: &crate::scenario::Segment) -> String {
    let (host, interface) = (&segment.host, &segment.interface);
    format!("{host} does not get what {node} itself sends to {} by {interface}", shot.dst)
}

fn sent_by_host(shot: &Shot, node: &str, port: &HostPort) -> String {
    format!("{} does not get what it sends to {} through {node}", port.node, shot.dst)
}

fn lost_at(shot: &Shot) -> String {
    match (&shot.refused, shot.sender, shot.reached_node, shot.left.is_empty()) {
        (Some(why), ..) => why.clone(),
        (None, Shooter::Node, ..) => "it is lost on the link".to_string(),
        (None, _, false, _) => "it does not reach the node".to_string(),
        (None, _, true, true) => "the node does not send it on (does it forward?)".to_string(),
        (None, _, true, false) => "it is lost behind the node".to_string(),
    }
}

/// The kernel gives no way into the other segment.
fn lookups(expect: &ExpectIsolation, pair: &Pair<'_>, seen: &Isolation, book: &AddressBook) -> Finding {
    let leaks = |c: &&Crossing| {
        !declared::covers(pair, c.dst.into())
            && c.chosen.as_ref().is_ok_and(|route| {
                route.nexthops.iter().any(|hop| {
                    let device = hop.device.as_deref();
                    is_of(&pair.to, device) && !is_of(&pair.from, device)
                })
            })
    };
    if let Some(crossing) = crossings(pair, seen).find(leaks) {
        let route = crossing.entry.as_ref().or(crossing.chosen.as_ref().ok());
        let hops: Vec<String> =
            crossing.chosen.iter().flat_map(|r| &r.nexthops).map(|h| show(h, book)).collect();
        let entry = route.map_or_else(String::new, |route| {
            format!(" (table {}, {})", names::table(route.table), route.prefix)
        });
        return Finding::leaks(format!(
            "the kernel of {} sends what comes in by {} for {} {}{entry}",
            expect.node,
            pair.from.segment.interface,
            crossing.dst,
            hops.join(" and ")
        ));
    }
    let unasked =
        pair.to.segment.of(pair.family).find(|p| !crossings(pair, seen).any(|c| p.contains(&c.dst)));
    match unasked {
        Some(prefix) => Finding::unproved(format!("no way to {prefix} was asked for")),
        None => Finding::good(Standing::Isolated),
    }
}

/// No packet of the one segment's host gets to the other's, or out by its devices.
fn probes(expect: &ExpectIsolation, pair: &Pair<'_>, seen: &Isolation) -> Finding {
    let all = || shots(pair, Shooter::Host, seen);
    let (from, to) = (pair.from.segment, pair.to.segment);
    let target = seen.ports.get(pair.to.name);
    // One host may be on both links; then the link counts.
    let got = |shot: &Shot| {
        let of_host =
            |port: &&HostPort| target.is_some_and(|target| port.node == target.node) && from.host != to.host;
        shot.arrived.iter().find(|port| of_host(port) || Some(*port) == target).cloned()
    };
    for shot in all().filter(|shot| !declared::covers(pair, shot.dst.into())) {
        let packet = format!("a probe of {} for {}", from.host, shot.dst);
        let out =
            shot.left.iter().find(|device| is_of(&pair.to, Some(device)) && !is_of(&pair.from, Some(device)));
        match (got(shot), out) {
            (Some(port), _) => {
                let by = out.map(|device| format!(" by {device}")).unwrap_or_default();
                return Finding::leaks(format!(
                    "{packet} got to {} ({}) through {}{by}",
                    port.node, port.interface, expect.node
                ));
            }
            (None, Some(device)) => {
                return Finding::leaks(format!("{packet} left {} by {device}", expect.node));
            }
            (None, None) => {}
        }
    }
    if let Some(lost) = all().find(|shot| !shot.reached_node) {
        let why = lost.refused.clone().unwrap_or_else(|| "it was lost before".to_string());
        return Finding::unproved(format!("no probe for {} got as far as {}: {why}", lost.dst, expect.node));
    }
    match to.of(pair.family).find(|prefix| !all().any(|shot| prefix.contains(&shot.dst))) {
        Some(prefix) => Finding::unproved(format!("no probe was sent to {prefix} of {}", pair.to.name)),
        None => Finding::good(Standing::Isolated),
    }
}

/// `crossed` is worse than the leaks that it causes: it says why.
fn judge(expect: &ExpectIsolation, matrix: IsolationMatrix, crossed: Option<String>) -> Checked {
    let of = |standing: Standing| -> Vec<&IsolationCell> {
        let mut cells: Vec<_> = matrix.cells.iter().filter(|cell| cell.standing() == standing).collect();
        // What does not work within a segment is why its pairs are unproved.
        cells.sort_by_key(|cell| cell.from != cell.to);
        cells
    };
    let (leaks, unproved) = (of(Standing::Leaks), of(Standing::Unproved));
    let absent = of(Standing::Absent);
    let status = match (leaks.split_first(), unproved.split_first()) {
        _ if let Some(crossed) = &crossed => crossed.clone(),
        (Some((cell, more)), _) => {
            let (from, to, family) = (&cell.from, &cell.to, cell.family.as_str());
            let others = others(more);
            format!("{from} leaks into {to} ({family}) {}{others}", reasons(cell, Standing::Leaks))
        }
        _ if let Some((cell, more)) = absent.split_first() => {
            let (from, to, family) = (&cell.from, &cell.to, cell.family.as_str());
            let (why, others) = (reasons(cell, Standing::Absent), others(more));
            format!("{from} does not leak into {to} ({family}) as declared {why}{others}")
        }
        (None, Some((cell, more))) => {
            let (from, to) = (&cell.from, &cell.to);
            let pair = if from == to { from.clone() } else { format!("{from} to {to}") };
            let (family, others) = (cell.family.as_str(), others(more));
            let why = reasons(cell, Standing::Unproved);
            format!("no leak was seen, but the witness is missing: {pair} ({family}) {why}{others}")
        }
        (None, None) => {
            let segments: Vec<&str> = expect.segments.keys().map(String::as_str).collect();
            let but = if expect.leaks.is_empty() { "" } else { ", but for what is declared" };
            format!("{} keeps {} apart{but}", expect.node, segments.join(" and "))
        }
    };
    let kept = leaks.is_empty() && absent.is_empty();
    let holds = crossed.is_none() && kept && unproved.is_empty() && !matrix.cells.is_empty();
    let mut found = vec![evidence(IsolationMatrix::EVIDENCE, &expect.node, &matrix)];
    found.extend(crossed.as_ref().map(|crossed| evidence("crossed-links", &expect.node, crossed)));
    for cell in leaks {
        let pair = format!("{} -> {} {}", cell.from, cell.to, cell.family.as_str());
        let leak = |(look, why): (Look, &str)| {
            evidence(&format!("leak-by-{}", look.word()), &expect.node, format!("{pair}: {why}"))
        };
        found.extend(cell.of(Standing::Leaks).map(leak));
    }
    let unproved = !holds && crossed.is_none() && kept;
    Checked { holds, unproved, status, evidence: found }
}

/// `by table: ...; by lookup, probe: ...`: looks with one reason together.
fn reasons(cell: &IsolationCell, standing: Standing) -> String {
    let mut all: Vec<(Vec<&str>, &str)> = Vec::new();
    for (look, why) in cell.of(standing) {
        match all.iter_mut().find(|(_, known)| *known == why) {
            Some((looks, _)) => looks.push(look.word()),
            None => all.push((vec![look.word()], why)),
        }
    }
    let each: Vec<String> =
        all.iter().map(|(looks, why)| format!("by {}: {why}", looks.join(", "))).collect();
    each.join("; ")
}

fn others(cells: &[&IsolationCell]) -> String {
    if cells.is_empty() { String::new() } else { format!(" (and {} more)", cells.len()) }
}

#[cfg(test)]
mod tests;
