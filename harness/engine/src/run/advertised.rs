//! What gateways say that they send: FRR by its vty, others by the questions of their profiles.

use std::net::IpAddr;

use ipnet::IpNet;
use routeproof_model::frr::{Session, adj_rib_out};
use routeproof_model::recording::Line;

use super::boot::Booted;
use super::error::RunError;
use super::node::Node;
use crate::observe::now;
use crate::router::RunningRouter;

/// What a gateway's Adj-RIB-Out towards a node holds, over all their sessions (RFC 4271, section 3.2).
pub async fn advertised(booted: &Booted, to: &Node, gateway: &Node) -> Result<Vec<IpNet>, RunError> {
    let mut prefixes = match &gateway.router {
        Some(router) => by_profile(booted, to, gateway, router).await?,
        None => by_frr(booted, to, gateway).await?,
    };
    prefixes.sort();
    prefixes.dedup();
    booted.recorder.write(&Line::Advertised {
        gateway: gateway.name.clone(),
        to: to.name.clone(),
        at: now(),
        prefixes: prefixes.clone(),
    });
    Ok(prefixes)
}

/// Whether a session of the gateway is with a node, and up.
fn is_up_with(booted: &Booted, gateway: &Node, session: &Session, node: &Node) -> bool {
    session.established.is_some() && booted.book.is_peer(&gateway.name, &node.name, &session.peer)
}

/// By the question of the gateway's profile, for each of its peers.
async fn by_profile(
    booted: &Booted,
    to: &Node,
    gateway: &Node,
    router: &RunningRouter,
) -> Result<Vec<IpNet>, RunError> {
    let sessions = gateway.sessions().await?;
    let mut prefixes = Vec::new();
    for (index, peer) in router.router.intent.peers.iter().enumerate() {
        let of_peer = |s: &&Session| s.peer.parse() == Ok(peer.address);
        if sessions.iter().filter(of_peer).any(|session| is_up_with(booted, gateway, session, to)) {
            prefixes.extend(router.advertised(index).await?);
        }
    }
    Ok(prefixes)
}

async fn by_frr(booted: &Booted, to: &Node, gateway: &Node) -> Result<Vec<IpNet>, RunError> {
    let mut prefixes = Vec::new();
    for session in gateway.sessions().await? {
        if !is_up_with(booted, gateway, &session, to) {
            continue;
        }
        let Ok(peer) = session.peer.parse::<IpAddr>() else { continue };
        for family in session.families.keys() {
            let family = if family.to_lowercase().contains("ipv6") { "ipv6" } else { "ipv4" };
            let command = format!("show bgp {family} unicast neighbors {peer} advertised-routes json");
            let text = gateway.ask("bgpd", &command).await?;
            let routes = adj_rib_out(&text).map_err(|e| gateway.unreadable(&command, &e))?;
            prefixes.extend(routes.into_keys());
        }
    }
    Ok(prefixes)
}
