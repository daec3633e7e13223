//! `observations.jsonl`: every fact of a run as it was seen, one JSON object a line, on one monotonic clock.
//!
//! Who records is a listener with messages waiting: lines are put together in memory, and a thread of its own writes them,
//! so that a slow disk holds up nobody.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

use super::error::RunError;

/// The thread is woken early when so many bytes wait.
const MANY: usize = 256 * 1024;
/// How long a line may wait for others.
const SHORTLY: Duration = Duration::from_millis(20);
/// A disk that is behind by so many bytes holds up the recording after all: memory ends, and nothing may be lost.
const TOO_MANY: usize = 256 * 1024 * 1024;

/// A cheap handle on the file. A write error is kept and reported at the end: it must not change a verdict.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write, or nothing will come any more.
    filled: Condvar,
    /// The thread has written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: Vec<u8>,
    /// What is to be written before `lines`.
    parts: Vec<Vec<u8>>,
    writing: bool,
    /// Somebody waits for the file to be complete.
    hurry: bool,
    closed: bool,
    error: Option<String>,
}

impl Recorder {
    /// Makes the file and starts its thread, which ends with the last handle.
    pub fn create(path: &Path) -> Result<Recorder, RunError> {
        let file = File::create(path).map_err(RunError::Record)?;
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("recorder".to_string());
        let thread = thread.spawn(move || of_thread.write_all(file)).map_err(RunError::Record)?;
        Ok(Recorder(Arc::new(Handle { shared, thread: Some(thread) })))
    }

    /// Adds a [`Line`](routeproof_model::recording::Line) or one that reads the same.
    pub fn write(&self, line: &impl Serialize) {
        self.add(|queue| serde_json::to_writer(&mut queue.lines, line));
    }

    /// [`Recorder::write`] for a line of megabytes: nobody waits for its text to be made.
    pub fn write_large(&self, line: &impl Serialize) {
        let text = serde_json::to_vec(line);
        self.add(|queue| {
            let before = std::mem::take(&mut queue.lines);
            queue.parts.extend([before, text?]);
            Ok(())
        });
    }

    fn add(&self, put: impl FnOnce(&mut Queue) -> Result<(), serde_json::Error>) {
        let shared = &self.0.shared;
        let mut queue = shared.lock();
        while queue.waiting() > TOO_MANY && queue.error.is_none() {
            queue = shared.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.error.is_some() {
            return;
        }
        let before = (queue.waiting(), queue.lines.len());
        if let Err(e) = put(&mut queue) {
            queue.lines.truncate(before.1);
            queue.error = Some(e.to_string());
            return;
        }
        queue.lines.push(b'\n');
        if before.0 == 0 || (before.0 < MANY && queue.waiting() >= MANY) {
            shared.filled.notify_one();
        }
    }

    /// Waits until all is written; the error if any line could not be.
    pub fn finish(&self) -> Result<(), String> {
        let shared = &self.0.shared;
        let mut queue = shared.lock();
        queue.hurry = true;
        shared.filled.notify_one();
        while (queue.writing || queue.waiting() > 0) && queue.error.is_none() {
            queue = shared.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.hurry = false;
        queue.error.take().map_or(Ok(()), Err)
    }
}

impl Queue {
    /// Bytes.
    fn waiting(&self) -> usize {
        self.lines.len() + self.parts.iter().map(Vec::len).sum::<usize>()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: takes what there is, writes it, until the handles are gone and all is written.
    fn write_all(&self, mut file: File) {
        let mut lines = Vec::new();
        loop {
            let queue = self.lock();
            let idle = |queue: &mut Queue| queue.waiting() == 0 && !queue.closed;
            let queue = self.filled.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner);
            let few = |queue: &mut Queue| queue.waiting() < MANY && !queue.hurry && !queue.closed;
            let waited = self.filled.wait_timeout_while(queue, SHORTLY, few);
            let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if queue.waiting() == 0 && queue.closed {
                return;
            }
            let parts = std::mem::take(&mut queue.parts);
            std::mem::swap(&mut queue.lines, &mut lines);
            queue.writing = true;
            drop(queue);
            let mut outcome = parts.into_iter().try_for_each(|part| file.write_all(&part));
            outcome = outcome.and_then(|()| file.write_all(&lines));
            lines.clear();
            // A burst's memory is not kept.
            lines.shrink_to(2 * MANY);
            let mut queue = self.lock();
            queue.writing = false;
            if let Err(e) = outcome {
                queue.lines.clear();
                queue.parts.clear();
                queue.error.get_or_insert(e.to_string());
            }
            drop(queue);
            self.written.notify_all();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to undo.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_written_in_order_with_and_without_being_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("observations.jsonl");
        let recorder = Recorder::create(&path).unwrap();
        for number in 0..100_000 {
            match number % 1000 {
                7 => recorder.write_large(&number),
                _ => recorder.clone().write(&number),
            }
        }
        recorder.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..100_000));
        recorder.write(&"the end");
        drop(recorder);
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("99999\n\"the end\"\n"));
    }

    #[test]
    fn a_full_disk_is_told_at_the_end_and_holds_up_nobody() {
        // Linux's own full disk (full(4)).
        let recorder = Recorder::create(Path::new("/dev/full")).unwrap();
        for number in 0..100_000 {
            recorder.write(&number);
        }
        assert!(recorder.finish().unwrap_err().contains("No space left"));
    }
}
