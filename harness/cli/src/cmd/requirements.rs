//! `routeproof requirements`: what is proved, and by what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use routeproof_engine::run::{Loaded, RunError, read_source};
use routeproof_model::requirement::{Catalogue, Proof, Requirement, lint, markdown, parse, proofs};
use serde::Serialize;

use super::select;
use crate::args::ProfileArgs;
use crate::fail::{BAD_INPUT, Failure};
use crate::out;

/// The catalogue's name, beside the scenarios' folders.
const CATALOGUE: &str = "requirements.yaml";

#[derive(Debug, Args)]
pub struct RequirementsArgs {
    /// Scenario folders, files or names [default: all of ./scenarios]
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// The catalogue [default: requirements.yaml beside the scenarios' folders]
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Print the test plan: each requirement with its pass rule, each scenario with its steps
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print requirements and scenarios as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    profiles: ProfileArgs,
}

/// Both sides, as they are printed.
#[derive(Serialize)]
struct Output<'a> {
    requirements: &'a [Requirement],
    scenarios: &'a [Proof],
    wrong: &'a [String],
}

pub fn run(args: &RequirementsArgs) -> Result<u8, Failure> {
    let loaded = select::scenarios(&args.scenarios, &[], &[], &args.profiles.load()?)?;
    let file = match &args.catalogue {
        Some(file) => file.clone(),
        None => beside(&loaded)?,
    };
    let catalogue = read(&file)?;
    let proofs = proofs(loaded.iter().flat_map(|scenario| &scenario.runs));
    // Of some scenarios it cannot be said what no scenario proves.
    let wrong = if args.scenarios.is_empty() { lint(&catalogue, &proofs) } else { Vec::new() };
    if args.json {
        out::json(&Output { requirements: &catalogue, scenarios: &proofs, wrong: &wrong })?;
    } else if args.markdown {
        out::text(markdown(&catalogue, &proofs))?;
    } else {
        list(&catalogue, &proofs)?;
    }
    wrong.iter().for_each(|fault| out::note(format_args!("error: {}: {fault}", file.display())));
    Ok(if wrong.is_empty() { 0 } else { BAD_INPUT })
}

/// What is wrong between the scenarios of ./scenarios and their catalogue, if they have one.
///
/// # Errors
/// The catalogue cannot be read.
pub fn check(loaded: &[Loaded]) -> Result<Vec<String>, Failure> {
    let Ok(file) = beside(loaded) else { return Ok(Vec::new()) };
    let catalogue = read(&file)?;
    Ok(lint(&catalogue, &proofs(loaded.iter().flat_map(|scenario| &scenario.runs))))
}

/// What the requirements of these scenarios say, by id, if they have a catalogue that can be read; [`check`] tells why it cannot.
pub fn texts(loaded: &[Loaded]) -> BTreeMap<String, String> {
    let catalogue = beside(loaded).and_then(|file| read(&file)).unwrap_or_default();
    let proved: BTreeSet<&String> =
        loaded.iter().flat_map(|scenario| &scenario.runs).flat_map(|run| &run.requirements).collect();
    let named = catalogue.into_iter().filter(|requirement| proved.contains(&requirement.id));
    named.map(|requirement| (requirement.id, requirement.text)).collect()
}

fn read(file: &Path) -> Result<Catalogue, Failure> {
    Ok(parse(&read_source(file)?).map_err(RunError::from)?)
}

fn beside(loaded: &[Loaded]) -> Result<PathBuf, Failure> {
    let folder = loaded.first().and_then(|scenario| scenario.file.parent()?.parent());
    let file = folder.unwrap_or(Path::new("")).join(CATALOGUE);
    match file.is_file() {
        true => Ok(file),
        false => Err(Failure::input(format!("there is no catalogue {}", file.display()))
            .hint("name it by --catalogue FILE; scenarios/README.md says what is in it")),
    }
}

/// One line each: id, severity, the scenarios that prove it.
fn list(catalogue: &Catalogue, proofs: &[Proof]) -> Result<(), Failure> {
    let width = catalogue.iter().map(|r| r.id.len()).max().unwrap_or_default();
    for Requirement { id, severity, .. } in catalogue {
        let of_it = proofs.iter().filter(|proof| proof.requirements.contains(id));
        let names: Vec<&str> = of_it.map(|proof| proof.scenario.as_str()).collect();
        out::line(format_args!("{id:width$}  {severity:6}  {}", names.join(", ")))?;
    }
    Ok(())
}
