//! Hearing a guest out.

use std::io;
use std::time::{Duration, Instant};

use routeproof_model::event::EventKind;
use routeproof_model::result::Outcome;
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::error::GuestError;
use super::launch::Running;
use super::mux::{self, Incoming, Mux};
use super::order::{Said, Word};
use crate::event::Events;
use crate::keep::Refusal;
use crate::preflight::Capability;
use crate::run::{Tried, Verdict};

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
    Tried(Option<Tried>),
    Kept(Option<Refusal>),
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

/// Passes the guest's events on until it has answered, or `stop` has become true; `clients` have streams of their own
/// meanwhile, and hear when a run goes wrong. Nothing is left of it afterwards.
pub async fn converse<C: Future<Output = ()>>(
    running: Running,
    channel: UnixStream,
    events: &Events,
    stop: watch::Receiver<bool>,
    clients: impl FnOnce(Mux, watch::Receiver<Option<Outcome>>) -> C,
) -> Result<Answer, GuestError> {
    let (reader, writer) = channel.into_split();
    let (mux, mut incoming) = Mux::start(reader, writer, mux::End::Host);
    let (wrong, goes_wrong) = watch::channel(None);
    let clients = async {
        clients(mux.clone(), goes_wrong).await;
        std::future::pending().await
    };
    let heard = tokio::select! {
        heard = listen(&mut incoming, &mux, events, &wrong, stop) => heard,
        () = clients => Heard::End,
    };
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
    // Closes the channel, at which the guest powers itself off.
    drop(incoming);
    running.finish().await;
    result
}

async fn listen(
    incoming: &mut Incoming,
    mux: &Mux,
    events: &Events,
    wrong: &watch::Sender<Option<Outcome>>,
    mut stop: watch::Receiver<bool>,
) -> Heard {
    let stopped = || Heard::Answer(Answer::Verdict(None));
    let booted = Instant::now();
    let mut stopping: Option<Instant> = None;
    loop {
        let patience = stopping.map_or(SILENCE, |end| end.saturating_duration_since(Instant::now()));
        let control = tokio::select! {
            control = tokio::time::timeout(patience, incoming.controls.recv()) => control,
            () = told(&mut stop), if stopping.is_none() => {
                stopping = Some(Instant::now() + STOPPING);
                if mux.say(&Word::Stop).is_err() {
                    return stopped();
                }
                continue;
            }
        };
        let said = match control {
            Err(_) if stopping.is_some() => return stopped(),
            Err(_) => return Heard::Silence,
            Ok(Some(Err(e))) if e.kind() == io::ErrorKind::InvalidData => return Heard::Nonsense(e),
            // A guest that dies with something unread resets the socket.
            Ok(None | Some(Err(_))) => return if stopping.is_some() { stopped() } else { Heard::End },
            Ok(Some(Ok(said))) => serde_json::from_slice::<Said>(&said),
        };
        match said {
            Err(e) => return Heard::Nonsense(e.into()),
            Ok(Said::Hello { release }) => {
                let duration_us = booted.elapsed().as_micros() as u64;
                events.send(EventKind::LabPhase { phase: format!("guest kernel {release}"), duration_us });
            }
            Ok(Said::Event(kind)) => events.send(*kind),
            Ok(Said::Alive) => {}
            Ok(Said::Wrong(outcome)) => _ = wrong.send_replace(Some(outcome)),
            Ok(Said::Found(capabilities)) => return Heard::Answer(Answer::Found(capabilities)),
            Ok(Said::Ended(verdict)) => return Heard::Answer(Answer::Verdict(verdict)),
            Ok(Said::Tried(tried)) => return Heard::Answer(Answer::Tried(tried)),
            Ok(Said::Kept(refusal)) => return Heard::Answer(Answer::Kept(refusal)),
        }
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone will never say stop.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
