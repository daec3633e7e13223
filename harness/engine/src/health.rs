//! How the host is while something is timed.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use routeproof_model::fact::HostHealth;
use tokio::task::JoinHandle;

use crate::wait;

/// How often our own lateness is looked at.
const BEAT: Duration = Duration::from_millis(20);

/// Measures from its start until it is read.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    steal_ms: f64,
    pressure_ms: f64,
    late_us: Arc<AtomicU64>,
    beat: JoinHandle<()>,
}

impl Meter {
    /// Must be called within a tokio runtime: the lateness of its timers is what stamps and limits suffer from.
    pub fn start() -> Meter {
        let late_us = Arc::new(AtomicU64::new(0));
        let worst = late_us.clone();
        let beat = tokio::spawn(async move {
            loop {
                let asked = Instant::now();
                wait::elapse(BEAT).await;
                worst.fetch_max(asked.elapsed().saturating_sub(BEAT).as_micros() as u64, Ordering::Relaxed);
            }
        });
        Meter { start: Instant::now(), steal_ms: steal_ms(), pressure_ms: pressure_ms(), late_us, beat }
    }

    pub fn read(&self) -> HostHealth {
        let late_ms = self.late_us.load(Ordering::Relaxed) as f64 / 1e3;
        HostHealth {
            window_ms: self.start.elapsed().as_secs_f64() * 1e3,
            steal_ms: (steal_ms() - self.steal_ms).max(0.0),
            pressure_ms: (pressure_ms() - self.pressure_ms).max(0.0),
            late_ms,
            worst_late_ms: late_ms,
            processors: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            guest: crate::guest::is_guest(),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

/// The eighth number of the `cpu` line, in hundredths of a second (USER_HZ, proc_stat(5)).
fn steal_ms() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = stat.lines().next().and_then(|cpu| cpu.split_whitespace().nth(8)?.parse::<f64>().ok());
    ticks.unwrap_or_default() * 10.0
}

/// `some ... total=MICROSECONDS`; 0 where the kernel has no pressure stall information.
fn pressure_ms() -> f64 {
    let text = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let some = text.lines().find(|line| line.starts_with("some "));
    let total = some.and_then(|line| line.split("total=").nth(1)?.trim().parse::<f64>().ok());
    total.unwrap_or_default() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_runtime_that_is_kept_busy_shows_as_late() {
        let meter = Meter::start();
        wait::elapse(Duration::from_millis(50)).await;
        let busy = Instant::now();
        while busy.elapsed() < Duration::from_millis(120) {
            std::hint::spin_loop();
        }
        wait::elapse(Duration::from_millis(1)).await;
        let health = meter.read();
        assert!(health.late_ms > 50.0, "{health:?}");
        assert!(health.window_ms >= 170.0 && health.processors > 0, "{health:?}");
    }
}
