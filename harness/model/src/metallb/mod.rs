//! MetalLB in its FRR modes, without Kubernetes: objects in, a node's frr.conf out.
//!
//! [`Objects`] is the cluster: apply manifests to it, delete from it; it also plays MetalLB's controller (addresses for Services) and
//! its webhooks (refusals with MetalLB's reason at the user's line). [`render`] plays the speaker of one node. [`Release`] says which
//! layout a MetalLB version has and which FRR it runs; [`startup`] is what that FRR boots with. [`lint`] says what is wrong with extras.
// The build without tests still refuses unwrap().
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admit;
mod allocate;
mod base64;
mod community;
mod duration;
mod endpoints;
mod frrconf;
mod frrk8s;
mod layout;
mod legacy;
pub mod lint;
mod meta;
mod nodes;
mod objects;
mod proxy;
mod refusal;
mod reject;
mod release;
mod render;
mod resolve;
mod speaker;
mod specs;
mod startup;
mod store;
#[cfg(test)]
mod tests;

pub use base64::{decode as decode_base64, encode as encode_base64};
pub use duration::GoDuration;
pub use endpoints::{Endpoint, EndpointPort, EndpointSlice};
pub use frrconf::Family;
pub use frrk8s::{FrrConfiguration, FrrConfigurationSpec, FrrK8s};
pub use meta::Labels;
pub use objects::{Kind, ObjectId};
pub use proxy::{Backend, Frontend, frontends};
pub use release::{Generation, Mode, RELEASES, Release, UnknownMode, UnknownRelease};
pub use render::{NodeInfo, PeerInfo, RenderError, Rendered, render};
pub use resolve::RemoteAs;
pub use startup::{Daemon, Startup, startup};
pub use store::{Applied, Change, DeleteError, METALLB_NAMESPACE, Objects};
