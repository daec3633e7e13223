//! How a lab's init comes to run: the harness executes its own binary again, and a constructor takes over before `main`.
//!
//! Namespaces must be made while the process has one thread (unshare(2): EINVAL for CLONE_NEWUSER otherwise), and the
//! engine is linked into binaries that are not ours (a user's `cargo test`), so neither `main` nor a path to a helper
//! program can be relied on.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};

use super::clone::{Side, fork_into, lab_namespaces};
use super::spec::InitReport;
use super::{init, wire};

/// The environment variable that says "you are a lab's init", with the number of the control socket.
pub const MARKER: &str = "ROUTEPROOF_LAB_INIT";

/// The same, of a lab whose nodes are there already: it needs the host's privileges over their network namespaces.
pub const MARKER_JOINED: &str = "ROUTEPROOF_LAB_INIT_JOINED";

#[ctor::ctor(unsafe)]
fn take_over() {
    for (marker, own_users) in [(MARKER, true), (MARKER_JOINED, false)] {
        let fd = std::env::var_os(marker).and_then(|v| v.to_str().and_then(|v| v.parse::<RawFd>().ok()));
        if let Some(fd) = fd {
            // SAFETY: the harness that set the marker left this descriptor open for us and nobody else uses it.
            let socket = unsafe { OwnedFd::from_raw_fd(fd) };
            std::process::exit(outer(socket, own_users));
        }
    }
}

/// Makes the namespaces and waits for the lab's pid 1: a process cannot enter a new pid namespace itself.
fn outer(socket: OwnedFd, own_users: bool) -> i32 {
    close_inherited(socket.as_raw_fd());
    match enter_namespaces(own_users) {
        Ok(()) => {}
        Err((what, error)) => return report_failure(&socket, what, &error),
    }
    match fork_into(CloneFlags::empty()) {
        Err(e) => report_failure(&socket, "fork the lab's pid 1", &e),
        Ok(Side::Child) => {
            // If the outer process is killed, so is the lab.
            let _ = prctl::set_pdeathsig(Signal::SIGKILL);
            init::main(socket)
        }
        Ok(Side::Parent(pid)) => {
            drop(socket);
            loop {
                match waitpid(pid, None) {
                    Ok(WaitStatus::Exited(_, code)) => return code,
                    Ok(WaitStatus::Signaled(..)) => return 1,
                    Err(Errno::EINTR) | Ok(_) => {}
                    Err(_) => return 1,
                }
            }
        }
    }
}

/// Descriptors that whoever started the harness left open (a make job server, a CI runner's pipes) must not live on in
/// a lab's daemons.
pub fn close_inherited(keep: RawFd) {
    let close = |first: u32, last: u32| {
        // SAFETY: this process has just been executed and owns nothing but the standard streams and `keep`.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    };
    if keep > 3 {
        close(3, keep as u32 - 1);
    }
    close(keep as u32 + 1, u32::MAX);
}

fn enter_namespaces(own_users: bool) -> Result<(), (&'static str, io::Error)> {
    // Ctrl-C goes to the whole foreground process group; the harness decides when the lab ends, not the terminal.
    nix::unistd::setsid().map_err(|e| ("start a session", e.into()))?;
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    // Root gets a user namespace too: what runs in a lab then has no privilege over the host's devices, modules or
    // clock. A kernel that forbids it (user.max_user_namespaces = 0) does not keep root from booting labs.
    // In a guest kernel there is nothing to be kept from, and files may belong to anybody on the host.
    let host_users = crate::guest::is_guest() || !own_users;
    let made = if host_users { Err(Errno::EPERM) } else { unshare(CloneFlags::CLONE_NEWUSER) };
    if made.is_ok() || !uid.is_root() {
        made.map_err(|e| ("create a user namespace", e.into()))?;
        // user_namespaces(7): an unprivileged process may map itself only, and must give up setgroups(2) first.
        fs::write("/proc/self/setgroups", "deny").map_err(|e| ("write /proc/self/setgroups", e))?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1")).map_err(|e| ("map the user id", e))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1")).map_err(|e| ("map the group id", e))?;
    }
    unshare(lab_namespaces()).map_err(|e| ("create the lab's mount, pid and network namespaces", e.into()))
}

fn report_failure(socket: &OwnedFd, what: &str, error: &io::Error) -> i32 {
    let report = InitReport::refused(what, error);
    let _ = wire::send(socket.as_fd(), &report, &[]);
    // Closing a socket with the lab's description unread would reset it, and the harness would read that (ECONNRESET, see
    // unix_release_sock in net/unix/af_unix.c) instead of the report.
    let _ = wire::recv::<()>(socket.as_fd());
    1
}
