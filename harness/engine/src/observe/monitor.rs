//! The netlink listener of one node.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use routeproof_model::fact::{KernelEvent, KernelState, Mono};
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::ObserveError;
use super::clock::now;
use super::dump::Requests;
use super::listener::{Listener, News, listen};
use super::lookup::{self, Lookup, RouteQuery};
use super::socket::{EVENT_BUFFER, NetlinkSocket};

/// Gets every event in order, on the listener's task, which holds the state meanwhile: it must not block, nor ask the monitor.
pub type Sink = Box<dyn Fn(&KernelEvent) + Send>;

/// NETLINK_ROUTE sockets that were opened in the node's network namespace, neither bound nor subscribed.
#[derive(Debug)]
pub struct Sockets {
    pub events: OwnedFd,
    pub requests: OwnedFd,
    /// Receive buffer for events in bytes; [`EVENT_BUFFER`] unless a test wants it to overrun.
    pub buffer: usize,
}

/// Listens to a node's kernel until it is dropped.
#[derive(Debug)]
pub struct Monitor {
    state: SharedState,
    requests: SharedRequests,
    generation: watch::Receiver<u64>,
    drained: watch::Receiver<Mono>,
    asked: Arc<Notify>,
    task: JoinHandle<()>,
}

pub(super) type SharedState = Arc<Mutex<KernelState>>;
pub(super) type SharedRequests = Arc<Mutex<Requests>>;

impl Sockets {
    pub fn new(events: OwnedFd, requests: OwnedFd) -> Self {
        Sockets { events, requests, buffer: EVENT_BUFFER }
    }
}

impl Monitor {
    /// Subscribes, reads all tables once, and returns when the state is complete. What changes meanwhile is not lost.
    ///
    /// # Errors
    /// When the sockets cannot be set up or the first reading fails.
    pub async fn start(sockets: Sockets, sink: Sink) -> Result<Monitor, ObserveError> {
        let events = NetlinkSocket::for_events(sockets.events, sockets.buffer)?;
        // SAFETY: the socket owns its descriptor, gives the same one at each call, and closes it only when dropped.
        let events = unsafe { AsyncFd::register(events) };
        let events = events.map_err(|error| ObserveError::socket("wait")(error.into()))?;
        let state = SharedState::default();
        let requests = Arc::new(Mutex::new(Requests::new(sockets.requests)?));
        let (notify, generation) = watch::channel(0);
        let (drain, drained) = watch::channel(Mono::default());
        let asked = Arc::new(Notify::new());
        let news = News { notify, drained: drain, asked: Arc::clone(&asked) };
        let listener = Listener::new(Arc::clone(&state), Arc::clone(&requests), news, sink);
        let task = tokio::spawn(listen(events, listener));
        let monitor = Monitor { state, requests, generation, drained, asked, task };
        let mut seen = 0;
        while !monitor.with_state(KernelState::is_read) {
            seen = monitor.changed(seen).await?;
        }
        Ok(monitor)
    }

    /// Looks at the state. The listener waits meanwhile: look, do not linger.
    pub fn with_state<R>(&self, look: impl FnOnce(&KernelState) -> R) -> R {
        look(&lock(&self.state))
    }

    /// A copy of the state as it is now, for looks that take a while. It is cheap: it shares the routes.
    pub fn snapshot(&self) -> KernelState {
        self.with_state(KernelState::clone)
    }

    /// Counts the changes so far. Read it before [`Monitor::with_state`] and pass it to [`Monitor::changed`].
    pub fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Waits until there are changes beyond the `seen`th and returns how many there are then.
    ///
    /// # Errors
    /// When the listener has stopped, after which nothing changes any more.
    pub async fn changed(&self, seen: u64) -> Result<u64, ObserveError> {
        let mut generation = self.generation.clone();
        let outcome = generation.wait_for(|now| *now > seen).await.map(|now| *now);
        outcome.map_err(|_| self.stopped())
    }

    /// Waits until the state has all that the kernel did before this call: what a verdict on "it did not happen" needs,
    /// for a listener may be seconds behind a burst.
    ///
    /// # Errors
    /// When the listener has stopped.
    pub async fn caught_up(&self) -> Result<(), ObserveError> {
        let (since, mut drained) = (now(), self.drained.clone());
        self.asked.notify_one();
        let outcome = drained.wait_for(|at| *at >= since).await.map(drop);
        outcome.map_err(|_| self.stopped())
    }

    fn stopped(&self) -> ObserveError {
        let reason = self.with_state(|state| state.gap().map(|gap| format!("{:?}", gap.reason)));
        ObserveError::Stopped { reason: reason.unwrap_or_else(|| "its task ended".to_owned()) }
    }

    /// Asks the node's kernel which way a packet would take.
    ///
    /// # Errors
    /// When the question cannot be asked; that there is no route is an answer.
    pub async fn route_get(&self, query: RouteQuery) -> Result<Lookup, ObserveError> {
        let (state, requests) = (Arc::clone(&self.state), Arc::clone(&self.requests));
        let asked = tokio::task::spawn_blocking(move || {
            lookup::look_up(&mut lock(&requests), &|index| lock(&state).device_name(index), &query)
        });
        asked.await.unwrap_or_else(|error| Err(ObserveError::Stopped { reason: error.to_string() }))
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The values behind these locks stay whole when a holder panics: each change is applied in one call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
