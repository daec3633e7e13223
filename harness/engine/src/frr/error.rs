//! What goes wrong with FRR on a node.

use crate::daemons::DaemonError;
use crate::lab::LabError;
use crate::wait::TimedOut;

#[derive(Debug, thiserror::Error)]
pub enum FrrError {
    #[error("node {node}: {daemon} runs in a pod that starts it again by itself: faults of its daemons are for embedded labs")]
    NotOurs { node: String, daemon: String },
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
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
    #[error("node {node}: cannot watch {what}")]
    Watch {
        node: String,
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
}
