//! `return-path`: asks a service from a client while the node's interfaces are watched, and asks the node's kernel for
//! the way back of the replies.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::try_join_all;
use routeproof_model::check::{self, Checked};
use routeproof_model::fact::{Exchange, KernelState, Link, Protocol, Returned, Route, RpFilter, WayBack};
use routeproof_model::metallb::Backend;
use routeproof_model::pods::{INTERFACE, host_of};
use routeproof_model::recording::Line;
use routeproof_model::scenario::ExpectReturnPath;

use super::boot::Booted;
use super::error::RunError;
use super::expect::node;
use super::fault::link;
use super::node::Node;
use crate::observe::{Lookup, RouteQuery, refusal};
use crate::probe::{ExchangePlan, Responder, exchange};
use crate::wait::{self, Probe};

/// A request that is not answered by then is lost: the lab's ways take microseconds.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long an address may stay taken.
const REBIND: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(5);

/// What is asked, and who answers it.
struct Target {
    to: SocketAddr,
    /// The pods behind a Service's address; none for an address of a node itself.
    backends: Vec<Backend>,
}

pub async fn now(booted: &Booted, watched: &Node, expect: &ExpectReturnPath) -> Result<Checked, RunError> {
    let client = node(booted, &expect.client)?;
    let Some(target) = target(booted, expect) else {
        let status = format!("{} has no address to ask yet", expect.to);
        return Ok(Checked { holds: false, unproved: false, status, evidence: Vec::new() });
    };
    let vrf = vrf_of(watched, expect, &target);
    let _answering = responders(booted, watched, expect, (&target, vrf.as_deref())).await?;
    let Some(address) = source_of(client, target.to.ip()).await? else {
        let status = format!("{} has no route to {}", client.name, target.to.ip());
        return Ok(Checked { holds: false, unproved: false, status, evidence: Vec::new() });
    };
    let exchange = ask(booted, client, watched, expect, (target.to, address)).await?;
    let seen = Returned {
        lookups: lookups(watched, expect, (&target, vrf.as_deref()), address).await?,
        rp_filter: rp_filter(watched, &exchange, address, vrf.as_deref()).await?,
        client: address,
        exchange,
    };
    booted.recorder.write(&Line::Returned { to: expect.to.clone(), seen: seen.clone() });
    Ok(check::return_path(expect, &seen, &booted.book_now()))
}

/// Makes the requests from the client's own address and from spare ones of its network, which it has meanwhile.
async fn ask(
    booted: &Booted,
    client: &Node,
    watched: &Node,
    expect: &ExpectReturnPath,
    (to, own): (SocketAddr, IpAddr),
) -> Result<Exchange, RunError> {
    let spare = spare_addresses(booted, client, own, expect.sources - 1);
    let interface = client.monitor.with_state(|k| device_of(k, own));
    let borrowed = link::borrow_addresses(client, interface.as_deref(), &spare).await?;
    let sources: Vec<IpAddr> = [own].into_iter().chain(spare).collect();
    let mut joined: Option<Exchange> = None;
    for source in &sources {
        let plan = ExchangePlan {
            client: &client.handle,
            from: Some(*source),
            protocol: expect.protocol,
            to,
            count: expect.requests.div_ceil(sources.len()),
            patience: PATIENCE,
            node: watched.place(),
        };
        let more = exchange(&plan).await;
        match (&mut joined, more) {
            (_, Err(e)) => {
                borrowed.give_back(client).await?;
                return Err(e.into());
            }
            (None, Ok(first)) => joined = Some(first),
            (Some(joined), Ok(more)) => joined.join(more),
        }
    }
    borrowed.give_back(client).await?;
    joined
        .ok_or_else(|| RunError::Observe { node: client.name.clone(), why: "nothing was asked".to_string() })
}

fn device_of(kernel: &KernelState, address: IpAddr) -> Option<String> {
    kernel.addresses().find(|a| a.address.addr() == address).map(|a| a.device.clone())
}

