//! `isolation`: asks the node's kernel for ways from each segment into each, and sends frames along them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use routeproof_model::check::{self, Checked};
use routeproof_model::fact::{Address, Crossing, HostPort, Isolation, KernelState, Shooter};
use routeproof_model::recording::Line;
use routeproof_model::scenario::{ExpectIsolation, IpFamily, Segment};

use super::boot::Booted;
use super::error::RunError;
use super::expect::node;
use super::node::Node;
use super::return_path::look;
use crate::observe::{RouteQuery, now as clock};
use crate::probe::{SegmentPlan, ShotPlan, WatchedPort, destinations, shoot};

/// Longer prefixes of the node's tables that lie in a segment's: each is asked for and probed, but not more of them.
const MOST_TARGETS: usize = 16;

pub async fn now(booted: &Booted, watched: &Node, expect: &ExpectIsolation) -> Result<Checked, RunError> {
    let from = clock();
    let kernel = watched.monitor.snapshot();
    let mut ends = BTreeMap::new();
    for (name, segment) in &expect.segments {
        ends.insert(name.as_str(), End::of(segment, node(booted, &segment.host)?, &kernel));
    }
    let ways = ways(expect, &ends, &kernel);
    let lookups = lookups(watched, expect, &ways, &kernel).await?;
    let ports = ports(&ends);
    let mut hosts = BTreeMap::new();
    for port in ports.values() {
        hosts.insert(port.host.node.clone(), node(booted, &port.host.node)?.place());
    }
    let shots = ways.iter().flat_map(Way::shots).collect();
    let plan = SegmentPlan { node: watched.place(), hosts, ports: ports.clone(), shots };
    let (probes, dropped) = shoot(&plan).await?;
    let seen = Isolation {
        node: watched.name.clone(),
        from,
        at: clock(),
        ports: ports.into_iter().map(|(name, port)| (name, port.host)).collect(),
        lookups,
        probes,
        dropped,
    };
    booted.recorder.write(&Line::Isolation { seen: seen.clone() });
    let book = booted.book_now();
    // Tables and rules may have changed meanwhile.
    Ok(watched.monitor.with_state(|kernel| check::isolation(expect, kernel, &seen, &book)))
}

/// A segment's host as it is now.
struct End<'a> {
    segment: &'a Segment,
    port: Option<HostPort>,
    /// The host's addresses that are the segment's, those of its port first.
    addresses: Vec<IpAddr>,
}

