//! The process between the harness and the guest kernel: it sees to it that neither outlives the other.
//!
//! Where namespaces may be made, the kernel runs in a pid namespace of its own, whose end is the end of all its helper
//! processes, with its memory on a tmpfs that vanishes with it. Elsewhere (in a container, say) the keeper adopts orphans
//! (PR_SET_CHILD_SUBREAPER) and kills them.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, chdir, chroot, dup2_raw, execve, execveat};

use super::command_line::CHANNEL_FD;
use super::order::{End, Launch, ORDER};
use super::{jail, xstate};
use crate::lab::{Side, close_inherited, fork_into, wire};

/// The exit code of a contained half that could not be contained.
const NO_NAMESPACES: i32 = 111;

/// How long the guest may take to power itself off once the harness has gone, in milliseconds.
const GRACE_MS: u16 = 3000;

/// linux/capability.h: dac_override, dac_read_search, fowner. What a root's guest needs to read root's files.
const KEPT: [u32; 3] = [1, 2, 3];

pub fn main(control: OwnedFd) -> i32 {
    close_inherited(control.as_raw_fd());
    // Ctrl-C goes to the whole foreground process group; the harness decides when the guest ends, not the terminal.
    let _ = nix::unistd::setsid();
    let Ok(Some((launch, mut fds))) = wire::recv::<Launch>(control.as_fd()) else { return 1 };
    let Some(channel) = fds.pop() else { return 1 };
    let contained = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC;
    let is_root = nix::unistd::geteuid().is_root();
    let flags = if is_root { contained } else { contained | CloneFlags::CLONE_NEWUSER };
    let ids = (nix::unistd::geteuid(), nix::unistd::getegid());
    let code = match fork_into(flags) {
        Ok(Side::Child) => {
            let _ = prctl::set_pdeathsig(Signal::SIGKILL);
            let entered = if is_root { Ok(()) } else { map_ids(ids.0.as_raw(), ids.1.as_raw()) };
            let code = match entered.and_then(|()| own_mounts(&launch)) {
                Ok(jail) => keep(&control, channel, &launch, jail.as_deref()),
                Err(_) => NO_NAMESPACES,
            };
            std::process::exit(code)
        }
        Ok(Side::Parent(pid)) => match wait_for(pid) {
            NO_NAMESPACES => uncontained(&control, channel, &launch),
            code => code,
        },
        Err(_) => uncontained(&control, channel, &launch),
    };
    tidy(&launch.scratch);
    code
}

/// Takes away what a guest that was killed leaves in the run's folder; the harness may have been killed, too. Empty folders: the
/// guest's memory and the lab's file system covered them.
fn tidy(scratch: &Path) {
    let _ = fs::remove_dir(scratch);
    if let Some(folder) = scratch.parent() {
        let _ = fs::remove_dir(folder.join("lab"));
        let _ = fs::remove_file(folder.join(ORDER));
    }
}

fn uncontained(control: &OwnedFd, channel: OwnedFd, launch: &Launch) -> i32 {
    let _ = prctl::set_child_subreaper(true);
    let code = keep(control, channel, launch, None);
    end_children();
    clear(&launch.scratch);
    code
}

/// Removes the kernel's control files, a folder with files in it. Not whatever might be below: a contained kernel's scratch
/// folder has the host's file system in it.
fn clear(scratch: &Path) {
    let files =
        |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in files(scratch) {
        files(&folder).for_each(|file| drop(fs::remove_file(file)));
        let _ = fs::remove_dir(folder);
    }
}

/// user_namespaces(7): an unprivileged process may map itself only, and must give up setgroups(2) first. Files of the caller
/// are root's in the guest then, as they are in a lab on the host.
fn map_ids(uid: u32, gid: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// The guest's memory is a file, which is written to no disk here, and need not be removed.
/// Gives the root that the kernel gets, if it gets one.
fn own_mounts(launch: &Launch) -> io::Result<Option<PathBuf>> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    let size = format!("mode=0700,size={}M", launch.memory + 64);
    let flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    mount(Some("routeproof"), &launch.scratch, Some("tmpfs"), flags, Some(size.as_str()))?;
    // For the kernel's questions about itself, by its pid here. Containers may forbid it; the host's answers mostly, too.
    let _ = mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&str>);
    // A host on which this fails may have the libraries.
    Ok(launch.jailed.as_ref().and_then(|jailed| jail::build(&launch.scratch, &jailed.tree).ok()))
}

