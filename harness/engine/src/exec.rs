//! The one place that starts processes on the host. There is just one kind: this binary again, as a lab's init.
//! (Inside nodes, the lab's agent starts them.)

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Executes this binary again with `marker` set to the number of `socket`, which the child inherits.
#[allow(clippy::disallowed_methods, reason = "this is the place")]
pub fn self_again(name: &str, marker: &str, socket: OwnedFd, log: File) -> io::Result<Child> {
    let fd = socket.as_raw_fd();
    let mut command = Command::new("/proc/self/exe");
    command.arg0(OsStr::new(name)).env(marker, fd.to_string());
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // SAFETY: the closure calls only fcntl, which is async-signal-safe.
    unsafe {
        command.pre_exec(move || match libc::fcntl(fd, libc::F_SETFD, 0) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    command.spawn()
}
