//! A node of a running lab: its handle, its kernel as observed, its FRR.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Instant;

use ipnet::IpNet;
use routeproof_model::fact::Mono;
use routeproof_model::frr::{self, BfdPeer, RibEntry, Session};
use routeproof_model::metallb::Frontend;
use routeproof_model::recording::{Line, LineRef};
use routeproof_model::topology::Role;
use tokio::sync::{Mutex, mpsc};

use super::tap::Taps;

use super::error::RunError;
use super::parts::parts;
use super::record::Recorder;
use crate::frr::{Frr, Vty};
use crate::lab::{Command, NodeHandle, Output};
use crate::observe::{Monitor, now};
use crate::probe::Place;
use crate::router::RunningRouter;
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
    /// A gateway's router that a profile describes, unless it is FRR.
    pub router: Option<RunningRouter>,
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
    /// As it was recorded last; `None` before bfdd was asked.
    pub(super) last_bfd: Mutex<Option<Vec<BfdPeer>>>,
    /// Hash of what zebra claimed last.
    pub(super) last_rib: Mutex<Option<u64>>,
}

impl Node {
    /// The addresses and ports of Services that it answers.
    pub fn frontends(&self) -> &[Frontend] {
        &self.frontends
    }

    /// Whether a routing daemon runs here.
    pub fn routes(&self) -> bool {
        self.frr.is_some() || self.router.is_some()
    }

    /// Whether one of them is to speak BGP.
    pub fn speaks_bgp(&self) -> bool {
        let bgpd = self.frr.as_ref().is_some_and(|frr| frr.daemons().any(|daemon| daemon == "bgpd"));
        bgpd || self.router.is_some()
    }

    /// An error if a daemon has ended unasked.
    pub fn check_alive(&self) -> Result<(), RunError> {
        self.frr.as_ref().map_or(Ok(()), Frr::check_alive)?;
        Ok(self.router.as_ref().map_or(Ok(()), RunningRouter::check_alive)?)
    }

