//! MetalLB's real speaker on a cluster node, with what stands in for the container that reloads FRR.

use std::path::Path;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use routeproof_model::cluster::{self, Program, RELOADER_FOLDER};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::error::ClusterError;
use super::plane::Plane;
use super::relay::Relay;
use crate::daemons::Daemons;
use crate::lab::{Command, NodeHandle};

/// A speaker that runs.
#[derive(Debug)]
pub struct Speaker {
    node: NodeHandle,
    running: Daemons,
    /// Lines of what stands in for the reloader: one when it is ready, and one for each signal. Its sender ends with it.
    lines: watch::Receiver<u64>,
    /// Those that have been acted on.
    heard: u64,
    _relay: Relay,
}

impl Speaker {
    /// Starts it, after the objects that it finds. Its log goes to `folder`.
    pub async fn start(node: &NodeHandle, plane: &Plane, folder: &Path) -> Result<Speaker, ClusterError> {
        let relay = plane.reachable_from(node).await?;
        let Program { arguments, .. } = cluster::reloader();
        let argv = std::iter::once("/bin/sh".to_string()).chain(arguments);
        let (reloader, out) = node.talking(&Command::new(argv)).await?;
        let (sender, lines) = watch::channel(0);
        tokio::spawn(count(out, sender));
        let (node, running) = (node.clone(), Daemons::new(node, folder));
        let mut speaker = Speaker { node, running, lines, heard: 0, _relay: relay };
        // Only from then on it does not die by the signal.
        speaker.next().await?;
        // As text without an end of line: it is read with strconv.Atoi.
        let pid = reloader.pid.to_string();
        speaker.node.write(&format!("{RELOADER_FOLDER}/reloader.pid"), 0o644, pid.as_bytes()).await?;
        speaker.launch(plane).await?;
        Ok(speaker)
    }

    async fn launch(&mut self, plane: &Plane) -> Result<(), ClusterError> {
        let (program, file) = plane.speaker(self.node.name());
        let argv = std::iter::once(program.name.to_string()).chain(program.arguments);
        let command = Command { program: Some(file), ..Command::new(argv).envs(&program.environment) };
        Ok(self.running.start(program.name, &command).await?)
    }

    /// Ends it; nothing of what it asked for counts any more.
    pub async fn end(&mut self) {
        self.running.end_all(Signal::SIGTERM).await;
        self.heard = *self.lines.borrow();
    }

    /// Starts another after [`Speaker::end`], which does not know what the last one wrote.
    pub async fn again(&mut self, plane: &Plane) -> Result<(), ClusterError> {
        self.launch(plane).await
    }

    async fn next(&mut self) -> Result<(), ClusterError> {
        let heard = self.heard;
        match self.lines.wait_for(|lines| *lines > heard).await {
            Ok(lines) => self.heard = *lines,
            Err(_) => return Err(ClusterError::Reloader { node: self.node.name().to_string() }),
        }
        Ok(())
    }

    /// Resolves when it has asked for a reload, or has ended. Like signals, requests that come while nobody waits become one.
    pub async fn asks(&mut self) -> Result<(), ClusterError> {
        let ended = self.running.ended();
        tokio::select! {
            asked = self.next() => asked,
            () = ended => Ok(self.running.check_alive()?),
        }
    }

    /// The file that it has written.
    pub async fn conf(&self) -> Result<String, ClusterError> {
        let bytes = self.node.read(&format!("{RELOADER_FOLDER}/frr.conf")).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Leaves the word of a reload that went well where it looks for it.
    pub async fn tell(&self) -> Result<(), ClusterError> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let status = format!("{} success", since.as_secs());
        Ok(self.node.write(&format!("{RELOADER_FOLDER}/.status"), 0o644, status.as_bytes()).await?)
    }

    /// An error if it has ended unasked.
    pub fn check_alive(&self) -> Result<(), ClusterError> {
        Ok(self.running.check_alive()?)
    }

    /// The same, and an error if it has asked for what nobody did.
    pub fn check(&self) -> Result<(), ClusterError> {
        self.check_alive()?;
        match *self.lines.borrow() > self.heard {
            true => Err(ClusterError::Unheard { node: self.node.name().to_string() }),
            false => Ok(()),
        }
    }
}

/// Counts lines up to the end of the pipe.
async fn count(out: pipe::Receiver, lines: watch::Sender<u64>) {
    let mut read = BufReader::new(out).lines();
    while let Ok(Some(_)) = read.next_line().await {
        lines.send_modify(|n| *n += 1);
    }
}
