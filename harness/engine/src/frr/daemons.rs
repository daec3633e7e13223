//! Starts FRR's daemons in the foreground, in parallel, and waits for their sockets: no init script, no watchfrr.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

use super::error::FrrError;
use crate::daemons::Daemons;
use crate::lab::{Command, LabError, NodeHandle, register};
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

/// A daemon to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonSpec {
    pub name: String,
    pub args: Vec<String>,
}

/// The running daemons of a node.
#[derive(Debug)]
pub struct Frr {
    node: NodeHandle,
    specs: Vec<DaemonSpec>,
    running: Running,
}

/// Whose processes they are.
#[derive(Debug)]
enum Running {
    Ours(Daemons),
    /// Of a pod: watchfrr starts them, and starts them again.
    Theirs(Vec<String>),
}

impl Frr {
    /// Starts the daemons and waits until each answers on its socket. Their output goes to `log_dir/NAME.log`.
    pub async fn start(node: &NodeHandle, specs: &[DaemonSpec], log_dir: &Path) -> Result<Frr, FrrError> {
        let running = Running::Ours(Daemons::new(node, log_dir));
        let mut frr = Frr { node: node.clone(), specs: specs.to_vec(), running };
        frr.launch().await?;
        Ok(frr)
    }

    /// The daemons that run already where `node` is, by their sockets. They are asked, and otherwise left to whoever has started them.
    pub async fn attach(node: &NodeHandle) -> Result<Frr, FrrError> {
        let wanted = ["zebra.vty", "bgpd.vty"].map(str::to_string);
        let there = || async {
            let names = node.list(RUN).await.unwrap_or_default();
            match wanted.iter().find(|name| !names.contains(name)) {
                None => Probe::Done(names),
                Some(missing) => Probe::NotYet(format!("{RUN}/{missing} is not there")),
            }
        };
        let not_ready = |source| FrrError::NotReady { node: node.name().to_string(), source };
        let names = wait::until("the daemons' sockets", START_LIMIT, LOOK, there, wait::no_events).await;
        let names = names.map_err(not_ready)?;
        let daemons = names.iter().filter_map(|name| name.strip_suffix(".vty"));
        // It has no configuration and answers no questions.
        let mut daemons: Vec<String> = daemons.filter(|name| *name != "watchfrr").map(str::to_string).collect();
        daemons.sort();
        for daemon in &daemons {
            let up = || async {
                match node.connect(&vty_path(daemon)).await {
                    Ok(_) => Probe::Done(()),
                    Err(e) => Probe::NotYet(e.to_string()),
                }
            };
            let what = format!("{daemon} accepts connections");
            wait::until(&what, START_LIMIT, LOOK, up, wait::no_events).await.map_err(not_ready)?;
        }
        Ok(Frr { node: node.clone(), specs: Vec::new(), running: Running::Theirs(daemons) })
    }

    fn ours(&mut self, daemon: &str) -> Result<&mut Daemons, FrrError> {
        match &mut self.running {
            Running::Ours(daemons) => Ok(daemons),
            Running::Theirs(_) => {
                Err(FrrError::NotOurs { node: self.node.name().to_string(), daemon: daemon.to_string() })
            }
        }
    }

    fn check_started(&self) -> Result<(), FrrError> {
        match &self.running {
            Running::Ours(daemons) => Ok(daemons.check_started()?),
            Running::Theirs(_) => Ok(()),
        }
    }

    async fn launch(&mut self) -> Result<(), FrrError> {
        // From FRR 9 on, mgmtd hands out configuration and comes first. Everybody else looks for zebra once, and again
        // only after 10 s (zclient's retry).
        let (first, rest): (Vec<_>, Vec<_>) =
            self.specs.clone().into_iter().partition(|spec| spec.name == "mgmtd");
        let (second, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|spec| spec.name == "zebra");
        for specs in [first, second, rest] {
            let watch = self.node.watch(RUN).await?;
            for spec in &specs {
                self.spawn(spec).await?;
            }
            self.await_sockets(&specs, watch).await?;
        }
        Ok(())
    }

