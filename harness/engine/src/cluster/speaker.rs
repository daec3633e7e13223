//! MetalLB's real speaker on a cluster node, with what stands in for the container that reloads FRR.

use std::path::Path;

use nix::sys::signal::Signal;
use routeproof_model::cluster::{self, Program, RELOADER_FOLDER};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::unix::pipe;

use super::error::ClusterError;
use super::plane::Plane;
use super::relay::Relay;
use crate::daemons::Daemons;
use crate::lab::{Command, NodeHandle, Process};

/// A speaker that runs.
#[derive(Debug)]
pub struct Speaker {
    node: NodeHandle,
    running: Daemons,
    reloader: Process,
    signals: Lines<BufReader<pipe::Receiver>>,
    _relay: Relay,
}

impl Speaker {
    /// Starts it, after the objects that it finds. Its log goes to `folder`.
    pub async fn start(node: &NodeHandle, plane: &Plane, folder: &Path) -> Result<Speaker, ClusterError> {
        let relay = plane.reachable_from(node).await?;
        let Program { arguments, .. } = cluster::reloader();
        let argv = std::iter::once("/bin/sh".to_string()).chain(arguments);
        let (reloader, out) = node.talking(&Command::new(argv)).await?;
        let mut signals = BufReader::new(out).lines();
        // Only now it does not die by the signal.
        next(node, &mut signals).await?;
        // As text without an end of line: it is read with strconv.Atoi.
        let pid = reloader.pid.to_string();
        node.write(&format!("{RELOADER_FOLDER}/reloader.pid"), 0o644, pid.as_bytes()).await?;
        let mut speaker = Speaker {
            node: node.clone(),
            running: Daemons::new(node, folder),
            reloader,
            signals,
            _relay: relay,
        };
        speaker.launch(plane).await?;
        Ok(speaker)
    }

    async fn launch(&mut self, plane: &Plane) -> Result<(), ClusterError> {
        let (program, file) = plane.speaker(self.node.name());
        let argv = std::iter::once(program.name.to_string()).chain(program.arguments);
        let command = Command { program: Some(file), ..Command::new(argv).envs(&program.environment) };
        Ok(self.running.start(program.name, &command).await?)
    }

    /// Ends it and starts another, which forgets what it wrote.
    pub async fn restart(&mut self, plane: &Plane) -> Result<(), ClusterError> {
        self.end().await;
        self.launch(plane).await
    }

    /// Ends it, and lets nothing of what it said before count.
    pub async fn end(&mut self) {
        self.running.end_all(Signal::SIGTERM).await;
    }

    /// Resolves when it asks for a reload, or has ended.
    pub async fn asks(&mut self) -> Result<(), ClusterError> {
        let ended = self.running.ended();
        tokio::select! {
            line = next(&self.node, &mut self.signals) => line,
            () = ended => Ok(self.running.check_started()?),
        }
    }

    /// The file that it has written.
    pub async fn conf(&self) -> Result<String, ClusterError> {
        let bytes = self.node.read(&format!("{RELOADER_FOLDER}/frr.conf")).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// An error if it has ended unasked.
    pub fn check_alive(&self) -> Result<(), ClusterError> {
        match self.reloader.ended() {
            Some(_) => Err(ClusterError::Reloader { node: self.node.name().to_string() }),
            None => Ok(self.running.check_alive()?),
        }
    }
}

async fn next(node: &NodeHandle, signals: &mut Lines<BufReader<pipe::Receiver>>) -> Result<(), ClusterError> {
    match signals.next_line().await {
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(_) => Err(ClusterError::Reloader { node: node.name().to_string() }),
    }
}
