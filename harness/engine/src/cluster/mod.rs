//! Real programs of a cluster. Of MetalLB on kubelets: [`RealCluster`]. Without kubelets: a control plane in a namespace of its own, with
//! nothing but a loopback interface, and a speaker (in frr-k8s mode frr-k8s, too) in each cluster node. Nodes reach the API server at their
//! own loopback interface: the harness listens there and relays ([`relay`]), so that no node has an interface or a route that it would not
//! have without a control plane.

mod api;
mod client;
mod credentials;
mod error;
mod frr_k8s;
mod manifest;
mod plane;
mod programs;
mod real;
mod relay;
mod speaker;

pub use client::Client;
pub use error::ClusterError;
pub use frr_k8s::WEBHOOKS;
pub use manifest::{manifest_name, read_manifest};
pub use plane::{PLANE, Plane};
pub use programs::{CAPABILITY, Found, Missing, ProgramSet, Programs};
pub use real::RealCluster;
pub use speaker::{Speaker, debounce};
