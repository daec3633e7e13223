//! What `up` waits for once a lab stands: prefixes in the kernels of all cluster nodes, and sessions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use ipnet::IpNet;
use routeproof_model::fact::{KernelEvent, KernelState, Mono, Object};
use routeproof_model::frr::{Session, SessionState};
use routeproof_model::topology::Role;
use serde::{Deserialize, Serialize};

use super::boot::Booted;
use super::error::RunError;
use super::node::Node;
use super::tap::Tap;
use crate::observe::now;
use crate::wait::{self, Probe, TimedOut};

/// What must be true of every cluster node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Until {
    /// A unicast route to each of these in some table of the kernel.
    pub routes: Vec<IpNet>,
    /// At least one BGP session, and all of them Established.
    pub sessions: bool,
    pub limit: Duration,
}

/// When it became true on each node, in nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Prefix -> node -> when its kernel first had it.
    pub routes: BTreeMap<IpNet, BTreeMap<String, Mono>>,
    /// Node -> when all its sessions were first seen Established.
    pub sessions: BTreeMap<String, Mono>,
}

/// It did not become true.
#[derive(Debug, thiserror::Error)]
pub enum Unmet {
    #[error("node {node}: {source}")]
    Late {
        node: String,
        #[source]
        source: TimedOut,
    },
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Until {
    pub fn is_nothing(&self) -> bool {
        self.routes.is_empty() && !self.sessions
    }
}

/// Waits until all of it has become true. `taps` come from [`Booted::take_taps`]: so a route that was there before this
/// call is known with its time. `reached` gets what became true before an error, too.
pub async fn reach(
    booted: &Booted,
    taps: BTreeMap<String, Tap>,
    until: &Until,
    reached: &mut Reached,
) -> Result<(), Unmet> {
    let members: Vec<&Node> = booted.nodes.values().filter(|n| n.role == Role::ClusterNode).collect();
    let began = Instant::now();
    if !until.routes.is_empty() {
        let found = try_join_all(members.iter().map(async |node| {
            let found = routes(node, taps.get(&node.name), until).await?;
            Ok::<_, Unmet>((node.name.clone(), found))
        }));
        for (node, found) in found.await? {
            for (prefix, at) in found {
                reached.routes.entry(prefix).or_default().insert(node.clone(), at);
            }
        }
    }
    drop(taps);
    if until.sessions {
        // Each question costs bgpd and us some 100 us: a hundred nodes are asked less often.
        let interval = Duration::from_millis(25 + members.len() as u64);
        let left = until.limit.saturating_sub(began.elapsed());
        let seen =
            try_join_all(members.iter().map(async |node| {
                Ok::<_, Unmet>((node.name.clone(), sessions(node, left, interval).await?))
            }));
        reached.sessions = seen.await?.into_iter().collect();
    }
    Ok(())
}

async fn routes(node: &Node, tap: Option<&Tap>, until: &Until) -> Result<BTreeMap<IpNet, Mono>, Unmet> {
    let first = std::sync::Mutex::new(BTreeMap::new());
    let probe = async || {
        let mut first = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for event in tap.map(Tap::take).unwrap_or_default() {
            if let Some(prefix) = routed(&event).filter(|prefix| until.routes.contains(prefix)) {
                first.entry(prefix).or_insert(event.at);
            }
        }
        let missing: Vec<String> = node.monitor.with_state(|kernel| {
            until.routes.iter().filter(|p| !has(kernel, **p)).map(ToString::to_string).collect()
        });
        match missing.is_empty() {
            true => {
                Probe::Done(until.routes.iter().map(|p| (*p, *first.entry(*p).or_insert_with(now))).collect())
            }
            false => Probe::NotYet(format!("the kernel has no route to {}", missing.join(", "))),
        }
    };
    let found =
        wait::until("a route to every prefix", until.limit, until.limit, probe, || node.changed()).await;
    found.map_err(|source| Unmet::Late { node: node.name.clone(), source })
}

fn routed(event: &KernelEvent) -> Option<IpNet> {
    match event.change.appeared()? {
        Object::Route(route) if route.kind == "unicast" => Some(route.prefix),
        _ => None,
    }
}

fn has(kernel: &KernelState, prefix: IpNet) -> bool {
    kernel.routes_to(prefix).any(|route| route.kind == "unicast")
}

async fn sessions(node: &Node, limit: Duration, interval: Duration) -> Result<Mono, Unmet> {
    let probe = async || match node.sessions().await {
        Err(e) => Probe::Done(Err(e)),
        Ok(sessions) => match missing(&sessions) {
            None => Probe::Done(Ok(now())),
            Some(status) => Probe::NotYet(status),
        },
    };
    let seen = wait::until("all BGP sessions Established", limit, interval, probe, wait::no_events).await;
    Ok(seen.map_err(|source| Unmet::Late { node: node.name.clone(), source })??)
}

/// What is missing for "all sessions are Established".
fn missing(sessions: &[Session]) -> Option<String> {
    if sessions.is_empty() {
        return Some("there is no session: no manifest makes this node a peer of anybody".to_string());
    }
    let down = sessions.iter().filter(|s| s.state != SessionState::Established);
    let down: Vec<String> = down.map(|s| format!("{} is {:?}", s.peer, s.state)).collect();
    (!down.is_empty()).then(|| down.join(", "))
}

#[cfg(test)]
mod tests {
    use routeproof_model::fact::{Change, Route};

    use super::*;

    #[test]
    fn only_routes_that_carry_packets_count() {
        let prefix: IpNet = "172.16.1.0/24".parse().unwrap_or_default();
        let route = |kind: &str| Object::Route(Route { prefix, kind: kind.to_string(), ..Route::default() });
        let event = |change| KernelEvent { at: Mono(1), change };
        assert_eq!(routed(&event(Change::New(route("unicast")))), Some(prefix));
        assert_eq!(routed(&event(Change::Replace(route("unicast")))), Some(prefix));
        assert_eq!(routed(&event(Change::New(route("blackhole")))), None);
        assert_eq!(routed(&event(Change::Del(route("unicast")))), None);
    }

    #[test]
    fn no_session_is_not_all_sessions() {
        assert!(missing(&[]).is_some_and(|status| status.starts_with("there is no session")));
    }
}
