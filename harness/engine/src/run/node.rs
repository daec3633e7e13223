//! A node of a running lab: its handle, its kernel as observed, its FRR.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use ipnet::IpNet;
use routeproof_model::frr::{self, RibEntry, Session};
use routeproof_model::metallb::Frontend;
use routeproof_model::recording::Line;
use routeproof_model::topology::Role;
use tokio::sync::Mutex;

use super::tap::Taps;

use super::error::RunError;
use super::record::Recorder;
use crate::frr::{Frr, Vty};
use crate::lab::{Command, NodeHandle, Output};
use crate::observe::{Monitor, now};
use crate::probe::Place;
use crate::wait;

/// When a node's configuration last changed, and how its sessions were just before.
#[derive(Clone, Debug)]
pub struct LastChange {
    pub at: Instant,
    pub sessions_before: Vec<Session>,
}

#[derive(Debug)]
pub struct Node {
    pub name: String,
    pub role: Role,
    pub handle: NodeHandle,
    pub monitor: Monitor,
    pub frr: Option<Frr>,
    /// Where its configurations and logs are kept.
    pub folder: PathBuf,
    pub(super) recorder: Recorder,
    pub(super) taps: Taps,
    /// What MetalLB's file held at the last load or reload.
    pub(super) conf: Option<String>,
    /// What its kube-proxy serves.
    pub(super) frontends: Vec<Frontend>,
    pub(super) reloads: usize,
    pub(super) changed: Option<LastChange>,
    pub(super) vtys: Mutex<HashMap<&'static str, Vty>>,
    pub(super) last_sessions: Mutex<Vec<Session>>,
}

impl Node {
    /// Asks a daemon a show command over its vty socket.
    pub async fn ask(&self, daemon: &'static str, command: &str) -> Result<String, RunError> {
        let view =
            |why: String| RunError::View { node: self.name.clone(), command: command.to_string(), why };
        let frr = self.frr.as_ref().ok_or_else(|| view("no FRR runs on this node".to_string()))?;
        frr.check_alive()?;
        if !frr.answers(daemon) {
            return Err(view(format!("{daemon} does not run, or is paused")));
        }
        let mut vtys = self.vtys.lock().await;
        if !vtys.contains_key(daemon) {
            vtys.insert(daemon, Vty::new(daemon, frr.vty(daemon).await?));
        }
        let Some(vty) = vtys.get_mut(daemon) else { return Err(view("no connection".to_string())) };
        match vty.run(command).await {
            Ok(output) => Ok(output.text),
            Err(e) => {
                // The next question gets a new connection.
                vtys.remove(daemon);
                Err(view(e.to_string()))
            }
        }
    }

    /// The BGP sessions as bgpd sees them now; recorded when they changed.
    pub async fn sessions(&self) -> Result<Vec<Session>, RunError> {
        let command = "show bgp vrf all neighbors json";
        let text = self.ask("bgpd", command).await?;
        let sessions = frr::sessions(&text).map_err(|e| self.unreadable(command, &e))?;
        let mut last = self.last_sessions.lock().await;
        if !same(&last, &sessions) {
            let seen = sessions.clone();
            self.recorder.write(&Line::Sessions { node: self.name.clone(), at: now(), sessions: seen });
            last.clone_from(&sessions);
        }
        Ok(sessions)
    }

    /// zebra's RIB over both families and all VRFs.
    pub async fn rib(&self) -> Result<Vec<(IpNet, RibEntry)>, RunError> {
        let mut entries = Vec::new();
        for command in ["show ip route vrf all json", "show ipv6 route vrf all json"] {
            let text = self.ask("zebra", command).await?;
            let rib = frr::rib(&text).map_err(|e| self.unreadable(command, &e))?;
            entries.extend(
                rib.into_iter().flat_map(|(prefix, found)| found.into_iter().map(move |e| (prefix, e))),
            );
        }
        self.recorder.write(&Line::Rib { node: self.name.clone(), at: now(), entries: entries.clone() });
        Ok(entries)
    }

    /// The node for a probe, with its interfaces as they are now.
    pub fn place(&self) -> Place<'_> {
        self.monitor.with_state(|state| Place::new(&self.handle, state))
    }

    /// Resolves at the next change of the node's kernel after this call (not after the first poll).
    pub fn changed(&self) -> impl Future<Output = ()> {
        let seen = self.monitor.generation();
        async move {
            // A listener that has stopped shows as a gap, which the checks look for.
            if self.monitor.changed(seen).await.is_err() {
                wait::no_events().await;
            }
        }
    }

    pub(super) fn unreadable(&self, command: &str, why: &dyn std::fmt::Display) -> RunError {
        RunError::View { node: self.name.clone(), command: command.to_string(), why: why.to_string() }
    }

    /// The running configuration of each daemon.
    pub async fn running_config(&self) -> Result<Vec<(String, String)>, RunError> {
        match &self.frr {
            Some(frr) => Ok(crate::frr::running_config(&self.handle, frr).await?),
            None => Err(self.unreadable("show running-config", &"no FRR runs on this node")),
        }
    }
}

/// Runs a command in a node. Errors: it cannot be started, or does not end with exit code 0.
pub(super) async fn must_run(handle: &NodeHandle, command: &Command) -> Result<Output, RunError> {
    let output = handle.output(command).await?;
    match output.exit.success() {
        true => Ok(output),
        false => Err(RunError::Exec {
            node: handle.name().to_string(),
            command: command.line(),
            exit: output.exit.to_string(),
            output: format!("{}{}", output.stderr, output.stdout).trim().replace('\n', " | "),
        }),
    }
}

/// Uptimes always differ; what matters is state and counters of messages that change rarely.
fn same(a: &[Session], b: &[Session]) -> bool {
    let key = |s: &Session| {
        (
            s.peer.clone(),
            s.vrf.clone(),
            s.state,
            s.connections_established,
            s.connections_dropped,
            s.refresh.sent,
        )
    };
    a.iter().map(key).eq(b.iter().map(key))
}
