//! `routeproof accept compare`: what a new version of a router made better or worse.

use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::{Table, presets};
use routeproof_engine::run::read_source;
use routeproof_model::acceptance::{AcceptanceOutcome, Change, Report, RouterUnderTest, SCHEMA, compare};

use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The report of the earlier version
    #[arg(value_name = "BEFORE.json")]
    before: PathBuf,
    /// The report of the later version
    #[arg(value_name = "AFTER.json")]
    after: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The exit code is 1 if a requirement is met no more.
pub fn run(args: &CompareArgs) -> Result<u8, Failure> {
    let both = compare(&read(&args.before)?, &read(&args.after)?);
    if args.json {
        out::json(&both)?;
        return Ok(both.exit_code());
    }
    let name = |router: &RouterUnderTest| {
        let variant = router.variant.as_ref().map(|variant| format!("+{variant}")).unwrap_or_default();
        format!("{} {}{variant}", router.profile, router.version)
    };
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["REQUIREMENT".to_string(), name(&both.before), name(&both.after), String::new()]);
    let word = |outcome: Option<AcceptanceOutcome>| outcome.map_or("-", AcceptanceOutcome::word);
    for row in &both.rows {
        let change = match row.change {
            Change::Same => "",
            Change::Regression => "WORSE",
            Change::Mended => "mended",
            Change::Other => "differs",
        };
        table.add_row([row.id.as_str(), word(row.before), word(row.after), change]);
    }
    out::line(table)?;
    for row in both.rows.iter().filter(|row| row.change == Change::Regression) {
        out::line(format_args!("{}: {}", row.id, row.reason.as_deref().unwrap_or_default()))?;
    }
    Ok(both.exit_code())
}

fn read(path: &Path) -> Result<Report, Failure> {
    let source = read_source(path)?;
    let report: Report = serde_json::from_str(&source.text)
        .map_err(|e| Failure::input(format!("{} is no report of `accept`: {e}", path.display())))?;
    match report.schema == SCHEMA {
        true => Ok(report),
        false => {
            let what = format!("{} has the schema {}, not {SCHEMA}", path.display(), report.schema);
            Err(Failure::input(what))
        }
    }
}
