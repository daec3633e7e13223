//! The guest's part of the harness: does the run as the host would, and tells the host.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use routeproof_model::plan::PlannedRun;
use tokio::sync::watch;

use super::order::{Order, Said, Task, Word};
use crate::event::EventBus;
use crate::preflight;
use crate::run::{BootOptions, RunError, Verdict, judge_run};
use crate::wait;

/// How often the guest says that it is alive.
pub const BEAT: Duration = Duration::from_secs(2);

/// Sends to the host; cheap to clone.
#[derive(Clone)]
struct Host(Arc<Mutex<File>>);

/// Does the order. The number is the exit code of the whole guest.
pub fn main(order: Order, channel: File, release: String) -> i32 {
    let done = channel.try_clone().and_then(|listener| {
        let host = Host(Arc::new(Mutex::new(channel)));
        host.say(&Said::Hello { release })?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(work(order, host, listener));
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => 0,
        Err(e) => {
            eprintln!("routeproof: cannot do the run in the guest: {e}");
            1
        }
    }
}

async fn work(order: Order, host: Host, listener: File) -> io::Result<()> {
    let (stop, stopped) = watch::channel(false);
    std::thread::Builder::new().name("listener".to_string()).spawn(move || listen(listener, &stop))?;
    let alive = host.clone();
    let beat = tokio::spawn(async move {
        while alive.say(&Said::Alive).is_ok() {
            wait::elapse(BEAT).await;
        }
    });
    let answer = match &order.task {
        Task::Probe => Said::Found(preflight::kernel().await),
        Task::Run { run, roots } => Said::Ended(judge(run, roots, &order.folder, &host, stopped).await),
    };
    beat.abort();
    host.say(&answer)
}

async fn judge(
    run: &PlannedRun,
    roots: &BTreeMap<String, PathBuf>,
    folder: &Path,
    host: &Host,
    stopped: watch::Receiver<bool>,
) -> Option<Verdict> {
    if let Some(missing) = missing(run).await {
        return Some(Verdict::without_steps(&missing));
    }
    let mut bus = EventBus::new();
    let sink = host.clone();
    bus.add_sink("the channel to the host", move |event, _| {
        sink.say(&Said::Event(Box::new(event.kind.clone())))
    });
    judge_run(run, &BootOptions { folder, roots, tap: false }, &bus.events(), stopped).await
}

/// What the run needs and the guest's kernel lacks: a user's own kernel may be as poor as the host's.
async fn missing(run: &PlannedRun) -> Option<RunError> {
    if run.needs.is_empty() {
        return None;
    }
    let here = preflight::kernel().await;
    let missing = preflight::missing(&run.needs, &here);
    let first = missing.first()?;
    Some(RunError::Missing {
        capability: first.name.clone(),
        detail: format!("in the guest: {}", first.detail),
    })
}

/// Reads what the host says until it has gone.
fn listen(channel: File, stop: &watch::Sender<bool>) {
    for line in BufReader::new(channel).lines() {
        let Ok(line) = line else { return };
        if let Ok(Word::Stop) = serde_json::from_str(&line) {
            let _ = stop.send(true);
        }
    }
}

impl Host {
    fn say(&self, what: &Said) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}
