//! `routeproof schema`: the JSON Schemas of what is printed and written.

use clap::{Args, ValueEnum};
use routeproof_model::result;

use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_name = "WHAT")]
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The result file: `run --json`, `--report json=FILE`, result.json of a run directory
    Result,
}

pub fn run(args: &SchemaArgs) -> Result<u8, Failure> {
    match args.what {
        What::Result => out::json(&result::schema())?,
    }
    Ok(0)
}
