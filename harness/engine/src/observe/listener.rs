//! The task behind a [`Monitor`](super::Monitor): messages first, readings of whole tables when the socket is empty.
//!
//! Why readings at all: messages get lost when the buffer overruns (ENOBUFS), and the kernel drops routes without a
//! message when a link goes down, an address or a next-hop object disappears. Such a change is always told itself, so
//! it is the sign to read the tables that hang on it again. A reading runs beside the messages and never delays them.

use std::collections::BTreeSet;
use std::future::pending;
use std::io;
use std::sync::Arc;

use routeproof_model::fact::{Applied, Change, GapReason, KernelEvent, Kind, Mono, ResyncReason};
use tokio::io::unix::AsyncFd;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::ObserveError;
use super::clock::now;
use super::decode;
use super::dump::Reading;
use super::monitor::{SharedRequests, SharedState, Sink, lock};
use super::socket::{NetlinkSocket, Received};

/// Datagrams between two chances for other tasks.
const BURST: usize = 256;

/// A reading that fails this often in a row is left for the next sign; the gap stays on record.
const READING_TRIES: u32 = 3;

/// A hundred nodes that boot at once must not take a hundred threads to be read.
static READERS: Semaphore = Semaphore::const_new(4);

pub(super) struct Listener {
    state: SharedState,
    requests: SharedRequests,
    notify: watch::Sender<u64>,
    sink: Sink,
    datagram: Vec<u8>,
    /// Tables to read again, and why.
    stale: BTreeSet<Kind>,
    reason: ResyncReason,
    reading: Option<InFlight>,
    failures: u32,
}

struct InFlight {
    kinds: BTreeSet<Kind>,
    reason: ResyncReason,
    result: JoinHandle<Result<Reading, ObserveError>>,
}

/// Runs until the socket fails; the monitor aborts it.
pub(super) async fn listen(socket: AsyncFd<NetlinkSocket>, mut listener: Listener) {
    loop {
        tokio::select! {
            biased;
            ready = socket.readable() => {
                let drained = match ready {
                    Ok(mut ready) => loop_until_empty(&mut ready, &mut listener),
                    Err(error) => Err(error),
                };
                match drained {
                    // Whatever is still in the socket is older than a reading that starts now, so read it first.
                    Ok(true) => listener.read_stale(),
                    Ok(false) => tokio::task::yield_now().await,
                    Err(error) => return listener.stop(&error),
                }
            }
            outcome = finished(&mut listener.reading) => {
                if let Err(error) = listener.finish(outcome) {
                    return listener.stop(&error);
                }
            }
        }
    }
}

