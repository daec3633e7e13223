//! stub
use clap::Args;
use crate::fail::Failure;
#[derive(Debug, Args)] pub struct SweepArgs {}
pub fn run(_: &SweepArgs) -> Result<u8, Failure> { Ok(0) }
