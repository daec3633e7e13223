//! Pid 1 of a guest kernel: makes it habitable, has a worker do the run, powers off.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::order::{ORDER, Order};
use super::{modules, worker};
use crate::lab::{Side, fork_into};

type Failure = (String, io::Error);

/// The guest's end of the channel.
const CHANNEL: &str = "/dev/ttyS0";

/// For daemons' and our sockets; the kernel's default is 1024.
const OPEN_FILES: u64 = 65_536;

pub fn main(folder: &Path, host: &Path) -> ! {
    let code = match run(folder, host) {
        Ok(code) => code,
        Err((what, error)) => {
            // The console is the only place left to say it; the harness shows its last lines.
            eprintln!("routeproof: cannot {what} in the guest: {error}");
            1
        }
    };
    // The exit code of linux.uml (arch/um/kernel/exitcode.c).
    let _ = fs::write("/proc/exitcode", code.to_string());
    power_off()
}

fn power_off() -> ! {
    nix::unistd::sync();
    // SAFETY: reboot(2) with these arguments reads no memory.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
    // Pid 1 must not end: that would be a panic.
    loop {
        nix::unistd::pause();
    }
}

fn run(folder: &Path, host: &Path) -> Result<i32, Failure> {
    mounts().map_err(|e| ("mount /proc, /sys and /dev".to_string(), e))?;
    let channel = open_channel().map_err(|e| (format!("open {CHANNEL}"), e))?;
    let at = folder.join(ORDER);
    let order = fs::read(&at).and_then(|text| Ok(serde_json::from_slice::<Order>(&text)?));
    let order = order.map_err(|e| (format!("read {}", at.display()), e))?;
    let release =
        nix::sys::utsname::uname().map_err(|e| ("ask for the kernel's release".to_string(), e.into()))?;
    let release = release.release().to_string_lossy().into_owned();
    if let Some(folder) = &order.modules {
        modules::load(folder, &release, order.task.needs_filters())?;
    }
    // The run's folder again, where it is, and writable.
    let of_host = host.join(folder.strip_prefix("/").unwrap_or(folder));
    mount_at("none", folder, "hostfs", MsFlags::MS_NODEV | MsFlags::MS_NOSUID, Some(of_host.as_os_str()))
        .map_err(|e| (format!("mount the host's {}", folder.display()), e))?;
    // It has been read: nobody finds it if we are killed.
    let _ = fs::remove_file(&at);
    // "(none)" breaks FRR's tools (see vtysh's `hostname`).
    nix::unistd::sethostname("routeproof").map_err(|e| ("set the hostname".to_string(), e.into()))?;
    std::env::set_current_dir(&order.current_dir)
        .map_err(|e| (format!("enter {}", order.current_dir.display()), e))?;
    let _ = setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES);

    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    let failed = |e: Errno| ("watch over the worker".to_string(), e.into());
    mask.thread_block().map_err(failed)?;
    let signals =
        SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(failed)?;
    match fork_into(CloneFlags::empty()).map_err(|e| ("start the worker".to_string(), e))? {
        Side::Child => {
            let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
            std::process::exit(worker::main(order, channel, release))
        }
        Side::Parent(pid) => watch(pid, &channel, &signals).map_err(failed),
    }
}

/// Reaps until the worker has ended, or the host has gone: then there is nobody to work for.
fn watch(worker: Pid, channel: &File, signals: &SignalFd) -> Result<i32, Errno> {
    loop {
        let mut ended = None;
        while let Ok(status) = waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG) {
            match status {
                WaitStatus::Exited(pid, code) if pid == worker => ended = Some(code),
                WaitStatus::Signaled(pid, signal, _) if pid == worker => ended = Some(128 + signal as i32),
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {}
                _ => break,
            }
        }
        if let Some(code) = ended {
            return Ok(code);
        }
        // Nothing is asked of the channel: the worker reads it. A hang-up is told unasked.
        let mut fds = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(channel.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        let gone = fds[1].any() == Some(true);
        while matches!(signals.read_signal(), Ok(Some(_))) {}
        if gone {
            return Ok(1);
        }
    }
}

fn open_channel() -> io::Result<File> {
    // Without O_NOCTTY the terminal would become ours, and its hang-up a signal.
    let channel = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_CLOEXEC)
        .open(CHANNEL)?;
    // Until then the terminal echoes: the host says nothing before it is greeted.
    let mut settings = tcgetattr(&channel)?;
    cfmakeraw(&mut settings);
    tcsetattr(&channel, SetArg::TCSANOW, &settings)?;
    Ok(channel)
}

fn mounts() -> io::Result<()> {
    mount_at("proc", Path::new("/proc"), "proc", MsFlags::empty(), None)?;
    mount_at("sysfs", Path::new("/sys"), "sysfs", MsFlags::empty(), None)?;
    match mount_at("dev", Path::new("/dev"), "devtmpfs", MsFlags::MS_NOSUID, None) {
        // The kernel has done it itself (CONFIG_DEVTMPFS_MOUNT).
        Err(e) if e.raw_os_error() == Some(libc::EBUSY) => {}
        other => other?,
    }
    for (name, to) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(Path::new("/proc/self").join(to), Path::new("/dev").join(name))?;
    }
    for (name, kind, data) in [("pts", "devpts", "ptmxmode=0666"), ("shm", "tmpfs", "mode=1777")] {
        let folder = Path::new("/dev").join(name);
        fs::create_dir_all(&folder)?;
        mount_at(name, &folder, kind, MsFlags::MS_NOSUID, Some(OsStr::new(data)))?;
    }
    Ok(())
}

fn mount_at(source: &str, target: &Path, kind: &str, flags: MsFlags, data: Option<&OsStr>) -> io::Result<()> {
    Ok(mount(Some(source), target, Some(kind), flags, data)?)
}