/// Takes what the socket holds, up to a burst; true when it is empty.
fn loop_until_empty(
    ready: &mut tokio::io::unix::AsyncFdReadyGuard<'_, NetlinkSocket>,
    listener: &mut Listener,
) -> io::Result<bool> {
    for _ in 0..BURST {
        let mut datagram = std::mem::take(&mut listener.datagram);
        let received = ready.try_io(|socket| socket.get_ref().receive(&mut datagram));
        let at = now();
        match received {
            Err(_would_block) => {
                listener.datagram = datagram;
                return Ok(true);
            }
            Ok(Ok(Received::Datagram)) => listener.take(at, &datagram),
            Ok(Ok(Received::Foreign)) => {}
            Ok(Ok(Received::Truncated(length))) => {
                let error = format!("a datagram of {length} bytes");
                listener.gap(at, GapReason::Undecodable { message_type: 0, error });
            }
            Ok(Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                listener.gap(at, GapReason::Overrun)
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
        }
        listener.datagram = datagram;
    }
    Ok(false)
}

async fn finished(reading: &mut Option<InFlight>) -> Result<Reading, ObserveError> {
    match reading {
        Some(reading) => match (&mut reading.result).await {
            Ok(outcome) => outcome,
            Err(error) => Err(ObserveError::Stopped { reason: error.to_string() }),
        },
        None => pending().await,
    }
}

impl Listener {
    /// A listener that begins by reading everything.
    pub fn new(state: SharedState, requests: SharedRequests, notify: watch::Sender<u64>, sink: Sink) -> Self {
        let mut listener = Listener {
            state,
            requests,
            notify,
            sink,
            datagram: Vec::new(),
            stale: Kind::all(),
            reason: ResyncReason::Start,
            reading: None,
            failures: 0,
        };
        listener.read_stale();
        listener
    }

    fn take(&mut self, at: Mono, datagram: &[u8]) {
        for message in decode::envelopes(datagram) {
            let change = match message {
                Ok(message) => {
                    let state = Arc::clone(&self.state);
                    decode::change(&message, &|index| lock(&state).device_name(index))
                }
                Err(error) => Err(GapReason::Undecodable { message_type: 0, error }),
            };
            match change {
                Ok(Some(change)) => {
                    let applied = self.tell(at, change);
                    self.mark(applied, ResyncReason::SilentChange);
                }
                Ok(None) => {}
                Err(reason) => self.gap(at, reason),
            }
        }
        self.notify.send_modify(|generation| *generation += 1);
    }

    fn gap(&mut self, at: Mono, reason: GapReason) {
        let applied = self.tell(at, Change::Gap(reason));
        self.mark(applied, ResyncReason::Gap);
        self.notify.send_modify(|generation| *generation += 1);
    }

    /// Applies a change and records it with what it left to look up.
    fn tell(&self, at: Mono, mut change: Change) -> Applied {
        let mut state = lock(&self.state);
        state.resolve(&mut change);
        let event = KernelEvent { at, change };
        let applied = state.apply(&event);
        drop(state);
        (self.sink)(&event);
        applied
    }

    fn mark(&mut self, applied: Applied, reason: ResyncReason) {
        if applied.stale.is_empty() {
            return;
        }
        if self.stale.is_empty() || reason == ResyncReason::Gap {
            self.reason = reason;
        }
        self.stale.extend(applied.stale);
    }

    fn read_stale(&mut self) {
        if self.stale.is_empty() || self.reading.is_some() {
            return;
        }
        let kinds = std::mem::take(&mut self.stale);
        lock(&self.state).begin_dump(now());
        let (requests, wanted) = (Arc::clone(&self.requests), kinds.clone());
        let result = tokio::spawn(async move {
            let _turn = READERS.acquire().await;
            let read = tokio::task::spawn_blocking(move || lock(&requests).read(&wanted));
            read.await.unwrap_or_else(|error| Err(ObserveError::Stopped { reason: error.to_string() }))
        });
        self.reading = Some(InFlight { kinds, reason: self.reason, result });
    }

    fn finish(&mut self, outcome: Result<Reading, ObserveError>) -> io::Result<()> {
        let Some(InFlight { kinds, reason, .. }) = self.reading.take() else { return Ok(()) };
        match outcome {
            Ok(reading) => {
                self.failures = 0;
                let resynced = lock(&self.state).resync(now(), &reading.state, &kinds, reason);
                resynced.events.iter().for_each(&self.sink);
                self.mark(Applied { stale: resynced.unsettled, ..Applied::default() }, reason);
                for reason in reading.undecoded {
                    // Reading the same tables again would find the same messages.
                    self.tell(now(), Change::Gap(reason));
                }
            }
            Err(error) => {
                self.failures += 1;
                self.tell(now(), Change::Gap(GapReason::DumpFailed { error: error.one_line() }));
                if self.failures < READING_TRIES {
                    self.stale.extend(kinds);
                    self.reason = reason;
                } else if reason == ResyncReason::Start {
                    return Err(io::Error::other(error.one_line()));
                }
            }
        }
        self.notify.send_modify(|generation| *generation += 1);
        self.read_stale();
        Ok(())
    }

    fn stop(&self, error: &io::Error) {
        self.tell(now(), Change::Gap(GapReason::Stopped { error: error.to_string() }));
    }
}
