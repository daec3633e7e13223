//! Labs in containers: routers by testcontainers, clusters by kind, on a Docker engine of this machine.
//!
//! An agent in each container's namespaces ([`crate::lab::Attached`]) makes it a node like any other, so that what observes, probes and breaks
//! embedded labs works on these as it is. Everything has the lab's name, by which [`sweep`] finds what a killed process left.

mod bundle;
mod clab;
mod docker;
mod error;
mod kind;
mod nodes;
mod processes;
mod settings;
mod sweep;
mod tool;

pub use bundle::{bundle, load};
pub use docker::{Docker, Running};
pub use error::ContainerError;
pub(crate) use nodes::Containers;
pub(crate) use processes::Program;
pub use settings::{CAPABILITIES, CONTAINERLAB, Settings};
pub use sweep::sweep;
