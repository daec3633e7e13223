//! The one place that waits: bounded by the clock, woken by events where there are any, and a timeout that says what
//! was last seen.

use std::future::Future;
use std::time::{Duration, Instant};

/// A wait that ran out, with the last thing seen.
#[derive(Debug, thiserror::Error)]
#[error("{what} did not happen within {}: {last}", seconds(*limit))]
pub struct TimedOut {
    pub what: String,
    pub limit: Duration,
    pub last: String,
}

fn seconds(limit: Duration) -> String {
    format!("{:.1} s", limit.as_secs_f64())
}

/// What a probe may cost without consequences.
const EXPENSIVE: Duration = Duration::from_millis(5);

/// What a probe found.
#[derive(Debug)]
pub enum Probe<T> {
    Done(T),
    /// Not yet, and how things stand.
    NotYet(String),
}

/// Asks `probe` until it is done. What `wake` gives resolves when asking again may help; it is bounded by `interval`, for what
/// sends no events.
pub async fn until<T, P, W>(
    what: &str,
    limit: Duration,
    interval: Duration,
    mut probe: impl FnMut() -> P,
    mut wake: impl FnMut() -> W,
) -> Result<T, TimedOut>
where
    P: Future<Output = Probe<T>>,
    W: Future<Output = ()>,
{
    let end = Instant::now() + limit;
    loop {
        // Asked for before the probe looks, so that nothing that happens in between is slept through.
        let woken = wake();
        let asked = Instant::now();
        let last = match probe().await {
            Probe::Done(value) => return Ok(value),
            Probe::NotYet(last) => last,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TimedOut { what: what.to_string(), limit, last });
        }
        // An expensive question (a full table as JSON) is asked half of the time at most, however many events wake us.
        let cost = asked.elapsed();
        if cost >= EXPENSIVE {
            elapse(cost.min(left)).await;
        }
        let left = end.saturating_duration_since(Instant::now());
        let _ = tokio::time::timeout(left.min(interval), woken).await;
    }
}

/// For probes without events: never wakes early.
pub async fn no_events() {
    std::future::pending().await
}

/// Lets time pass. For waits whose length is the point (a timer of FRR, a window), not for hoping.
#[allow(clippy::disallowed_methods, reason = "this is the place")]
pub async fn elapse(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The same for a thread of its own.
#[allow(clippy::disallowed_methods, reason = "this is the place")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
