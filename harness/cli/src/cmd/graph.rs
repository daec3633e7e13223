//! `routeproof graph`: a topology as a drawing, or as data.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use routeproof_engine::run::load_lab;
use routeproof_model::graph::{Drawing, mermaid, svg};

use crate::fail::Failure;
use crate::out;
use crate::render::lab::Output;

#[derive(Debug, Args)]
pub struct GraphArgs {
    /// A topology file (*.clab.yml), of any kinds
    #[arg(value_name = "TOPOLOGY")]
    pub topology: PathBuf,
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What to draw it as [default: by the name of FILE, else svg]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Print nodes and links as JSON instead
    #[arg(long, conflicts_with_all = ["format", "output"])]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Svg,
    Mermaid,
}

pub fn run(args: &GraphArgs) -> Result<u8, Failure> {
    let lab = load_lab(&args.topology)?;
    lab.warnings.iter().for_each(|warning| out::note(format_args!("warning: {warning}")));
    if args.json {
        out::json(&Output::of(&lab))?;
        return Ok(0);
    }
    let drawing = Drawing::of(&lab);
    let text = match format(args)? {
        Format::Svg => svg(&drawing),
        Format::Mermaid => mermaid(&drawing),
    };
    match &args.output {
        None => out::text(text)?,
        Some(file) => fs::write(file, text)
            .map_err(|e| Failure::input(format!("cannot write the drawing to {}: {e}", file.display())))?,
    }
    Ok(0)
}

fn format(args: &GraphArgs) -> Result<Format, Failure> {
    let ending = args.output.as_ref().and_then(|file| file.extension()).and_then(|e| e.to_str());
    match (args.format, ending) {
        (Some(format), _) => Ok(format),
        (None, Some("mmd" | "mermaid")) => Ok(Format::Mermaid),
        (None, Some("svg") | None) => Ok(Format::Svg),
        (None, Some(other)) => Err(Failure::input(format!("nothing is drawn as `.{other}`"))
            .hint("name the file *.svg or *.mmd, or say --format svg or --format mermaid")),
    }
}
