//! What is done on a guest kernel, seen from the host: one lab, or a look at what the kernel has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use routeproof_model::plan::PlannedRun;
use routeproof_model::result::Outcome;
use tokio::sync::watch;

use super::converse::{Answer, converse};
use super::cpu::Seat;
use super::error::GuestError;
use super::kernel::Kernel;
use super::launch;
use super::mux::Mux;
use super::order::{ORDER, Order, Task};
use crate::event::Events;
use crate::keep::{KeepFirst, Kept, Refusal, Take};
use crate::preflight::Capability;
use crate::run::{Judged, Trial, Tried};

/// A guest for a lab.
pub struct Cell<'a> {
    pub kernel: &'a Kernel,
    /// Where it runs; without one, wherever the host's kernel puts it.
    pub seat: Option<&'a Seat>,
    /// The run's folder.
    pub folder: &'a Path,
    /// Image name -> root filesystem.
    pub roots: &'a BTreeMap<String, PathBuf>,
}

impl Cell<'_> {
    /// Does the run in a guest and passes its events on; `keep` may keep its lab if it goes wrong. `None`: `stop` became true.
    ///
    /// # Errors
    /// The guest did not start, or ended without a verdict.
    pub async fn run(
        &self,
        run: &PlannedRun,
        events: &Events,
        stop: watch::Receiver<bool>,
        keep: Option<&KeepFirst>,
    ) -> Result<Option<Judged>, GuestError> {
        let offer = keep.is_some_and(KeepFirst::is_free);
        let task = Task::Run { run: Box::new(run.clone()), roots: self.roots.clone(), offer };
        let (answer, kept) = match keep {
            Some(first) => {
                let take = Take::new(first, run, self.folder, self.kernel.name.clone(), events);
                let answer = self.ask(task, events, stop, |mux, wrong| take.clients(mux, wrong)).await;
                (answer, take.release())
            }
            None => (self.ask(task, events, stop, alone).await, Duration::ZERO),
        };
        match answer? {
            Answer::Verdict(verdict) => Ok(verdict.map(|verdict| Judged { verdict, kept })),
            _ => Err(GuestError::Confused),
        }
    }

    /// Breaks the lab of a run in a guest. `None`: `stop` became true.
    ///
    /// # Errors
    /// As [`Cell::run`].
    pub async fn try_mutation(
        &self,
        trial: &Trial,
        events: &Events,
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Tried>, GuestError> {
        let task = Task::Trial { trial: Box::new(trial.clone()), roots: self.roots.clone() };
        match self.ask(task, events, stop, alone).await? {
            Answer::Tried(tried) => Ok(tried),
            _ => Err(GuestError::Confused),
        }
    }

    /// Keeps a lab in a guest until it ends, or `stop` becomes true; `clients` talk to it meanwhile. Gives why there was no
    /// lab, if there was none.
    ///
    /// # Errors
    /// The guest did not start, or ended with the lab in it.
    pub async fn keep<C: Future<Output = ()>>(
        &self,
        kept: Kept,
        events: &Events,
        stop: watch::Receiver<bool>,
        clients: impl FnOnce(Mux, watch::Receiver<Option<Outcome>>) -> C,
    ) -> Result<Option<Refusal>, GuestError> {
        let task = Task::Keep { kept: Box::new(kept), roots: self.roots.clone() };
        match self.ask(task, events, stop, clients).await? {
            Answer::Kept(refusal) => Ok(refusal),
            // It was told to stop and did not answer in time.
            Answer::Verdict(None) => Ok(None),
            _ => Err(GuestError::Confused),
        }
    }

    async fn ask<C: Future<Output = ()>>(
        &self,
        task: Task,
        events: &Events,
        stop: watch::Receiver<bool>,
        clients: impl FnOnce(Mux, watch::Receiver<Option<Outcome>>) -> C,
    ) -> Result<Answer, GuestError> {
        let failed = |what| move |source| GuestError::Start { what, source };
        let folder = self.folder.canonicalize().map_err(failed("find the run's folder"))?;
        let order = Order {
            current_dir: std::env::current_dir().map_err(failed("find the working folder"))?,
            folder: folder.clone(),
            task,
            modules: self.kernel.modules.clone(),
        };
        let file = folder.join(ORDER);
        let written = serde_json::to_vec_pretty(&order).map_err(std::io::Error::from);
        written.and_then(|text| fs::write(&file, text)).map_err(failed("write the order"))?;
        let answer = match launch::start(self.kernel, self.seat, &order) {
            Ok((running, channel)) => converse(running, channel, events, stop, clients).await,
            Err(e) => Err(e),
        };
        // There only if the guest did not come so far.
        let _ = fs::remove_file(&file);
        answer
    }
}

/// Boots the kernel and asks what it has.
///
/// # Errors
/// It does not come up.
pub async fn probe(kernel: &Kernel) -> Result<Vec<Capability>, GuestError> {
    let failed = |source| GuestError::Start { what: "make a temporary folder", source };
    let folder = tempfile::tempdir().map_err(failed)?;
    let (_never, stop) = watch::channel(false);
    let cell = Cell { kernel, seat: None, folder: folder.path(), roots: &BTreeMap::new() };
    match cell.ask(Task::Probe, &Events::discarded(), stop, alone).await? {
        Answer::Found(capabilities) => Ok(capabilities),
        _ => Err(GuestError::Confused),
    }
}

/// Nobody talks to what is in the guest but us.
async fn alone(_: Mux, _: watch::Receiver<Option<Outcome>>) {
    std::future::pending().await
}
