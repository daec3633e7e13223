//! A lab that is kept: booted, at its clients' service, ended. On the host or in a guest kernel, this is the same.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use futures::stream::{FuturesUnordered, StreamExt};
use nix::sys::socket::{SockFlag, accept4};
use routeproof_model::plan::PlannedRun;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::answer::{self, About, Asked};
use super::channel::Channel;
use super::folder::State;
use super::protocol::{Order, Report};
use super::refusal::Refusal;
use super::relay;
use crate::event::Events;
use crate::guest::{Kernel, KernelSource};
use crate::image::{self, Quiet, Tree};
use crate::observe::now;
use crate::run::{self, BootOptions, Booted, Reached, RunError};

/// What is kept, and what is written down about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(super) order: Order,
    pub(super) state: State,
}

/// Where clients come in.
pub(super) enum Door {
    /// The state folder's socket.
    Socket(AsyncFd<OwnedFd>),
    /// From outside a guest kernel.
    Relayed(relay::Door),
}

impl Kept {
    pub(crate) fn planned(&self) -> &PlannedRun {
        &self.order.run
    }

    /// The root filesystems, and the guest kernel if one is to be booted. They stay in the cache as long as they are held.
    pub(super) async fn images(&self) -> Result<(BTreeMap<String, Tree>, Option<Kernel>), RunError> {
        let cache_dir = Some(self.order.cache.clone());
        let routers = self.order.run.routers.values().map(|router| router.image.clone()).collect();
        let store = run::store(image::Options { cache_dir, offline: true, routers, ..Default::default() })?;
        let trees = run::trees(self.order.run.images.values(), &store, &Quiet).await?;
        let kernel = match &self.order.kernel {
            Some(name) => Some(KernelSource::parse(name)?.obtain(&store, &Quiet).await?),
            None => None,
        };
        Ok((trees, kernel))
    }

    /// Boots the lab on this kernel and keeps it until a client, `told`, or its own end says that it is over. It ends at once if
    /// `channel`, on which `up` hears how it goes, closes before the lab is ready.
    pub(super) async fn keep_here(
        &self,
        options: &BootOptions<'_>,
        events: &Events,
        door: Door,
        channel: Arc<Channel>,
        told: impl Future<Output = ()>,
    ) -> Result<(), Refusal> {
        let refused = |e: RunError| Refusal::new(e, false);
        let options = BootOptions { tap: !self.order.until.routes.is_empty(), ..*options };
        let booted = run::boot_unless(channel.closed(), &self.order.run, &options, events).await;
        let Some(booted) = booted.map_err(refused)? else { return Ok(()) };
        // The user's folder may go away while the lab lives.
        let _ = std::env::set_current_dir("/");
        self.hold(booted, door, channel, told).await.map_err(|e| refused(RunError::Record(e)))
    }

    /// Serves until the lab is to end, or has ended by itself; then ends it.
    async fn hold(
        &self,
        mut booted: Booted,
        mut door: Door,
        channel: Arc<Channel>,
        told: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let taps = booted.take_taps();
        let about = About { booted: &booted, order: &self.order, state: &self.state, since: Instant::now() };
        let _ = channel.send(&Report::Ready { at: now() }, &[]).await;
        let await_up = async {
            let mut reached = Reached::default();
            let done = tokio::select! {
                done = run::reach(&booted, taps, &self.order.until, &mut reached) => done,
                () = channel.closed() => return false,
            };
            let unmet = done.err().map(|e| e.to_string());
            channel.send(&Report::Done { reached, unmet }, &[]).await.is_ok()
        };
        {
            let serving = serve(&mut door, &about, told);
            tokio::pin!(serving);
            let go_on = tokio::select! {
                go_on = await_up => go_on,
                () = &mut serving => false,
            };
            drop(channel);
            if go_on {
                serving.await;
            }
        }
        drop(door);
        booted.record_final_state().await;
        booted.shutdown().await.map_err(io::Error::other)
    }
}

/// Answers connections until one of them, `told`, or the lab's own end says that it is over.
pub(super) async fn serve(door: &mut Door, about: &About<'_>, told: impl Future<Output = ()>) {
    let mut connections = FuturesUnordered::new();
    let over = async {
        tokio::select! {
            () = told => {}
            // Without its init there is no lab. A node's death is only noted.
            () = about.booted.lab.ended() => eprintln!("supervisor: the lab has died"),
        }
    };
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return,
            accepted = door.accept() => match accepted {
                Ok(channel) => connections.push(answer::connection(channel, about)),
                // Out of descriptors, for instance: the lab lives on.
                Err(e) => eprintln!("supervisor: cannot accept a connection: {e}"),
            },
            Some(asked) = connections.next() => match asked {
                Ok(Asked::Answered) => {}
                Ok(Asked::Down) => return,
                Err(e) => eprintln!("supervisor: a client's connection: {e}"),
            },
        }
    }
}

impl Door {
    async fn accept(&mut self) -> io::Result<Channel> {
        match self {
            Door::Socket(listener) => accept(listener).await,
            Door::Relayed(door) => match door.recv().await {
                Some(channel) => Ok(channel),
                // The line has ended, and with it the guest.
                None => std::future::pending().await,
            },
        }
    }
}

pub(super) async fn accept(listener: &AsyncFd<OwnedFd>) -> io::Result<Channel> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let accept = |fd: &OwnedFd| {
        let raw = accept4(fd.as_raw_fd(), flags)?;
        // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(raw) })
    };
    Channel::new(listener.async_io(Interest::READABLE, accept).await?)
}
