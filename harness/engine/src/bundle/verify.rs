//! Does what a bundle says follow from what is in it?

use std::fs;
use std::path::Path;

use routeproof_model::acceptance::{
    Deviations, Levels, Report, Requirement, STABILITY, Sanity, differences, judge,
};
use routeproof_model::bundle::{AFTER, BEFORE, CATALOGUE, DEVIATIONS, LEVELS, Manifest, REPORT, round};
use routeproof_model::diag::{Diagnostic, Source};
use routeproof_model::replay::Compared;
use routeproof_model::requirement;
use routeproof_model::result::{Outcome, RunResult};
use serde::Serialize;

use super::error::{BundleError, tried};
use super::invocation::{Expected, Seen, look};
use super::unpack::unpack;

/// A run of the bundle.
#[derive(Clone, Debug, Serialize)]
pub struct Again {
    pub scenario: String,
    pub outcome: Outcome,
    /// `None` where nothing was recorded that could be judged.
    pub judged: Option<Compared>,
}

impl Again {
    pub(super) fn new(live: &RunResult, judged: Option<Compared>) -> Again {
        Again { scenario: live.scenario.clone(), outcome: live.outcome, judged }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Verified {
    pub manifest: Manifest,
    /// Of the file.
    pub sha256: String,
    /// As it is in the bundle; `None` where that cannot be read.
    pub report: Option<Report>,
    pub runs: Vec<Again>,
    /// What does not hold, one line each.
    pub problems: Vec<String>,
}

/// What the acceptance was judged by.
struct Inputs {
    report: Report,
    levels: Levels,
    catalogue: Vec<Requirement>,
    deviations: Deviations,
}

/// Checks a bundle, in a temporary folder that is gone afterwards.
///
/// # Errors
/// It is no bundle, or the temporary folder cannot be written.
pub fn verify(bundle: &Path) -> Result<Verified, BundleError> {
    let temporary = std::env::temp_dir();
    let folder = tempfile::Builder::new()
        .prefix("routeproof-bundle-")
        .tempdir()
        .map_err(tried("write", &temporary))?;
    let unpacked = unpack(bundle, folder.path())?;
    let (manifest, sha256) = (unpacked.manifest, unpacked.sha256);
    let mut verified =
        Verified { manifest, sha256, report: None, runs: Vec::new(), problems: unpacked.problems };
    // What is not as it was packed is not worth a judgement.
    if verified.problems.is_empty() {
        verified.judge_again(folder.path());
    }
    Ok(verified)
}

impl Verified {
    fn judge_again(&mut self, folder: &Path) {
        let inputs = match Inputs::read(folder, &self.manifest.created) {
            Ok(inputs) => inputs,
            Err(why) => return self.problems.push(why),
        };
        let strangers =
            self.manifest.strangers().map(|path| format!("{path} belongs to nothing that is judged"));
        self.problems.extend(strangers.collect::<Vec<_>>());
        let Inputs { report, levels, .. } = &inputs;
        self.report = Some(report.clone());
        if (&report.router, &report.level, report.rounds)
            != (&self.manifest.router, &self.manifest.level, self.manifest.rounds)
        {
            self.problems
                .push("the manifest and the report are not of the same router, level and rounds".into());
        }
        let Some(scenarios) = levels.scenarios(&report.level) else {
            return self.problems.push(format!("there is no level {}", report.level));
        };
        let sanity = || Expected {
            scenarios: vec![levels.sanity.scenario.as_str()],
            gateway: Some(&levels.sanity.router),
            router: None,
        };
        let tested =
            || Expected { scenarios: scenarios.clone(), gateway: None, router: Some(&report.router) };
        let before = self.look(folder, BEFORE, &sanity());
        let mut rounds = Vec::new();
        for number in 1..=self.manifest.rounds {
            // What cannot be read has been told; the number of rounds is whatever somebody wrote.
            let Some(seen) = self.look(folder, &round(number), &tested()) else { break };
            rounds.push(seen.round);
        }
        let after = self.look(folder, AFTER, &sanity());
        let (Some(before), Some(after), true) = (before, after, rounds.len() == self.manifest.rounds) else {
            return;
        };
        let again = judge(
            (report.router.clone(), &report.level),
            &inputs.catalogue,
            &rounds,
            &inputs.deviations,
            Sanity { before: before.outcome(), after: after.outcome() },
        );
        self.problems.extend(differences(report, &again.report));
    }

    fn look(&mut self, folder: &Path, name: &str, expected: &Expected<'_>) -> Option<Seen> {
        let looked = look(&folder.join(name), expected);
        let (seen, problems) = match looked {
            Ok(mut seen) => {
                let problems = std::mem::take(&mut seen.problems);
                self.runs.append(&mut seen.runs);
                (Some(seen), problems)
            }
            Err(why) => (None, vec![why]),
        };
        // Paths are told as they are in the bundle.
        let temporary = format!("{}/{name}/", folder.display());
        let told = problems.iter().map(|why| format!("{name}: {}", why.replace(&temporary, "")));
        self.problems.extend(told);
        seen
    }

    /// How many runs were judged again, and how many of them as they were before.
    pub fn judged(&self) -> (usize, usize) {
        let judged = || self.runs.iter().filter_map(|run| run.judged.as_ref());
        (judged().count(), judged().filter(|compared| compared.same).count())
    }
}

impl Inputs {
    /// `created` is when the bundle was made: deviations count as they did then.
    fn read(folder: &Path, created: &str) -> Result<Inputs, String> {
        let text = |name: &str| fs::read_to_string(folder.join(name)).map_err(|e| format!("{name}: {e}"));
        let source = |name: &str| text(name).map(|text| Source::new(name, text));
        let wrong = |e: Diagnostic| e.to_string();
        let report = serde_json::from_str(&text(REPORT)?).map_err(|e| format!("{REPORT}: {e}"))?;
        let levels = Levels::parse(&source(LEVELS)?).map_err(wrong)?;
        let catalogue: Vec<Requirement> = requirement::parse(&source(CATALOGUE)?)
            .map_err(wrong)?
            .into_iter()
            .map(Requirement::from)
            .collect();
        let known: Vec<&str> = catalogue.iter().map(|r| r.id.as_str()).chain([STABILITY]).collect();
        let today = created.split(' ').next().unwrap_or_default();
        let deviations = match folder.join(DEVIATIONS).exists() {
            true => Deviations::parse(&source(DEVIATIONS)?, &known, today).map_err(wrong)?,
            false => Deviations::default(),
        };
        Ok(Inputs { report, levels, catalogue, deviations })
    }
}
