//! Which processor a guest runs on. A guest hops between its kernel and its processes all the time: kept on one processor it
//! is about twice as fast.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

static SEATS: LazyLock<Seats> = LazyLock::new(Seats::of_this_process);

struct Seats {
    permits: Arc<Semaphore>,
    free: Mutex<Vec<usize>>,
}

/// Two that work at the same time are half as fast each, but half of a run is waiting for timers of BGP.
const GUESTS_PER_CPU: usize = 2;

/// A place on a processor, until this value is dropped.
pub struct Seat {
    pub cpu: usize,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    fn of_this_process() -> Seats {
        let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
        let mut free: Vec<usize> =
            (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect();
        if free.is_empty() {
            free.push(0);
        }
        // Several processes (of nextest, say) should not begin with the same one.
        let others = std::process::id() as usize % free.len();
        free.rotate_left(others);
        let free = free.repeat(GUESTS_PER_CPU);
        Seats { permits: Arc::new(Semaphore::new(free.len())), free: Mutex::new(free) }
    }
}

/// Waits for a place.
pub async fn seat() -> Option<Seat> {
    let permit = SEATS.permits.clone().acquire_owned().await.ok()?;
    let cpu = SEATS.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
    Some(Seat { cpu, _permit: permit })
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Before the permit goes, which is dropped after this.
        SEATS.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.cpu);
    }
}
