//! Facts as people read them, without what no two runs share.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::check::AddressBook;
use crate::fact::{Address, KernelState, Link, NextHop, NexthopObject, Route, Rule, names};
use crate::frr::{Capabilities, Negotiated, RibEntry, RibNextHop, Session, SessionState};

/// Link-local IPv6 addresses come from MAC addresses, which are new in every lab.
pub fn is_volatile(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local() && v6.segments()[4..] != [0; 4])
}

/// `gw1 (192.168.1.5)`; `gw1 (link-local)` for an address that is new in every lab.
pub fn host(address: IpAddr, book: &AddressBook) -> String {
    match (is_volatile(address), book.node(&address.to_string())) {
        (false, _) => book.describe(address),
        (true, Some(owner)) => format!("{owner} (link-local)"),
        (true, None) => "a link-local address".to_string(),
    }
}

/// A prefix, but for one made of a MAC address.
pub fn prefix(prefix: IpNet, book: &AddressBook) -> String {
    match is_volatile(prefix.addr()) {
        true => format!("{}/{}", host(prefix.addr(), book), prefix.prefix_len()),
        false => prefix.to_string(),
    }
}

pub fn link(link: &Link, kernel: &KernelState) -> String {
    let mut words = vec![
        link.kind.clone(),
        if link.up { "up" } else { "down" }.to_string(),
        if link.carrier { "carrier" } else { "no carrier" }.to_string(),
        format!("operstate {}", link.operstate),
        format!("mtu {}", link.mtu),
    ];
    words.extend(link.master.map(|master| format!("master {}", kernel.device_name(master))));
    words.extend(link.vrf_table.map(|table| format!("vrf table {table}")));
    words.extend(link.vlan.map(|vlan| format!("vlan {vlan}")));
    words.join(", ")
}

/// The address is the fact's subject, the rest is its value.
pub fn address(address: &Address, book: &AddressBook) -> (String, String) {
    let mut words = vec![format!("scope {}", address.scope)];
    words.extend(address.peer.map(|peer| format!("peer {}", host(peer, book))));
    let flags = [
        (address.secondary, "secondary"),
        (address.tentative, "tentative"),
        (address.dadfailed, "dadfailed"),
        (address.deprecated, "deprecated"),
    ];
    words.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_string()));
    let shown = match is_volatile(address.address.addr()) {
        true => format!("link-local/{}", address.address.prefix_len()),
        false => address.address.to_string(),
    };
    (format!("{} {shown}", address.device), words.join(", "))
}

/// `from 10.0.0.0/8 lookup 10`, as `ip rule` writes it.
pub fn rule(rule: &Rule) -> String {
    let mut words = Vec::new();
    words.extend(rule.not.then(|| "not".to_string()));
    words.push(format!("from {}", rule.from.map_or_else(|| "all".to_string(), |from| from.to_string())));
    words.extend(rule.to.map(|to| format!("to {to}")));
    words.extend(rule.iif.as_ref().map(|iif| format!("iif {iif}")));
    words.extend(rule.oif.as_ref().map(|oif| format!("oif {oif}")));
    words.extend(rule.fwmark.map(|mark| match rule.fwmask {
        Some(mask) => format!("fwmark {mark:#x}/{mask:#x}"),
        None => format!("fwmark {mark:#x}"),
    }));
    words.extend((rule.tos != 0).then(|| format!("tos {:#x}", rule.tos)));
    words.extend(rule.uids.map(|(low, high)| format!("uidrange {low}-{high}")));
    words.extend(rule.ip_protocol.map(|protocol| format!("ipproto {protocol}")));
    words.extend(rule.source_ports.map(|(low, high)| format!("sport {low}-{high}")));
    words.extend(rule.destination_ports.map(|(low, high)| format!("dport {low}-{high}")));
    words.push(match (rule.l3mdev, rule.action.as_str(), rule.goto) {
        (true, _, _) => "lookup the VRF's table".to_string(),
        (_, "table", _) => format!("lookup {}", names::table(rule.table)),
        (_, "goto", Some(target)) => format!("goto {target}"),
        (_, action, _) => action.to_string(),
    });
    words.extend(rule.suppress_prefixlen.map(|length| format!("suppress_prefixlength {length}")));
    words.push(format!("proto {}", rule.protocol));
    words.join(" ")
}

fn hop(hop: &NextHop, book: &AddressBook) -> String {
    let mut words = Vec::new();
    words.extend(hop.gateway.map(|gateway| format!("via {}", host(gateway, book))));
    words.extend(hop.device.as_ref().map(|device| format!("dev {device}")));
    words.push(format!("weight {}", hop.weight));
    let flags = [(hop.onlink, "onlink"), (hop.dead, "dead"), (hop.linkdown, "linkdown")];
    words.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_string()));
    words.join(" ")
}

