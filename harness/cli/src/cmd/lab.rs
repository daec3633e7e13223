//! stub
use crate::fail::Failure;
use clap::Args;
#[derive(Debug, Args)]
pub struct DownArgs {}
#[derive(Debug, Args)]
pub struct ExecArgs {}
#[derive(Debug, Args)]
pub struct ShellArgs {}
#[derive(Debug, Args)]
pub struct InspectArgs {}
pub async fn down(_: &DownArgs) -> Result<u8, Failure> {
    Ok(0)
}
pub async fn exec(_: ExecArgs) -> Result<u8, Failure> {
    Ok(0)
}
pub async fn shell(_: ShellArgs) -> Result<u8, Failure> {
    Ok(0)
}
pub async fn inspect(_: &InspectArgs) -> Result<u8, Failure> {
    Ok(0)
}
