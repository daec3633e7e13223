//! stub
use crate::fail::Failure;
use clap::Args;
#[derive(Debug, Args)]
pub struct UpArgs {}
pub async fn run(_: UpArgs) -> Result<u8, Failure> {
    Ok(0)
}
