//! Why a run ended before its verdict.

use std::path::PathBuf;

use routeproof_model::diag::Diagnostic;
use routeproof_model::result::Outcome;

use crate::cluster::{CAPABILITY, ClusterError, Missing};
use crate::containers::ContainerError;
use crate::frr::FrrError;
use crate::guest::GuestError;
use crate::image::ImageError;
use crate::lab::{Death, LabError};
use crate::probe::ProbeError;
use crate::router::RouterError;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A mistake in a user's file.
    #[error("{}", .0)]
    Input(Box<Diagnostic>),
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Frr(#[from] FrrError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Container(#[from] ContainerError),
    #[error(transparent)]
    Router(#[from] RouterError),
    #[error(transparent)]
    Guest(#[from] GuestError),
    #[error(transparent)]
    Died(#[from] Death),
    #[error("node {node}: `{command}` failed ({exit}){}", if output.is_empty() { String::new() } else { format!(": {output}") })]
    Exec { node: String, command: String, exit: String, output: String },
    /// FRR refused a line, or does not have it afterwards: nothing after that would mean anything.
    #[error("node {node}: {what}")]
    Config { node: String, what: String, hints: Vec<String> },
    #[error("node {node}: cannot read FRR's answer to `{command}`: {why}")]
    View { node: String, command: String, why: String },
    #[error("cannot observe node {node}: {why}")]
    Observe { node: String, why: String },
    /// The host, or its kernel, lacks what the scenario needs.
    #[error("{capability} is missing: {detail}")]
    Missing { capability: String, detail: String },
    #[error("scenario {scenario} has no run with {axis}={value}")]
    NoRun { scenario: String, axis: String, value: String },
    #[error("cannot write to the run directory")]
    Record(#[source] std::io::Error),
}

impl From<Diagnostic> for RunError {
    fn from(diagnostic: Diagnostic) -> RunError {
        RunError::Input(Box::new(diagnostic))
    }
}

impl From<Missing> for RunError {
    fn from(missing: Missing) -> RunError {
        RunError::Missing { capability: CAPABILITY.to_string(), detail: missing.to_string() }
    }
}

impl RunError {
    /// What a run that ends with this error is.
    pub fn outcome(&self) -> Outcome {
        match self {
            RunError::Lab(LabError::Forbidden { .. })
            | RunError::Missing { .. }
            | RunError::Frr(FrrError::NotOurs { .. }) => Outcome::Skipped,
            _ => Outcome::Broken,
        }
    }

    pub fn hints(&self) -> Vec<String> {
        match self {
            RunError::Input(diagnostic) => diagnostic.hints.clone(),
            RunError::Image(e) => e.hints().to_vec(),
            RunError::Lab(e) => e.hints(),
            RunError::Config { hints, .. } => hints.clone(),
            _ => Vec::new(),
        }
    }

    /// The error with its causes, in one line.
    pub fn line(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}
