//! `routeproof report`: the reports of an earlier run directory, made from its event log.

mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use routeproof_engine::event::read_back;
use routeproof_engine::report::{self, ReportSpec, View};

use super::run::chain;
use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ReportArgs {
    #[command(subcommand)]
    command: Option<ReportCommand>,
    /// The run directory
    #[arg(value_name = "RUNDIR", default_value = "routeproof-runs/latest")]
    directory: PathBuf,
    /// Write a report: html=, json=, junit=, markdown= or terminal=FILE (`-` is stdout); may be given several times
    #[arg(long, value_name = "FORMAT=FILE")]
    report: Vec<String>,
    /// Write one report in this format: html, json, junit, markdown, terminal
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Where the report of --format goes [default: standard output]
    #[arg(short, long, value_name = "FILE", requires = "format")]
    output: Option<PathBuf>,
    /// Print the result as JSON on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// Judge an evidence bundle of `accept --bundle` again: files, verdicts, report
    Verify(verify::VerifyArgs),
}

pub fn run(args: &ReportArgs) -> Result<u8, Failure> {
    if let Some(ReportCommand::Verify(args)) = &args.command {
        return verify::run(args);
    }
    let one = args.format.as_ref().map(|format| match &args.output {
        Some(file) => format!("{format}={}", file.display()),
        None => format!("{format}=-"),
    });
    let specs = args.report.iter().chain(&one).map(|text| ReportSpec::parse(text));
    let specs = specs.collect::<Result<Vec<_>, _>>().map_err(Failure::input)?;
    report::check_all(&specs).map_err(|e| Failure::input(chain(&e)))?;
    let log = args.directory.join("events.jsonl");
    let finished =
        read_back(&log).map_err(|e| Failure::input(format!("cannot read {}: {e}", log.display())))?;
    let view = View {
        result: &finished.result,
        events: &finished.log,
        directory: Some(&args.directory),
        width: report::terminal_width(),
    };
    let problems: Vec<String> = finished
        .problems
        .iter()
        .cloned()
        .chain(report::write_all(&specs, &view).iter().map(|e| chain(e)))
        .collect();
    if args.json {
        out::json(&finished.result)?;
    } else if specs.is_empty() {
        out::text(report::render_terminal(&view))?;
    }
    for problem in &problems {
        Failure::broken(problem).report();
    }
    Ok(finished.exit_code(problems.is_empty()))
}
