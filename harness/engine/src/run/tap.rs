//! Taps: a step that must not miss anything gets every event of its window, in order.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use routeproof_model::fact::KernelEvent;

type Queue = Mutex<Vec<KernelEvent>>;

/// The taps of one node. Events are copied only while somebody listens.
#[derive(Clone, Debug, Default)]
pub struct Taps(Arc<Mutex<Vec<Weak<Queue>>>>);

/// Collects events until it is dropped.
#[derive(Debug)]
pub struct Tap(Arc<Queue>);

impl Taps {
    pub fn open(&self) -> Tap {
        let queue = Arc::new(Queue::default());
        lock(&self.0).push(Arc::downgrade(&queue));
        Tap(queue)
    }

    pub fn feed(&self, event: &KernelEvent) {
        lock(&self.0).retain(|tap| match tap.upgrade() {
            Some(queue) => {
                lock(&queue).push(event.clone());
                true
            }
            None => false,
        });
    }
}

impl Tap {
    /// What has come since the last call.
    pub fn take(&self) -> Vec<KernelEvent> {
        std::mem::take(&mut lock(&self.0))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
