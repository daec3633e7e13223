//! `clone` as a fork into new namespaces.

use std::io;

use nix::sched::CloneFlags;
use nix::unistd::Pid;

/// Which side of the clone returned.
pub enum Side {
    Parent(Pid),
    Child,
}

/// Forks into the namespaces that `flags` name. Must be called while the process has one thread.
pub fn fork_into(flags: CloneFlags) -> io::Result<Side> {
    // SAFETY: a raw clone with no stack and no CLONE_VM behaves as fork(2). The lab's processes are single-threaded
    // (they start in `entry` before main and start no threads), so no lock can be held by a thread that the child lacks.
    let pid = unsafe { libc::syscall(libc::SYS_clone, i64::from(flags.bits() | libc::SIGCHLD), 0, 0, 0, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(Pid::from_raw(pid as i32))),
    }
}

/// The namespaces of a lab and of each node in it.
pub fn lab_namespaces() -> CloneFlags {
    CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
}
