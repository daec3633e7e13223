//! MetalLB in frr-k8s mode: the speaker writes an FRRConfiguration for its node ([`generate`]), users add theirs ([`specs`]), and
//! frr-k8s reads each ([`resolve`]), unites those of a node ([`merge`]) and renders frr.conf (`layout/frrk8s.rs`). Routes are learnt by
//! `toReceive` of a user's FRRConfiguration; the ConfigMap `bgpextras` plays no part.

mod compatible;
pub(super) mod conf;
mod generate;
mod merge;
mod node;
mod resolve;
mod schema;
mod specs;
mod version;
mod warnings;

pub use node::FrrConfiguration;
pub(super) use node::node_conf;
pub(super) use schema::check as check_schema;
pub use specs::FrrConfigurationSpec;
pub use version::{FrrK8s, Generation};
