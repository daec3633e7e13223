//! A node, seen from the harness: calls to its agent, and what can be built from them.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::{oneshot, watch};

use super::error::LabError;
use super::process::{Command, Exit, Output, Process, Stdio};
use super::spec::{Call, Reply, Request, SocketKind};
use super::wire;

/// What a call yielded.
#[derive(Debug)]
struct Yield {
    process: Option<Process>,
    names: Vec<String>,
    fd: Option<OwnedFd>,
}

/// What the reader task and the callers share.
#[derive(Debug, Default)]
struct Pending {
    calls: HashMap<u64, oneshot::Sender<io::Result<Yield>>>,
    /// Of the processes that we started; the node's orphans, whose ends are reported too, concern nobody.
    exits: HashMap<i32, watch::Sender<Option<Exit>>>,
    dead: bool,
}

#[derive(Debug)]
struct Agent {
    name: String,
    socket: AsyncFd<OwnedFd>,
    next: AtomicU64,
    pending: Mutex<Pending>,
    closed: watch::Sender<bool>,
}

/// A cheap handle on a running node.
#[derive(Clone, Debug)]
pub struct NodeHandle(Arc<Agent>);

impl NodeHandle {
    /// Takes over a node's agent socket and starts reading it. Must be called within a tokio runtime.
    pub(super) fn new(name: String, socket: OwnedFd) -> io::Result<NodeHandle> {
        let socket = wire::register(socket, Interest::READABLE | Interest::WRITABLE)?;
        let (next, pending, closed) = (AtomicU64::new(0), Mutex::default(), watch::Sender::new(false));
        let agent = Arc::new(Agent { name, socket, next, pending, closed });
        tokio::spawn(read_replies(agent.clone()));
        Ok(NodeHandle(agent))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Resolves when its agent has ended.
    pub async fn closed(&self) {
        // The sender lives as long as this handle.
        let _ = self.0.closed.subscribe().wait_for(|closed| *closed).await;
    }

    async fn call(
        &self,
        call: Call,
        fds: &[BorrowedFd<'_>],
        what: impl FnOnce() -> String,
    ) -> Result<Yield, LabError> {
        let died = || LabError::NodeDied { node: self.0.name.clone() };
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        {
            let mut pending = self.0.lock();
            if pending.dead {
                return Err(died());
            }
            pending.calls.insert(id, sender);
        }
        let request = Request { id, call };
        let sent = self.0.socket.async_io(Interest::WRITABLE, |fd| wire::send(fd.as_fd(), &request, fds));
        let failed = |source, what: String| LabError::Node { node: self.0.name.clone(), what, source };
        if let Err(source) = sent.await {
            self.0.lock().calls.remove(&id);
            return Err(if source.kind() == io::ErrorKind::BrokenPipe {
                died()
            } else {
                failed(source, what())
            });
        }
        match receiver.await {
            Err(_) => Err(died()),
            Ok(Err(source)) => Err(failed(source, what())),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    async fn call_fd(&self, call: Call, what: impl Fn() -> String) -> Result<OwnedFd, LabError> {
        let missing = || io::Error::new(io::ErrorKind::UnexpectedEof, "no descriptor came back");
        let fd = self.call(call, &[], &what).await?.fd;
        fd.ok_or_else(|| LabError::Node { node: self.0.name.clone(), what: what(), source: missing() })
    }

    /// A NETLINK_ROUTE socket of this node's network namespace.
    pub async fn netlink(&self) -> Result<OwnedFd, LabError> {
        self.call_fd(Call::Netlink, || "cannot open a netlink socket".to_string()).await
    }

    /// A socket of this node's network namespace: non-blocking, closed on exec, neither bound nor connected.
    ///
    /// # Errors
    /// When the kernel refuses it (EAFNOSUPPORT: it lacks the family) or the node has died.
    pub async fn socket(&self, kind: SocketKind) -> Result<OwnedFd, LabError> {
        self.call_fd(Call::Socket { kind }, || format!("cannot open a socket ({kind:?})")).await
    }

    /// Connects to a Unix socket of this node.
    pub async fn connect(&self, path: &str) -> Result<UnixStream, LabError> {
        let what = || format!("cannot connect to {path}");
        let fd = self.call_fd(Call::Connect { path: path.to_string() }, what).await?;
        let stream = std::os::unix::net::UnixStream::from(fd);
        let convert = |stream: std::os::unix::net::UnixStream| {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        };
        convert(stream).map_err(|source| LabError::Node { node: self.0.name.clone(), what: what(), source })
    }

    /// An inotify descriptor that reports what appears in a folder of this node.
    pub async fn watch(&self, dir: &str) -> Result<OwnedFd, LabError> {
        self.call_fd(Call::Watch { dir: dir.to_string() }, || format!("cannot watch {dir}")).await
    }

    pub async fn list(&self, dir: &str) -> Result<Vec<String>, LabError> {
        let call = Call::List { dir: dir.to_string() };
        Ok(self.call(call, &[], || format!("cannot list {dir}")).await?.names)
    }

    pub async fn read(&self, path: &str) -> Result<Vec<u8>, LabError> {
        let what = || format!("cannot read {path}");
        let fd = self.call_fd(Call::Open { path: path.to_string(), write: false, mode: 0 }, what).await?;
        let mut bytes = Vec::new();
        let read = tokio::fs::File::from_std(fd.into()).read_to_end(&mut bytes).await;
        read.map_err(|source| LabError::Node { node: self.0.name.clone(), what: what(), source })?;
        Ok(bytes)
    }

    /// When a file was written last.
    pub async fn modified(&self, path: &str) -> Result<std::time::SystemTime, LabError> {
        let what = || format!("cannot read {path}");
        let fd = self.call_fd(Call::Open { path: path.to_string(), write: false, mode: 0 }, what).await?;
        let modified = std::fs::File::from(fd).metadata().and_then(|meta| meta.modified());
        modified.map_err(|source| LabError::Node { node: self.0.name.clone(), what: what(), source })
    }

    /// Writes a file, with its folders.
    pub async fn write(&self, path: &str, mode: u32, content: &[u8]) -> Result<(), LabError> {
        let what = || format!("cannot write {path}");
        let fd = self.call_fd(Call::Open { path: path.to_string(), write: true, mode }, what).await?;
        let mut file = tokio::fs::File::from_std(fd.into());
        let written = async {
            file.write_all(content).await?;
            file.flush().await
        };
        written.await.map_err(|source| LabError::Node { node: self.0.name.clone(), what: what(), source })
    }

    /// Starts a process with the given standard streams.
    pub async fn spawn(&self, command: &Command, stdio: Stdio) -> Result<Process, LabError> {
        let call = Call::Spawn {
            argv: command.argv.clone(),
            env: command.env.clone(),
            cwd: command.cwd.clone(),
            terminal: command.terminal,
            confined: command.confined,
            one_user: command.one_user,
            brought: command.program.is_some(),
        };
        let mut fds = vec![stdio.stdin.as_fd(), stdio.stdout.as_fd(), stdio.stderr.as_fd()];
        fds.extend(command.program.as_ref().map(|program| program.as_fd()));
        let started = self.call(call, &fds, || format!("cannot start `{}`", command.line())).await?;
        started.process.ok_or_else(|| LabError::NodeDied { node: self.0.name.clone() })
    }

    pub async fn kill(
        &self,
        pid: i32,
        signal: nix::sys::signal::Signal,
        group: bool,
    ) -> Result<(), LabError> {
        let call = Call::Kill { pid, signal: signal as i32, group };
        self.call(call, &[], || format!("cannot send {signal} to process {pid}")).await.map(|_| ())
    }

    /// Starts a process of which only what it prints on standard output matters.
    pub async fn talking(&self, command: &Command) -> Result<(Process, pipe::Receiver), LabError> {
        let failed = |source| LabError::Node {
            node: self.0.name.clone(),
            what: format!("cannot run `{}`", command.line()),
            source,
        };
        let (out, out_theirs) = output_pipe().map_err(failed)?;
        let null =
            || Ok::<_, io::Error>(std::fs::File::options().read(true).write(true).open("/dev/null")?.into());
        let (stdin, stderr) = (null().map_err(failed)?, null().map_err(failed)?);
        Ok((self.spawn(command, Stdio { stdin, stdout: out_theirs, stderr }).await?, out))
    }

    /// Runs a command to its end and collects its output.
    pub async fn output(&self, command: &Command) -> Result<Output, LabError> {
        let failed = |source| LabError::Node {
            node: self.0.name.clone(),
            what: format!("cannot run `{}`", command.line()),
            source,
        };
        let (out, out_theirs) = output_pipe().map_err(failed)?;
        let (err, err_theirs) = output_pipe().map_err(failed)?;
        let stdin = std::fs::File::open("/dev/null").map_err(failed)?.into();
        let mut process =
            self.spawn(command, Stdio { stdin, stdout: out_theirs, stderr: err_theirs }).await?;
        let (stdout, stderr, exit) = tokio::join!(read_all(out), read_all(err), process.wait());
        let exit = exit.ok_or_else(|| LabError::NodeDied { node: self.0.name.clone() })?;
        Ok(Output { exit, stdout: stdout.map_err(failed)?, stderr: stderr.map_err(failed)? })
    }
}

fn output_pipe() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    wire::set_nonblocking(&read)?;
    Ok((pipe::Receiver::from_owned_fd(read)?, write))
}

async fn read_all(mut pipe: pipe::Receiver) -> io::Result<String> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Agent {
    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // The maps stay consistent even if a holder panicked: each change is one insert or remove.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, reply: Reply, fds: Vec<OwnedFd>) {
        let mut pending = self.lock();
        match reply {
            Reply::Done { id, pid, names } => {
                // Before the next message, which may say that the process has ended.
                let process = pid.map(|pid| {
                    let (sender, exit) = watch::channel(None);
                    pending.exits.insert(pid, sender);
                    Process { pid, exit }
                });
                if let Some(caller) = pending.calls.remove(&id) {
                    let _ = caller.send(Ok(Yield { process, names, fd: fds.into_iter().next() }));
                }
            }
            Reply::Failed { id, errno, what } => {
                let error =
                    if errno == 0 { io::Error::other(what) } else { io::Error::from_raw_os_error(errno) };
                if let Some(caller) = pending.calls.remove(&id) {
                    let _ = caller.send(Err(error));
                }
            }
            Reply::Exited { pid, code, signal } => {
                let exit = code.map(Exit::Code).or(signal.map(Exit::Signal)).unwrap_or(Exit::Code(-1));
                if let Some(sender) = pending.exits.remove(&pid) {
                    let _ = sender.send(Some(exit));
                }
            }
        }
    }
}

/// Ends when the node dies, which it does at the latest with its lab.
async fn read_replies(agent: Arc<Agent>) {
    while let Ok(Some((reply, fds))) =
        agent.socket.async_io(Interest::READABLE, |fd| wire::recv::<Reply>(fd.as_fd())).await
    {
        agent.take(reply, fds);
    }
    agent.closed.send_replace(true);
    let mut pending = agent.lock();
    pending.dead = true;
    pending.calls.clear();
    pending.exits.clear();
}
