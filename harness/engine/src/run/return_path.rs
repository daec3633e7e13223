//! `return-path`: asks a service from a client while the node's interfaces are watched, and asks the node's kernel for
//! the way back of the replies.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::try_join_all;
use routeproof_model::check::{self, Checked};
use routeproof_model::fact::{Exchange, Protocol, Returned, Route, RpFilter, WayBack};
use routeproof_model::metallb::Backend;
use routeproof_model::pods::{INTERFACE, host_of};
use routeproof_model::recording::Line;
use routeproof_model::scenario::ExpectReturnPath;

use super::boot::Booted;
use super::error::RunError;
use super::expect::node;
use super::node::Node;
use crate::observe::{Lookup, RouteQuery};
use crate::probe::{ExchangePlan, Responder, exchange};

/// A request that is not answered by then is lost: the lab's ways take microseconds.
const PATIENCE: Duration = Duration::from_millis(500);

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
        return Ok(Checked { holds: false, status, evidence: Vec::new() });
    };
    let _answering = responders(booted, watched, expect, &target).await?;
    let plan = ExchangePlan {
        client: &client.handle,
        from: None,
        protocol: expect.protocol,
        to: target.to,
        count: expect.requests,
        patience: PATIENCE,
        node: watched.place(),
    };
    let exchange = exchange(&plan).await?;
    let Some(address) = source_of(client, target.to.ip()).await? else {
        let status = format!("{} has no route to {}", client.name, target.to.ip());
        return Ok(Checked { holds: false, status, evidence: Vec::new() });
    };
    let seen = Returned {
        lookups: lookups(watched, expect, &target, address).await?,
        rp_filter: rp_filter(watched, &exchange, address).await?,
        client: address,
        exchange,
    };
    booted.recorder.write(&Line::Returned { to: expect.to.clone(), seen: seen.clone() });
    Ok(check::return_path(expect, &seen, &booted.book))
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

/// Answers in every pod behind the Service, wherever it runs; or in the node itself.
async fn responders(
    booted: &Booted,
    watched: &Node,
    expect: &ExpectReturnPath,
    target: &Target,
) -> Result<Vec<Responder>, RunError> {
    let start = async |place: &Node, at: SocketAddr| {
        Ok::<_, RunError>(match expect.protocol {
            Protocol::Tcp => Some(Responder::tcp(&place.handle, at, None).await?),
            Protocol::Http => Some(Responder::http(&place.handle, at, None).await?),
            Protocol::Udp => Some(Responder::udp(&place.handle, at, None).await?),
            // The kernel answers.
            Protocol::Icmp => None,
        })
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
        Lookup::NoWay(why) => Err(why.to_string()),
    })
}

/// Asks for each source that a reply has when the node routes it: a pod's address where DNAT has chosen a pod, for it is
/// changed back only when the packet leaves.
async fn lookups(
    watched: &Node,
    expect: &ExpectReturnPath,
    target: &Target,
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
        let query = RouteQuery { from: Some(source), iif, mark: expect.mark, ..RouteQuery::to(client) };
        let entry = look(watched, RouteQuery { fib_match: true, ..query.clone() }).await?.ok();
        found.push(WayBack {
            source,
            iif: iif.map(|_| INTERFACE.to_string()),
            mark: expect.mark,
            chosen: look(watched, query).await?,
            entry,
        });
    }
    Ok(found)
}

/// The filter of each interface that requests came in by, and what it compares with. IPv6 has none (RFC 3704 is left to
/// netfilter there).
async fn rp_filter(watched: &Node, exchange: &Exchange, client: IpAddr) -> Result<Vec<RpFilter>, RunError> {
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
        let back = look(watched, RouteQuery::to(client)).await?.ok();
        let way_back = back.and_then(|route| route.nexthops.iter().find_map(|hop| hop.device.clone()));
        let value = value("all").await.max(value(interface).await);
        found.push(RpFilter { interface: interface.clone(), value, way_back });
    }
    Ok(found)
}
