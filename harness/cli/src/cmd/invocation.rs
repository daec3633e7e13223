//! What every invocation of runs has: a run directory, the events with their log and live view, and ctrl-C.

use std::path::Path;

use routeproof_engine::event::{EventBus, Events, Finished};
use routeproof_engine::report::{self, LiveOptions, ReportSpec, View};
use routeproof_engine::run::Loaded;
use routeproof_engine::rundir::RunDir;
use routeproof_model::event::EventKind;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::requirements;
use super::run::chain;
use crate::fail::{Failure, INTERRUPTED};

/// One that is under way.
pub struct Invocation {
    pub directory: RunDir,
    pub events: Events,
    /// Becomes true at ctrl-C.
    pub stopped: watch::Receiver<bool>,
    bus: EventBus,
    interrupt: JoinHandle<()>,
}

/// One that is over.
pub struct Ended {
    pub directory: RunDir,
    pub finished: Finished,
}

impl Invocation {
    /// Makes a run directory below `run_dir`, and prunes older ones down to `keep`.
    pub fn begin(run_dir: &Path, keep: usize) -> Result<Invocation, Failure> {
        let directory = RunDir::create_keeping(run_dir, keep)
            .map_err(|e| Failure::input(chain(&e)).hint("--run-dir names a folder that you may write to"))?;
        let mut bus = EventBus::new();
        bus.add_log(&directory.events())
            .map_err(|e| Failure::broken(format!("cannot write {}: {e}", directory.events().display())))?;
        bus.add_sink("live view", report::live_sink(LiveOptions::Auto));
        let events = bus.events();
        let (stop, stopped) = watch::channel(false);
        let interrupt = tokio::spawn(on_interrupt(stop, events.clone()));
        Ok(Invocation { directory, events, stopped, bus, interrupt })
    }

    /// Says what the requirements say that are going to be proved.
    pub fn announce(&self, loaded: &[Loaded]) {
        let texts = requirements::texts(loaded);
        if !texts.is_empty() {
            self.events.send(EventKind::Requirements { texts });
        }
    }

    /// Ctrl-C is nobody's any more, and the live view is gone.
    pub fn end(self) -> Ended {
        self.interrupt.abort();
        Ended { directory: self.directory, finished: self.bus.finish() }
    }
}

impl Ended {
    pub fn view(&self) -> View<'_> {
        View {
            result: &self.finished.result,
            events: &self.finished.log,
            directory: Some(self.directory.path()),
            width: report::terminal_width(),
        }
    }

    /// Writes the run directory's own reports and those that were asked for; gives why the record is incomplete, if it is.
    pub fn write(&self, specs: &[ReportSpec]) -> Vec<String> {
        let view = self.view();
        let mut problems = self.finished.problems.clone();
        problems.extend(report::write_run_files(&self.directory, &view).iter().map(|e| chain(e)));
        problems.extend(report::write_all(specs, &view).iter().map(|e| chain(e)));
        problems
    }
}

/// The first ctrl-C (or SIGTERM) ends the runs in order; a second one ends the process, and the kernel ends the labs.
async fn on_interrupt(stop: watch::Sender<bool>, events: Events) {
    for count in 0.. {
        if !interrupted().await {
            return;
        }
        if count > 0 {
            std::process::exit(i32::from(INTERRUPTED));
        }
        events.send(EventKind::Interrupted);
        let _ = stop.send(true);
    }
}

/// Resolves at SIGINT or SIGTERM.
pub async fn interrupted() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return false;
    };
    tokio::select! {
        got = interrupt.recv() => got.is_some(),
        got = terminate.recv() => got.is_some(),
    }
}