/// Addresses of the client's network that nobody has, from its upper end.
fn spare_addresses(booted: &Booted, client: &Node, own: IpAddr, count: usize) -> Vec<IpAddr> {
    let network = client.monitor.with_state(|k| k.addresses().map(|a| a.address).find(|a| a.addr() == own));
    let free = |address: &IpAddr| booted.book.owner(*address).is_none() && *address != own;
    let hosts = network.into_iter().flat_map(|net| {
        let ends = [net.network(), net.broadcast()];
        net.hosts().rev().filter(move |address| !ends.contains(address))
    });
    hosts.filter(free).take(count).collect()
}

/// The Service's address and port, or the node's own.
fn target(booted: &Booted, expect: &ExpectReturnPath) -> Option<Target> {
    let port = expect.port;
    if let Ok(address) = expect.to.parse::<IpAddr>() {
        return Some(Target { to: SocketAddr::new(address, port.unwrap_or(80)), backends: Vec::new() });
    }
    let key = if expect.to.contains('/') { expect.to.clone() } else { format!("default/{}", expect.to) };
    let protocol = if expect.protocol == Protocol::Udp { "udp" } else { "tcp" };
    let fits = |f: &routeproof_model::metallb::Frontend| {
        f.service == key
            && f.protocol == protocol
            && port.is_none_or(|port| f.port == port)
            && expect.family.is_none_or(|family| family.is_of(f.address))
    };
    let found = booted.cluster.frontends().into_iter().find(fits)?;
    Some(Target { to: SocketAddr::new(found.address, found.port), backends: found.backends })
}

/// The VRF in which the node itself answers: an address of a VRF is nobody's for sockets outside of it
/// (Documentation/networking/vrf.rst).
fn vrf_of(watched: &Node, expect: &ExpectReturnPath, target: &Target) -> Option<String> {
    if !target.backends.is_empty() || expect.vrf.is_some() {
        return expect.vrf.clone().filter(|_| target.backends.is_empty());
    }
    watched.monitor.with_state(|kernel| {
        let device = device_of(kernel, target.to.ip())?;
        let link = kernel.link(&device)?;
        let is_it = |vrf: &&Link| vrf.index == link.index || link.master == Some(vrf.index);
        kernel.links().filter(|l| l.vrf_table.is_some()).find(is_it).map(|vrf| vrf.name.clone())
    })
}

/// A socket in a VRF sends by the VRF's device, so its table is asked.
fn index_of(watched: &Node, vrf: Option<&str>) -> Option<u32> {
    watched.monitor.with_state(|kernel| Some(kernel.link(vrf?)?.index))
}

/// Answers in every pod behind the Service, wherever it runs; or in the node itself.
async fn responders(
    booted: &Booted,
    watched: &Node,
    expect: &ExpectReturnPath,
    (target, vrf): (&Target, Option<&str>),
) -> Result<Vec<Responder>, RunError> {
    let start = async |place: &Node, at: SocketAddr| match expect.protocol {
        // The kernel answers.
        Protocol::Icmp => Ok(None),
        protocol => answering(place, at, protocol, vrf).await.map(Some),
    };
    let mut started = Vec::new();
    for backend in &target.backends {
        let host =
            backend.node.as_deref().and_then(|name| booted.node(&host_of(&node(booted, name).ok()?.name)));
        if let Some(host) = host {
            started.push(start(host, SocketAddr::new(backend.address, backend.port)));
        }
    }
    if target.backends.is_empty() {
        started.push(start(watched, target.to));
    }
    Ok(try_join_all(started).await?.into_iter().flatten().collect())
}

