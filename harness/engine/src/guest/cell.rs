//! What is done on a guest kernel, seen from the host: one run, or a look at what the kernel has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use routeproof_model::plan::PlannedRun;
use tokio::sync::watch;

use super::converse::{Answer, converse};
use super::cpu::Seat;
use super::error::GuestError;
use super::kernel::Kernel;
use super::launch;
use super::order::{ORDER, Order, Task};
use crate::event::Events;
use crate::preflight::Capability;
use crate::run::Verdict;

/// A run for a guest kernel.
pub struct Cell<'a> {
    pub kernel: &'a Kernel,
    /// Where it runs; without one, wherever the host's kernel puts it.
    pub seat: Option<&'a Seat>,
    pub run: &'a PlannedRun,
    /// The run's folder.
    pub folder: &'a Path,
    /// Image name -> root filesystem.
    pub roots: &'a BTreeMap<String, PathBuf>,
}

/// Does the run in a guest and passes its events on. `None`: `stop` became true.
///
/// # Errors
/// The guest did not start, or ended without a verdict.
pub async fn run(
    cell: &Cell<'_>,
    events: &Events,
    stop: watch::Receiver<bool>,
) -> Result<Option<Verdict>, GuestError> {
    let task = Task::Run { run: Box::new(cell.run.clone()), roots: cell.roots.clone() };
    match ask(cell.kernel, cell.seat, cell.folder, task, events, stop).await? {
        Answer::Verdict(verdict) => Ok(verdict),
        Answer::Found(_) => Err(GuestError::Confused),
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
    match ask(kernel, None, folder.path(), Task::Probe, &Events::discarded(), stop).await? {
        Answer::Found(capabilities) => Ok(capabilities),
        Answer::Verdict(_) => Err(GuestError::Confused),
    }
}

async fn ask(
    kernel: &Kernel,
    seat: Option<&Seat>,
    folder: &Path,
    task: Task,
    events: &Events,
    stop: watch::Receiver<bool>,
) -> Result<Answer, GuestError> {
    let failed = |what| move |source| GuestError::Start { what, source };
    let folder = folder.canonicalize().map_err(failed("find the run's folder"))?;
    let order = Order {
        current_dir: std::env::current_dir().map_err(failed("find the working folder"))?,
        folder: folder.clone(),
        task,
        modules: kernel.modules.clone(),
    };
    let file = folder.join(ORDER);
    let written = serde_json::to_vec_pretty(&order).map_err(std::io::Error::from);
    written.and_then(|text| fs::write(&file, text)).map_err(failed("write the order"))?;
    let answer = match launch::start(kernel, seat, &order) {
        Ok((running, channel)) => converse(running, channel, events, stop).await,
        Err(e) => Err(e),
    };
    // There only if the guest did not come so far.
    let _ = fs::remove_file(&file);
    answer
}
