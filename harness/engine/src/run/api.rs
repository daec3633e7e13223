//! Scenarios for users of the Rust API: what `cargo test` calls.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use routeproof_model::result::{Outcome, ResultFile, RunResult};
use routeproof_model::scenario::AxisValues;
use tokio::sync::watch;

use super::backing::Backing;
use super::default_frr::choose_frr;
use super::error::RunError;
use super::images::check_images;
use super::load::{Loaded, load};
use super::matrix::{Options, RETRIES, parallelism, run_in};
use super::turns::Turns;
use crate::event::EventBus;
use crate::guest::Guest;
use crate::image;
use crate::report::{View, render_terminal, write_run_files};
use crate::rundir::{DEFAULT_PARENT, RunDir};

/// A scenario, or the part of its matrix that [`Scenario::only`] leaves.
///
/// ```no_run
/// use routeproof_engine::{RunOptions, Scenario};
///
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// let ran = Scenario::load("scenarios/frr-ordering")?
///     .only("frr", "7.5.1")?
///     .only("extras", "permit-all")?
///     .run(&RunOptions::default())
///     .await?;
/// ran.assert_passed();
/// assert_eq!(ran.result.runs.len(), 6);
/// # Ok(())
/// # }
/// ```
///
/// Needs a tokio runtime with IO and time. Labs are bounded by what the machine carries ([`super::parallelism`]) over all
/// calls of the process, so any number of tests may run side by side.
#[derive(Clone, Debug)]
pub struct Scenario {
    loaded: Loaded,
}

/// Where a run's images come from and where its record goes. The default is what the command line does, but for the
/// run directories of a test binary, which go to Cargo's target folder.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    pub images: image::Options,
    /// On which kernel.
    pub guest: Guest,
    /// The folder in which run directories are made.
    pub run_dir: Option<PathBuf>,
    /// What stands behind the labs.
    pub backing: Backing,
}

/// What became of a scenario's runs.
#[derive(Clone, Debug)]
pub struct Ran {
    pub result: ResultFile,
    /// Plan, events, observations, configurations and logs.
    pub directory: PathBuf,
}

impl Scenario {
    /// Reads a scenario's folder (or its file), its topology and its manifests.
    ///
    /// # Errors
    /// The first mistake in these files, with its line: [`RunError::Input`].
    pub fn load(path: impl AsRef<Path>) -> Result<Scenario, RunError> {
        Ok(Scenario { loaded: load(path.as_ref())? })
    }

    pub fn name(&self) -> &str {
        &self.loaded.name
    }

    /// Whether it is run only when somebody names it: it takes long.
    pub fn is_on_request(&self) -> bool {
        self.loaded.on_request
    }

    /// The axis values of each run, in order.
    pub fn runs(&self) -> impl Iterator<Item = &AxisValues> {
        self.loaded.runs.iter().map(|run| &run.axes)
    }

    /// Leaves the runs in which the axis has this value.
    ///
    /// # Errors
    /// [`RunError::NoRun`] if there is none: a misspelt value must not look like a green test.
    pub fn only(mut self, axis: &str, value: &str) -> Result<Scenario, RunError> {
        let fits = |axes: &AxisValues| axes.iter().any(|(name, v)| name == axis && v == value);
        self.loaded.runs.retain(|run| fits(&run.axes));
        match self.loaded.runs.is_empty() {
            true => {
                Err(RunError::NoRun { scenario: self.loaded.name, axis: axis.into(), value: value.into() })
            }
            false => Ok(self),
        }
    }

