//! What a run directory has beyond the events.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use routeproof_model::plan::{Plan, PlannedRun};
use routeproof_model::recording::Recording;
use routeproof_model::result::{ResultFile, RunResult};

use crate::recorded;
use crate::rundir::drawing_in;

/// Reads recordings when they are asked for: all at once may be much.
pub(super) struct Gathered<'a> {
    directory: Option<&'a Path>,
    /// As planned; none where nobody has the plan.
    planned: Vec<PlannedRun>,
    /// What could not be read; the page says so.
    pub problems: Vec<String>,
}

impl<'a> Gathered<'a> {
    pub fn new(directory: Option<&'a Path>) -> Gathered<'a> {
        let mut gathered = Gathered { directory, planned: Vec::new(), problems: Vec::new() };
        if let Some(path) = directory.map(|directory| directory.join("plan.json")) {
            gathered.planned = match fs::read_to_string(&path) {
                Ok(text) => serde_json::from_str::<Plan>(&text).map(|plan| plan.runs).unwrap_or_else(|e| {
                    gathered.problems.push(format!("plan.json is not a plan of this version: {e}"));
                    Vec::new()
                }),
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                Err(error) => {
                    gathered.problems.push(format!("cannot read plan.json: {error}"));
                    Vec::new()
                }
            };
        }
        gathered
    }

    /// A run as it was planned.
    pub fn planned(&self, index: usize) -> Option<&PlannedRun> {
        self.planned.get(index)
    }

    pub fn all_planned(&self) -> &[PlannedRun] {
        &self.planned
    }

    /// What was recorded of a run, if anything.
    pub fn recording(&mut self, run: &RunResult) -> Option<Recording> {
        let folder = self.directory?.join(run.directory.as_ref()?);
        match recorded::recording(&folder) {
            Ok(recording) => recording,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|c| format!(": {c}")).unwrap_or_default();
                self.problems.push(format!("{error}{cause}"));
                None
            }
        }
    }

    /// Topology -> its drawing as SVG. Those that somebody has removed are not drawn.
    pub fn drawings(&self, result: &ResultFile) -> BTreeMap<String, String> {
        let Some(directory) = self.directory else { return BTreeMap::new() };
        let names = result.runs.iter().filter_map(|run| Some(&run.setting.as_ref()?.topology));
        let read = |name: &String| {
            let text = fs::read_to_string(drawing_in(directory, name)).ok()?;
            // The only part of the page that is not escaped: it must be what we drew.
            text.starts_with("<svg xmlns=").then_some((name.clone(), text))
        };
        names.filter_map(read).collect()
    }
}
