//! Breaking a lab in which everything is well. It is thrown away afterwards, so nothing is mended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nix::sys::signal::Signal;
use routeproof_model::frr::SessionState;
use routeproof_model::mutate::{Mutation, commands, expectation};
use routeproof_model::plan::PlannedRun;
use routeproof_model::scenario::Verb;
use routeproof_model::topology::Role;

use crate::lab::Command;
use crate::run::boot::Booted;
use crate::run::error::RunError;
use crate::run::expect::node;
use crate::run::node::{Node, must_run};
use crate::wait::{self, Probe};

/// How long sessions may take to come back after the speakers' restart.
const SESSIONS: Duration = Duration::from_secs(20);
/// An Established session has not sent its routes yet.
const ROUTES: Duration = Duration::from_millis(1500);
const POLL: Duration = Duration::from_millis(50);

/// Does the mutation for all of these expectations at once.
pub async fn inject(
    booted: &mut Booted,
    run: &PlannedRun,
    mutation: Mutation,
    verbs: &[&Verb],
) -> Result<(), RunError> {
    match mutation {
        Mutation::DropExtras => drop_extras(booted).await,
        Mutation::PeerDown => peer_down(booted).await,
        Mutation::LinkDown => link_down(booted, run, verbs).await,
        Mutation::RemoveRoute => {
            for name in watched(booted, verbs)? {
                if let Some(frr) = booted.nodes.get_mut(&name).and_then(|node| node.frr.as_mut()) {
                    frr.pause("zebra").await?;
                }
            }
            change_kernels(booted, mutation, verbs).await
        }
        // It is done by leaving out a step.
        Mutation::SkipChange => Ok(()),
        Mutation::RemoveNextHop | Mutation::Blackhole | Mutation::LeakRoute | Mutation::Flap => {
            change_kernels(booted, mutation, verbs).await
        }
    }
}

/// The full names of the nodes that the expectations look at.
fn watched(booted: &Booted, verbs: &[&Verb]) -> Result<BTreeSet<String>, RunError> {
    let expects = verbs.iter().filter_map(|verb| expectation(verb));
    expects.map(|(expect, _)| Ok(node(booted, expect.node())?.name.clone())).collect()
}

async fn change_kernels(booted: &Booted, mutation: Mutation, verbs: &[&Verb]) -> Result<(), RunError> {
    // All are read before the first is changed; two expectations may stand on one route.
    let mut orders: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for verb in verbs {
        let Some((expect, _)) = expectation(verb) else { continue };
        let watched = node(booted, expect.node())?;
        let wanted = watched.monitor.with_state(|kernel| commands(mutation, verb, kernel));
        let list = orders.entry(watched.name.clone()).or_default();
        list.extend(wanted.into_iter().filter(|argv| !list.contains(argv)).collect::<Vec<_>>());
    }
    for (name, list) in orders {
        for argv in list {
            must_run(&node(booted, &name)?.handle, &Command::new(argv)).await?;
        }
    }
    Ok(())
}

async fn link_down(booted: &Booted, run: &PlannedRun, verbs: &[&Verb]) -> Result<(), RunError> {
    for name in watched(booted, verbs)? {
        let ends = run.topology.links.iter().flat_map(|link| &link.endpoints);
        for end in ends.filter(|end| run.topology.nodes[end.node].name == name) {
            let command = Command::new(["ip", "link", "set", "dev", &end.interface, "down"]);
            must_run(&node(booted, &name)?.handle, &command).await?;
        }
    }
    Ok(())
}

async fn peer_down(booted: &mut Booted) -> Result<(), RunError> {
    for gateway in booted.nodes.values_mut().filter(|n| n.role == Role::Gateway) {
        gateway.vtys.lock().await.clear();
        // One that an earlier fault killed is down already.
        if let Some(frr) = gateway.frr.as_mut().filter(|frr| frr.daemons().any(|d| d == "bgpd")) {
            frr.end("bgpd", Signal::SIGKILL).await?;
        }
        if let Some(router) = &mut gateway.router {
            router.stop(Signal::SIGKILL).await;
        }
    }
    Ok(())
}

/// Afterwards the sessions are what they were: what is missing then is missing for want of the extras.
async fn drop_extras(booted: &mut Booted) -> Result<(), RunError> {
    let up = async |node: &Node| {
        let sessions = node.sessions().await?.into_iter().filter(|s| s.state == SessionState::Established);
        Ok::<_, RunError>(sessions.map(|s| s.peer).collect::<BTreeSet<_>>())
    };
    let mut before = BTreeMap::new();
    for node in booted.nodes.values().filter(|n| n.role == Role::ClusterNode) {
        before.insert(node.name.clone(), up(node).await?);
    }
    booted.cluster.drop_extras(&mut booted.nodes).await?;
    for (name, peers) in &before {
        let node = node(booted, name)?;
        let probe = async || match up(node).await {
            Err(e) => Probe::Done(Err(e)),
            Ok(now) if now.is_superset(peers) => Probe::Done(Ok(())),
            Ok(now) => Probe::NotYet(format!("{} of {} sessions are up", now.len(), peers.len())),
        };
        let back = wait::until("the sessions without the extras", SESSIONS, POLL, probe, wait::no_events);
        let late = |e: wait::TimedOut| RunError::Observe { node: name.clone(), why: e.to_string() };
        back.await.map_err(late)??;
    }
    wait::elapse(ROUTES).await;
    Ok(())
}