    /// Boots a lab for each run, does its steps and judges. What befalls one run is that run's outcome.
    ///
    /// # Errors
    /// What concerns all runs: an image that cannot be had, a run directory that cannot be written.
    pub async fn run(&self, options: &RunOptions) -> Result<Ran, RunError> {
        let store = super::store(options.images.clone())?;
        let mut loaded = self.loaded.clone();
        choose_frr(std::slice::from_mut(&mut loaded), &store)?;
        check_images(&loaded, &store)?;
        let run_dir = options.run_dir.clone().unwrap_or_else(default_run_dir);
        let directory = RunDir::create_keeping(&run_dir, KEEP).map_err(record)?;
        let mut bus = EventBus::new();
        bus.add_log(&directory.events()).map_err(RunError::Record)?;
        let events = bus.events();
        loaded.remarks().for_each(|remark| events.warn(remark));
        let guest = options.guest.clone();
        let (jobs, retries, backing) = (parallelism(), RETRIES, options.backing.clone());
        let matrix = Options { store, jobs, retries, guest, race: None, keep: None, backing };
        let plan = Loaded::plan(std::slice::from_ref(&loaded));
        let (_never, stop) = watch::channel(false);
        run_in(TURNS.clone(), &plan, &directory, &matrix, &events, stop).await?;
        let finished = bus.finish();
        let view = View {
            result: &finished.result,
            events: &finished.log,
            directory: Some(directory.path()),
            width: WIDTH,
        };
        if let Some(error) = write_run_files(&directory, &view).into_iter().next() {
            return Err(record(error));
        }
        Ok(Ran { directory: directory.path().to_path_buf(), result: finished.result })
    }
}

/// The labs that the process may have at once.
pub(super) static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(parallelism()));

/// Run directories that are kept: each test makes one, and the first to fail must still be there at the end.
pub(super) const KEEP: usize = 200;

/// Columns of the table in a panic's message.
const WIDTH: usize = 120;

pub(super) fn record(error: impl std::error::Error + Send + Sync + 'static) -> RunError {
    RunError::Record(std::io::Error::other(error))
}

/// `target/routeproof-runs` for what Cargo built as a test (`target/PROFILE/deps/NAME-HASH`), else what the command line has.
pub(super) fn default_run_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let deps = exe.parent().filter(|folder| folder.ends_with("deps"));
    let target = deps.and_then(Path::parent).and_then(Path::parent);
    target.unwrap_or(Path::new("")).join(DEFAULT_PARENT)
}

impl Ran {
    /// Whether every run passed, and there was at least one.
    pub fn passed(&self) -> bool {
        !self.result.runs.is_empty() && self.result.runs.iter().all(|run| run.outcome == Outcome::Passed)
    }

    /// The only run.
    ///
    /// # Panics
    /// If there are several, or none.
    #[track_caller]
    pub fn single(&self) -> &RunResult {
        match self.result.runs.as_slice() {
            [run] => run,
            runs => panic!("one run expected, there are {}", runs.len()),
        }
    }

    /// # Panics
    /// Unless every run passed; with the table, the reasons and where the record is.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "\n{self}");
    }
}

/// The table that the command line prints, with the reasons for what did not pass.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = View { result: &self.result, events: &[], directory: Some(&self.directory), width: WIDTH };
        f.write_str(&anstream::adapter::strip_str(&render_terminal(&view)).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_binarys_runs_are_kept_in_cargos_target_folder() {
        let folder = default_run_dir();
        assert!(folder.ends_with(DEFAULT_PARENT));
        assert!(
            std::env::current_exe().unwrap().starts_with(folder.parent().unwrap()),
            "{}",
            folder.display()
        );
    }

    #[test]
    fn a_misspelt_value_is_no_green_test() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/frr-ordering");
        let scenario = Scenario::load(folder).unwrap();
        assert_eq!(scenario.runs().count(), 36);
        assert_eq!(scenario.clone().only("order", "after").unwrap().runs().count(), 12);
        for (axis, value) in [("order", "afterwards"), ("oder", "after")] {
            let error = scenario.clone().only(axis, value).unwrap_err();
            assert_eq!(error.to_string(), format!("scenario frr-ordering has no run with {axis}={value}"));
        }
    }
}
