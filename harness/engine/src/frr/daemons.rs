//! Starts FRR's daemons in the foreground, in parallel, and waits for their sockets: no init script, no watchfrr.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use nix::sys::signal::Signal;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

use super::error::FrrError;
use crate::lab::{Command, LabError, NodeHandle, Process, Stdio, register};
use crate::wait::{self, Probe};

/// Where the daemons keep their sockets.
const RUN: &str = "/run/frr";
/// A daemon that has no socket after this time will have none. A busy two-core machine with a hundred nodes needs 10 s.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Sockets that appear are events; this is for a process that ends without one.
const LOOK: Duration = Duration::from_millis(250);
/// Between bind(2) and listen(2) a socket refuses connections, and no event tells of the latter.
const RETRY: Duration = Duration::from_millis(2);

/// How long a daemon may leave a connection waiting before it is taken to hang.
const ACCEPT_LIMIT: Duration = Duration::from_secs(5);

/// A pod's containers get SIGTERM, and SIGKILL after terminationGracePeriodSeconds, 2 for MetalLB's speaker.
const GRACE: Duration = Duration::from_secs(2);

/// A daemon to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonSpec {
    pub name: String,
    pub args: Vec<String>,
}

#[derive(Debug)]
struct Running {
    name: String,
    process: Process,
    /// Stopped by a signal on purpose.
    paused: bool,
}

/// The running daemons of a node.
#[derive(Debug)]
pub struct Frr {
    node: NodeHandle,
    log_dir: PathBuf,
    specs: Vec<DaemonSpec>,
    running: Vec<Running>,
}

impl Frr {
    /// Starts the daemons and waits until each answers on its socket. Their output goes to `log_dir/NAME.log`.
    pub async fn start(node: &NodeHandle, specs: &[DaemonSpec], log_dir: &Path) -> Result<Frr, FrrError> {
        let mut frr = Frr {
            node: node.clone(),
            log_dir: log_dir.to_path_buf(),
            specs: specs.to_vec(),
            running: Vec::new(),
        };
        frr.launch().await?;
        Ok(frr)
    }

    async fn launch(&mut self) -> Result<(), FrrError> {
        // From FRR 9 on, mgmtd hands out configuration and comes first. Everybody else looks for zebra once, and again
        // only after 10 s (zclient's retry).
        let (first, rest): (Vec<_>, Vec<_>) =
            self.specs.clone().into_iter().partition(|spec| spec.name == "mgmtd");
        let (second, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|spec| spec.name == "zebra");
        for specs in [first, second, rest] {
            let watch = self.node.watch(RUN).await?;
            let started = try_join_all(specs.iter().map(|spec| self.spawn(spec))).await?;
            self.running.extend(started);
            self.await_sockets(&specs, watch).await?;
        }
        Ok(())
    }

