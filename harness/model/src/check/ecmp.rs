//! `ecmp`: the kernel spreads a prefix over exactly these gateways in these proportions, and flows that were sent confirm it.
//!
//! The share of each gateway is judged by the exact binomial test (see `binomial`): of n independent flows a gateway of
//! share p = weight / sum of weights gets k, and k must lie where it would lie by chance except once in 100,000 measurements
//! of all gateways together (the alarm is divided among them). For 400 flows over two equal gateways that is 200 -+ 45: a
//! share that is off by less than about 11 percent of all flows is not seen. More flows see more: the width falls with the
//! square root of their number.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::binomial::interval;
use super::{AddressBook, Checked, evidence, route};
use crate::fact::{Exit, Flow, Flows, KernelState, Route};
use crate::result::Evidence;
use crate::scenario::{ExpectEcmp, ExpectNextHop, ExpectRoute, HashPolicy};

/// How often chance alone may fail a measurement.
const FALSE_ALARM: f64 = 1e-5;

/// The part that the kernel's table shows: the next hops, no more and no fewer, and their weights.
pub fn ecmp_route(expect: &ExpectEcmp, kernel: &KernelState, book: &AddressBook) -> Checked {
    let mut checked = route(&as_route(expect), kernel, book);
    if checked.holds
        && expect.weights.is_none()
        && let Some(why) = uneven(expect, kernel, book)
    {
        checked.holds = false;
        checked.status = format!("{} has {}, but {why}", expect.node, expect.prefix);
    }
    checked
}

/// The same with a measurement; `flows` must be one of this node and prefix.
pub fn ecmp(expect: &ExpectEcmp, kernel: &KernelState, flows: &Flows, book: &AddressBook) -> Checked {
    let by_table = ecmp_route(expect, kernel, book);
    if !by_table.holds {
        return by_table;
    }
    let independent = independent(flows);
    let shares = shares(expect, &independent, book);
    let mut evidence = by_table.evidence;
    evidence.extend(shares.iter().map(|share| self::evidence("flow-share", &expect.node, share)));
    evidence.extend(losses(expect, flows));
    match violation(expect, flows, &independent, &shares) {
        Some(status) => Checked { holds: false, unproved: false, status, evidence },
        None => {
            let each: Vec<String> =
                shares.iter().map(|share| format!("{} got {}", share.gateway, share.got)).collect();
            let status = format!("of {} flows to {} {}", independent.len(), expect.prefix, each.join(", "));
            Checked { holds: true, unproved: false, status, evidence }
        }
    }
}

/// Too few flows for any measurement to say that a gateway gets nothing: the fewest that can.
pub fn fewest_flows(shares: &[f64]) -> u32 {
    let alarm = FALSE_ALARM / shares.len().max(1) as f64;
    let enough = |n: &u32| shares.iter().all(|p| interval(*n, *p, alarm).0 > 0);
    (1..).find(enough).unwrap_or(u32::MAX)
}

#[derive(Debug, Serialize)]
struct Share {
    gateway: String,
    weight: u16,
    got: u32,
    expected: f64,
    at_least: u32,
    at_most: u32,
}

fn as_route(expect: &ExpectEcmp) -> ExpectRoute {
    let mut route = ExpectRoute::any(&expect.node, expect.prefix);
    route.vrf.clone_from(&expect.vrf);
    match &expect.weights {
        None => route.via.clone_from(&expect.via),
        Some(weights) => {
            let hop = |(via, weight): (&String, &u16)| ExpectNextHop {
                via: Some(via.clone()),
                dev: None,
                weight: Some(*weight),
                onlink: None,
            };
            route.nexthops = expect.via.iter().zip(weights).map(hop).collect();
        }
    }
    route
}

/// Equal shares were expected and the weights are not equal. A gateway with several next hops has the sum of theirs.
fn uneven(expect: &ExpectEcmp, kernel: &KernelState, book: &AddressBook) -> Option<String> {
    let table = match &expect.vrf {
        Some(vrf) => kernel.vrf_table(vrf)?,
        None => ExpectRoute::any(&expect.node, expect.prefix).table,
    };
    let route: Route = kernel.routes_to(expect.prefix).find(|route| route.table == table)?;
    let weight = |via: &String| {
        let hops = route.nexthops.iter().filter(|hop| hop.gateway.is_some_and(|g| book.is(via, g)));
        hops.map(|hop| u32::from(hop.weight)).sum::<u32>()
    };
    let weights: Vec<(&String, u32)> = expect.via.iter().map(|via| (via, weight(via))).collect();
    let even = weights.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let all: Vec<String> = weights.iter().map(|(via, weight)| format!("{via} {weight}")).collect();
    (!even).then(|| format!("the weights are not equal: {}", all.join(", ")))
}