/// Starts the kernel and waits for its end or the harness's.
fn keep(control: &OwnedFd, channel: OwnedFd, launch: &Launch, jail: Option<&Path>) -> i32 {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    let signals = mask
        .thread_block()
        .and_then(|()| SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK));
    let started =
        signals.map_err(io::Error::from).and_then(|signals| Ok((signals, start(&channel, launch, jail)?)));
    let (signals, pid) = match started {
        Ok(started) => started,
        Err(e) => return say(control, End::NotStarted(e.raw_os_error().unwrap_or(libc::EIO))),
    };
    // The guest's copy is the only one: the harness sees the end of the channel when the guest has ended.
    drop(channel);
    let mut left = PollTimeout::NONE;
    let code = loop {
        if let Some(end) = reap(pid) {
            break say(control, end);
        }
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let harness_is_there = left == PollTimeout::NONE;
        if harness_is_there {
            fds.push(PollFd::new(control.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, left) {
            Err(Errno::EINTR) => continue,
            // It did not power off by itself.
            Err(_) | Ok(0) => break 0,
            Ok(_) => {}
        }
        let gone = fds.get(1).and_then(PollFd::any) == Some(true);
        while matches!(signals.read_signal(), Ok(Some(_))) {}
        // The harness says nothing after the launch: readable means closed.
        if gone {
            left = PollTimeout::from(GRACE_MS);
        }
    };
    end(pid);
    code
}

fn say(control: &OwnedFd, end: End) -> i32 {
    let _ = wire::send(control.as_fd(), &end, &[]);
    0
}

/// Reaps whatever has ended; gives the kernel's end if it was among it.
fn reap(pid: Pid) -> Option<End> {
    let mut end = None;
    loop {
        match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG) {
            Ok(WaitStatus::Exited(which, code)) if which == pid => end = Some(End::Exited(code)),
            Ok(WaitStatus::Signaled(which, signal, _)) if which == pid => {
                end = Some(End::Signaled(signal as i32))
            }
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {}
            Ok(_) | Err(_) => return end,
        }
    }
}

/// Kills what is left of the kernel. In a pid namespace of its own its helpers end with us.
fn end(pid: Pid) {
    // The kernel makes a session of its own (setsid in arch/um), so its pid is its group's number.
    let _ = kill(Pid::from_raw(-pid.as_raw()), Signal::SIGKILL);
    let _ = kill(pid, Signal::SIGKILL);
}

