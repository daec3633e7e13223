//! The event bus: every part of the engine says what happens here, and every report is made from it.
//!
//! One lock stamps, orders and hands on, so that all sinks see the same stream. Sinks run inside the sender's
//! call: an event that was sent is in the log's file, even if the process dies by SIGKILL the moment after. A sink
//! that may block for long (a terminal) must therefore bring its own thread, as the live view does.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use routeproof_model::event::{Event, EventKind, read_log};
use routeproof_model::result::{ResultFile, fold};

/// Receives each event with its line of the log (without the line's end).
type Receive = Box<dyn FnMut(&Event, &str) -> io::Result<()> + Send>;

struct Sink {
    /// What a warning calls it.
    name: String,
    receive: Receive,
}

struct Bus {
    start: Instant,
    sinks: Vec<Sink>,
    /// The log in memory: the result is made from it, in the form in which it can be read back from the file.
    log: String,
    problems: Vec<String>,
    closed: bool,
}

/// Sends events; cheap to clone. After [`EventBus::finish`] what is sent goes nowhere.
#[derive(Clone)]
pub struct Events {
    bus: Arc<Mutex<Bus>>,
    run: Option<usize>,
}

/// The receiving side, owned by the invocation.
#[derive(Debug)]
pub struct EventBus {
    events: Events,
}

/// What the invocation came to.
#[derive(Debug)]
pub struct Finished {
    pub result: ResultFile,
    /// The log that it was made from.
    pub log: Vec<Event>,
    /// Why the record of it is incomplete (an `events.jsonl` on a full disk); one line each.
    pub problems: Vec<String>,
}

impl EventBus {
    /// Starts the clock of [`Event::at_ms`].
    pub fn new() -> EventBus {
        EventBus::default()
    }

    /// Adds a sink. It is dropped at the end, or at its first error: then one warning names it, and the others go on.
    pub fn add_sink<F>(&mut self, name: impl Into<String>, receive: F)
    where
        F: FnMut(&Event, &str) -> io::Result<()> + Send + 'static,
    {
        self.events.lock().sinks.push(Sink { name: name.into(), receive: Box::new(receive) });
    }

    /// Adds the event log: each event is one `write(2)` of one line to `path`, which must not exist yet.
    pub fn add_log(&mut self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        self.add_sink(name, log_to(file));
        Ok(())
    }

    /// A sender for events of the whole invocation.
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// Closes the sinks (the live view clears its lines) and makes the result.
    pub fn finish(self) -> Finished {
        let (sinks, log, problems) = {
            let mut bus = self.events.lock();
            bus.closed = true;
            (std::mem::take(&mut bus.sinks), std::mem::take(&mut bus.log), std::mem::take(&mut bus.problems))
        };
        // Outside the lock: the live view's thread may need it to end.
        drop(sinks);
        Finished::from_log(&log, problems)
    }
}

impl Default for EventBus {
    fn default() -> EventBus {
        let bus = Bus {
            start: Instant::now(),
            sinks: Vec::new(),
            log: String::new(),
            problems: Vec::new(),
            closed: false,
        };
        EventBus { events: Events { bus: Arc::new(Mutex::new(bus)), run: None } }
    }
}

/// Makes the result again from the event log of a run directory; lines that cannot be read are problems.
pub fn read_back(path: &Path) -> io::Result<Finished> {
    Ok(Finished::from_log(&std::fs::read_to_string(path)?, Vec::new()))
}

impl Finished {
    fn from_log(log: &str, mut problems: Vec<String>) -> Finished {
        let (events, errors) = read_log(log);
        problems.extend(errors.iter().map(|error| format!("{error}: {}", error.source)));
        Finished { result: fold(&events), log: events, problems }
    }

    /// The process's exit code: the result's, but an otherwise green one is 3 when its record is incomplete, or
    /// when a report could not be written (`all_written` is false).
    pub fn exit_code(&self, all_written: bool) -> u8 {
        match self.result.exit_code() {
            0 if !all_written || !self.problems.is_empty() => 3,
            code => code,
        }
    }
}

impl Events {
    /// A sender whose events belong to one run (its number in the plan, from 0).
    pub fn for_run(&self, run: usize) -> Events {
        Events { bus: Arc::clone(&self.bus), run: Some(run) }
    }

    /// A sender that nobody listens to.
    pub fn discarded() -> Events {
        EventBus::new().events
    }

    pub fn send(&self, kind: EventKind) {
        let mut bus = self.lock();
        if !bus.closed {
            bus.dispatch(self.run, kind);
        }
    }

    /// Tells the user something that decides nothing.
    pub fn warn(&self, message: impl Into<String>) {
        self.send(EventKind::Warning { message: message.into() });
    }

