//! The daemons of a node: foreground processes with a log each. Nothing here knows what they do.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use nix::sys::signal::Signal;

use crate::lab::{Command, Exit, LabError, NodeHandle, Process, Stdio};
use crate::wait;

/// A pod's containers get SIGTERM, and SIGKILL after terminationGracePeriodSeconds, 2 for MetalLB's speaker.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("node {node}: {daemon} ended at once with {exit}: {log}")]
    DiedAtStart { node: String, daemon: String, exit: Exit, log: String },
    #[error("node {node}: {daemon} has ended with {exit}")]
    Died { node: String, daemon: String, exit: Exit },
    #[error("node {node}: {daemon} does not run")]
    NotRunning { node: String, daemon: String },
    #[error("node {node}: cannot write {what}")]
    Log {
        node: String,
        what: String,
        #[source]
        source: std::io::Error,
    },
}

#[derive(Debug)]
struct Running {
    name: String,
    process: Process,
    /// Stopped by a signal on purpose.
    paused: bool,
}

/// Those that run, or ended without being asked to.
#[derive(Debug)]
pub struct Daemons {
    node: NodeHandle,
    log_dir: PathBuf,
    running: Vec<Running>,
}

impl Daemons {
    /// None yet. Their output will go to `log_dir/NAME.log`.
    pub fn new(node: &NodeHandle, log_dir: &Path) -> Daemons {
        Daemons { node: node.clone(), log_dir: log_dir.to_path_buf(), running: Vec::new() }
    }

    pub async fn start(&mut self, name: &str, command: &Command) -> Result<(), DaemonError> {
        let path = self.log_path(name);
        let failed = |source| DaemonError::Log {
            node: self.node.name().into(),
            what: path.display().to_string(),
            source,
        };
        let log = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        let stdio = Stdio {
            stdin: File::open("/dev/null").map_err(failed)?.into(),
            stdout: log.try_clone().map_err(failed)?.into(),
            stderr: log.into(),
        };
        let process = self.node.spawn(command, stdio).await?;
        self.running.push(Running { name: name.to_string(), process, paused: false });
        Ok(())
    }

    pub fn log_path(&self, daemon: &str) -> PathBuf {
        self.log_dir.join(format!("{daemon}.log"))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.running.iter().map(|daemon| daemon.name.as_str())
    }

    /// An error if a daemon has ended unasked: who would restart it would hide the crash.
    pub fn check_alive(&self) -> Result<(), DaemonError> {
        match self.dead() {
            None => Ok(()),
            Some((daemon, exit)) => {
                Err(DaemonError::Died { node: self.node.name().into(), daemon: daemon.into(), exit })
            }
        }
    }

    /// [`Daemons::check_alive`] while they start: the log says why.
    pub fn check_started(&self) -> Result<(), DaemonError> {
        let Some((daemon, exit)) = self.dead() else { return Ok(()) };
        let log = fs::read_to_string(self.log_path(daemon)).unwrap_or_default();
        // Of a refused option, the complaint and not the usage that follows it.
        let log = last_words(log.split("Usage:").next().unwrap_or_default());
        Err(DaemonError::DiedAtStart { node: self.node.name().into(), daemon: daemon.into(), exit, log })
    }

    fn dead(&self) -> Option<(&str, Exit)> {
        self.running.iter().find_map(|daemon| Some((daemon.name.as_str(), daemon.process.ended()?)))
    }

    /// Resolves when a daemon that runs now has ended, whoever ended it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let exits: Vec<_> = self.running.iter().map(|daemon| Box::pin(daemon.process.exited())).collect();
        async move {
            match exits.is_empty() {
                true => wait::no_events().await,
                false => drop(futures::future::select_all(exits).await),
            }
        }
    }

    /// Whether a daemon runs and can be asked: a fault may have ended or paused it.
    pub fn answers(&self, daemon: &str) -> bool {
        self.running.iter().any(|r| r.name == daemon && !r.paused)
    }

    /// Whether every daemon runs and none is paused.
    pub fn all_answer(&self) -> bool {
        !self.running.is_empty() && self.running.iter().all(|r| !r.paused && r.process.ended().is_none())
    }

    /// Ends a daemon by a signal, for good: from here on its absence is no crash.
    pub async fn end(&mut self, daemon: &str, signal: Signal) -> Result<(), DaemonError> {
        let at = self.position(daemon)?;
        let ended = self.running.remove(at);
        end(&self.node, vec![ended], signal).await;
        Ok(())
    }

    /// Ends every daemon that runs.
    pub async fn end_all(&mut self, signal: Signal) {
        end(&self.node, std::mem::take(&mut self.running), signal).await;
    }

    /// Stops a daemon without ending it, or lets it go on. Nobody can ask it meanwhile.
    pub async fn pause(&mut self, daemon: &str, paused: bool) -> Result<(), DaemonError> {
        let at = self.position(daemon)?;
        let signal = if paused { Signal::SIGSTOP } else { Signal::SIGCONT };
        self::signal(&self.node, &self.running[at], signal).await;
        self.running[at].paused = paused;
        Ok(())
    }

    fn position(&self, daemon: &str) -> Result<usize, DaemonError> {
        self.running.iter().position(|r| r.name == daemon).ok_or_else(|| self.not_running(daemon))
    }

    pub fn not_running(&self, daemon: &str) -> DaemonError {
        DaemonError::NotRunning { node: self.node.name().into(), daemon: daemon.to_string() }
    }
}

/// Ends processes together, those that do not listen by SIGKILL.
async fn end(node: &NodeHandle, mut running: Vec<Running>, asked: Signal) {
    for daemon in &running {
        signal(node, daemon, asked).await;
    }
    let all = join_all(running.iter_mut().map(|d| d.process.wait()));
    if tokio::time::timeout(GRACE, all).await.is_err() {
        for daemon in running.iter().filter(|d| d.process.ended().is_none()) {
            signal(node, daemon, Signal::SIGKILL).await;
        }
        join_all(running.iter_mut().map(|d| d.process.wait())).await;
    }
}

/// A process that has just ended cannot be signalled; that is no error here.
async fn signal(node: &NodeHandle, daemon: &Running, signal: Signal) {
    let _ = node.kill(daemon.process.pid, signal, false).await;
}

/// What a text ends with, in a line.
pub fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_three_lines_that_say_something() {
        assert_eq!(last_words("1\n2\n\n3\n4\n"), "2 | 3 | 4");
        assert_eq!(last_words(""), "");
    }
}
