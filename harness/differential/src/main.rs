//! Does routeproof render what MetalLB renders? See `ci/differential --help`.

mod addresses;
mod allocation;
mod api;
mod campaign;
mod cli;
mod frr_k8s;
mod generate;
mod ours;
mod process;
mod report;
mod resources;
mod schema;
mod schemas;
mod settle;
mod speaker;
mod subject;
mod verdict;
mod webhooks;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
