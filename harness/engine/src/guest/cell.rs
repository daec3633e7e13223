//! One run on a guest kernel, seen from the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use routeproof_model::event::EventKind;
use routeproof_model::plan::PlannedRun;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::cpu::Seat;
use super::error::GuestError;
use super::kernel::Kernel;
use super::launch::{self, Running};
use super::order::{ORDER, Order, Said, Word};
use crate::event::Events;
use crate::run::Verdict;

/// A guest that says nothing for so long has come to a halt: it speaks every two seconds. Booting is silent.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a guest that was told to stop may take to end its lab.
const STOPPING: Duration = Duration::from_secs(10);

/// How long it may take to power off after its last word.
const POWERING_OFF: Duration = Duration::from_secs(5);

/// What is to be done on a guest kernel.
pub struct Cell<'a> {
    pub kernel: &'a Kernel,
    /// Where it runs; without one, wherever the host's kernel puts it.
    pub seat: Option<&'a Seat>,
    pub run: &'a PlannedRun,
    /// The run's folder.
    pub folder: &'a Path,
    /// Image name -> root filesystem.
    pub roots: &'a BTreeMap<String, PathBuf>,
}

/// Does the run in a guest and passes its events on. `None`: `stop` became true.
///
/// # Errors
/// The guest did not start, or ended without a verdict.
pub async fn run(
    cell: &Cell<'_>,
    events: &Events,
    mut stop: watch::Receiver<bool>,
) -> Result<Option<Verdict>, GuestError> {
    let folder = give_order(cell)?;
    let running = tokio::select! {
        running = launch::start(cell, &folder) => running,
        () = told(&mut stop) => Err(GuestError::Start { what: "wait", source: std::io::ErrorKind::Interrupted.into() }),
    };
    let heard = match running {
        Ok((running, channel)) => follow(running, channel, events, stop).await,
        // Nobody asks any more.
        Err(_) if *stop.borrow() => Ok(None),
        Err(e) => Err(e),
    };
    let _ = std::fs::remove_file(folder.join(ORDER));
    heard
}

/// Leaves the order in the run's folder, of which it gives the absolute path.
fn give_order(cell: &Cell<'_>) -> Result<PathBuf, GuestError> {
    let failed = |source| GuestError::Start { what: "write the order", source };
    let order = Order {
        current_dir: std::env::current_dir().map_err(failed)?,
        folder: cell.folder.canonicalize().map_err(failed)?,
        run: cell.run.clone(),
        roots: cell.roots.clone(),
        modules: cell.kernel.modules.clone(),
    };
    let text = serde_json::to_vec_pretty(&order).map_err(|e| failed(e.into()))?;
    std::fs::write(order.folder.join(ORDER), text).map_err(failed)?;
    Ok(order.folder)
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone will never say stop.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn follow(
    running: Running,
    channel: UnixStream,
    events: &Events,
    stop: watch::Receiver<bool>,
) -> Result<Option<Verdict>, GuestError> {
    let (reader, mut writer) = channel.into_split();
    let mut lines = BufReader::new(reader).lines();
    let heard = listen(&mut lines, &mut writer, events, stop).await;
    let result = match heard {
        Heard::Ended(verdict) => {
            // Its own end is awaited, so that its last writes are in the run's folder.
            let _ = tokio::time::timeout(POWERING_OFF, running.end()).await;
            Ok(verdict)
        }
        Heard::Stopped => Ok(None),
        Heard::End => {
            let end = tokio::time::timeout(POWERING_OFF, running.end()).await.ok().flatten();
            Err(GuestError::Ended { end, console: running.last_lines() })
        }
        Heard::Silence => {
            Err(GuestError::Silent { seconds: SILENCE.as_secs(), console: running.last_lines() })
        }
        Heard::Nonsense(error) => Err(GuestError::Channel(error)),
    };
    drop((lines, writer));
    running.finish().await;
    result
}

/// What became of the guest.
enum Heard {
    Ended(Option<Verdict>),
    /// It was told to stop and did not in time.
    Stopped,
    End,
    Silence,
    Nonsense(std::io::Error),
}

async fn listen(
    lines: &mut Lines<BufReader<OwnedReadHalf>>,
    writer: &mut OwnedWriteHalf,
    events: &Events,
    mut stop: watch::Receiver<bool>,
) -> Heard {
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
                    return Heard::Stopped;
                }
                continue;
            }
        };
        let said = match line {
            Err(_) if stopping.is_some() => return Heard::Stopped,
            Err(_) => return Heard::Silence,
            // A guest that dies resets the socket if it left something unread.
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::InvalidData => return Heard::Nonsense(e),
            Ok(Ok(None) | Err(_)) => return if stopping.is_some() { Heard::Stopped } else { Heard::End },
            Ok(Ok(Some(line))) => serde_json::from_str::<Said>(&line),
        };
        match said {
            Err(e) => return Heard::Nonsense(e.into()),
            Ok(Said::Hello { release, .. }) => {
                greeted = true;
                let duration_us = booted.elapsed().as_micros() as u64;
                events.send(EventKind::LabPhase { phase: format!("guest kernel {release}"), duration_us });
            }
            Ok(Said::Event(kind)) => events.send(*kind),
            Ok(Said::Alive) => {}
            Ok(Said::Ended(verdict)) => return Heard::Ended(verdict),
        }
    }
}

async fn say(writer: &mut OwnedWriteHalf, word: Word) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(&word)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
