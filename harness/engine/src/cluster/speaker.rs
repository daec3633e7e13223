//! What writes a cluster node's frr.conf: MetalLB's real speaker or, in frr-k8s mode, frr-k8s beside it; with what stands in for the
//! container that reloads FRR.

use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use routeproof_model::cluster::{self, Program, RELOADER_FOLDER};
use routeproof_model::metallb::{Generation, Mode};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::error::ClusterError;
use super::plane::{Plane, start};
use super::relay::Relay;
use crate::daemons::Daemons;
use crate::lab::{Command, NodeHandle};

/// How long all may be quiet while a change is still to come: a debounce (3 s), and what a busy machine adds. In frr-k8s mode the speaker and
/// frr-k8s wait one after the other.
pub fn debounce(mode: Mode) -> Duration {
    let once = Duration::from_millis(4500);
    match mode {
        Mode::Frr => once,
        Mode::FrrK8s => 2 * once,
    }
}

/// v0.12 asks for each Service anew, whatever comes of it, but not more often than each 0.5 s.
const REPEATS: Duration = Duration::from_millis(1500);

/// A node's programs that run.
#[derive(Debug)]
pub struct Speaker {
    node: NodeHandle,
    generation: Generation,
    mode: Mode,
    /// The one that writes frr.conf; FRR is in its pod.
    writer: Daemons,
    /// In frr-k8s mode the speaker, which has a pod of its own.
    beside: Daemons,
    /// Lines of what stands in for the reloader: one when it is ready, and one for each signal. Its sender ends with it.
    lines: watch::Receiver<u64>,
    /// Those that have been acted on.
    heard: u64,
    _relay: Relay,
}

impl Speaker {
    /// Starts them, after the objects that they find. Their logs go to `folder`.
    pub async fn start(node: &NodeHandle, plane: &Plane, folder: &Path) -> Result<Speaker, ClusterError> {
        let relay = plane.reachable_from(node).await?;
        let Program { arguments, .. } = cluster::reloader();
        let argv = std::iter::once("/bin/sh".to_string()).chain(arguments);
        let (reloader, out) = node.talking(&Command::new(argv)).await?;
        let (sender, lines) = watch::channel(0);
        tokio::spawn(count(out, sender));
        let [writer, beside] = [(); 2].map(|()| Daemons::new(node, folder));
        let (node, generation, mode) = (node.clone(), plane.generation(), plane.mode());
        let mut speaker = Speaker { node, generation, mode, writer, beside, lines, heard: 0, _relay: relay };
        // Only from then on it does not die by the signal.
        speaker.next().await?;
        // As text without an end of line: it is read with strconv.Atoi.
        let pid = reloader.pid.to_string();
        speaker.node.write(&format!("{RELOADER_FOLDER}/reloader.pid"), 0o644, pid.as_bytes()).await?;
        speaker.again(plane).await?;
        if mode == Mode::FrrK8s {
            let (program, file) = plane.speaker(speaker.node.name());
            start(&mut speaker.beside, program, file).await?;
        }
        Ok(speaker)
    }

    /// What writes frr.conf.
    pub fn writer(&self) -> &'static str {
        match self.mode {
            Mode::Frr => "its speaker",
            Mode::FrrK8s => "its frr-k8s",
        }
    }

    /// How long it may be quiet while a change is still to come.
    pub fn debounce(&self) -> Duration {
        debounce(self.mode)
    }

    /// Whether it writes and asks for a reload after its start where this is what it would write.
    pub fn begins_with(&self, conf: &str) -> bool {
        self.generation > Generation::V0_12 || conf.contains("\nrouter bgp") || conf.contains("\nbfd")
    }

    /// How long it may go on to ask for reloads of a file that does not change any more.
    pub fn repeats(&self) -> Option<Duration> {
        (self.generation == Generation::V0_12).then_some(REPEATS)
    }

    /// The logs of what a change goes through.
    pub fn logs(&self) -> String {
        let names = self.beside.names().map(|name| self.beside.log_path(name));
        let all = names.chain(self.writer.names().map(|name| self.writer.log_path(name)));
        all.map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
    }

    /// Ends what is in FRR's pod; nothing of what it asked for counts any more.
    pub async fn end(&mut self) {
        self.writer.end_all(Signal::SIGTERM).await;
        self.heard = *self.lines.borrow();
    }

    /// Starts another after [`Speaker::end`], which does not know what the last one wrote.
    pub async fn again(&mut self, plane: &Plane) -> Result<(), ClusterError> {
        let node = self.node.name();
        let (program, file) = plane.frr_k8s(node).unwrap_or_else(|| plane.speaker(node));
        start(&mut self.writer, program, file).await
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
        let (writer, beside) = (self.writer.ended(), self.beside.ended());
        tokio::select! {
            asked = self.next() => asked,
            () = writer => self.check_alive(),
            () = beside => self.check_alive(),
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

    /// An error if one has ended unasked.
    pub fn check_alive(&self) -> Result<(), ClusterError> {
        self.writer.check_alive()?;
        Ok(self.beside.check_alive()?)
    }

    /// The same, and an error if it has asked for what nobody did.
    pub fn check(&self) -> Result<(), ClusterError> {
        self.check_alive()?;
        match *self.lines.borrow() > self.heard {
            true => Err(ClusterError::Unheard { node: self.node.name().to_string(), program: self.writer() }),
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
