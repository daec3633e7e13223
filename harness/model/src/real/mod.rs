//! What is handed to real programs of a cluster in containers: kind's configuration, MetalLB's manifest with other images, names of
//! images and labs. Pure, so that it can be looked at without Docker.

mod clab;
mod config;
mod images;
mod lab_name;
mod manifest;
mod network;

pub use clab::{Cable, Deployment, Mounted, cables, deployment, theirs};
pub use config::{Member, MemberRole, PlannedCluster, config};
pub use images::{Image, ImageNameError, container_image, metallb_image};
pub use lab_name::LabName;
pub use manifest::{NodePods, RELOADER, Rollout, images_of, metallb, readiness, trouble};
pub use network::{conflist, pod_routes};
