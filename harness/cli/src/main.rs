//! The `routeproof` binary: arguments in, exit code out.
#![forbid(unsafe_code)]
// A reader that left must not become a panic: `out` writes.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod backing;
mod cmd;
mod fail;
mod out;
mod render;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cmd::dispatch(args::parse()))
}
