//! A topology's `exec` lines.

use futures::future::try_join_all;
use routeproof_model::plan::PlannedRun;
use routeproof_model::profile::Router;
use routeproof_model::topology::{Node, Piece, pieces};

use super::error::RunError;
use super::node::must_run;
use crate::lab::{Command, Lab, NodeHandle};

/// Where `ip` reads lines that it does at once.
const BATCH: &str = "/run/routeproof.ip";

/// Runs each node's lines in order, nodes side by side. containerlab logs a failure; here it breaks the lab.
pub async fn lines(run: &PlannedRun, lab: &Lab) -> Result<(), RunError> {
    let of_node = async |node: &Node| {
        let Some(handle) = lab.node(&node.name) else { return Ok(()) };
        // What they say is in its configuration.
        if run.routers.get(&node.name).is_some_and(Router::configures_addresses) {
            return Ok(());
        }
        for piece in pieces(&node.exec) {
            match piece {
                Piece::One(argv) => one(handle, node, argv).await?,
                Piece::Batch { option, lines } => {
                    let done = batch(handle, node, option, lines).await?;
                    for argv in &lines[done..] {
                        one(handle, node, argv).await?;
                    }
                }
            }
        }
        Ok(())
    };
    try_join_all(run.topology.nodes.iter().map(of_node)).await.map(|_| ())
}

async fn one(handle: &NodeHandle, node: &Node, argv: &[String]) -> Result<(), RunError> {
    let command = Command::new(argv.iter().cloned()).envs(&node.env);
    must_run(handle, &command).await.map(drop)
}

/// How many of the lines are done. The one that failed is to be done again, alone: then its error is its own.
async fn batch(
    handle: &NodeHandle,
    node: &Node,
    option: Option<&str>,
    lines: &[Vec<String>],
) -> Result<usize, RunError> {
    handle.write(BATCH, 0o600, Piece::text(lines).as_bytes()).await?;
    let argv = ["ip"].into_iter().chain(option).chain(["-batch", BATCH]);
    let output = handle.output(&Command::new(argv).envs(&node.env)).await?;
    if output.exit.success() {
        return Ok(lines.len());
    }
    // An `ip` that knows no such option (busybox's) has done nothing.
    Ok(failed_line(&output.stderr).map_or(0, |line| line - 1).min(lines.len()))
}

/// `Command failed FILE:LINE`, from 1.
fn failed_line(stderr: &str) -> Option<usize> {
    let line = stderr.lines().find_map(|line| line.strip_prefix("Command failed "))?;
    line.rsplit(':').next()?.trim().parse().ok().filter(|line| *line > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_failed_is_told() {
        let told = "RTNETLINK answers: File exists\nCommand failed /run/routeproof.ip:3\n";
        assert_eq!(failed_line(told), Some(3));
        assert_eq!(failed_line("BusyBox v1.36: unrecognized option '-batch'\n"), None);
    }
}