fn joined(mut words: Vec<String>) -> String {
    // By what is shown: the order of link-local addresses is as new as they are.
    words.sort();
    words.join(" and ")
}

pub fn route(route: &Route, book: &AddressBook) -> String {
    let mut words = vec![format!("proto {}", route.protocol)];
    words.extend((route.kind != "unicast").then(|| route.kind.clone()));
    words.extend((route.scope != "global").then(|| format!("scope {}", route.scope)));
    words.extend(route.prefsrc.map(|source| format!("src {}", host(source, book))));
    if !route.nexthops.is_empty() {
        words.push(joined(route.nexthops.iter().map(|one| hop(one, book)).collect()));
    }
    words.extend(route.nhid.map(|_| "(next-hop object)".to_string()));
    words.join(" ")
}

/// What identifies a route in its table besides the prefix.
pub fn route_key(route: &Route, book: &AddressBook) -> String {
    let mut words = vec![prefix(route.prefix, book), format!("table {}", names::table(route.table))];
    words.extend((route.metric != 0).then(|| format!("metric {}", route.metric)));
    words.extend((route.tos != 0).then(|| format!("tos {:#x}", route.tos)));
    words.extend(route.source.map(|source| format!("from {source}")));
    words.join(" ")
}

/// An object or a group with its members instead of their ids.
pub fn nexthop(object: &NexthopObject, kernel: &KernelState, book: &AddressBook) -> String {
    let single = |object: &NexthopObject, weight: u16| {
        let way = NextHop {
            gateway: object.gateway,
            device: object.device.clone(),
            weight,
            onlink: object.onlink,
            dead: object.dead,
            linkdown: object.linkdown,
        };
        if object.blackhole { "blackhole".to_string() } else { hop(&way, book) }
    };
    let member = |id: u32| kernel.nexthop_objects().find(|object| object.id == id);
    let what = match object.group.as_slice() {
        [] => single(object, 1),
        group => {
            let members = group.iter().map(|m| match member(m.id) {
                Some(object) => single(object, m.weight),
                None => format!("an unknown member weight {}", m.weight),
            });
            joined(members.collect())
        }
    };
    let mut words = vec![what];
    words.extend(object.resilient.then(|| "resilient".to_string()));
    words.extend(object.buckets.map(|buckets| format!("buckets {buckets}")));
    words.extend(object.fdb.then(|| "fdb".to_string()));
    words.push(format!("proto {}", object.protocol));
    words.join(" ")
}

pub fn session(session: &Session) -> String {
    // A session that is down goes to and fro between Idle, Connect and Active.
    let up = session.state == SessionState::Established;
    let mut words = vec![
        if up { "Established" } else { "not Established" }.to_string(),
        format!("AS {} to AS {}", session.local_asn, session.remote_asn),
    ];
    for (family, state) in &session.families {
        let mut family = vec![family.clone(), format!("accepted {}", state.accepted)];
        family.extend(state.route_map_in.as_ref().map(|map| format!("in {map}")));
        family.extend(state.route_map_out.as_ref().map(|map| format!("out {map}")));
        family.extend(state.soft_reconfiguration.then(|| "soft-reconfiguration".to_string()));
        words.push(family.join(" "));
    }
    words.extend(session.capabilities.as_ref().map(capabilities));
    words.join(", ")
}

fn capabilities(capabilities: &Capabilities) -> String {
    let one = |name: &str, said: &Negotiated| match (said.advertised, said.received) {
        (true, true) => format!("{name} both"),
        (true, false) => format!("{name} ours"),
        (false, true) => format!("{name} theirs"),
        (false, false) => format!("{name} none"),
    };
    let mut words = vec![
        one("route-refresh", &capabilities.route_refresh),
        one("graceful-restart", &capabilities.graceful_restart),
    ];
    words.extend(capabilities.multiprotocol.iter().map(|(family, said)| one(family, said)));
    format!("capabilities: {}", words.join(" "))
}

pub fn rib(entry: &RibEntry, book: &AddressBook) -> String {
    let mut words = Vec::new();
    words.push(if entry.selected { "selected" } else { "not selected" }.to_string());
    words.push(if entry.installed { "installed" } else { "not installed" }.to_string());
    words.push(format!("table {}", names::table(entry.table)));
    words.push(format!("distance {} metric {}", entry.distance, entry.metric));
    if !entry.next_hops.is_empty() {
        words.push(joined(entry.next_hops.iter().map(|hop| rib_hop(hop, book)).collect()));
    }
    words.join(" ")
}

fn rib_hop(hop: &RibNextHop, book: &AddressBook) -> String {
    let mut words = Vec::new();
    words.extend(hop.address.map(|address| format!("via {}", host(address, book))));
    words.extend(hop.interface.as_ref().map(|interface| format!("dev {interface}")));
    words.extend((!hop.active).then(|| "inactive".to_string()));
    words.extend((!hop.fib).then(|| "not in the FIB".to_string()));
    words.join(" ")
}
