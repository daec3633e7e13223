//! Pods of an embedded lab, and how requests for Services reach them: network namespaces behind their nodes
//! ([`with_pods`]) and what kube-proxy would program ([`ruleset`], or [`tables`] where the kernel has no nf_tables).

mod proxy;
mod wiring;
mod xtables;

pub use proxy::ruleset;
pub use wiring::{INTERFACE, PodError, host_of, with_pods};
pub use xtables::{Table, tables};
