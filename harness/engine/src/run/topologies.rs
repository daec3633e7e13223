//! The topologies of a scenario: one, or one for each value of an axis that its path names.

use std::path::{Path, PathBuf};

use routeproof_model::diag::{Seg, Source};
use routeproof_model::scenario::{self, AxisValues, ScenarioFile};
use routeproof_model::topology::Topology;

use super::error::RunError;
use super::load::topology;
use super::places;

pub(super) struct Topologies {
    /// Never empty: there is a run.
    loaded: Vec<(PathBuf, Topology)>,
    /// Which of them a run has.
    of_runs: Vec<(AxisValues, usize)>,
}

impl Topologies {
    pub fn load(written: &ScenarioFile, source: &Source, dir: &Path) -> Result<Topologies, RunError> {
        let mut topologies = Topologies { loaded: Vec::new(), of_runs: Vec::new() };
        for (axes, path) in scenario::topologies(written, source)? {
            let index = topologies.add(places::joined(dir, &path), source)?;
            topologies.of_runs.push((axes, index));
        }
        Ok(topologies)
    }

    fn add(&mut self, path: PathBuf, source: &Source) -> Result<usize, RunError> {
        if let Some(known) = self.loaded.iter().position(|(loaded, _)| *loaded == path) {
            return Ok(known);
        }
        if !path.is_file() {
            let message = format!("there is no topology {}", path.display());
            return Err(source.error_at(&[Seg::Key("topology".to_string())], message).into());
        }
        let topology = topology(&path)?;
        self.loaded.push((path, topology));
        Ok(self.loaded.len() - 1)
    }

    /// That of a run; of a run that is none of the scenario's, the first.
    pub fn of(&self, axes: &AxisValues) -> &Topology {
        let index = self.of_runs.iter().find(|(of, _)| of == axes).map_or(0, |(_, index)| *index);
        &self.loaded[index].1
    }

    pub fn warnings(&self) -> Vec<String> {
        self.loaded.iter().flat_map(|(_, topology)| &topology.warnings).map(ToString::to_string).collect()
    }
}
