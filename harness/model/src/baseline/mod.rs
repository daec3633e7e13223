//! The present state of a node as expectations, and expectations as the text of a scenario file.
//!
//! What is written holds on the state that it was made from: what cannot be said by an expectation is left out, with
//! the reason.

mod write;

use std::net::IpAddr;

use ipnet::IpNet;

pub use write::{ScenarioText, steps};

use crate::check::{AddressBook, rib_fib, route};
use crate::fact::{KernelState, NextHop, Route, names};
use crate::frr::{RibEntry, Session, SessionState};
use crate::recording::Recording;
use crate::scenario::{Expect, ExpectNextHop, ExpectRibFib, ExpectRoute, ExpectSession};

/// What a node is expected to be from now on.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    pub expects: Vec<Expect>,
    /// What is not in it, and why; one line each.
    pub left_out: Vec<String>,
}

/// The last recorded state of a node: its sessions, the routes that it learnt over BGP, and that FRR and the kernel agree.
pub fn baseline(recording: &Recording, node: &str) -> Baseline {
    let kernel = recording.final_kernel(node);
    let mut baseline = Baseline::default();
    if let Some(gap) = kernel.gap() {
        baseline
            .left_out
            .push(format!("{node}: kernel events were lost ({:?}): routes are left out", gap.reason));
        return baseline;
    }
    baseline.sessions(node, recording.final_sessions(node), &recording.book);
    baseline.routes(node, &kernel, &recording.book);
    baseline.agreement(node, recording.final_rib(node), &kernel);
    baseline
}

impl Baseline {
    fn sessions(&mut self, node: &str, sessions: &[Session], book: &AddressBook) {
        for session in sessions {
            let Ok(peer) = session.peer.parse::<IpAddr>() else {
                self.left_out.push(format!("{node}: session {} has no address to name it by", session.peer));
                continue;
            };
            if session.state != SessionState::Established {
                let state = format!("{:?}", session.state);
                self.left_out.push(format!("{node}: session {peer} is {state}, which comes and goes"));
                continue;
            }
            // By its name if that means this session alone: every session with a named node must be up.
            let others = sessions
                .iter()
                .filter(|s| s.peer.parse().ok().and_then(|a| book.owner(a)) == book.owner(peer));
            let name = book.owner(peer).filter(|_| others.count() == 1);
            let peer = name.map_or_else(|| peer.to_string(), str::to_string);
            self.expects.push(Expect::Session(ExpectSession::established(node, &peer)));
        }
    }

    fn routes(&mut self, node: &str, kernel: &KernelState, book: &AddressBook) {
        let mut learnt: Vec<Route> = kernel.routes().filter(|route| route.protocol == "bgp").collect();
        learnt.sort_by_key(|route| (route.table, route.prefix, route.metric));
        for found in learnt {
            if found.tos != 0 || found.source.is_some() {
                let what = format!("{node}: {} in table {}", found.prefix, names::table(found.table));
                self.left_out.push(format!("{what} is for some packets only, which `route` cannot say"));
                continue;
            }
            let expect = expect_route(node, &found, kernel, book);
            let checked = route(&expect, kernel, book);
            match checked.holds {
                true => self.expects.push(Expect::Route(expect)),
                false => self.left_out.push(checked.status),
            }
        }
    }

    fn agreement(&mut self, node: &str, rib: &[(IpNet, RibEntry)], kernel: &KernelState) {
        let checked = rib_fib(node, rib, kernel);
        match (rib.is_empty(), checked.holds) {
            (true, _) => self.left_out.push(format!("{node}: zebra was not asked for its RIB")),
            (_, false) => {
                self.left_out.push(format!("{node}: FRR and the kernel do not agree: {}", checked.status))
            }
            (_, true) => self.expects.push(Expect::RibFib(ExpectRibFib { node: node.to_string() })),
        }
    }
}

fn expect_route(node: &str, found: &Route, kernel: &KernelState, book: &AddressBook) -> ExpectRoute {
    let mut expect = ExpectRoute::any(node, found.prefix);
    expect.proto = Some(found.protocol.clone());
    expect.metric = (found.metric != 0).then_some(found.metric);
    expect.src = found.prefsrc;
    expect.kind = (found.kind != "unicast").then(|| found.kind.clone());
    expect.vrf = kernel.links().find(|l| l.vrf_table == Some(found.table)).map(|l| l.name.clone());
    if expect.vrf.is_none() {
        expect.table = found.table;
    }
    match found.nexthops.iter().collect::<Vec<_>>().as_slice() {
        [only] if is_told_by_its_gateway(only, book) => expect.via.extend(only.gateway.map(|g| who(g, book))),
        // Equal shares are a fact, too: weights are written as soon as there are several.
        hops => expect.nexthops = hops.iter().map(|hop| expect_hop(hop, hops, book)).collect(),
    }
    expect
}

/// The gateway's name leaves nothing open: it has one address of the family that nodes reach it by.
fn is_told_by_its_gateway(hop: &NextHop, book: &AddressBook) -> bool {
    let Some((gateway, owner)) = hop.gateway.and_then(|g| Some((g, book.owner(g)?))) else { return false };
    let family = |a: &&IpAddr| a.is_ipv4() == gateway.is_ipv4() && !is_link_local(**a);
    let addresses = book.addresses_of(owner);
    !hop.onlink && hop.weight == 1 && addresses.iter().filter(family).count() <= 1
}

fn expect_hop(hop: &NextHop, beside: &[&NextHop], book: &AddressBook) -> ExpectNextHop {
    // Two hops over one router: only their addresses tell them apart.
    let owner = |hop: &NextHop| hop.gateway.and_then(|gateway| book.owner(gateway));
    let twins = beside.iter().filter(|o| owner(o) == owner(hop) && o.device == hop.device).count() > 1;
    let via = match (hop.gateway, twins) {
        (Some(gateway), true) => Some(gateway.to_string()),
        (gateway, _) => gateway.map(|gateway| who(gateway, book)),
    };
    let weight = (beside.len() > 1 || hop.weight != 1).then_some(hop.weight);
    ExpectNextHop { via, dev: hop.device.clone(), weight, onlink: hop.onlink.then_some(true) }
}

fn who(address: IpAddr, book: &AddressBook) -> String {
    book.owner(address).map_or_else(|| address.to_string(), str::to_string)
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

#[cfg(test)]
mod tests;
