//! The guest's part of the harness: does the run as the host would, and tells the host.

use std::fs::File;
use std::io;
use std::time::Duration;

use nix::sys::signal::{SigHandler, Signal, signal};
use routeproof_model::plan::PlannedRun;
use tokio::sync::{mpsc, watch};

use super::mux::{End, Incoming, Mux};
use super::order::{Order, Said, Task, Word};
use crate::event::EventBus;
use crate::keep::{Keeper, Offer, Refusal, State};
use crate::preflight;
use crate::run::{Backing, BootOptions, RunError, Verdict, judge_run};
use crate::wait;

/// How often the guest says that it is alive.
pub const BEAT: Duration = Duration::from_secs(2);

/// Does the order. The number is the exit code of the whole guest.
pub fn main(order: Order, channel: File, release: String) -> i32 {
    // As Rust's `main` would have it: a command that does not read its input must not be our end.
    // SAFETY: no handler is installed, a disposition is.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
    let done = channel.try_clone().and_then(|reader| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(async {
            let (reader, writer) = (tokio::fs::File::from_std(reader), tokio::fs::File::from_std(channel));
            let (mux, incoming) = Mux::start(reader, writer, End::Guest);
            mux.say(&Said::Hello { release })?;
            work(order, mux, incoming).await
        });
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

async fn work(order: Order, mux: Mux, incoming: Incoming) -> io::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let (taken, take) = watch::channel(None);
    let Incoming { mut controls, opened, line: _line } = incoming;
    tokio::spawn(async move {
        while let Some(Ok(word)) = controls.recv().await {
            match serde_json::from_slice(&word) {
                Ok(Word::Stop) => _ = stop.send(true),
                Ok(Word::Keep(state)) => _ = taken.send(Some(state.map(|state| *state))),
                Err(_) => {}
            }
        }
    });
    let alive = mux.clone();
    let beat = tokio::spawn(async move {
        while alive.say(&Said::Alive).is_ok() {
            wait::elapse(BEAT).await;
        }
    });
    let answer = answer(&order, &mux, Heard { opened, take, stopped }).await;
    beat.abort();
    mux.say(&answer)?;
    mux.written().await;
    Ok(())
}

/// What comes from the host in the middle of the work.
struct Heard {
    opened: mpsc::UnboundedReceiver<u32>,
    take: watch::Receiver<Option<Option<State>>>,
    stopped: watch::Receiver<bool>,
}

async fn answer(order: &Order, mux: &Mux, Heard { opened, take, stopped }: Heard) -> Said {
    let mut bus = EventBus::new();
    let host = mux.clone();
    bus.add_sink("the channel to the host", move |event, _| {
        host.say(&Said::Event(Box::new(event.kind.clone())))
    });
    let (folder, events) = (&order.folder, bus.events());
    let options = |roots| BootOptions { folder, roots, tap: false, backing: &Backing::Rendered };
    let missing = match order.task.planned() {
        Some(run) => missing(run).await,
        None => None,
    };
    match (&order.task, missing) {
        (Task::Probe, _) => Said::Found(preflight::kernel().await),
        (Task::Run { .. }, Some(missing)) => Said::Ended(Some(Verdict::without_steps(&missing))),
        (Task::Run { run, roots, offer }, None) => {
            let host = Offer::new(mux.clone(), opened, take);
            let keeper = if *offer { Keeper::Host(&host) } else { Keeper::Nobody };
            let judged = judge_run(run, &options(roots), &events, stopped, keeper).await;
            Said::Ended(judged.map(|judged| judged.verdict))
        }
        (Task::Trial { trial, .. }, Some(missing)) => Said::Tried(Some(trial.untried(&missing))),
        (Task::Trial { trial, roots }, None) => {
            Said::Tried(trial.judge(&options(roots), &events, stopped).await)
        }
        (Task::Keep { .. }, Some(missing)) => Said::Kept(Some(Refusal::new(missing, false))),
        (Task::Keep { kept, roots }, None) => {
            Said::Kept(kept.keep(&options(roots), &events, mux, opened, stopped).await.err())
        }
    }
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
