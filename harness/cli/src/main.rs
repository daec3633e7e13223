//! The `routeproof` binary: arguments in, exit code out.
#![forbid(unsafe_code)]

mod args;
mod cmd;
mod fail;
mod out;
mod render;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cmd::dispatch(args::parse()))
}
