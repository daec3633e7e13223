//! Faults of what routers say to each other, and of their configuration.

use ipnet::IpNet;
use routeproof_model::fact::Mono;

use crate::frr::load_conf;
use crate::observe::now;
use crate::run::boot::Booted;
use crate::run::error::RunError;
use crate::run::expect::node;
use crate::run::node::Node;

pub fn no_frr(name: &str) -> RunError {
    RunError::Observe { node: name.to_string(), why: "no FRR runs there".to_string() }
}

/// The node itself, to be changed. `name` is its own name, not an alias.
pub fn of<'a>(booted: &'a mut Booted, name: &str) -> Result<&'a mut Node, RunError> {
    booted.nodes.get_mut(name).ok_or_else(|| no_frr(name))
}

/// `clear bgp` of every session with the peer.
pub async fn reset_session(booted: &Booted, name: &str, peer: &str) -> Result<Mono, RunError> {
    let watched = node(booted, name)?;
    let sessions = watched.sessions().await?;
    let with_peer: Vec<_> = sessions.iter().filter(|s| booted.book.is_peer(name, peer, &s.peer)).collect();
    if with_peer.is_empty() {
        let why = format!("it has no session with {peer}");
        return Err(RunError::Observe { node: name.to_string(), why });
    }
    let at = now();
    for session in with_peer {
        let vrf = Some(&session.vrf).filter(|vrf| *vrf != "default").map(|vrf| format!("vrf {vrf} "));
        let command = format!("clear bgp {}{}", vrf.unwrap_or_default(), session.peer);
        watched.ask("bgpd", &command).await?;
    }
    Ok(at)
}

/// Enters lines of configuration. Errors: FRR refuses one.
pub async fn configure(node: &Node, lines: &[String]) -> Result<Mono, RunError> {
    let frr = node.frr.as_ref().ok_or_else(|| no_frr(&node.name))?;
    let at = now();
    let refused = load_conf(&node.handle, frr, &format!("{}\n", lines.join("\n"))).await?;
    match refused.first() {
        None => Ok(at),
        Some(refused) => Err(RunError::Config {
            node: node.name.clone(),
            what: format!("FRR rejects `{}`: {}", refused.line.trim(), refused.reason),
            hints: Vec::new(),
        }),
    }
}

pub async fn withdraw(node: &mut Node, prefix: IpNet) -> Result<Mono, RunError> {
    if node.router.is_some() {
        return change(node, |prefixes| prefixes.retain(|p| *p != prefix)).await;
    }
    let running = node.ask("bgpd", "show running-config").await?;
    match router_with(&running, prefix) {
        Some(router) => configure(node, &network_lines(&router, "no network", prefix)).await,
        None => {
            let what = format!("it announces {prefix} by no `network` line, so there is none to remove");
            let hints = vec!["`fault: { configure: { node, lines } }` takes back any other".to_string()];
            Err(RunError::Config { node: node.name.clone(), what, hints })
        }
    }
}

/// Gives a profile's router other prefixes to announce.
async fn change(node: &mut Node, alter: impl FnOnce(&mut Vec<IpNet>)) -> Result<Mono, RunError> {
    let Some(router) = &mut node.router else { return Err(no_frr(&node.name)) };
    let mut changed = router.router.clone();
    alter(&mut changed.intent.prefixes);
    let at = now();
    router.change(changed, &node.folder).await?;
    Ok(at)
}

pub async fn announce(node: &mut Node, prefix: IpNet) -> Result<Mono, RunError> {
    if node.router.is_some() {
        return change(node, |prefixes| prefixes.push(prefix)).await;
    }
    let running = node.ask("bgpd", "show running-config").await?;
    match running.lines().find(|line| line.starts_with("router bgp ")) {
        Some(router) => configure(node, &network_lines(router, "network", prefix)).await,
        None => Err(RunError::Config {
            node: node.name.clone(),
            what: "its configuration has no `router bgp`".to_string(),
            hints: Vec::new(),
        }),
    }
}

fn network_lines(router: &str, verb: &str, prefix: IpNet) -> Vec<String> {
    let family = if prefix.addr().is_ipv6() { "ipv6" } else { "ipv4" };
    vec![
        router.to_string(),
        format!(" address-family {family} unicast"),
        format!("  {verb} {prefix}"),
        " exit-address-family".to_string(),
        "exit".to_string(),
    ]
}

/// The header of the `router bgp` in which the prefix has a `network` line.
fn router_with(running: &str, prefix: IpNet) -> Option<String> {
    let mut router = None;
    for line in running.lines() {
        if line.starts_with("router bgp ") {
            router = Some(line.to_string());
        }
        let network = line.trim().strip_prefix("network ").and_then(|rest| rest.split_whitespace().next());
        if network.and_then(|text| text.parse::<IpNet>().ok()) == Some(prefix) {
            return router;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_belongs_to_the_router_above_it() {
        let running = "router bgp 1\n address-family ipv4 unicast\n  network 10.0.0.0/24\nexit\n!\nrouter bgp 1 vrf red\n address-family ipv6 unicast\n  network fc00:1::/64 route-map x\n";
        let find = |text: &str| router_with(running, text.parse().unwrap());
        assert_eq!(find("10.0.0.0/24").as_deref(), Some("router bgp 1"));
        assert_eq!(find("fc00:1::/64").as_deref(), Some("router bgp 1 vrf red"));
        assert_eq!(find("10.0.0.0/25"), None);
    }
}
