//! The end of `routeproof run --mutate`: what the broken labs showed.

use routeproof_engine::rundir::RunDir;
use routeproof_model::mutate::Report;
use routeproof_model::result::ResultFile;

use crate::fail::{Failure, INTERRUPTED};
use crate::{out, render};

/// Writes `mutation.json` beside the other results, prints it, and gives the exit code. The labs' own outcomes play no
/// part in it: what could not be tried is in the report.
pub fn show(report: &Report, labs: &ResultFile, directory: &RunDir, json: bool) -> Result<u8, Failure> {
    let file = directory.path().join("mutation.json");
    let text = serde_json::to_vec_pretty(report).map_err(Failure::broken)?;
    std::fs::write(&file, text)
        .map_err(|e| Failure::broken(format!("cannot write {}: {e}", file.display())))?;
    match json {
        true => out::json(report)?,
        false => {
            out::text(render::mutation::text(report))?;
            out::line(format_args!("run directory: {}", directory.path().display()))?;
        }
    }
    Ok(if labs.summary.interrupted { INTERRUPTED } else { report.exit_code() })
}
