//! Agents in namespaces that others made: those of containers.
//!
//! ```text
//! harness ──exec──> door ──setns, fork──> agent ──> processes that it is asked to start
//!    └───────────── one socket ───────────┘
//! ```
//! A process enters a pid namespace by its children only, so there are two of them; the first waits for the second. What
//! the agent needs is in this binary, so the container's image need not know of it. When the harness ends, so does the agent, and
//! when the container ends, its kernel ends the agent.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::process::Child;

use super::clone::{Side, fork_into};
use super::entry::close_inherited;
use super::error::LabError;
use super::links::Wired;
use super::node::NodeHandle;
use super::rtnl::open_route_socket;
use super::{agent, rootfs, wire};

/// The environment variable that says "you are the door to a container", with the number of the socket.
const MARKER: &str = "ROUTEPROOF_AGENT";

/// Joining namespaces takes no time; a door that says nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the door is to do; the container's first process travels along, as a pidfd.
#[derive(Serialize, Deserialize)]
struct Order {
    sysctls: Vec<(String, String)>,
}

/// What became of it: the agent's network namespace and an rtnetlink socket in it travel along, or what failed.
type Hello = Option<(String, Option<i32>)>;

/// An agent in a container.
#[derive(Debug)]
pub struct Attached {
    pub handle: NodeHandle,
    pub(super) wired: Wired,
    pub(super) door: Child,
}

impl Attached {
    /// Puts an agent into the namespaces of a process, and sets these sysctls there. The process is known by `pid`; it must be one of
    /// this pid namespace or of one below.
    ///
    /// # Errors
    /// No such process, or no right to enter its namespaces.
    pub async fn enter(
        name: &str,
        pid: i32,
        sysctls: &[(String, String)],
        log: &Path,
    ) -> Result<Attached, LabError> {
        let failed = |what: &str| {
            let (node, what) = (name.to_string(), what.to_string());
            move |source| LabError::Node { node, what, source }
        };
        let entering = format!("cannot enter the namespaces of process {pid}");
        let process = pidfd(pid).map_err(failed(&entering))?;
        let (ours, theirs) = wire::pair().map_err(LabError::Start)?;
        let log = File::options().create(true).append(true).open(log).map_err(LabError::Start)?;
        let door =
            crate::exec::self_again("routeproof-agent", MARKER, theirs, log).map_err(LabError::Start)?;
        let order = Order { sysctls: sysctls.to_vec() };
        wire::send(ours.as_fd(), &order, &[process.as_fd()]).map_err(LabError::Start)?;
        let socket = wire::register(ours, Interest::READABLE).map_err(LabError::Start)?;
        let hello = socket.async_io(Interest::READABLE, |fd| wire::recv::<Hello>(fd.as_fd()));
        let hello =
            tokio::time::timeout(PATIENCE, hello).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        match hello.map_err(failed(&entering))? {
            Some((None, fds)) => {
                let mut fds = fds.into_iter();
                let (Some(netns), Some(route)) = (fds.next(), fds.next()) else {
                    return Err(failed(&entering)(io::ErrorKind::UnexpectedEof.into()));
                };
                let handle = NodeHandle::new(name.to_string(), socket.into_inner());
                let handle = handle.map_err(LabError::Start)?;
                Ok(Attached { handle, wired: Wired { netns, socket: route }, door })
            }
            Some((Some((what, errno)), _)) => {
                let error = errno.map_or_else(|| io::Error::other("see above"), io::Error::from_raw_os_error);
                Err(failed(&format!("cannot {what}"))(error))
            }
            None => Err(failed(&entering)(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// pidfd_open(2), which the C library may lack.
fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the system call takes two numbers.
    match unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: it is a new descriptor, which nobody else owns.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }),
    }
}

#[ctor::ctor(unsafe)]
fn take_over() {
    let fd = std::env::var_os(MARKER).and_then(|v| v.to_str().and_then(|v| v.parse::<RawFd>().ok()));
    if let Some(fd) = fd {
        // SAFETY: the harness that set the marker left this descriptor open for us and nobody else uses it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        std::process::exit(door(socket));
    }
}

fn door(socket: OwnedFd) -> i32 {
    close_inherited(socket.as_raw_fd());
    // The harness decides when this ends, not the terminal.
    let _ = nix::unistd::setsid();
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let sysctls = match enter(&socket) {
        Ok(order) => order.sysctls,
        Err((what, error)) => return refuse(&socket, what, &error),
    };
    match fork_into(CloneFlags::empty()) {
        Err(e) => refuse(&socket, "start an agent".to_string(), &e),
        Ok(Side::Child) => {
            let _ = prctl::set_pdeathsig(Signal::SIGKILL);
            std::process::exit(serve(&socket, &sysctls))
        }
        Ok(Side::Parent(pid)) => {
            drop(socket);
            let _ = waitpid(pid, None);
            0
        }
    }
}

/// Joins all namespaces of the container but its user's and its cgroups'.
fn enter(socket: &OwnedFd) -> Result<Order, (String, io::Error)> {
    let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "the harness has gone");
    let ordered = wire::recv::<Order>(socket.as_fd()).and_then(|order| order.ok_or_else(gone));
    let (order, fds) = ordered.map_err(|e| ("read what to do".to_string(), e))?;
    let what = "enter the container's namespaces";
    let process = fds.into_iter().next().ok_or_else(|| (what.to_string(), gone()))?;
    let all = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    setns(process, all).map_err(|e| (what.to_string(), e.into()))?;
    Ok(order)
}

fn serve(socket: &OwnedFd, sysctls: &[(String, String)]) -> i32 {
    let prepared = || {
        rootfs::write_sysctls(Path::new("/"), sysctls)?;
        let netns =
            File::open("/proc/self/ns/net").map_err(|e| ("open the network namespace".to_string(), e))?;
        let route = open_route_socket().map_err(|e| ("open a netlink socket".to_string(), e))?;
        Ok([OwnedFd::from(netns), route])
    };
    match prepared() {
        Ok(fds) => {
            let _ = wire::send(socket.as_fd(), &None::<(String, Option<i32>)>, &wire::borrow(&fds));
        }
        Err((what, error)) => return refuse(socket, what, &error),
    }
    i32::from(agent::serve(socket).is_err())
}

fn refuse(socket: &OwnedFd, what: String, error: &io::Error) -> i32 {
    let what = if error.raw_os_error().is_some() { what } else { format!("{what}: {error}") };
    let _ = wire::send(socket.as_fd(), &Some((what, error.raw_os_error())), &[]);
    1
}
