//! The task behind a [`Monitor`](super::Monitor): messages first, readings of whole tables when the socket is empty.
//!
//! Why readings at all: messages get lost when the buffer overruns (ENOBUFS), and the kernel drops routes without a
//! message when a link goes down, an address or a next-hop object disappears. Such a change is always told itself, so
//! it is the sign to read the tables that hang on it again. A reading runs beside the messages and never delays them.

use std::collections::BTreeSet;
use std::future::pending;
use std::io;
use std::sync::Arc;

use routeproof_model::fact::{
    Applied, Change, GapReason, KernelEvent, KernelState, Kind, Mono, ResyncReason,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, Semaphore, watch};
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
    drained: watch::Sender<Mono>,
    asked: Arc<Notify>,
    sink: Sink,
    datagram: Vec<u8>,
    /// Tables to read again, and why.
    stale: BTreeSet<Kind>,
    reason: ResyncReason,
    reading: Option<InFlight>,
    failures: u32,
}

/// How a listener tells its monitor about itself.
pub(super) struct News {
    /// Counts changes.
    pub notify: watch::Sender<u64>,
    /// When the socket was last seen empty, with nothing to read afresh.
    pub drained: watch::Sender<Mono>,
    /// Asks for a look whether it is.
    pub asked: Arc<Notify>,
}

/// Fills a datagram.
type Receive<'a> = dyn FnMut(&mut Vec<u8>) -> Result<io::Result<Received>, Empty> + 'a;

/// The socket holds nothing now.
struct Empty;

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
                let drained = ready.and_then(|mut ready| {
                    listener.take_burst(|datagram| {
                        let received = ready.try_io(|socket| socket.get_ref().receive(datagram));
                        received.map_err(|_would_block| Empty)
                    })
                });
                match drained {
                    // Whatever is still in the socket is older than a reading that starts now, so read it first.
                    Ok(true) => listener.read_stale(),
                    Ok(false) => tokio::task::yield_now().await,
                    Err(error) => return listener.stop(&error),
                }
            }
            // Somebody wants to know that nothing waits; nothing did when we last looked, so this is one system call.
            () = listener.asked.notified() => {
                let drained = listener.take_burst(|datagram| match socket.get_ref().receive(datagram) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Empty),
                    received => Ok(received),
                });
                match drained {
                    Ok(true) => listener.read_stale(),
                    Ok(false) => listener.asked.notify_one(),
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
    pub fn new(state: SharedState, requests: SharedRequests, news: News, sink: Sink) -> Self {
        let News { notify, drained, asked } = news;
        let mut listener = Listener {
            state,
            requests,
            notify,
            drained,
            asked,
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

    /// Takes what the socket holds, up to a burst; true when it is empty, which `receive` says by `Err`.
    fn take_burst(
        &mut self,
        mut receive: impl FnMut(&mut Vec<u8>) -> Result<io::Result<Received>, Empty>,
    ) -> io::Result<bool> {
        let mut datagram = std::mem::take(&mut self.datagram);
        let outcome = self.take_each(&mut datagram, &mut receive);
        self.datagram = datagram;
        outcome
    }

    fn take_each(&mut self, datagram: &mut Vec<u8>, receive: &mut Receive<'_>) -> io::Result<bool> {
        let mut before = now();
        for _ in 0..BURST {
            let Ok(received) = receive(datagram) else {
                // What is to be read afresh is not known yet.
                if self.stale.is_empty() && self.reading.is_none() {
                    self.drained.send_replace(before);
                }
                return Ok(true);
            };
            // Nothing may come between the message and its time: decoding, above all, comes after.
            let at = now();
            before = at;
            match received {
                Ok(Received::Datagram) => self.take(at, datagram),
                Ok(Received::Foreign) => {}
                Ok(Received::Truncated(length)) => {
                    let error = format!("a datagram of {length} bytes");
                    self.gap(at, GapReason::Undecodable { message_type: 0, error });
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.gap(at, GapReason::Overrun),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn take(&mut self, at: Mono, datagram: &[u8]) {
        let state = Arc::clone(&self.state);
        let mut state = lock(&state);
        for message in decode::envelopes(datagram) {
            let change = match message {
                Ok(message) => decode::change(&message, &|index| state.device_name(index)),
                Err(error) => Err(GapReason::Undecodable { message_type: 0, error }),
            };
            let (change, reason) = match change {
                Ok(Some(change)) => (change, ResyncReason::SilentChange),
                Ok(None) => continue,
                Err(reason) => (Change::Gap(reason), ResyncReason::Gap),
            };
            let applied = self.tell(&mut state, at, change);
            self.mark(applied, reason);
        }
        drop(state);
        self.notify.send_modify(|generation| *generation += 1);
    }

    fn gap(&mut self, at: Mono, reason: GapReason) {
        let state = Arc::clone(&self.state);
        let applied = self.tell(&mut lock(&state), at, Change::Gap(reason));
        self.mark(applied, ResyncReason::Gap);
        self.notify.send_modify(|generation| *generation += 1);
    }

    /// Applies a change and records it with what it left to look up, both under the same lock: whoever looks at the
    /// state knows which events it is made of.
    fn tell(&self, state: &mut KernelState, at: Mono, mut change: Change) -> Applied {
        state.resolve(&mut change);
        let event = KernelEvent { at, change };
        let applied = state.apply(&event);
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
                let state = Arc::clone(&self.state);
                let mut state = lock(&state);
                let stale = state.resync(now(), &reading.state, &kinds, reason, &self.sink);
                self.mark(Applied { stale, ..Applied::default() }, reason);
                for reason in reading.undecoded {
                    // Reading the same tables again would find the same messages.
                    self.tell(&mut state, now(), Change::Gap(reason));
                }
            }
            Err(error) => {
                self.failures += 1;
                let change = Change::Gap(GapReason::DumpFailed { error: error.one_line() });
                self.tell(&mut lock(&self.state), now(), change);
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
        // Whoever waits for the whole of it.
        self.asked.notify_one();
        Ok(())
    }

    fn stop(&self, error: &io::Error) {
        let change = Change::Gap(GapReason::Stopped { error: error.to_string() });
        self.tell(&mut lock(&self.state), now(), change);
    }
}
