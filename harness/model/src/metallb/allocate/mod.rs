//! MetalLB's controller: which addresses each LoadBalancer Service has.
//!
//! A Service keeps its addresses while they still fit ([`converge`]). Where MetalLB walks over a Go map of pools (a random order), this
//! walks by name, so that the same manifests always give the same addresses.

mod choose;
mod converge;
mod request;
mod tenancy;

pub(super) use converge::{converge, is_ours, pool_of};
pub(super) use request::NEW_ANNOTATIONS;
