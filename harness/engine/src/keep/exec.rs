//! A command that runs in a node of a kept lab, seen from the client.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::pipe2;
use tokio::sync::watch;

use super::channel::Channel;
use super::error::KeepError;
use super::protocol::{Answer, Ask, Size};

/// The descriptors that become the command's standard streams.
#[derive(Clone, Copy, Debug)]
pub struct Streams<'a> {
    pub stdin: BorrowedFd<'a>,
    pub stdout: BorrowedFd<'a>,
    pub stderr: BorrowedFd<'a>,
}

impl<'a> Streams<'a> {
    pub(super) fn list(self) -> [BorrowedFd<'a>; 3] {
        [self.stdin, self.stdout, self.stderr]
    }
}

/// The command. Its process group is killed when this is dropped before its end.
#[derive(Debug)]
pub struct Running {
    lab: String,
    channel: Channel,
    pumps: Option<Pumps>,
    /// The last answer, once it has come.
    answer: OnceLock<Option<Answer>>,
}

/// What carries a command's streams to and from a guest kernel: threads of ours, as our own streams may be shared with our
/// parent, for whom they must stay blocking.
#[derive(Debug)]
pub(super) struct Pumps {
    /// Of stdout and stderr: everything that came is written.
    written: [watch::Receiver<bool>; 2],
}

impl Pumps {
    /// Gives the far ends: for reading, writing, writing.
    pub(super) fn start(streams: Streams<'_>) -> io::Result<(Pumps, [OwnedFd; 3])> {
        let copy = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from);
        let [stdin, stdout, stderr] =
            [pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?];
        pump(copy(streams.stdin)?, stdin.1.into());
        let written =
            [pump(stdout.0.into(), copy(streams.stdout)?), pump(stderr.0.into(), copy(streams.stderr)?)];
        Ok((Pumps { written }, [stdin.0, stdout.1, stderr.1]))
    }

    async fn written(&self) {
        for pump in &self.written {
            // A pump that is gone has nothing to write.
            let _ = pump.clone().wait_for(|written| *written).await;
        }
    }
}

/// Copies to the end of `from`, or until `to` takes no more.
fn pump(mut from: File, mut to: File) -> watch::Receiver<bool> {
    let (done, told) = watch::channel(false);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        drop((from, to));
        let _ = done.send(true);
    });
    told
}

impl Running {
    pub(super) fn new(lab: String, channel: Channel, pumps: Option<Pumps>) -> Running {
        Running { lab, channel, pumps, answer: OnceLock::new() }
    }

    /// Its exit code as a shell reports it: 128 + n for signal n.
    pub async fn wait(&self) -> Result<i32, KeepError> {
        if self.answer.get().is_none() {
            let received = self.channel.receive::<Answer>().await;
            let received = received.map_err(|source| KeepError::Ask { lab: self.lab.clone(), source })?;
            let _ = self.answer.set(received.map(|(answer, _)| answer));
        }
        if let Some(pumps) = &self.pumps {
            pumps.written().await;
        }
        match self.answer.get() {
            Some(Some(Answer::Exited { code })) => Ok(*code),
            Some(Some(Answer::Failed { what })) => Err(KeepError::Failed { what: what.clone() }),
            Some(Some(other)) => Err(KeepError::Failed { what: format!("an unexpected answer: {other:?}") }),
            Some(None) | None => Err(KeepError::Ended { lab: self.lab.clone() }),
        }
    }

    /// Tells its terminal in the guest kernel the size of ours.
    pub(super) fn resize(&self, size: Size) {
        self.channel.try_send(&Ask::Resize(size));
    }

    /// Signals its process group.
    pub fn signal(&self, signal: Signal) {
        // If it cannot be sent, the command is about to end with its lab.
        self.channel.try_send(&Ask::Signal(signal as i32));
    }
}
