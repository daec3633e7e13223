//! Does routeproof render what MetalLB renders? See `ci/differential --help`.

mod api;
mod campaign;
mod cli;
mod generate;
mod ours;
mod report;
mod resources;
mod schema;
mod speaker;
mod verdict;
mod webhooks;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