    async fn spawn(&mut self, spec: &DaemonSpec) -> Result<(), FrrError> {
        let program = format!("/usr/lib/frr/{}", spec.name);
        let argv = std::iter::once(program).chain(spec.args.iter().cloned());
        let command = Command { confined: false, ..Command::new(argv) };
        Ok(self.ours(&spec.name)?.start(&spec.name, &command).await?)
    }

    async fn await_sockets(&self, specs: &[DaemonSpec], watch: OwnedFd) -> Result<(), FrrError> {
        let node = self.node.name().to_string();
        let watch = register(watch, Interest::READABLE).map_err(|source| FrrError::Watch {
            node: node.clone(),
            what: RUN,
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
        if let Err(dead) = self.check_started() {
            return Probe::Done(Err(dead));
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
        if let Err(dead) = self.check_started() {
            return Probe::Done(Err(dead));
        }
        match self.node.connect(&vty_path(daemon)).await {
            Ok(_) => Probe::Done(Ok(())),
            Err(e) => Probe::NotYet(e.to_string()),
        }
    }

    pub fn daemons(&self) -> impl Iterator<Item = &str> {
        let (ours, theirs) = match &self.running {
            Running::Ours(daemons) => (Some(daemons.names()), None),
            Running::Theirs(names) => (None, Some(names.iter().map(String::as_str))),
        };
        ours.into_iter().flatten().chain(theirs.into_iter().flatten())
    }

    /// A connection to a daemon's vty socket, the one that vtysh uses.
    ///
    /// # Errors
    /// The daemon is not there, or has accepted no connection for [`ACCEPT_LIMIT`].
    pub async fn vty(&self, daemon: &str) -> Result<UnixStream, FrrError> {
        let path = vty_path(daemon);
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
        match &self.running {
            Running::Ours(daemons) => Ok(daemons.check_alive()?),
            Running::Theirs(_) => Ok(()),
        }
    }

    /// Resolves when a daemon that runs now has ended, whoever ended it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let ended = match &self.running {
            Running::Ours(daemons) => Some(daemons.ended()),
            Running::Theirs(_) => None,
        };
        async move {
            match ended {
                Some(ended) => ended.await,
                None => wait::no_events().await,
            }
        }
    }

    /// Ends a daemon by a signal, for good: from here on its absence is no crash.
    pub async fn end(&mut self, daemon: &str, signal: Signal) -> Result<(), FrrError> {
        Ok(self.ours(daemon)?.end(daemon, signal).await?)
    }

    /// Starts a daemon of this node (again).
    pub async fn restart_one(&mut self, daemon: &str) -> Result<(), FrrError> {
        if self.ours(daemon)?.names().any(|name| name == daemon) {
            self.end(daemon, Signal::SIGTERM).await?;
        }
        let Some(spec) = self.specs.iter().find(|spec| spec.name == daemon).cloned() else {
            return Err(self.ours(daemon)?.not_running(daemon).into());
        };
        let watch = self.node.watch(RUN).await?;
        self.spawn(&spec).await?;
        self.await_sockets(&[spec], watch).await
    }

    /// Stops a daemon without ending it: it hangs. Nobody can ask it until it is [resumed](Frr::resume).
    pub async fn pause(&mut self, daemon: &str) -> Result<(), FrrError> {
        Ok(self.ours(daemon)?.pause(daemon, true).await?)
    }

    pub async fn resume(&mut self, daemon: &str) -> Result<(), FrrError> {
        Ok(self.ours(daemon)?.pause(daemon, false).await?)
    }

    /// Whether a daemon runs and can be asked: a fault may have ended or paused it.
    pub fn answers(&self, daemon: &str) -> bool {
        match &self.running {
            Running::Ours(daemons) => daemons.answers(daemon),
            Running::Theirs(names) => names.iter().any(|name| name == daemon),
        }
    }

    /// Stops all daemons and starts them anew, as a restart of the pod does: nothing of their state survives.
    pub async fn restart(&mut self) -> Result<(), FrrError> {
        self.ours("FRR")?.end_all(Signal::SIGTERM).await;
        self.launch().await
    }
}

/// The socket that vtysh uses.
fn vty_path(daemon: &str) -> String {
    format!("{RUN}/{daemon}.vty")
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
