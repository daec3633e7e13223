//! `accept --bundle`: what is packed.

use std::path::Path;

use routeproof_engine::bundle::{Content, Members, pack as pack_members};
use routeproof_model::acceptance::Report;
use routeproof_model::bundle::{
    AFTER, BEFORE, CATALOGUE, DEVIATIONS, LEVELS, Manifest, REPORT, SCHEMA, round,
};

use super::inputs::Inputs;
use crate::fail::Failure;

/// The run directories.
pub struct Directories<'a> {
    pub before: &'a Path,
    pub rounds: Vec<&'a Path>,
    pub after: &'a Path,
}

/// Gives the SHA-256 of the file.
pub fn pack(
    file: &Path,
    report: &Report,
    inputs: &Inputs,
    kernel: String,
    directories: &Directories<'_>,
) -> Result<String, Failure> {
    let mut members = Members::default();
    let text = serde_json::to_string_pretty(report).map_err(Failure::broken)?;
    members.add(REPORT, Content::Text(text + "\n"));
    members.add(LEVELS, Content::Text(inputs.levels_text.clone()));
    members.add(CATALOGUE, Content::Text(inputs.catalogue_text.clone()));
    if let Some(text) = &inputs.deviations_text {
        members.add(DEVIATIONS, Content::Text(text.clone()));
    }
    members.add_run_directory(BEFORE, directories.before)?;
    for (number, directory) in (1..).zip(&directories.rounds) {
        members.add_run_directory(&round(number), directory)?;
    }
    members.add_run_directory(AFTER, directories.after)?;
    let head = Manifest {
        schema: SCHEMA.to_string(),
        routeproof: env!("CARGO_PKG_VERSION").to_string(),
        router: report.router.clone(),
        level: report.level.clone(),
        created: inputs.begun.clone(),
        kernel,
        rounds: report.rounds,
        files: Vec::new(),
    };
    Ok(pack_members(file, head, &members)?)
}