    /// Resolves when a routing daemon has ended, whoever ended it.
    pub fn daemon_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let (frr, router) =
            (self.frr.as_ref().map(Frr::ended), self.router.as_ref().map(RunningRouter::ended));
        async move {
            match (frr, router) {
                (Some(ended), _) => ended.await,
                (None, Some(ended)) => ended.await,
                (None, None) => wait::no_events().await,
            }
        }
    }

    /// Asks a daemon a show command over its vty socket.
    pub async fn ask(&self, daemon: &'static str, command: &str) -> Result<String, RunError> {
        self.ask_or_send(daemon, command, None).await
    }

    /// The answer, or nothing when its parts are sent on.
    async fn ask_or_send(
        &self,
        daemon: &'static str,
        command: &str,
        parts: Option<mpsc::Sender<Vec<u8>>>,
    ) -> Result<String, RunError> {
        let view =
            |why: String| RunError::View { node: self.name.clone(), command: command.to_string(), why };
        let frr = self.frr.as_ref().ok_or_else(|| view("no FRR runs on this node".to_string()))?;
        frr.check_alive()?;
        if !frr.answers(daemon) {
            return Err(view(format!("{daemon} does not run, or is paused")));
        }
        let mut vtys = self.vtys.lock().await;
        // Taken out while it answers: when that fails, or whoever asks gives up on it, the next question gets a new connection.
        let mut vty = match vtys.remove(daemon) {
            Some(vty) => vty,
            None => Vty::new(daemon, frr.vty(daemon).await?),
        };
        let answer = match parts {
            None => vty.run(command).await.map(|output| output.text),
            Some(parts) => vty.run_in_parts(command, parts).await.map(|_| String::new()),
        };
        if answer.is_ok() {
            vtys.insert(daemon, vty);
        }
        answer.map_err(|e| view(e.to_string()))
    }

    /// The BGP sessions as bgpd sees them now; recorded when they changed.
    pub async fn sessions(&self) -> Result<Vec<Session>, RunError> {
        let sessions = self.ask_sessions().await?;
        self.record_sessions(&sessions, now(), same).await;
        Ok(sessions)
    }

    /// The BGP sessions, to the second of their uptimes, and the BFD sessions if `bfd`; recorded as of one time.
    pub async fn sessions_in_full(&self, bfd: bool) -> Result<(Vec<Session>, Vec<BfdPeer>), RunError> {
        let sessions = self.ask_sessions().await?;
        let peers = if bfd { self.bfd_peers().await? } else { Vec::new() };
        let at = now();
        if bfd {
            let mut last = self.last_bfd.lock().await;
            if last.as_ref() != Some(&peers) {
                self.recorder.write(&Line::Bfd { node: self.name.clone(), at, peers: peers.clone() });
                *last = Some(peers.clone());
            }
        }
        self.record_sessions(&sessions, at, |a, b| a == b).await;
        Ok((sessions, peers))
    }

    async fn ask_sessions(&self) -> Result<Vec<Session>, RunError> {
        if let Some(router) = &self.router {
            if !router.answers() {
                return Err(self.unreadable("sessions", &"a daemon does not run, or is paused"));
            }
            return Ok(router.sessions().await?);
        }
        let command = "show bgp vrf all neighbors json";
        let text = self.ask("bgpd", command).await?;
        let mut sessions = frr::sessions(&text).map_err(|e| self.unreadable(command, &e))?;
        for session in &mut sessions {
            self.count_received(session).await?;
        }
        Ok(sessions)
    }

    /// Where bgpd keeps an Adj-RIB-In before policy, it is counted; by default it keeps none.
    async fn count_received(&self, session: &mut Session) -> Result<(), RunError> {
        let Session { vrf, peer, families, .. } = session;
        let kept =
            families.iter_mut().filter(|(_, family)| family.soft_reconfiguration && family.sent.is_some());
        for (name, family) in kept {
            let afi = if name.starts_with("ipv6") { "ipv6" } else { "ipv4" };
            let command = format!("show bgp vrf {vrf} {afi} unicast neighbors {peer} prefix-counts json");
            let text = self.ask("bgpd", &command).await?;
            family.received = Some(frr::adj_rib_in_count(&text).map_err(|e| self.unreadable(&command, &e))?);
        }
        Ok(())
    }

    /// bfdd's sessions; none where no bfdd runs.
    async fn bfd_peers(&self) -> Result<Vec<BfdPeer>, RunError> {
        if !self.frr.as_ref().is_some_and(|frr| frr.daemons().any(|daemon| daemon == "bfdd")) {
            return Ok(Vec::new());
        }
        let command = "show bfd peers json";
        let text = self.ask("bfdd", command).await?;
        frr::bfd_peers(&text).map_err(|e| self.unreadable(command, &e))
    }

    async fn record_sessions(
        &self,
        sessions: &[Session],
        at: Mono,
        unchanged: impl Fn(&[Session], &[Session]) -> bool,
    ) {
        let mut last = self.last_sessions.lock().await;
        if !unchanged(&last, sessions) {
            // Compared is with what is in the recording, not with what was seen and left out.
            *last = sessions.to_vec();
            self.recorder.write(&Line::Sessions { node: self.name.clone(), at, sessions: last.clone() });
        }
    }

    /// zebra's RIB over both families and all VRFs.
    pub async fn rib(&self) -> Result<Vec<(IpNet, RibEntry)>, RunError> {
        let mut entries = Vec::new();
        for command in ["show ip route vrf all json", "show ipv6 route vrf all json"] {
            // Read on a thread of its own while it comes in: a full table is 100 MB of JSON.
            let (parts, reader) = parts();
            let read = tokio::task::spawn_blocking(move || frr::read_rib(reader));
            let asked = self.ask_or_send("zebra", command, Some(parts)).await;
            let read = read.await.map_err(|e| self.unreadable(command, &e))?;
            asked?;
            entries.extend(read.map_err(|e| self.unreadable(command, &e))?);
        }
        self.record(&entries).await;
        Ok(entries)
    }

    /// Records what zebra claims, if it is not what it claimed before.
    async fn record(&self, entries: &[(IpNet, RibEntry)]) {
        let mut hasher = DefaultHasher::new();
        entries.hash(&mut hasher);
        let mut last = self.last_rib.lock().await;
        if last.replace(hasher.finish()) != Some(hasher.finish()) {
            self.recorder.write_large(&LineRef::Rib { node: &self.name, at: now(), entries });
        }
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
