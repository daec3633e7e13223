//! The one place that starts processes on the host: this binary again, as a lab's init or as the supervisor of a kept lab, and the
//! programs that labs in containers need. (Inside nodes, the lab's agent starts them.)

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Runs a program of the user's PATH to its end. It ends when nobody waits for it any more.
#[allow(clippy::disallowed_methods, reason = "this is the place")]
pub async fn program(
    name: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> io::Result<std::process::Output> {
    let mut command = Command::new(name);
    command.envs(environment.iter().copied());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output().await
}

/// Executes this binary again with `marker` set to the number of `socket`, which the child inherits.
#[allow(clippy::disallowed_methods, reason = "this is the place")]
pub fn self_again(name: &str, marker: &str, socket: OwnedFd, log: File) -> io::Result<Child> {
    let fd = socket.as_raw_fd();
    let mut command = this_binary(name, log)?;
    command.env(marker, fd.to_string());
    // SAFETY: the closure calls only fcntl, which is async-signal-safe.
    unsafe { command.pre_exec(move || inherit(fd)) };
    command.spawn()
}

/// Executes this binary again as `name argument FD`, where FD is the number of `socket`: in a session of its own, with
/// no other descriptor, so that it can stay when we end and keeps nobody's pipes open.
#[allow(clippy::disallowed_methods, reason = "this is the place")]
pub fn detached(name: &str, argument: &str, socket: OwnedFd, log: File) -> io::Result<Child> {
    let fd = socket.as_raw_fd();
    let mut command = this_binary(name, log)?;
    command.arg(argument).arg(fd.to_string());
    // SAFETY: the closure calls only setsid, close_range and fcntl, which are async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            nix::unistd::setsid()?;
            // close_range(2) knows this flag since Linux 5.11; before, descriptors without close-on-exec stay open.
            libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
            inherit(fd)
        });
    }
    command.spawn()
}

fn this_binary(name: &str, log: File) -> io::Result<Command> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(OsStr::new(name));
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// Lets the program that is about to be executed have this descriptor.
fn inherit(fd: i32) -> io::Result<()> {
    // SAFETY: clears close-on-exec of a descriptor that the parent holds open until the child runs.
    match unsafe { libc::fcntl(fd, libc::F_SETFD, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