    /// A sink that panicked has poisoned the lock and nothing else: the bus's own state is valid at any time.
    fn lock(&self) -> MutexGuard<'_, Bus> {
        self.bus.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus {
    fn dispatch(&mut self, run: Option<usize>, kind: EventKind) {
        let at_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let event = Event { at_ms, run, kind };
        let line = match event.to_line() {
            Ok(line) => line,
            Err(error) => {
                self.problems.push(format!("cannot log {event:?}: {error}"));
                return;
            }
        };
        self.log.push_str(&line);
        self.log.push('\n');
        let mut failures = Vec::new();
        self.sinks.retain_mut(|sink| match (sink.receive)(&event, &line) {
            Ok(()) => true,
            Err(error) => {
                failures.push(format!("cannot write {}: {error}", sink.name));
                false
            }
        });
        for message in failures {
            self.problems.push(message.clone());
            // One sink fewer each time, so this ends.
            self.dispatch(None, EventKind::Warning { message });
        }
    }
}

/// Writes the log's lines.
fn log_to(
    mut out: impl Write + Send + 'static,
) -> impl FnMut(&Event, &str) -> io::Result<()> + Send + 'static {
    move |_, line| out.write_all(format!("{line}\n").as_bytes())
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("run", &self.run).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use routeproof_model::event::RunId;
    use routeproof_model::result::{Outcome, StepResult};

    use super::*;

    /// A disk with room for some bytes.
    struct SmallDisk {
        room: usize,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.lock().unwrap().extend(&bytes[..count]);
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn run_one(events: &Events) {
        let (requirements, axes, expected) = (Vec::new(), Vec::new(), BTreeMap::new());
        let id = RunId { scenario: "learn-routes".into(), requirements, axes, expected, repeat: 0 };
        events.send(EventKind::Planned { runs: vec![id] });
        let run = events.for_run(0);
        run.send(EventKind::RunStarted { directory: PathBuf::from("000-learn-routes") });
        let (name, outcome, message) = ("apply".to_owned(), Outcome::Passed, None);
        let step = StepResult { name, outcome, duration_ms: 1, message, evidence: Vec::new() };
        run.send(EventKind::StepFinished { index: 0, step });
        let (observed, reason, artifacts, evidence) = (BTreeMap::new(), None, Vec::new(), Vec::new());
        run.send(EventKind::RunFinished { outcome, duration_ms: 2, observed, reason, artifacts, evidence });
    }

    #[test]
    fn the_file_holds_what_the_result_was_made_from() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut bus = EventBus::new();
        bus.add_log(&path).unwrap();
        assert!(bus.add_log(&path).is_err(), "another invocation's log is not ours to append to");
        run_one(&bus.events());
        let late = bus.events();
        let finished = bus.finish();
        late.warn("nobody hears this");
        let again = read_back(&path).unwrap();
        assert!(again.problems.is_empty());
        assert_eq!(again.result, finished.result);
        assert_eq!((finished.exit_code(true), finished.exit_code(false)), (0, 3));
    }

    #[test]
    fn a_full_disk_costs_one_warning_and_not_the_verdict() {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut bus = EventBus::new();
        bus.add_sink("events.jsonl", log_to(SmallDisk { room: 300, taken: Arc::clone(&taken) }));
        let watcher = Arc::clone(&seen);
        bus.add_sink("watcher", move |event: &Event, _: &str| {
            watcher.lock().unwrap().push(event.kind.clone());
            Ok(())
        });
        run_one(&bus.events());
        let finished = bus.finish();
        assert_eq!(finished.result.summary.passed, 1);
        assert_eq!(finished.problems.len(), 1, "{:?}", finished.problems);
        assert!(finished.problems[0].starts_with("cannot write events.jsonl: "));
        assert_eq!(finished.exit_code(true), 3);
        let warnings = seen.lock().unwrap().iter().filter(|k| matches!(k, EventKind::Warning { .. })).count();
        assert_eq!((warnings, seen.lock().unwrap().len()), (1, 5));
        // What did fit is whole lines and one cut line.
        let (events, errors) = read_log(&String::from_utf8(taken.lock().unwrap().clone()).unwrap());
        assert!(!events.is_empty() && errors.len() == 1);
    }

    #[test]
    fn many_senders_lose_nothing_and_time_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut bus = EventBus::new();
        bus.add_log(&path).unwrap();
        std::thread::scope(|scope| {
            for run in 0..4 {
                let events = bus.events().for_run(run);
                scope.spawn(move || {
                    for status in 0..100 {
                        events.send(EventKind::StepStatus { index: 0, status: status.to_string() });
                    }
                });
            }
        });
        bus.finish();
        let (events, _) = read_log(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(events.len(), 400);
        assert!(events.is_sorted_by_key(|event| event.at_ms));
        for run in 0..4 {
            let statuses =
                events.iter().filter(|event| event.run == Some(run)).map(|event| match &event.kind {
                    EventKind::StepStatus { status, .. } => status.parse::<i32>().unwrap(),
                    other => panic!("{other:?}"),
                });
            assert!(statuses.eq(0..100), "run {run}: in the order of sending");
        }
    }
}
