//! A terminal in which a command runs, as a user has one.
#![allow(clippy::disallowed_methods, reason = "the command under test is a process, and its end is awaited")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::libc;
use nix::pty::{Winsize, openpty};

nix::ioctl_write_ptr_bad!(set_size, libc::TIOCSWINSZ, Winsize);

pub struct Terminal {
    child: Child,
    master: File,
    printed: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    pub fn start(mut command: Command, (rows, columns): (u16, u16)) -> Terminal {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        command.stdin(slave()).stdout(slave()).stderr(slave());
        // SAFETY: setsid and ioctl are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                }
            });
        }
        let child = command.spawn().unwrap();
        drop((command, pty.slave));
        let (sender, printed) = channel();
        let mut master = File::from(pty.master.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO: the command has ended.
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { child, master: pty.master.into(), printed, shown: String::new() }
    }

    pub fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    pub fn resize(&self, (rows, columns): (u16, u16)) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the kernel reads a winsize, which is what the pointer is to.
        unsafe { set_size(self.master.as_raw_fd(), &raw const size) }.unwrap();
    }

    /// Waits until this is printed, after what was waited for before.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        assert!(self.shows_within(text, Duration::from_secs(20)), "no `{text}` in: {}", self.shown);
    }

    /// Types again until it is printed.
    #[track_caller]
    pub fn types_until(&mut self, typed: &str, text: &str) {
        for _ in 0..20 {
            self.types(typed);
            if self.shows_within(text, Duration::from_secs(1)) {
                return;
            }
        }
        panic!("no `{text}` in: {}", self.shown);
    }

    fn shows_within(&mut self, text: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return true;
            }
            match self.printed.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => return false,
            }
        }
    }

    pub fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}