impl<'a> End<'a> {
    fn of(segment: &'a Segment, host: &Node, kernel: &KernelState) -> End<'a> {
        let global = |a: &&Address| a.scope != "link" && a.scope != "host";
        let at_node: Vec<Address> =
            kernel.addresses().filter(|a| a.device == segment.interface).filter(global).cloned().collect();
        let shares = |a: &Address| at_node.iter().any(|node| node.address.trunc() == a.address.trunc());
        host.monitor.with_state(|state| {
            let all: Vec<&Address> = state.addresses().filter(global).collect();
            let sharing: BTreeSet<&String> = all.iter().filter(|a| shares(a)).map(|a| &a.device).collect();
            let port = match (&segment.port, sharing.first()) {
                (Some(port), _) => state.link(port).map(|link| link.name.clone()),
                (None, Some(only)) if sharing.len() == 1 => Some((*only).clone()),
                // Several segments use the same addresses: which port it is cannot be told by them.
                (None, _) => None,
            };
            let inside = |a: &&&Address| segment.prefixes.iter().any(|p| p.contains(&a.address.addr()));
            let mut own: Vec<&Address> = all.iter().filter(inside).copied().collect();
            own.sort_by_key(|a| Some(&a.device) != port.as_ref());
            let addresses = own.iter().map(|a| a.address.addr()).collect();
            let port = port.map(|interface| HostPort { node: host.name.clone(), interface });
            End { segment, port, addresses }
        })
    }

    /// The host's own address in a prefix, else any.
    fn address(&self, prefix: &IpNet, kernel: &KernelState) -> Option<IpAddr> {
        let own = self.addresses.iter().find(|address| prefix.contains(*address)).copied();
        own.or_else(|| destinations(*prefix, 1, kernel).first().copied())
    }

    /// Another one than `other`, where the segment has two.
    fn source(&self, family: IpFamily, other: Option<IpAddr>, kernel: &KernelState) -> Option<IpAddr> {
        let spare = self.segment.of(family).flat_map(|prefix| destinations(*prefix, 2, kernel));
        let all = self.addresses.iter().copied().filter(|a| family.is_of(*a)).chain(spare);
        let all: Vec<IpAddr> = all.collect();
        all.iter().find(|address| Some(**address) != other).or(all.first()).copied()
    }
}

fn ports(ends: &BTreeMap<&str, End<'_>>) -> BTreeMap<String, WatchedPort> {
    let port = |(name, end): (&&str, &End<'_>)| {
        let (host, interface) = (end.port.clone()?, end.segment.interface.clone());
        Some((name.to_string(), WatchedPort { interface, host }))
    };
    ends.iter().filter_map(port).collect()
}

/// A packet to ask for and to send.
struct Way {
    from: String,
    to: String,
    source: IpAddr,
    dst: IpAddr,
}

impl Way {
    /// Within a segment, the node itself sends one, too.
    fn shots(&self) -> Vec<ShotPlan> {
        let shot = |sender| {
            let (from, to) = (self.from.clone(), self.to.clone());
            ShotPlan { sender, from, to, source: self.source, dst: self.dst }
        };
        match self.from == self.to {
            true => vec![shot(Shooter::Node), shot(Shooter::Host)],
            false => vec![shot(Shooter::Host)],
        }
    }
}

fn ways(expect: &ExpectIsolation, ends: &BTreeMap<&str, End<'_>>, kernel: &KernelState) -> Vec<Way> {
    let mut ways = Vec::new();
    for (from, to, family) in expect.pairs() {
        let (a, b) = (&ends[from.as_str()], &ends[to.as_str()]);
        for prefix in b.segment.of(family) {
            let Some(target) = b.address(prefix, kernel) else { continue };
            let Some(source) = a.source(family, Some(target), kernel) else { continue };
            let way = |dst| Way { from: from.clone(), to: to.clone(), source, dst };
            ways.push(way(target));
            if from != to {
                ways.extend(within(*prefix, kernel).into_iter().filter(|dst| *dst != target).map(way));
            }
        }
    }
    ways
}

/// An address of each longer prefix that a table of the node has: a leak may be for a part only.
fn within(prefix: IpNet, kernel: &KernelState) -> Vec<IpAddr> {
    let inside = |r: &routeproof_model::fact::Route| {
        prefix.contains(&r.prefix) && r.prefix != prefix && matches!(r.kind.as_str(), "unicast")
    };
    let longer: BTreeSet<IpNet> = kernel.routes().filter(inside).map(|route| route.prefix).collect();
    let address = |prefix: IpNet| destinations(prefix, 1, kernel).first().copied();
    longer.into_iter().filter_map(address).take(MOST_TARGETS).collect()
}

async fn lookups(
    watched: &Node,
    expect: &ExpectIsolation,
    ways: &[Way],
    kernel: &KernelState,
) -> Result<Vec<Crossing>, RunError> {
    let mut found = Vec::new();
    for Way { from, to, source, dst, .. } in ways {
        let interface = &expect.segments[from].interface;
        let (chosen, entry) = match kernel.link(interface) {
            None => (Err(format!("{} has no interface {interface}", watched.name)), None),
            Some(link) => {
                let query = RouteQuery { from: Some(*source), iif: Some(link.index), ..RouteQuery::to(*dst) };
                let entry = look(watched, RouteQuery { fib_match: true, ..query.clone() }).await?.ok();
                (look(watched, query).await?, entry)
            }
        };
        let (from, to, source, dst) = (from.clone(), to.clone(), *source, *dst);
        found.push(Crossing { from, to, source, dst, chosen, entry });
    }
    Ok(found)
}
