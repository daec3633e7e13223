//! What goes wrong with a cluster's programs.

use crate::daemons::DaemonError;
use crate::lab::LabError;
use crate::probe::ProbeError;
use crate::wait::TimedOut;

#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("the control plane")]
    NotReady(#[source] TimedOut),
    #[error("a pod of MetalLB's does not start: {0}")]
    Pod(String),
    #[error("cannot make the control plane's certificate")]
    Certificate(#[source] rcgen::Error),
    #[error("cannot make an HTTPS client for the API server")]
    Client(#[source] rustls::Error),
    #[error("cannot use the credentials in {path}: {why}")]
    Kubeconfig { path: String, why: String },
    #[error("cannot read MetalLB's manifest: {0}")]
    Manifest(String),
    #[error("the lab has no node {0} for the control plane")]
    NoPlace(&'static str),
    #[error("the API server refuses {object}: {reason}")]
    Refused { object: String, reason: String },
    #[error("cannot ask the API server about {object}")]
    Api {
        object: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(transparent)]
    Unknown(#[from] routeproof_model::cluster::Unknown),
    #[error("node {node}: {program} has asked for a reload that no step was waiting for any more")]
    Unheard { node: String, program: &'static str },
    #[error("node {node}: what stands in for its reloader has ended")]
    Reloader { node: String },
}
