//! Pid 1 of a node: hands out what only a process inside can make (processes, sockets, open files), and reaps.
//!
//! It knows nothing of routing. The harness does the work over the descriptors that it gets from here.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, UnixAddr, connect, socket};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, sethostname, setsid};

use super::binds;
use super::confine::confine;
use super::one_user;
use super::rootfs;
use super::rtnl::open_route_socket;
use super::spec::{Call, Family, NodeSpec, Reply, Request, SocketKind};
use super::wire;

type Failure = (String, io::Error);

/// How a process is started.
#[derive(Clone, Copy)]
struct How {
    terminal: bool,
    confined: bool,
    one_user: bool,
    brought: bool,
}

/// What a call yields: a pid, names, a descriptor.
#[derive(Default)]
struct Yield {
    pid: Option<i32>,
    names: Vec<String>,
    fd: Option<OwnedFd>,
}

pub fn main(mount_point: &Path, node: &NodeSpec, hello: OwnedFd, socket: OwnedFd) -> ! {
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    match start(mount_point, node) {
        Ok(fds) => {
            let _ = wire::send(hello.as_fd(), &None::<(String, Option<i32>)>, &wire::borrow(&fds));
        }
        Err((what, error)) => {
            let what = if error.raw_os_error().is_some() { what } else { format!("{what}: {error}") };
            let _ = wire::send(hello.as_fd(), &Some((what, error.raw_os_error())), &[]);
            std::process::exit(1)
        }
    }
    drop(hello);
    let code = i32::from(serve(&socket).is_err());
    std::process::exit(code)
}

/// Builds the root and enters it; gives the network namespace and a netlink socket in it for the wiring.
fn start(mount_point: &Path, node: &NodeSpec) -> Result<[OwnedFd; 2], Failure> {
    sethostname(&node.hostname).map_err(|e| ("set the hostname".to_string(), e.into()))?;
    let netns =
        fs::File::open("/proc/self/ns/net").map_err(|e| ("open the network namespace".to_string(), e))?;
    let route = open_route_socket().map_err(|e| ("open a netlink socket".to_string(), e))?;
    let root = rootfs::build(mount_point, node)?;
    for (from, to) in &node.files {
        let what = || format!("copy {} to {}", from.display(), to.display());
        binds::copy_in(&root, from, to).map_err(|e| (what(), e))?;
    }
    rootfs::write_sysctls(&root, &node.sysctls)?;
    rootfs::close_proc(mount_point, node, &root)?;
    rootfs::enter(&root)?;
    Ok([netns.into(), route])
}

/// Answers calls until the harness lets go.
pub fn serve(socket: &OwnedFd) -> io::Result<()> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    loop {
        let mut fds =
            [PollFd::new(socket.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            other => other?,
        };
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|r| !r.is_empty());
        let (called, signalled) = (ready(&fds[0]), ready(&fds[1]));
        if called {
            let Some((request, fds)) = wire::recv::<Request>(socket.as_fd())? else { return Ok(()) };
            answer(socket, request, fds)?;
        }
        if signalled {
            while signals.read_signal()?.is_some() {}
            reap(socket)?;
        }
    }
}

fn answer(socket: &OwnedFd, request: Request, fds: Vec<OwnedFd>) -> io::Result<()> {
    let id = request.id;
    match perform(request.call, fds) {
        Ok(Yield { pid, names, fd }) => {
            let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
            wire::send(socket.as_fd(), &Reply::Done { id, pid, names }, &fds)
        }
        Err(e) => {
            let reply = Reply::Failed { id, errno: e.raw_os_error().unwrap_or(0), what: e.to_string() };
            wire::send(socket.as_fd(), &reply, &[])
        }
    }
}

