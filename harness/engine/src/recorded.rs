//! Reads what earlier runs left: the directory of an invocation, the folder of one of its runs, or the directory of a
//! lab that `up` kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use routeproof_model::plan::{Plan, PlannedRun};
use routeproof_model::recording::{Recording, RecordingError};
use routeproof_model::replay::{Compared, compare};
use routeproof_model::result::RunResult;

use crate::event::{Finished, read_back};

/// The recording in a run's folder.
const OBSERVATIONS: &str = "observations.jsonl";

/// A run as it was planned and as it went.
#[derive(Debug)]
pub struct Recorded {
    /// The run's own folder.
    pub folder: PathBuf,
    pub planned: PlannedRun,
    /// `None` for a kept lab, which has no verdict.
    pub result: Option<RunResult>,
    /// `None` when nothing was recorded: the run never started, or its lab did not come up.
    pub recording: Option<Recording>,
}

/// What is wrong with a run directory.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is not a plan", path.display())]
    Plan {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot read the recording {}", path.display())]
    Recording {
        path: PathBuf,
        #[source]
        source: RecordingError,
    },
    #[error("{} is no run directory: there is no plan.json in it or in the folder above", path.display())]
    NoPlan { path: PathBuf },
    #[error("{} is not the folder of a run that {} tells of", path.display(), events.display())]
    NoSuchRun { path: PathBuf, events: PathBuf },
}

/// Whether this is a run directory, or the folder of a run.
pub fn is_run(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| {
        path.is_dir() && path.ancestors().take(2).any(|folder| folder.join("plan.json").is_file())
    })
}

/// The runs of a run directory, or the one run whose folder is named.
///
/// # Errors
/// When files are missing, cannot be read, or are not what their names say.
pub fn read(path: &Path) -> Result<Vec<Recorded>, RecordedError> {
    // `latest` is a link: what is beside its target counts.
    let path = path.canonicalize().map_err(|source| RecordedError::Read { path: path.into(), source })?;
    if path.join("plan.json").is_file() {
        return invocation(&path);
    }
    let above = path.parent().filter(|above| above.join("plan.json").is_file());
    let Some(above) = above else { return Err(RecordedError::NoPlan { path }) };
    let one = invocation(above)?.into_iter().find(|run| run.folder == path);
    let events = above.join("events.jsonl");
    one.map(|run| vec![run]).ok_or(RecordedError::NoSuchRun { path, events })
}

/// The plan of an invocation, and what came of it as its log tells.
///
/// # Errors
/// When either cannot be read or the plan is none.
pub fn plan_and_log(directory: &Path) -> Result<(Plan, Finished), RecordedError> {
    let path = directory.join("plan.json");
    let plan = serde_json::from_str(&text(&path)?).map_err(|source| RecordedError::Plan { path, source })?;
    Ok((plan, log(directory)?))
}

/// A run of an invocation judged again; `None` if it never started, or its lab never came up: then nothing was recorded that
/// could be judged.
///
/// # Errors
/// The recording is missing or none.
pub fn judge_again(
    directory: &Path,
    planned: &PlannedRun,
    live: &RunResult,
) -> Result<Option<Compared>, RecordedError> {
    let Some(folder) = live.directory.as_ref().filter(|_| !live.steps.is_empty()) else { return Ok(None) };
    let path = directory.join(folder).join(OBSERVATIONS);
    let recording = Recording::parse(&text(&path)?);
    let recording = recording.map_err(|source| RecordedError::Recording { path, source })?;
    Ok(Some(compare(planned, &recording, live)))
}

fn log(directory: &Path) -> Result<Finished, RecordedError> {
    let log = directory.join("events.jsonl");
    read_back(&log).map_err(|source| RecordedError::Read { path: log, source })
}

fn invocation(directory: &Path) -> Result<Vec<Recorded>, RecordedError> {
    let path = directory.join("plan.json");
    let text = text(&path)?;
    let plan: Plan = match serde_json::from_str(&text) {
        Ok(plan) => plan,
        // A kept lab's directory has its one run.
        Err(source) => match serde_json::from_str::<PlannedRun>(&text) {
            Ok(run) => return kept(directory, run).map(|run| vec![run]),
            Err(_) => return Err(RecordedError::Plan { path, source }),
        },
    };
    let finished = log(directory)?;
    let mut runs = Vec::new();
    for (planned, result) in plan.runs.into_iter().zip(finished.result.runs) {
        let folder = directory.join(result.directory.as_deref().unwrap_or(Path::new("")));
        let recording = match &result.directory {
            Some(_) => recording(&folder)?,
            None => None,
        };
        runs.push(Recorded { folder, planned, result: Some(result), recording });
    }
    Ok(runs)
}

fn kept(directory: &Path, planned: PlannedRun) -> Result<Recorded, RecordedError> {
    let list = || fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>();
    let entries = list().map_err(|source| RecordedError::Read { path: directory.into(), source })?;
    let folder = entries.into_iter().map(|entry| entry.path()).find(|path| path.is_dir());
    let folder = folder.unwrap_or_else(|| directory.to_path_buf());
    let recording = recording(&folder)?;
    Ok(Recorded { folder, planned, result: None, recording })
}

/// What was recorded in a run's folder.
pub(crate) fn recording(folder: &Path) -> Result<Option<Recording>, RecordedError> {
    let path = folder.join(OBSERVATIONS);
    if !path.exists() {
        return Ok(None);
    }
    let recording = Recording::parse(&text(&path)?);
    recording.map(Some).map_err(|source| RecordedError::Recording { path, source })
}

fn text(path: &Path) -> Result<String, RecordedError> {
    fs::read_to_string(path).map_err(|source| RecordedError::Read { path: path.to_path_buf(), source })
}
