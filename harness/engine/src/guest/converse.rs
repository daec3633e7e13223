//! Hearing a guest out.

use std::io;
use std::time::{Duration, Instant};

use routeproof_model::event::EventKind;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::error::GuestError;
use super::launch::Running;
use super::order::{Said, Word};
use crate::event::Events;
use crate::preflight::Capability;
use crate::run::Verdict;

/// A guest that says nothing for so long has come to a halt: it speaks every two seconds. Booting is silent.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a guest that was told to stop may take to end its lab.
const STOPPING: Duration = Duration::from_secs(10);

/// How long it may take to power off after its last word.
const POWERING_OFF: Duration = Duration::from_secs(5);

/// What a guest came to.
pub enum Answer {
    /// `None`: it was told to stop.
    Verdict(Option<Verdict>),
    Found(Vec<Capability>),
}

/// How the conversation ended.
enum Heard {
    Answer(Answer),
    /// The channel was closed before there was an answer.
    End,
    Silence,
    Nonsense(io::Error),
}

/// Passes the guest's events on until it has answered, or `stop` has become true. Nothing is left of it afterwards.
pub async fn converse(
    running: Running,
    channel: UnixStream,
    events: &Events,
    stop: watch::Receiver<bool>,
) -> Result<Answer, GuestError> {
    let (reader, mut writer) = channel.into_split();
    let mut lines = BufReader::new(reader).lines();
    let heard = listen(&mut lines, &mut writer, events, stop).await;
    let end = match heard {
        // Awaited so that the guest's last writes are in the run's folder.
        Heard::Answer(_) | Heard::End => {
            tokio::time::timeout(POWERING_OFF, running.end()).await.ok().flatten()
        }
        Heard::Silence | Heard::Nonsense(_) => None,
    };
    let result = match heard {
        Heard::Answer(answer) => Ok(answer),
        Heard::End => Err(GuestError::Ended { end, console: running.last_lines() }),
        Heard::Silence => {
            Err(GuestError::Silent { seconds: SILENCE.as_secs(), console: running.last_lines() })
        }
        Heard::Nonsense(error) => Err(GuestError::Channel(error)),
    };
    drop((lines, writer));
    running.finish().await;
    result
}

async fn listen(
    lines: &mut Lines<BufReader<OwnedReadHalf>>,
    writer: &mut OwnedWriteHalf,
    events: &Events,
    mut stop: watch::Receiver<bool>,
) -> Heard {
    let stopped = || Heard::Answer(Answer::Verdict(None));
    let booted = Instant::now();
    let mut stopping: Option<Instant> = None;
    let mut greeted = false;
    loop {
        let patience = stopping.map_or(SILENCE, |end| end.saturating_duration_since(Instant::now()));
        let line = tokio::select! {
            line = tokio::time::timeout(patience, lines.next_line()) => line,
            // Before the greeting its terminal would echo the word.
            () = told(&mut stop), if greeted && stopping.is_none() => {
                stopping = Some(Instant::now() + STOPPING);
                if say(writer, Word::Stop).await.is_err() {
                    return stopped();
                }
                continue;
            }
        };
        let said = match line {
            Err(_) if stopping.is_some() => return stopped(),
            Err(_) => return Heard::Silence,
            Ok(Err(e)) if e.kind() == io::ErrorKind::InvalidData => return Heard::Nonsense(e),
            // A guest that dies with something unread resets the socket.
            Ok(Ok(None) | Err(_)) => return if stopping.is_some() { stopped() } else { Heard::End },
            Ok(Ok(Some(line))) => serde_json::from_str::<Said>(&line),
        };
        match said {
            Err(e) => return Heard::Nonsense(e.into()),
            Ok(Said::Hello { release }) => {
                greeted = true;
                let duration_us = booted.elapsed().as_micros() as u64;
                events.send(EventKind::LabPhase { phase: format!("guest kernel {release}"), duration_us });
            }
            Ok(Said::Event(kind)) => events.send(*kind),
            Ok(Said::Alive) => {}
            Ok(Said::Found(capabilities)) => return Heard::Answer(Answer::Found(capabilities)),
            Ok(Said::Ended(verdict)) => return Heard::Answer(Answer::Verdict(verdict)),
        }
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone will never say stop.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn say(writer: &mut OwnedWriteHalf, word: Word) -> io::Result<()> {
    let mut line = serde_json::to_vec(&word)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