fn perform(call: Call, fds: Vec<OwnedFd>) -> io::Result<Yield> {
    let with_fd = |fd: OwnedFd| Yield { fd: Some(fd), ..Yield::default() };
    match call {
        Call::Spawn { argv, env, cwd, terminal, confined, one_user, brought } => {
            let how = How { terminal, confined, one_user, brought };
            let pid = spawn(&argv, &env, &cwd, how, fds)?;
            Ok(Yield { pid: Some(pid), ..Yield::default() })
        }
        Call::Kill { pid, signal, group } => {
            let pid = Pid::from_raw(if group { -pid } else { pid });
            kill(pid, Signal::try_from(signal)?)?;
            Ok(Yield::default())
        }
        Call::Netlink => Ok(with_fd(open_route_socket()?)),
        Call::Socket { kind } => Ok(with_fd(open_socket(kind)?)),
        Call::Connect { path } => Ok(with_fd(connect_unix(&path)?)),
        Call::Open { path, write, mode } => Ok(with_fd(open(&path, write, mode)?)),
        Call::Watch { dir } => {
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
            inotify.add_watch(dir.as_str(), AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO)?;
            Ok(with_fd(inotify.into()))
        }
        Call::List { dir } => {
            let names = fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned()));
            Ok(Yield { names: names.collect::<io::Result<_>>()?, ..Yield::default() })
        }
    }
}

/// Connects without ever blocking: this process answers one call at a time, and a daemon that accepts no more (EAGAIN)
/// must not keep it from the others.
fn connect_unix(path: &str) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let stream = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(stream)
}

fn open_socket(kind: SocketKind) -> io::Result<OwnedFd> {
    let domain = |family| match family {
        Family::Ipv4 => AddressFamily::Inet,
        Family::Ipv6 => AddressFamily::Inet6,
    };
    let (domain, kind, protocol) = match kind {
        SocketKind::Udp(family) => (domain(family), SockType::Datagram, None),
        SocketKind::Tcp(family) => (domain(family), SockType::Stream, None),
        SocketKind::Icmp(Family::Ipv4) => (AddressFamily::Inet, SockType::Raw, Some(SockProtocol::Icmp)),
        SocketKind::Icmp(Family::Ipv6) => (AddressFamily::Inet6, SockType::Raw, Some(SockProtocol::IcmpV6)),
        SocketKind::Packet => (AddressFamily::Packet, SockType::Raw, None),
    };
    Ok(socket(domain, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, protocol)?)
}

fn open(path: &str, write: bool, mode: u32) -> io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    if write {
        if let Some(parent) = Path::new(path).parent() {
            fs::create_dir_all(parent)?;
        }
        options.write(true).create(true).truncate(true).mode(mode);
    } else {
        options.read(true);
    }
    Ok(options.open(path)?.into())
}

#[allow(
    clippy::disallowed_methods,
    reason = "the agent is the one place that starts processes inside a node"
)]
fn spawn(
    argv: &[String],
    env: &BTreeMap<String, String>,
    cwd: &str,
    how: How,
    mut fds: Vec<OwnedFd>,
) -> io::Result<i32> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let (program, arguments) = argv.split_first().ok_or_else(|| invalid("empty command"))?;
    // Open until the child has executed it.
    let brought = if how.brought { fds.pop() } else { None };
    let [stdin, stdout, stderr] =
        <[OwnedFd; 3]>::try_from(fds).map_err(|_| invalid("three descriptors expected"))?;
    let mut command = match &brought {
        Some(file) => Command::new(format!("/proc/self/fd/{}", file.as_raw_fd())),
        None => Command::new(program),
    };
    command.arg0(program).args(arguments).env_clear().envs(env).current_dir(cwd);
    command.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
    // SAFETY: the closure calls only setsid, ioctl, signal and prctl, which are async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            // A session of its own, so that one signal reaches the command and what it started.
            setsid()?;
            if how.terminal && libc::ioctl(0, libc::TIOCSCTTY, 0) == -1 {
                return Err(io::Error::last_os_error());
            }
            // A lab that was started in a shell's background ignores SIGINT, and execve(2) would hand that on.
            for ignored in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM] {
                libc::signal(ignored, libc::SIG_DFL);
            }
            if how.one_user {
                one_user::without_groups()?;
            }
            if how.confined {
                confine()?;
            }
            Ok(())
        });
    }
    // The child is reaped in `reap`, like every orphan of the node.
    Ok(command.spawn()?.id() as i32)
}

fn reap(socket: &OwnedFd) -> io::Result<()> {
    loop {
        let reply = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => {
                Reply::Exited { pid: pid.as_raw(), code: Some(code), signal: None }
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                Reply::Exited { pid: pid.as_raw(), code: None, signal: Some(signal as i32) }
            }
            Ok(WaitStatus::StillAlive) | Err(_) => return Ok(()),
            Ok(_) => continue,
        };
        wire::send(socket.as_fd(), &reply, &[])?;
    }
}
