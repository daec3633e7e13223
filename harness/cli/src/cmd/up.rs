//! stub
use clap::Args;
use crate::fail::Failure;
#[derive(Debug, Args)] pub struct UpArgs {}
pub async fn run(_: UpArgs) -> Result<u8, Failure> { Ok(0) }
