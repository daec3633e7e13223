//! stub
use crate::fail::Failure;
use clap::Args;
#[derive(Debug, Args)]
pub struct SweepArgs {}
pub fn run(_: &SweepArgs) -> Result<u8, Failure> {
    Ok(0)
}
