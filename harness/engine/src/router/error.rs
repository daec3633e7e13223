//! What goes wrong with a router of a profile.

use routeproof_model::profile::{AnswerError, CommandError, TemplateError};

use crate::daemons::DaemonError;
use crate::lab::{Exit, LabError};
use crate::wait::TimedOut;

#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("node {node}: the profile's template does not fit the intent")]
    Template {
        node: String,
        #[source]
        source: TemplateError,
    },
    #[error("node {node}: a command of the profile does not fit the intent")]
    Command {
        node: String,
        #[source]
        source: CommandError,
    },
    /// The router did not take a line: nothing after that would mean anything.
    #[error("node {node}: {router} refuses its configuration: {line}")]
    Refused { node: String, router: String, line: String },
    #[error("node {node}: {router} is not ready")]
    NotReady {
        node: String,
        router: String,
        #[source]
        source: TimedOut,
    },
    #[error("node {node}: `{command}` failed ({exit}): {output}")]
    Failed { node: String, command: String, exit: Exit, output: String },
    #[error("node {node}: cannot read the answer to `{command}`")]
    Answer {
        node: String,
        command: String,
        #[source]
        source: AnswerError,
    },
    #[error("node {node}: {router}'s profile has no `{question}`")]
    NoQuestion { node: String, router: String, question: &'static str },
}
