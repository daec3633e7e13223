//! What breaks on purpose. The lab is thrown away afterwards, so nothing has to be undone.

use routeproof_model::scenario::Fault;

use super::boot::Booted;
use super::error::RunError;
use super::expect::node;
use super::gateway;
use super::node::must_run;
use crate::lab::Command;

pub async fn inject(booted: &mut Booted, fault: &Fault) -> Result<(), RunError> {
    let name = node(booted, fault.node())?.name.clone();
    let missing = || RunError::Observe { node: name.clone(), why: "no FRR runs there".to_string() };
    match fault {
        Fault::Link { interface, state, .. } => {
            let command = Command::new(["ip", "link", "set", "dev", interface, state.as_str()]);
            must_run(&node(booted, &name)?.handle, &command).await.map(|_| ())
        }
        Fault::KillDaemon { daemon, .. } => {
            let target = booted.nodes.get_mut(&name).ok_or_else(missing)?;
            target.vtys.lock().await.clear();
            Ok(target.frr.as_mut().ok_or_else(missing)?.kill(daemon).await?)
        }
        Fault::RestartRouter { .. } => {
            gateway::restart(booted.nodes.get_mut(&name).ok_or_else(missing)?).await
        }
        Fault::ResetSession { peer, .. } => {
            let watched = node(booted, &name)?;
            let sessions = watched.sessions().await?;
            let with_peer = sessions.iter().filter(|s| s.peer.parse().is_ok_and(|a| booted.book.is(peer, a)));
            let mut count = 0;
            for session in with_peer {
                watched.ask("bgpd", &format!("clear bgp {}", session.peer)).await?;
                count += 1;
            }
            let none =
                || RunError::Observe { node: name.clone(), why: format!("it has no session with {peer}") };
            (count > 0).then_some(()).ok_or_else(none)
        }
    }
}
