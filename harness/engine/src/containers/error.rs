//! What goes wrong with containers.

use std::path::Path;

use routeproof_model::profile::TemplateError;
use routeproof_model::real::ImageNameError;

use crate::lab::LabError;
use crate::wait::TimedOut;

#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    #[error("no Docker engine can be asked")]
    Engine(#[source] Box<testcontainers::bollard::errors::Error>),
    #[error("the Docker engine cannot {what}")]
    Ask {
        what: String,
        #[source]
        source: Box<testcontainers::bollard::errors::Error>,
    },
    #[error("cannot start container {name} of {image}")]
    Start {
        name: String,
        image: String,
        #[source]
        source: Box<testcontainers::TestcontainersError>,
    },
    #[error("container {name} of {image} ended at once")]
    Ended { name: String, image: String },
    #[error("node {node}: {source}")]
    Image { node: String, source: ImageNameError },
    #[error("cannot run `{command}`")]
    Run {
        command: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{command}` failed ({exit}): {said}; all it said is in {log}")]
    Failed { command: String, exit: String, said: String, log: String },
    #[error("the profile of a router does not fit its intent: {0}")]
    Template(#[from] TemplateError),
    #[error("cannot {action} {path}")]
    File {
        action: &'static str,
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot use {path}: {why}")]
    Written { path: String, why: String },
    #[error("the topology has {0} k8s-kind nodes; labs in containers have one cluster")]
    Clusters(usize),
    #[error("kind makes no node {node}: its configuration has {made}")]
    NoSuchNode { node: String, made: String },
    #[error(
        "the Docker engine does not run among this machine's processes: container {name} has the pid {pid} there, which is none here"
    )]
    Elsewhere { name: String, pid: i32 },
    #[error("cannot have MetalLB's manifest from {url}: {why}; a copy may be put at {path}")]
    Manifest { url: String, path: String, why: String },
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("a container of the cluster")]
    NotReady(#[from] TimedOut),
}

impl ContainerError {
    pub(super) fn read(path: &Path, source: std::io::Error) -> ContainerError {
        ContainerError::File { action: "read", path: path.display().to_string(), source }
    }

    pub(super) fn write(path: &Path, source: std::io::Error) -> ContainerError {
        ContainerError::File { action: "write", path: path.display().to_string(), source }
    }
}
