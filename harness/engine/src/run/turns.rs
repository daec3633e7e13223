//! Whose turn it is: how many labs there are at once, and which of them want the host to themselves.

use std::sync::Arc;

use routeproof_model::plan::PlannedRun;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::matrix::cores;
use crate::guest::Place;

/// Places for labs. Clones share them.
#[derive(Clone, Debug)]
pub struct Turns {
    free: Arc<Semaphore>,
    total: u32,
}

/// What a reload of another lab takes of a processor.
const RELOAD_MS: u64 = 500;

/// A lab's place or places, until it is dropped.
pub type Turn = OwnedSemaphorePermit;

/// How much of the host a lab wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// Its daemons mostly wait, and nothing breaks when one of them waits for a processor.
    Place,
    /// Half a processor: its verdicts rest on timers that bear another lab's reload, half a second of Python.
    Half,
    /// About a processor: its verdicts rest on short timers, as BFD takes a daemon that waits for a processor for a dead one.
    Processor,
    /// No other lab: the last try was spoilt by the host, or the run is perturbed on purpose.
    Host,
}

impl Share {
    /// What a run's first try wants.
    pub fn of(run: &PlannedRun, place: &Place) -> Share {
        // What is perturbed by a seed is not to be perturbed by others as well.
        if run.perturbation.is_some() {
            return Share::Host;
        }
        match (run.tightest_timer_ms, place) {
            (Some(timer), _) if timer < RELOAD_MS => Share::Processor,
            // A guest kernel never lets go of its processor while it does something.
            (Some(_), _) | (_, Place::Guest(_)) => Share::Half,
            (None, _) => Share::Place,
        }
    }
}

impl Turns {
    pub fn new(places: usize) -> Turns {
        let total = places.clamp(1, Semaphore::MAX_PERMITS.min(1 << 16));
        Turns { free: Arc::new(Semaphore::new(total)), total: total as u32 }
    }

    /// Waits for a turn, first come, first served. `None` at the end of the process's runtime.
    pub async fn take(&self, share: Share) -> Option<Turn> {
        let places = match share {
            Share::Place => 1,
            Share::Half => self.total.div_ceil(2 * cores() as u32),
            Share::Processor => self.total.div_ceil(cores() as u32),
            Share::Host => self.total,
        };
        self.free.clone().acquire_many_owned(places).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_wants_the_host_waits_for_all_and_keeps_all_out() {
        let turns = Turns::new(12);
        let one = turns.take(Share::Place).await.unwrap();
        assert!(turns.take(Share::Host).now_or_never().is_none());
        drop(one);
        let all = turns.take(Share::Host).now_or_never().flatten().unwrap();
        assert!(turns.take(Share::Place).now_or_never().is_none());
        drop(all);
        let labs: Vec<_> = (0..cores()).map(|_| turns.take(Share::Processor).now_or_never()).collect();
        assert_eq!(labs.iter().filter(|lab| lab.is_some()).count(), cores().min(12));
    }

    #[tokio::test]
    async fn one_place_is_enough_for_any_share() {
        let turns = Turns::new(1);
        for share in [Share::Place, Share::Half, Share::Processor, Share::Host] {
            assert!(turns.take(share).now_or_never().is_some(), "{share:?}");
        }
    }
}
