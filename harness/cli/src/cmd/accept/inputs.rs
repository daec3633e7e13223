//! What an acceptance is judged by: the levels, the requirements, what was agreed on.

use std::time::SystemTime;

use routeproof_engine::run::{RunError, read_source};
use routeproof_engine::rundir::utc;
use routeproof_model::acceptance::{Deviations, Levels, Requirement, STABILITY};
use routeproof_model::diag::{Diagnostic, Source};
use routeproof_model::requirement;

use super::JudgeArgs;
use crate::fail::Failure;

pub struct Inputs {
    /// When the acceptance began: `2026-01-31 12:01:02 UTC`.
    pub begun: String,
    pub levels: Levels,
    pub catalogue: Vec<Requirement>,
    pub deviations: Deviations,
    /// As they were read: a bundle has these, whatever becomes of the files meanwhile.
    pub levels_text: String,
    pub catalogue_text: String,
    pub deviations_text: Option<String>,
}

impl Inputs {
    pub fn read(args: &JudgeArgs) -> Result<Inputs, Failure> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let begun = utc(now);
        let (today, _) = begun.split_at("2026-01-31".len());
        let wrong = |e: Diagnostic| RunError::from(e);
        let levels = read_source(&args.scenarios.join("acceptance.yaml"))?;
        let listed = read_source(&args.scenarios.join("requirements.yaml"))?;
        let catalogue: Vec<Requirement> =
            requirement::parse(&listed).map_err(wrong)?.into_iter().map(Requirement::from).collect();
        if catalogue.is_empty() {
            return Err(Failure::input(format!("{} lists no requirements", listed.file.display())));
        }
        let known: Vec<&str> = catalogue.iter().map(|r| r.id.as_str()).chain([STABILITY]).collect();
        let agreed = args.deviations.as_deref().map(read_source).transpose()?;
        let deviations = agreed.as_ref().map(|source| Deviations::parse(source, &known, today));
        let deviations = deviations.transpose().map_err(wrong)?.unwrap_or_default();
        let text = |source: &Source| source.text.to_string();
        Ok(Inputs {
            levels: Levels::parse(&levels).map_err(wrong)?,
            deviations,
            levels_text: text(&levels),
            catalogue_text: text(&listed),
            deviations_text: agreed.as_ref().map(text),
            catalogue,
            begun,
        })
    }
}
