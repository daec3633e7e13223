//! What goes wrong with FRR on a node.

use crate::lab::{Exit, LabError};
use crate::wait::TimedOut;

#[derive(Debug, thiserror::Error)]
pub enum FrrError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("node {node}: {daemon} ended at once with {exit}: {log}")]
    DiedAtStart { node: String, daemon: String, exit: Exit, log: String },
    #[error("node {node}: {daemon} does not run")]
    NotRunning { node: String, daemon: String },
    #[error("node {node}: {daemon} has ended with {exit}")]
    Died { node: String, daemon: String, exit: Exit },
    #[error("node {node}")]
    NotReady {
        node: String,
        #[source]
        source: TimedOut,
    },
    #[error("node {node}")]
    Vty {
        node: String,
        #[source]
        source: super::vty::VtyError,
    },
    #[error("node {node}: cannot write {what}")]
    Log {
        node: String,
        what: String,
        #[source]
        source: std::io::Error,
    },
}
