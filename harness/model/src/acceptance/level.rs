//! `scenarios/acceptance.yaml`: which scenarios prove a router at which level.

use serde::Deserialize;

use crate::diag::{Diagnostic, Source};
use crate::{path, yaml};

/// The levels, the least first; each has the scenarios of those before it, too.
pub const LEVELS: [&str; 4] = ["smoke", "basic", "full", SOAK];

/// The level whose scenarios are run round after round.
pub const SOAK: &str = "soak";

/// The scenarios of each level, by their folders' names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    /// Shows that the harness itself works: run before and after the others, with a router that is known to be good.
    pub sanity: SanityFile,
    pub smoke: Vec<String>,
    pub basic: Vec<String>,
    pub full: Vec<String>,
    /// Beyond those of `full`.
    #[serde(default)]
    pub soak: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SanityFile {
    pub scenario: String,
    pub router: String,
}

impl Levels {
    /// Reads the file.
    ///
    /// # Errors
    /// The first mistake, at its line.
    pub fn parse(source: &Source) -> Result<Levels, Diagnostic> {
        let levels: Levels = yaml::parse(source)?;
        for (name, scenarios) in LEVELS.iter().zip(levels.all()) {
            let twice = scenarios.iter().enumerate().find(|(index, s)| scenarios[..*index].contains(s));
            if let Some((index, scenario)) = twice {
                return Err(source.error_at(&path![*name, index], format!("`{scenario}` is there twice")));
            }
        }
        Ok(levels)
    }

    /// The scenarios of a level and of those below it, each once; `None` for what is no level.
    pub fn scenarios(&self, level: &str) -> Option<Vec<&str>> {
        let upto = LEVELS.iter().position(|name| *name == level)?;
        let mut chosen: Vec<&str> = Vec::new();
        for scenario in self.all().into_iter().take(upto + 1).flatten() {
            if !chosen.contains(&scenario.as_str()) {
                chosen.push(scenario);
            }
        }
        Some(chosen)
    }

    /// In the order of [`LEVELS`].
    fn all(&self) -> [&Vec<String>; 4] {
        [&self.smoke, &self.basic, &self.full, &self.soak]
    }
}