/// Kills the orphans that this process has adopted, and theirs.
fn end_children() {
    loop {
        for child in children() {
            let _ = kill(child, Signal::SIGKILL);
        }
        match waitpid(None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// By the fourth field of proc_pid_stat(5), after a name in parentheses: not every kernel lists children.
fn children() -> Vec<Pid> {
    let us = std::process::id().to_string();
    let is_ours = |stat: &str| {
        stat.rsplit(')').next().is_some_and(|rest| rest.split_whitespace().nth(1) == Some(us.as_str()))
    };
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours =
        pids.filter(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| is_ours(&stat)));
    ours.map(Pid::from_raw).collect()
}

fn wait_for(pid: Pid) -> i32 {
    loop {
        match waitpid(pid, None) {
            Ok(WaitStatus::Exited(_, code)) => return code,
            Ok(WaitStatus::Signaled(..)) => return 1,
            Err(Errno::EINTR) | Ok(_) => {}
            Err(_) => return 1,
        }
    }
}

fn start(channel: &OwnedFd, launch: &Launch, jail: Option<&Path>) -> io::Result<Pid> {
    let c_string = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::other);
    let (program, args, scratch) = match (jail, &launch.jailed) {
        (Some(_), Some(jailed)) => (&jailed.program, &jailed.args, Path::new(jail::SCRATCH)),
        _ => (&launch.program, &launch.args, launch.scratch.as_path()),
    };
    let program = c_string(program.as_os_str().as_bytes())?;
    let mut argv = vec![program.clone()];
    for arg in args {
        argv.push(c_string(arg.as_bytes())?);
    }
    let memory = match has_room(SHARED, launch.memory) {
        true if jail.is_none() => SHARED.as_bytes(),
        _ => scratch.as_os_str().as_bytes(),
    };
    let scratch = scratch.as_os_str().as_bytes();
    let env = [c_string(&[b"TMPDIR=", memory].concat())?, c_string(&[b"HOME=", scratch].concat())?];
    let mended = xstate::mended(&launch.program)?.map(beyond_the_channel).transpose()?;
    // A pipe that execve closes tells whether it came to that.
    let (told, teller) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    match fork_into(CloneFlags::empty())? {
        Side::Child => {
            let error = become_kernel(channel, launch.cpu, jail, mended.as_ref(), &argv, &env);
            let _ = nix::unistd::write(&teller, &error.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes());
            std::process::exit(1)
        }
        Side::Parent(pid) => {
            drop(teller);
            let mut errno = [0; 4];
            match nix::unistd::read(&told, &mut errno)? {
                0 => Ok(pid),
                _ => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno))),
            }
        }
    }
}

/// The number that the kernel looks for the channel at is the channel's.
fn beyond_the_channel(fd: OwnedFd) -> io::Result<OwnedFd> {
    use nix::fcntl::{FcntlArg, fcntl};
    use std::os::fd::FromRawFd;
    let number = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(CHANNEL_FD + 1))?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Where the guest's memory, a file without a name, is best.
const SHARED: &str = "/dev/shm";

/// Whether the folder has room for the memory and lets it be executed; containers often allow neither.
fn has_room(folder: &str, mib: u64) -> bool {
    statvfs(folder).is_ok_and(|disk| {
        let free = disk.blocks_available() * disk.fragment_size();
        free >= (mib + 64) * 1024 * 1024 && !disk.flags().contains(FsFlags::ST_NOEXEC)
    })
}

fn become_kernel(
    channel: &OwnedFd,
    cpu: Option<usize>,
    jail: Option<&Path>,
    mended: Option<&OwnedFd>,
    argv: &[CString],
    env: &[CString],
) -> io::Error {
    let prepared = || -> io::Result<()> {
        // SIGTERM, on which the kernel ends its helpers, too (SIGKILL leaves two of them in 6.1).
        prctl::set_pdeathsig(Signal::SIGTERM)?;
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        if let Some(cpu) = cpu {
            let mut set = CpuSet::new();
            // Slower without, and no worse.
            let _ = set.set(cpu).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
        }
        if let Some(jail) = jail {
            chroot(jail)?;
            chdir("/")?;
        }
        drop_capabilities()?;
        prctl::set_no_new_privs()?;
        if channel.as_raw_fd() == CHANNEL_FD {
            // dup2 onto itself would leave close-on-exec set.
            nix::fcntl::fcntl(channel, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))?;
        } else {
            // SAFETY: whatever has this number is not used any more: execve follows.
            let duplicate = unsafe { dup2_raw(channel, CHANNEL_FD) }?;
            std::mem::forget(duplicate);
        }
        Ok(())
    };
    match prepared() {
        Ok(()) => {
            let done = match mended {
                Some(kernel) => execveat(kernel, c"", argv, env, AtFlags::AT_EMPTY_PATH),
                None => execve(&argv[0], argv, env),
            };
            done.err().unwrap_or(Errno::EIO).into()
        }
        Err(e) => e,
    }
}

/// The guest is root in itself; over the host it shall have no more power than reading and writing files.
fn drop_capabilities() -> io::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    crate::lab::keep_capabilities(&KEPT)
}