/// The responder of an earlier look lets go of its address a moment after it is dropped.
async fn answering(
    place: &Node,
    at: SocketAddr,
    protocol: Protocol,
    vrf: Option<&str>,
) -> Result<Responder, RunError> {
    let bind = || async {
        let bound = match protocol {
            Protocol::Http => Responder::http(&place.handle, at, vrf).await,
            Protocol::Udp => Responder::udp(&place.handle, at, vrf).await,
            Protocol::Tcp | Protocol::Icmp => Responder::tcp(&place.handle, at, vrf).await,
        };
        match bound {
            Err(e) if e.is_address_in_use() => Probe::NotYet(e.to_string()),
            bound => Probe::Done(bound),
        }
    };
    match wait::until("a responder", REBIND, RETRY, bind, wait::no_events).await {
        Ok(bound) => Ok(bound?),
        Err(e) => Err(RunError::Observe { node: place.name.clone(), why: e.to_string() }),
    }
}

/// The address that the client's kernel chooses for requests.
async fn source_of(client: &Node, to: IpAddr) -> Result<Option<IpAddr>, RunError> {
    Ok(look(client, RouteQuery::to(to)).await?.ok().and_then(|route| route.prefsrc))
}

pub(super) async fn look(node: &Node, query: RouteQuery) -> Result<Result<Route, String>, RunError> {
    let found = node.monitor.route_get(query).await;
    let found = found.map_err(|e| RunError::Observe { node: node.name.clone(), why: e.to_string() })?;
    Ok(match found {
        Lookup::Route(route) if ["blackhole", "unreachable", "prohibit"].contains(&route.kind.as_str()) => {
            Err(format!("a route of type {}", route.kind))
        }
        Lookup::Route(route) => Ok(route),
        Lookup::NoWay(why) => Err(refusal(&why)),
    })
}

/// Asks for each source that a reply has when the node routes it: a pod's address where DNAT has chosen a pod, for it is
/// changed back only when the packet leaves.
async fn lookups(
    watched: &Node,
    expect: &ExpectReturnPath,
    (target, vrf): (&Target, Option<&str>),
    client: IpAddr,
) -> Result<Vec<WayBack>, RunError> {
    let pods = watched.monitor.with_state(|k| k.links().find(|l| l.name == INTERFACE).map(|l| l.index));
    let local = target.backends.iter().filter(|b| b.node.as_deref() == Some(watched.name.as_str()));
    let mut sources: Vec<(IpAddr, Option<u32>)> = local.map(|b| (b.address, pods)).collect();
    if target.backends.is_empty() {
        sources.push((target.to.ip(), None));
    }
    let mut found = Vec::new();
    for (source, iif) in sources {
        let oif = index_of(watched, vrf);
        let query = RouteQuery { from: Some(source), iif, oif, mark: expect.mark, ..RouteQuery::to(client) };
        let entry = look(watched, RouteQuery { fib_match: true, ..query.clone() }).await?.ok();
        found.push(WayBack {
            source,
            iif: iif.map(|_| INTERFACE.to_string()),
            mark: expect.mark,
            vrf: vrf.map(str::to_string),
            chosen: look(watched, query).await?,
            entry,
        });
    }
    Ok(found)
}

/// The filter of each interface that requests came in by, and what it compares with. IPv6 has none (RFC 3704 is left to
/// netfilter there).
async fn rp_filter(
    watched: &Node,
    exchange: &Exchange,
    client: IpAddr,
    vrf: Option<&str>,
) -> Result<Vec<RpFilter>, RunError> {
    if client.is_ipv6() {
        return Ok(Vec::new());
    }
    let value = async |interface: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter");
        let bytes = watched.handle.read(&path).await.unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().parse::<u8>().unwrap_or_default()
    };
    let interfaces: BTreeSet<&String> = exchange.requests.iter().map(|way| &way.interface).collect();
    let mut found = Vec::new();
    for interface in interfaces {
        let query = RouteQuery { fib_match: true, oif: index_of(watched, vrf), ..RouteQuery::to(client) };
        let entry = look(watched, query).await?.ok();
        let hops = entry.iter().flat_map(|route| &route.nexthops).filter(|hop| !hop.dead);
        let ways_back = hops.filter_map(|hop| hop.device.clone()).collect();
        let value = value("all").await.max(value(interface).await);
        found.push(RpFilter { interface: interface.clone(), value, ways_back });
    }
    Ok(found)
}
