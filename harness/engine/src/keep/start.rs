//! The side of `up`: starts a supervisor and follows it until its lab is ready.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use routeproof_model::plan::PlannedRun;

use super::channel::{Channel, in_file};
use super::error::KeepError;
use super::folder::{self, States};
use super::protocol::{Order, Report};
use crate::guest::{self, Guest, Kernel, Place};
use crate::image::{Progress, Store};
use crate::lab::wire;
use crate::run::{RunError, Until};
use crate::rundir::RunDir;

/// A lab to be kept.
#[derive(Debug)]
pub struct Request<'a> {
    pub name: &'a str,
    /// The topology's file, for display.
    pub topology: &'a Path,
    pub run: &'a PlannedRun,
    /// The guest kernel that it is to be in; [`choose_kernel`] says whether.
    pub kernel: Option<&'a GuestKernel>,
    /// The image cache, which has every image of the run.
    pub cache: &'a Path,
    pub directory: &'a RunDir,
    pub until: &'a Until,
}

/// A guest kernel for a lab. It stays in the cache as long as this is held.
#[derive(Debug)]
pub struct GuestKernel(Arc<Kernel>);

impl GuestKernel {
    /// As the supervisor can find it again.
    pub fn name(&self) -> String {
        match &self.0.tree {
            Some(_) => self.0.name.clone(),
            // Of the user's own: the supervisor has another working folder.
            None => self.0.program.display().to_string(),
        }
    }
}

/// The guest kernel that a lab is to be in: where one is asked for, or the host's lacks what the topology needs. `folder` is
/// one in which the host's kernel can be tried.
///
/// # Errors
/// [`RunError::Missing`]: no kernel at hand has what the topology needs. Or the guest's cannot be had.
pub async fn choose_kernel(
    run: &PlannedRun,
    folder: &Path,
    guest: &Guest,
    store: &Store,
    progress: &dyn Progress,
) -> Result<(Option<GuestKernel>, Option<String>), RunError> {
    match guest::place(run, folder, guest, store, progress).await? {
        (Place::Host, _) => Ok((None, None)),
        (Place::Guest(kernel), why) => Ok((Some(GuestKernel(kernel)), why)),
        (Place::Nowhere { capability, detail }, _) => Err(RunError::Missing { capability, detail }),
    }
}

/// A supervisor that boots its lab.
#[derive(Debug)]
pub struct Starting {
    channel: Channel,
    log: PathBuf,
}

/// Whether a lab may be called this.
///
/// # Errors
/// When it is no name, or a living lab has it.
pub fn check_free(name: &str) -> Result<(), KeepError> {
    folder::check_name(name)?;
    match States::of_user()?.find(name) {
        Some(found) if found.alive => Err(KeepError::Alive { name: name.to_string() }),
        _ => Ok(()),
    }
}

/// Starts the supervisor: this binary again with `subcommand` and a number as arguments, upon which it must call
/// [`super::supervise`].
pub async fn start(request: &Request<'_>, subcommand: &str) -> Result<Starting, KeepError> {
    let log = request.directory.path().join("supervisor.log");
    let failed = |action: &'static str| move |source: io::Error| KeepError::Start { action, source };
    let file = File::create(&log).map_err(failed("create supervisor.log in the run directory"))?;
    let (ours, theirs) = wire::pair().map_err(failed("create a socket pair"))?;
    crate::exec::detached("routeproof-supervisor", subcommand, theirs, file)
        .map_err(failed("start the supervisor"))?;
    let order = Order {
        name: request.name.to_string(),
        topology: absolute(request.topology),
        run: PlannedRun {
            initial: request.run.initial.iter().map(|manifest| absolute(manifest)).collect(),
            ..request.run.clone()
        },
        kernel: request.kernel.map(GuestKernel::name),
        cache: absolute(request.cache),
        directory: absolute(request.directory.path()),
        until: request.until.clone(),
    };
    let send = async || {
        let file = in_file(&order)?;
        let channel = Channel::new(ours)?;
        channel.send(&(), &[file.as_fd(), request.directory.marker()]).await?;
        Ok(channel)
    };
    let channel = send().await.map_err(failed("tell the supervisor what to boot"))?;
    Ok(Starting { channel, log })
}

/// The supervisor leaves the caller's folder once the lab stands.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

impl Starting {
    /// The next report; `None` when the supervisor is gone, or has let go of us.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn report(&self) -> Result<Option<Report>, KeepError> {
        let received = self.channel.receive::<Report>().await;
        let failed = |source| KeepError::Start { action: "hear from the supervisor", source };
        Ok(received.map_err(failed)?.map(|(report, _)| report))
    }

    /// Has the supervisor end its lab; [`Starting::report`] then gives `None` as soon as it is gone.
    pub fn cancel(&self) {
        self.channel.finish();
    }

    /// Where a supervisor that failed without a word left its last ones.
    pub fn log(&self) -> &Path {
        &self.log
    }
}
