//! The foreground processes of a router, with a log each.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::error::RouterError;
use crate::lab::{Command, NodeHandle, Process, Stdio};
use crate::wait;

/// As a container's, between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Running {
    name: String,
    process: Process,
    /// Stopped by a signal on purpose.
    paused: bool,
}

/// A router's daemons.
#[derive(Debug)]
pub(super) struct Processes {
    node: NodeHandle,
    log_dir: PathBuf,
    running: Vec<Running>,
}

impl Processes {
    pub(super) fn new(node: &NodeHandle, log_dir: &Path) -> Processes {
        Processes { node: node.clone(), log_dir: log_dir.to_path_buf(), running: Vec::new() }
    }

    pub(super) async fn spawn(
        &mut self,
        name: &str,
        argv: Vec<String>,
        env: &BTreeMap<String, String>,
    ) -> Result<(), RouterError> {
        let path = self.log_path(name);
        let failed = |source| RouterError::Log {
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
        // Users of profiles are root by another name, which daemons that give up root must be able to become.
        let command = Command { one_user: true, ..Command::new(argv).envs(env) };
        let process = self.node.spawn(&command, stdio).await?;
        self.running.push(Running { name: name.to_string(), process, paused: false });
        Ok(())
    }

    pub(super) fn log_path(&self, daemon: &str) -> PathBuf {
        self.log_dir.join(format!("{daemon}.log"))
    }

    /// An error if a daemon has ended unasked.
    pub(super) fn check_alive(&self) -> Result<(), RouterError> {
        match self.running.iter().find_map(|r| r.process.ended().map(|exit| (r, exit))) {
            None => Ok(()),
            Some((dead, exit)) => {
                Err(RouterError::Died { node: self.node.name().into(), daemon: dead.name.clone(), exit })
            }
        }
    }

    /// Resolves when a daemon that runs now has ended, whoever ended it.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let exits: Vec<_> = self.running.iter().map(|daemon| Box::pin(daemon.process.exited())).collect();
        async move {
            match exits.is_empty() {
                true => wait::no_events().await,
                false => drop(futures::future::select_all(exits).await),
            }
        }
    }

    /// Whether every daemon runs and none is paused.
    pub(super) fn answers(&self) -> bool {
        !self.running.is_empty() && self.running.iter().all(|r| !r.paused && r.process.ended().is_none())
    }

    /// Ends a daemon by a signal, for good: from here on its absence is no crash.
    pub(super) async fn end(&mut self, daemon: &str, signal: Signal) -> Result<(), RouterError> {
        let at = self.position(daemon)?;
        let mut ended = self.running.remove(at);
        self.signal(&ended, signal).await;
        if tokio::time::timeout(GRACE, ended.process.wait()).await.is_err() {
            self.signal(&ended, Signal::SIGKILL).await;
            ended.process.wait().await;
        }
        Ok(())
    }

    pub(super) async fn pause(&mut self, daemon: &str, paused: bool) -> Result<(), RouterError> {
        let at = self.position(daemon)?;
        let signal = if paused { Signal::SIGSTOP } else { Signal::SIGCONT };
        self.signal(&self.running[at], signal).await;
        self.running[at].paused = paused;
        Ok(())
    }

    pub(super) async fn stop(&mut self, signal: Signal) -> Result<(), RouterError> {
        for name in self.running.iter().rev().map(|r| r.name.clone()).collect::<Vec<_>>() {
            self.end(&name, signal).await?;
        }
        Ok(())
    }

    fn position(&self, daemon: &str) -> Result<usize, RouterError> {
        let missing =
            || RouterError::NotRunning { node: self.node.name().into(), daemon: daemon.to_string() };
        self.running.iter().position(|r| r.name == daemon).ok_or_else(missing)
    }

    /// A process that has just ended cannot be signalled; that is no error here.
    async fn signal(&self, daemon: &Running, signal: Signal) {
        let _ = self.node.kill(daemon.process.pid, signal, false).await;
    }
}
