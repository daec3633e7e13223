//! A kept lab in a guest kernel: what the supervisor does on the host, and its worker in the guest.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};

use super::channel::Channel;
use super::kept::{Door, Kept, accept};
use super::refusal::Refusal;
use super::relay::{self, Client};
use super::supervisor::told;
use crate::event::Events;
use crate::guest::{self, Cell, Mux};
use crate::run::{self, BootOptions, RunError};
use crate::wait;

/// The supervisor's part: boots the guest and brings clients to it until it ends.
pub(super) async fn in_guest(
    kept: Kept,
    folder: &Path,
    events: &Events,
    listener: AsyncFd<OwnedFd>,
    up: Arc<Channel>,
) -> Result<(), Refusal> {
    let refused = |e: RunError| Refusal::new(e, false);
    let (trees, kernel) = kept.images().await.map_err(refused)?;
    let Some(kernel) = kernel else { return Ok(()) };
    let roots = run::roots(&trees);
    let seat = guest::seat().await;
    let cell = Cell { kernel: &kernel, seat: seat.as_ref(), folder, roots: &roots };
    let (stop, stopped) = watch::channel(false);
    let signals = tokio::spawn(async move {
        told().await;
        let _ = stop.send(true);
        // A sender that is gone would say nothing.
        wait::no_events().await;
    });
    let ended = cell.keep(kept, events, stopped, |mux, _| clients(mux, listener, up)).await;
    signals.abort();
    match ended.map_err(|e| refused(e.into()))? {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// Brings whoever connects to the guest, and the guest's reports to `up`.
async fn clients(mux: Mux, listener: AsyncFd<OwnedFd>, up: Arc<Channel>) {
    let told = async {
        if let Err(e) = relay::reported(&mux, &up).await {
            eprintln!("supervisor: telling `up`: {e}");
        }
        drop(up);
        wait::no_events().await
    };
    tokio::join!(told, connections(mux.clone(), listener));
}

/// Brings whoever connects to the guest.
pub(super) async fn connections(mux: Mux, listener: AsyncFd<OwnedFd>) {
    let mut connections = FuturesUnordered::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = accept(&listener) => match accepted {
                Ok(channel) => {
                    number += 1;
                    connections.push(Client::new(mux.clone(), number, channel).relay());
                }
                Err(e) => eprintln!("supervisor: cannot accept a connection: {e}"),
            },
            // Any result must match: a branch that does not is left out until the next connection comes.
            Some(relayed) = connections.next() => if let Err(e) = relayed {
                eprintln!("supervisor: a client's connection: {e}");
            },
        }
    }
}

impl Kept {
    /// The worker's part.
    pub(crate) async fn keep(
        &self,
        options: &BootOptions<'_>,
        events: &Events,
        mux: &Mux,
        opened: mpsc::UnboundedReceiver<u32>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Refusal> {
        let channel = relay::reports(mux).map_err(|e| Refusal::new(RunError::Record(e), false))?;
        let door = Door::Relayed(relay::clients(mux.clone(), opened));
        let told = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                wait::no_events().await;
            }
        };
        self.keep_here(options, events, door, Arc::new(channel), told).await
    }
}