/// By layer 3 (0), and by inner or chosen fields (2, 3), which for plain UDP need not contain the ports, flows to one
/// address share their way: they count once. See fib_multipath_hash_policy in Documentation/networking/ip-sysctl.rst.
fn independent(flows: &Flows) -> Vec<&Flow> {
    let sent = flows.flows.iter().filter(|flow| flow.refused.is_none());
    if flows.hash_policy == HashPolicy::L4.number() {
        return sent.collect();
    }
    let mut seen = BTreeSet::new();
    sent.filter(|flow| seen.insert(flow.dst)).collect()
}

fn shares(expect: &ExpectEcmp, flows: &[&Flow], book: &AddressBook) -> Vec<Share> {
    let total: u32 = (0..expect.via.len()).map(|i| u32::from(expect.weight(i))).sum();
    let alarm = FALSE_ALARM / expect.via.len().max(1) as f64;
    let share = |(i, via): (usize, &String)| {
        let p = f64::from(expect.weight(i)) / f64::from(total.max(1));
        let node = book.node(via).unwrap_or(via);
        let (at_least, at_most) = interval(flows.len() as u32, p, alarm);
        Share {
            gateway: via.clone(),
            weight: expect.weight(i),
            got: flows.iter().filter(|flow| flow.got.contains(node)).count() as u32,
            expected: (p * flows.len() as f64 * 10.0).round() / 10.0,
            at_least,
            at_most,
        }
    };
    expect.via.iter().enumerate().map(share).collect()
}

/// The first thing that is wrong, the most telling first.
fn violation(expect: &ExpectEcmp, flows: &Flows, independent: &[&Flow], shares: &[Share]) -> Option<String> {
    if let Some(wanted) = expect.hash_policy
        && wanted.number() != flows.hash_policy
    {
        let family = if expect.prefix.addr().is_ipv4() { "ipv4" } else { "ipv6" };
        return Some(format!(
            "{} has net.{family}.fib_multipath_hash_policy = {}, not {} ({})",
            expect.node,
            flows.hash_policy,
            wanted.number(),
            wanted.as_str()
        ));
    }
    let refused: Vec<&Flow> = flows.flows.iter().filter(|flow| flow.refused.is_some()).collect();
    if let [first, ..] = refused.as_slice() {
        let why = first.refused.as_deref().unwrap_or_default();
        let what = format!("{} of {} flows were not sent", refused.len(), flows.flows.len());
        return Some(format!("{what}: {} to {}: {why}", expect.node, first.dst));
    }
    if flows.dropped > 0 {
        return Some(format!("the captures lost {} packets: the count cannot be trusted", flows.dropped));
    }
    let n = independent.len();
    // Independent flows are fewer than flows where the kernel does not look at ports.
    if let Some(blind) = shares.iter().find(|share| share.at_least == 0) {
        return Some(format!(
            "{n} flows to {} are too few to tell whether {} gets its share: by hash policy {} the ports do not count, and the prefix has too few addresses",
            expect.prefix, blind.gateway, flows.hash_policy
        ));
    }
    let lost: Vec<&&Flow> = independent.iter().filter(|flow| flow.got.is_empty()).collect();
    if let Some(idle) = shares.iter().find(|share| share.got == 0) {
        let lost = if lost.is_empty() { String::new() } else { format!("; {}", describe_lost(&lost, n)) };
        return Some(format!("{} got none of {n} flows to {}{lost}", idle.gateway, expect.prefix));
    }
    if !lost.is_empty() {
        return Some(describe_lost(&lost, n));
    }
    if let Some(twice) = independent.iter().find(|flow| flow.got.len() > 1) {
        let who: Vec<&str> = twice.got.iter().map(String::as_str).collect();
        return Some(format!("a flow to {} reached more than one gateway: {}", twice.dst, who.join(", ")));
    }
    let off = shares.iter().find(|share| share.got < share.at_least || share.got > share.at_most)?;
    Some(format!(
        "{} got {} of {n} flows to {}, expected {} ({} to {} by chance)",
        off.gateway, off.got, expect.prefix, off.expected, off.at_least, off.at_most
    ))
}

fn describe_lost(lost: &[&&Flow], of: usize) -> String {
    let mut exits: BTreeMap<Option<&Exit>, usize> = BTreeMap::new();
    lost.iter().for_each(|flow| *exits.entry(flow.left.as_ref()).or_default() += 1);
    let exit = |(exit, count): (&Option<&Exit>, &usize)| match exit {
        None => format!("{count} did not leave"),
        Some(Exit { interface, to: Some(mac) }) => format!("{count} left by {interface} to {mac}"),
        Some(Exit { interface, to: None }) => format!("{count} left by {interface}"),
    };
    let exits: Vec<String> = exits.iter().map(exit).collect();
    format!("{} of {of} flows reached no gateway: {}", lost.len(), exits.join(", "))
}

/// Flows that went astray, a few of them in full.
fn losses(expect: &ExpectEcmp, flows: &Flows) -> Vec<Evidence> {
    let astray = flows.flows.iter().filter(|flow| flow.got.len() != 1);
    astray.take(5).map(|flow| evidence("flow-astray", &expect.node, flow)).collect()
}

#[cfg(test)]
#[path = "ecmp_tests.rs"]
mod tests;
