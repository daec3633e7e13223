//! A client of a daemon's vty socket, the one that vtysh talks to.
//!
//! The protocol, as FRR's lib/vty.c and vtysh speak it: the client writes a command and a NUL; the daemon writes text
//! without NULs, then three NULs and one status byte. Commands may be written ahead, except to mgmtd, which
//! throws away what it has read beyond a command that it answers later.

use std::io;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::wait;

/// A daemon reads 512 bytes at a time into 4096; a command that could meet that limit is answered without an end mark.
const LONGEST: usize = 4096 - 512 - 1;

/// How long mgmtd's datastore may be locked by somebody else.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// What went wrong with a vty. The daemon's refusals are no errors here; they are in [`Output::status`].
#[derive(Debug, Error)]
pub enum VtyError {
    #[error("cannot write {command:?} to {daemon}'s vty")]
    Write {
        daemon: String,
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot read {daemon}'s answer to {command:?}")]
    Read {
        daemon: String,
        command: String,
        #[source]
        source: io::Error,
    },
    /// The daemon ended or crashed while it answered.
    #[error("{daemon} closed its vty after {received} bytes of the answer to {command:?}")]
    Closed { daemon: String, command: String, received: usize },
    #[error("{daemon}'s answer to {command:?} does not end as a vty answer does")]
    Protocol { daemon: String, command: String },
    #[error("{daemon} refused {command:?}: {text}")]
    Refused { daemon: String, command: String, text: String },
    #[error("a vty command must be one line of at most {LONGEST} bytes: {start:?}...")]
    Unspeakable { start: String },
}

/// The status byte of an answer, FRR's `CMD_*` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    /// Done.
    pub const SUCCESS: Self = Self(0);
    /// Done, or there was nothing to do; vtysh goes on after it.
    pub const WARNING: Self = Self(1);
    pub const NO_MATCH: Self = Self(2);

    /// Whether vtysh would count the command as taken.
    pub fn is_taken(self) -> bool {
        self == Self::SUCCESS || self == Self::WARNING
    }
}

/// A daemon's answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub text: String,
    pub status: Status,
}

/// The answer to one line of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineAnswer {
    /// The line's index in the slice that was handed over.
    pub line: usize,
    pub status: Status,
    pub text: String,
}

/// A connection to a daemon's vty.
#[derive(Debug)]
pub struct Vty {
    daemon: String,
    stream: UnixStream,
    /// Read, and not yet handed out.
    buffer: Vec<u8>,
    enabled: bool,
}

impl Vty {
    /// Takes over a connected socket; `daemon` (`bgpd`) names it in errors.
    pub fn new(daemon: impl Into<String>, stream: UnixStream) -> Self {
        Self { daemon: daemon.into(), stream, buffer: Vec::new(), enabled: false }
    }

    pub fn daemon(&self) -> &str {
        &self.daemon
    }

    /// Runs one command in enable mode. How long it may take is the caller's to bound; after a timeout the
    /// connection is out of step and must be dropped.
    ///
    /// # Errors
    /// When the socket fails or the daemon goes away. A refusal is an `Ok` with its status.
    pub async fn run(&mut self, command: &str) -> Result<Output, VtyError> {
        self.enable().await?;
        self.exchange(command).await
    }

    /// [`Vty::run`] for answers of many megabytes: sends the text on as it comes in. When nobody receives any more, the
    /// rest is read all the same, so that the connection stays in step.
    ///
    /// # Errors
    /// As [`Vty::run`].
    pub async fn run_in_parts(
        &mut self,
        command: &str,
        parts: mpsc::Sender<Vec<u8>>,
    ) -> Result<Status, VtyError> {
        self.enable().await?;
        self.ask(command).await?;
        let mut text = Text::Sent(parts);
        answer_into(&mut text, &self.daemon, &mut self.stream, &mut self.buffer, command).await
    }

    async fn enable(&mut self) -> Result<(), VtyError> {
        if !self.enabled {
            self.expect("enable").await?;
            self.enabled = true;
        }
        Ok(())
    }

