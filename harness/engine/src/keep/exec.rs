//! A command that runs in a node of a kept lab, seen from the client.

use std::os::fd::BorrowedFd;

use nix::sys::signal::Signal;

use super::channel::Channel;
use super::error::KeepError;
use super::protocol::{Answer, Ask};

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
}

impl Running {
    pub(super) fn new(lab: String, channel: Channel) -> Running {
        Running { lab, channel }
    }

    /// Its exit code as a shell reports it: 128 + n for signal n.
    pub async fn wait(&self) -> Result<i32, KeepError> {
        let received = self.channel.receive::<Answer>().await;
        match received.map_err(|source| KeepError::Ask { lab: self.lab.clone(), source })? {
            Some((Answer::Exited { code }, _)) => Ok(code),
            Some((Answer::Failed { what }, _)) => Err(KeepError::Failed { what }),
            Some((other, _)) => Err(KeepError::Failed { what: format!("an unexpected answer: {other:?}") }),
            None => Err(KeepError::Ended { lab: self.lab.clone() }),
        }
    }

    /// Signals its process group.
    pub fn signal(&self, signal: Signal) {
        // If it cannot be sent, the command is about to end with its lab.
        self.channel.try_send(&Ask::Signal(signal as i32));
    }
}
