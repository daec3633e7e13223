//! The supervisor's side: clients on one hand, the line to the guest on the other.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::message::{self, Carried};
use super::{STDERR, STDIN, STDOUT, STREAMS, TERMINAL, UP, pump};
use crate::guest::{Mux, Stream};
use crate::keep::channel::Channel;
use crate::keep::protocol::{Answer, Ask, Report};
use crate::lab::wire;
use crate::observe::now;

/// A client's connection.
pub struct Client {
    mux: Mux,
    /// The first of its streams.
    base: u32,
    channel: Channel,
    /// Of the command's output: what it has printed is shown before its end is told.
    output: Mutex<JoinSet<io::Result<()>>>,
    input: Mutex<JoinSet<io::Result<()>>>,
}

impl Client {
    /// `number` is 1 or more, and another for each client.
    pub fn new(mux: Mux, number: u32, channel: Channel) -> Client {
        Client { mux, base: number * STREAMS, channel, output: Mutex::default(), input: Mutex::default() }
    }

    /// Passes questions and answers on until either side has gone.
    pub async fn relay(self) -> io::Result<()> {
        let Stream { mut reading, mut writing } = self.mux.stream(self.base);
        let asked = async {
            while let Some((ask, fds)) = self.channel.receive::<Ask>().await? {
                let carried = self.connect(fds)?;
                message::write(&mut writing, &ask, carried, &[]).await?;
            }
            Ok(())
        };
        let answered = async {
            while let Some((answer, carried, file)) = message::read::<Answer>(&mut reading).await? {
                if answer.ends_command() {
                    let mut output = std::mem::take(&mut *lock(&self.output));
                    while output.join_next().await.is_some() {}
                }
                let file =
                    (carried == Carried::File).then(|| wire::sealed("routeproof", &file)).transpose()?;
                let fds: Vec<_> = file.iter().map(AsFd::as_fd).collect();
                self.channel.send(&answer, &fds).await?;
            }
            Ok(())
        };
        tokio::select! {
            done = asked => done,
            done = answered => done,
        }
    }

    /// Three pipes are a command's streams, one socket its terminal.
    fn connect(&self, fds: Vec<OwnedFd>) -> io::Result<Carried> {
        let stream = |which: u32| self.mux.stream(self.base + which);
        let (mut input, mut output) = (lock(&self.input), lock(&self.output));
        // What a client has written before it went counts, so nobody is told to finish.
        let (_, never) = watch::channel(false);
        match <[OwnedFd; 3]>::try_from(fds) {
            Ok([stdin, stdout, stderr]) => {
                input.spawn(pump::out_of(stdin, stream(STDIN).writing, never));
                output.spawn(pump::into(stream(STDOUT).reading, stdout));
                output.spawn(pump::into(stream(STDERR).reading, stderr));
                Ok(Carried::Streams)
            }
            Err(mut fds) => match fds.pop() {
                Some(terminal) => {
                    let both = stream(TERMINAL);
                    input.spawn(pump::out_of(terminal.try_clone()?, both.writing, never));
                    output.spawn(pump::into(both.reading, terminal));
                    Ok(Carried::Terminal)
                }
                None => Ok(Carried::Nothing),
            },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells `up` what the guest reports, with this kernel's times; tells the guest when `up` has gone.
pub async fn reported(mux: &Mux, up: &Channel) -> io::Result<()> {
    let Stream { mut reading, writing } = mux.stream(UP);
    let reports = async {
        let mut ahead = None;
        while let Some((mut report, ..)) = message::read::<Report>(&mut reading).await? {
            if let Report::Ready { at } = &report {
                // The guest's clock began with the guest. What is under way between us is a millisecond.
                ahead = Some(now().0.saturating_sub(at.0));
            }
            report.shift(ahead.unwrap_or_default());
            up.send(&report, &[]).await?;
        }
        Ok(())
    };
    let gone = async {
        up.closed().await;
        drop(writing);
        std::future::pending().await
    };
    tokio::select! {
        done = reports => done,
        () = gone => Ok(()),
    }
}