    async fn spawn(&self, spec: &DaemonSpec) -> Result<Running, FrrError> {
        let path = self.log_path(&spec.name);
        let failed = |source| FrrError::Log {
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
        let mut argv = vec![format!("/usr/lib/frr/{}", spec.name)];
        argv.extend(spec.args.iter().cloned());
        let process = self.node.spawn(&Command { confined: false, ..Command::new(argv) }, stdio).await?;
        Ok(Running { name: spec.name.clone(), process, paused: false })
    }

    async fn await_sockets(&self, specs: &[DaemonSpec], watch: OwnedFd) -> Result<(), FrrError> {
        let node = self.node.name().to_string();
        let watch = register(watch, Interest::READABLE).map_err(|source| FrrError::Log {
            node: node.clone(),
            what: RUN.to_string(),
            source,
        })?;
        let not_ready = |source| FrrError::NotReady { node: node.clone(), source };
        let wanted: Vec<String> = specs.iter().flat_map(sockets).collect();
        let there = || self.are_there(&wanted);
        wait::until("the daemons' sockets", START_LIMIT, LOOK, there, || appeared(&watch))
            .await
            .map_err(not_ready)??;
        for spec in specs {
            let what = format!("{} accepts connections", spec.name);
            wait::until(&what, START_LIMIT, RETRY, || self.is_up(&spec.name), wait::no_events)
                .await
                .map_err(not_ready)??;
        }
        Ok(())
    }

    async fn are_there(&self, wanted: &[String]) -> Probe<Result<(), FrrError>> {
        if let Some(dead) = self.running.iter().find(|r| r.process.ended().is_some()) {
            return Probe::Done(Err(self.died_at_start(dead)));
        }
        match self.node.list(RUN).await {
            Ok(names) => match wanted.iter().find(|name| !names.contains(name)) {
                None => Probe::Done(Ok(())),
                Some(missing) => Probe::NotYet(format!("{RUN}/{missing} is not there")),
            },
            Err(e) => Probe::Done(Err(e.into())),
        }
    }

    /// Whether a daemon answers on its vty.
    async fn is_up(&self, daemon: &str) -> Probe<Result<(), FrrError>> {
        if let Some(dead) = self.running.iter().find(|r| r.process.ended().is_some()) {
            return Probe::Done(Err(self.died_at_start(dead)));
        }
        match self.node.connect(&format!("{RUN}/{daemon}.vty")).await {
            Ok(_) => Probe::Done(Ok(())),
            Err(e) => Probe::NotYet(e.to_string()),
        }
    }

    fn died_at_start(&self, dead: &Running) -> FrrError {
        let log = fs::read_to_string(self.log_path(&dead.name)).unwrap_or_default();
        FrrError::DiedAtStart {
            node: self.node.name().to_string(),
            daemon: dead.name.clone(),
            exit: dead.process.ended().unwrap_or(crate::lab::Exit::Code(-1)),
            log: last_words(&log),
        }
    }

    fn log_path(&self, daemon: &str) -> PathBuf {
        self.log_dir.join(format!("{daemon}.log"))
    }

    pub fn daemons(&self) -> impl Iterator<Item = &str> {
        self.running.iter().map(|r| r.name.as_str())
    }

    /// A connection to a daemon's vty socket, the one that vtysh uses.
    ///
    /// # Errors
    /// The daemon is not there, or has accepted no connection for [`ACCEPT_LIMIT`].
    pub async fn vty(&self, daemon: &str) -> Result<UnixStream, FrrError> {
        let path = format!("{RUN}/{daemon}.vty");
        // Its queue is three connections long (lib/vty.c); a busy daemon that has not accepted them yet is no error.
        let connect = || async {
            match self.node.connect(&path).await {
                Err(LabError::Node { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => {
                    Probe::NotYet(source.to_string())
                }
                done => Probe::Done(done),
            }
        };
        let what = format!("{daemon} accepts a connection");
        let accepted = wait::until(&what, ACCEPT_LIMIT, RETRY, connect, wait::no_events).await;
        let busy = |source| FrrError::NotReady { node: self.node.name().to_string(), source };
        Ok(accepted.map_err(busy)??)
    }

    /// An error if a daemon has ended unasked: watchfrr would restart it and hide the crash.
    pub fn check_alive(&self) -> Result<(), FrrError> {
        match self.running.iter().find_map(|r| r.process.ended().map(|exit| (r, exit))) {
            None => Ok(()),
            Some((dead, exit)) => {
                Err(FrrError::Died { node: self.node.name().to_string(), daemon: dead.name.clone(), exit })
            }
        }
    }

    /// Resolves when a daemon that runs now has ended, whoever ended it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let exits: Vec<_> = self.running.iter().map(|daemon| daemon.process.exited()).collect();
        async move {
            if !exits.is_empty() {
                futures::future::select_all(exits.into_iter().map(Box::pin)).await;
                return;
            }
            wait::no_events().await;
        }
    }

    /// Ends a daemon by a signal, for good: from here on its absence is no crash.
    pub async fn end(&mut self, daemon: &str, signal: Signal) -> Result<(), FrrError> {
        let at = self.position(daemon)?;
        let mut ended = self.running.remove(at);
        self.signal(&ended, signal).await;
        if tokio::time::timeout(GRACE, ended.process.wait()).await.is_err() {
            self.signal(&ended, Signal::SIGKILL).await;
            ended.process.wait().await;
        }
        Ok(())
    }

    /// Starts a daemon of this node (again).
    pub async fn restart_one(&mut self, daemon: &str) -> Result<(), FrrError> {
        if self.position(daemon).is_ok() {
            self.end(daemon, Signal::SIGTERM).await?;
        }
        let Some(spec) = self.specs.iter().find(|spec| spec.name == daemon).cloned() else {
            return Err(self.not_running(daemon));
        };
        let watch = self.node.watch(RUN).await?;
        let started = self.spawn(&spec).await?;
        self.running.push(started);
        self.await_sockets(&[spec], watch).await
    }

    /// Stops a daemon without ending it: it hangs. Nobody can ask it until it is [resumed](Frr::resume).
    pub async fn pause(&mut self, daemon: &str) -> Result<(), FrrError> {
        let at = self.position(daemon)?;
        self.signal(&self.running[at], Signal::SIGSTOP).await;
        self.running[at].paused = true;
        Ok(())
    }

    pub async fn resume(&mut self, daemon: &str) -> Result<(), FrrError> {
        let at = self.position(daemon)?;
        self.signal(&self.running[at], Signal::SIGCONT).await;
        self.running[at].paused = false;
        Ok(())
    }

    /// Whether a daemon runs and can be asked: a fault may have ended or paused it.
    pub fn answers(&self, daemon: &str) -> bool {
        self.running.iter().any(|r| r.name == daemon && !r.paused)
    }

    fn position(&self, daemon: &str) -> Result<usize, FrrError> {
        self.running.iter().position(|r| r.name == daemon).ok_or_else(|| self.not_running(daemon))
    }

    fn not_running(&self, daemon: &str) -> FrrError {
        FrrError::NotRunning { node: self.node.name().to_string(), daemon: daemon.to_string() }
    }

    /// Stops all daemons and starts them anew, as a restart of the pod does: nothing of their state survives.
    pub async fn restart(&mut self) -> Result<(), FrrError> {
        self.stop().await?;
        self.launch().await
    }

    async fn stop(&mut self) -> Result<(), FrrError> {
        let mut running = std::mem::take(&mut self.running);
        for daemon in &running {
            self.signal(daemon, Signal::SIGTERM).await;
        }
        let all = join_all(running.iter_mut().map(|d| d.process.wait()));
        if tokio::time::timeout(GRACE, all).await.is_err() {
            for daemon in running.iter().filter(|d| d.process.ended().is_none()) {
                self.signal(daemon, Signal::SIGKILL).await;
            }
            join_all(running.iter_mut().map(|d| d.process.wait())).await;
        }
        Ok(())
    }

    /// A process that has just ended cannot be signalled; that is no error here.
    async fn signal(&self, daemon: &Running, signal: Signal) {
        let _ = self.node.kill(daemon.process.pid, signal, false).await;
    }
}

/// The sockets that say that a daemon is up: its vty's; zebra must serve its clients too. `zserv.api` is not tried by
/// connecting: in FRR 10 a client that leaves at once takes the connected routes with it, for good.
fn sockets(spec: &DaemonSpec) -> Vec<String> {
    let vty = format!("{}.vty", spec.name);
    if spec.name == "zebra" { vec!["zserv.api".to_string(), vty] } else { vec![vty] }
}

/// Resolves when something appeared in the watched folder.
async fn appeared(watch: &AsyncFd<OwnedFd>) {
    let mut buffer = [0u8; 4096];
    let read = |fd: &OwnedFd| nix::unistd::read(fd, &mut buffer).map_err(io::Error::from);
    let _ = watch.async_io(Interest::READABLE, read).await;
}

/// What a dead daemon's log ends with; of a refused option, the complaint and not the usage that follows it.
fn last_words(log: &str) -> String {
    let said = log.split("Usage:").next().unwrap_or_default();
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complaint_and_not_the_usage() {
        let log = "bgpd: unrecognized option '--nonsense'\nUsage: bgpd [OPTION...]\n\n  -h  help\n";
        assert_eq!(last_words(log), "bgpd: unrecognized option '--nonsense'");
        assert_eq!(last_words("1\n2\n\n3\n4\n"), "2 | 3 | 4");
        assert_eq!(last_words(""), "");
    }
}
