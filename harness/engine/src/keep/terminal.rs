//! A pseudo terminal between the user's terminal and a command in a node.
//!
//! Its slave belongs to the host's devpts and travels as a descriptor: the node needs no devpts of its own. A guest kernel
//! makes one of its own, and what travels is one end of a socket.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::client::Lab;
use super::error::KeepError;
use super::exec::{Running, Streams};
use super::protocol::{Command, Size};
use crate::lab::register;

nix::ioctl_read_bad!(get_size, libc::TIOCGWINSZ, Winsize);
nix::ioctl_write_ptr_bad!(set_size, libc::TIOCSWINSZ, Winsize);

/// A pseudo terminal of the size of the user's terminal.
#[derive(Debug)]
pub struct Terminal {
    /// What is typed goes in here, and what is printed comes out: the master, or our end of the socket.
    master: AsyncFd<OwnedFd>,
    /// The slave, or the other end.
    far: OwnedFd,
    in_guest: bool,
}

/// The user's terminal in raw mode, until this is dropped.
struct Raw {
    saved: Termios,
}

impl Terminal {
    /// For a command in this lab. Must be called within a runtime. Stdin must be a terminal.
    pub fn open(lab: &Lab) -> Result<Terminal, KeepError> {
        let open = || {
            let (near, far) = if lab.is_in_guest() { socket()? } else { pty()? };
            let master = register(near, Interest::READABLE | Interest::WRITABLE)?;
            Ok(Terminal { master, far, in_guest: lab.is_in_guest() })
        };
        open().map_err(KeepError::Terminal)
    }

    /// Starts a command of which this is the terminal.
    pub async fn exec(&self, lab: &Lab, node: &str, command: &Command) -> Result<Running, KeepError> {
        let far = self.far.as_fd();
        if !self.in_guest {
            return lab.exec(node, command, Streams { stdin: far, stdout: far, stderr: far }).await;
        }
        let size = size(io::stdin().as_fd()).map_err(KeepError::Terminal)?;
        let size = Size { rows: size.ws_row, columns: size.ws_col };
        let channel = lab.start(node, command, Some(size), &[far]).await?;
        Ok(Running::new(lab.name().to_string(), channel, None))
    }

    /// Connects the user's terminal with the running command until it ends, and gives its exit code. However this ends,
    /// the user's terminal is as it was.
    pub async fn attach(self, running: Running) -> Result<i32, KeepError> {
        let Terminal { master, far, in_guest } = self;
        // When the command's copies close, reading the master must show the end.
        drop(far);
        let _raw = Raw::enter().map_err(KeepError::Terminal)?;
        let resizing = follow_size(|size| match in_guest {
            true => {
                running.resize(Size { rows: size.ws_row, columns: size.ws_col });
                Ok(())
            }
            // SAFETY: the kernel reads a winsize, which is what the pointer is to.
            false => unsafe { set_size(master.get_ref().as_raw_fd(), &raw const size) }.map(drop),
        });
        let sizes = async { resizing.await.map_err(KeepError::Terminal) };
        let input = async { type_in(&master).await.map_err(KeepError::Terminal) };
        tokio::select! {
            code = show_until_end(&master, &running) => code,
            Err(e) = sizes => Err(e),
            ended = input => {
                // Our terminal is gone, and with it the reason for the command to run.
                ended?;
                running.signal(Signal::SIGHUP);
                running.wait().await
            }
            signal = told_to_end() => {
                running.signal(signal);
                Ok(128 + signal as i32)
            }
        }
    }
}

impl Raw {
    fn enter() -> io::Result<Raw> {
        let saved = tcgetattr(io::stdin())?;
        let mut raw = saved.clone();
        cfmakeraw(&mut raw);
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw)?;
        Ok(Raw { saved })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no care.
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.saved);
    }
}

fn pty() -> io::Result<(OwnedFd, OwnedFd)> {
    let attributes = tcgetattr(io::stdin())?;
    let pty = openpty(&size(io::stdin().as_fd())?, &attributes)?;
    for fd in [&pty.master, &pty.slave] {
        let close = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
        nix::fcntl::fcntl(fd, close)?;
    }
    Ok((pty.master, pty.slave))
}

fn socket() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?)
}

fn size(terminal: BorrowedFd<'_>) -> io::Result<Winsize> {
    let mut size = Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes a winsize, which is what the pointer is to.
    unsafe { get_size(terminal.as_raw_fd(), &raw mut size) }?;
    Ok(size)
}

/// Copies the size of the user's terminal at every change; the kernel tells the command (SIGWINCH).
async fn follow_size(copy: impl Fn(Winsize) -> nix::Result<()>) -> io::Result<()> {
    let mut changes = signal(SignalKind::window_change())?;
    loop {
        if let Ok(size) = size(io::stdin().as_fd()) {
            copy(size)?;
        }
        changes.recv().await;
    }
}

/// Passes on what is typed, until the terminal closes.
async fn type_in(master: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut input = read_stdin();
    while let Some(typed) = input.recv().await {
        let mut typed = typed.as_slice();
        while !typed.is_empty() {
            let write = |fd: &OwnedFd| Ok(nix::unistd::write(fd, typed)?);
            match master.async_io(Interest::WRITABLE, write).await {
                Ok(written) => typed = &typed[written..],
                // The command has ended, which its exit code will tell.
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => break,
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

/// Reads on a thread of its own: our parent may share the descriptor, for whom it must stay blocking.
fn read_stdin() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut buffer = [0u8; 4096];
        // EIO: the terminal was hung up.
        while let Ok(count @ 1..) = nix::unistd::read(io::stdin(), &mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Shows what the command prints, until it has ended and everything is shown.
async fn show_until_end(master: &AsyncFd<OwnedFd>, running: &Running) -> Result<i32, KeepError> {
    let show = async {
        let mut buffer = [0u8; 4096];
        let mut read = async || {
            let read = |fd: &OwnedFd| Ok(nix::unistd::read(fd, &mut buffer)?);
            let count = master.async_io(Interest::READABLE, read).await?;
            Ok::<_, io::Error>(buffer[..count].to_vec())
        };
        // EIO: every copy of the slave is closed.
        while let Some(printed) = read().await.ok().filter(|printed| !printed.is_empty()) {
            let write = move || io::stdout().write_all(&printed).and_then(|()| io::stdout().flush());
            let written = tokio::task::spawn_blocking(write).await;
            written.map_err(io::Error::other).flatten().map_err(KeepError::Terminal)?;
        }
        Ok::<_, KeepError>(())
    };
    let ended = running.wait();
    tokio::pin!(show, ended);
    tokio::select! {
        shown = &mut show => {
            shown?;
            ended.await
        }
        code = &mut ended => {
            // What it left in the background may keep the terminal open for good: only what is there is shown.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(100), show).await;
            code
        }
    }
}

/// In raw mode the keyboard sends no signals; others do.
async fn told_to_end() -> Signal {
    let kinds = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT];
    let waits = kinds.map(|kind| {
        Box::pin(async move {
            match signal(SignalKind::from_raw(kind as i32)) {
                Ok(mut signals) => signals.recv().await,
                Err(_) => std::future::pending().await,
            };
            kind
        })
    });
    futures::future::select_all(waits).await.0
}