    /// Enters lines in configuration mode, all in one write, and leaves it again.
    ///
    /// # Errors
    /// As [`Vty::run`], and when the daemon's configuration is locked. A refused line is an answer.
    pub async fn config(&mut self, lines: &[&str]) -> Result<Vec<LineAnswer>, VtyError> {
        self.run_taken("configure terminal").await?;
        let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            speakable(line)?;
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(0);
        }
        let answers = self.pipeline(lines, &bytes).await?;
        self.run_taken("end").await?;
        Ok(numbered(answers))
    }

    /// As [`Vty::config`], for mgmtd: it must be locked first, takes one command at a time, and applies all at the
    /// end as one transaction. The last answer, with the index `lines.len()`, is that of the transaction.
    ///
    /// # Errors
    /// As [`Vty::config`].
    pub async fn config_transaction(&mut self, lines: &[&str]) -> Result<Vec<LineAnswer>, VtyError> {
        self.lock_datastore().await?;
        self.run_taken("XFRR_start_configuration").await?;
        let mut answers = Vec::with_capacity(lines.len() + 1);
        for line in lines {
            answers.push(self.exchange(line).await?);
        }
        answers.push(self.exchange("XFRR_end_configuration").await?);
        self.run_taken("end").await?;
        Ok(numbered(answers))
    }

    /// Just after its start mgmtd holds the lock itself, to hand out what it has; vtysh tries again and again, too.
    async fn lock_datastore(&mut self) -> Result<(), VtyError> {
        let end = Instant::now() + LOCK_LIMIT;
        loop {
            match self.run_taken("configure terminal file-lock").await {
                Err(VtyError::Refused { text, .. }) if text.contains("locked") && Instant::now() < end => {
                    wait::elapse(LOCK_RETRY).await;
                }
                other => return other,
            }
        }
    }

    async fn run_taken(&mut self, command: &str) -> Result<(), VtyError> {
        let output = self.run(command).await?;
        self.taken(command, output)
    }

    async fn expect(&mut self, command: &str) -> Result<(), VtyError> {
        let output = self.exchange(command).await?;
        self.taken(command, output)
    }

    fn taken(&self, command: &str, output: Output) -> Result<(), VtyError> {
        if output.status == Status::SUCCESS {
            return Ok(());
        }
        let text = output.text.trim().to_owned();
        Err(VtyError::Refused { daemon: self.daemon.clone(), command: command.to_owned(), text })
    }

    async fn exchange(&mut self, command: &str) -> Result<Output, VtyError> {
        self.ask(command).await?;
        answer(&self.daemon, &mut self.stream, &mut self.buffer, command).await
    }

    async fn ask(&mut self, command: &str) -> Result<(), VtyError> {
        speakable(command)?;
        let bytes = [command.as_bytes(), &[0]].concat();
        self.stream.write_all(&bytes).await.map_err(|source| VtyError::Write {
            daemon: self.daemon.clone(),
            command: command.to_owned(),
            source,
        })
    }

    /// Writes and reads at once: neither side may wait for the other to empty its buffers.
    async fn pipeline(&mut self, lines: &[&str], bytes: &[u8]) -> Result<Vec<Output>, VtyError> {
        let (mut reader, mut writer) = self.stream.split();
        let (daemon, buffer) = (&self.daemon, &mut self.buffer);
        let write = async {
            writer.write_all(bytes).await.map_err(|source| VtyError::Write {
                daemon: daemon.clone(),
                command: format!("{} configuration lines", lines.len()),
                source,
            })
        };
        let read = async {
            let mut answers = Vec::with_capacity(lines.len());
            for line in lines {
                answers.push(answer(daemon, &mut reader, buffer, line).await?);
            }
            Ok(answers)
        };
        tokio::try_join!(write, read).map(|((), answers)| answers)
    }
}

fn numbered(answers: Vec<Output>) -> Vec<LineAnswer> {
    let numbered = answers.into_iter().enumerate();
    numbered.map(|(line, output)| LineAnswer { line, status: output.status, text: output.text }).collect()
}

fn speakable(command: &str) -> Result<(), VtyError> {
    if command.len() <= LONGEST && !command.contains(['\0', '\n']) {
        return Ok(());
    }
    Err(VtyError::Unspeakable { start: command.chars().take(60).collect() })
}

/// Reads one answer; bytes of the next ones stay in `buffer`.
async fn answer<R: AsyncReadExt + Unpin>(
    daemon: &str,
    reader: &mut R,
    buffer: &mut Vec<u8>,
    command: &str,
) -> Result<Output, VtyError> {
    let mut text = Text::Kept(Vec::new());
    let status = answer_into(&mut text, daemon, reader, buffer, command).await?;
    let text = match text {
        Text::Kept(text) => text,
        Text::Sent(_) => Vec::new(),
    };
    let text = String::from_utf8(text).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    Ok(Output { text, status })
}

/// Where the text of an answer goes.
enum Text {
    Kept(Vec<u8>),
    Sent(mpsc::Sender<Vec<u8>>),
}

impl Text {
    async fn take(&mut self, part: &[u8]) {
        match self {
            Text::Kept(text) => text.extend_from_slice(part),
            // A receiver that is gone wants no more.
            Text::Sent(parts) => drop(parts.send(part.to_vec()).await),
        }
    }
}

/// [`answer`], whose text goes to `into` as it comes in.
async fn answer_into<R: AsyncReadExt + Unpin>(
    into: &mut Text,
    daemon: &str,
    reader: &mut R,
    buffer: &mut Vec<u8>,
    command: &str,
) -> Result<Status, VtyError> {
    let mut taken = 0;
    loop {
        let mark = buffer.iter().position(|byte| *byte == 0);
        let text = mark.unwrap_or(buffer.len());
        if text > 0 {
            into.take(&buffer[..text]).await;
            taken += text;
            buffer.drain(..text);
        }
        if let (Some(_), Some([zeros @ .., status])) = (mark, buffer.first_chunk::<4>()) {
            if zeros != &[0, 0, 0] {
                return Err(VtyError::Protocol { daemon: daemon.to_owned(), command: command.to_owned() });
            }
            let status = Status(*status);
            buffer.drain(..4);
            return Ok(status);
        }
        buffer.reserve(64 * 1024);
        let read = reader.read_buf(buffer).await;
        let received = taken + buffer.len();
        let (daemon, command) = (daemon.to_owned(), command.to_owned());
        match read {
            Ok(0) => return Err(VtyError::Closed { daemon, command, received }),
            Ok(_) => {}
            // A daemon that dies with unread commands resets the connection.
            Err(source) if source.kind() == io::ErrorKind::ConnectionReset => {
                return Err(VtyError::Closed { daemon, command, received });
            }
            Err(source) => return Err(VtyError::Read { daemon, command, source }),
        }
    }
}

#[cfg(test)]
#[path = "vty_tests.rs"]
mod tests;
