//! Containerlab topologies: the written file ([`TopologyFile`]), what containerlab sees in it ([`Lab`]) and what the
//! embedded lab boots ([`Topology`]).
//!
//! [`substitute`] replaces variables in the text, [`parse`] reads it. [`lab`] answers whether it is a file of containerlab's,
//! with nodes of any kind and links of any type. [`resolve`] answers whether the embedded lab can boot it: its errors are
//! mistakes, or refusals of what is right ([`crate::diag::Diagnostic::unsupported`]). No file is opened besides: paths are checked
//! by their text here, symbolic links by the engine.
//!
//! # What the embedded lab does with containerlab's keys
//! Every key is known; none is ignored silently. For people: `topologies/README.md`.
//!
//! | keys | here |
//! |---|---|
//! | `name`, `topology.{defaults,kinds,groups,nodes,links}` | used |
//! | node: `kind` (`linux`, `frr`, `bridge`, `k8s-kind`, `ext-container`), `group`, `image`, `exec`, `binds`, `env`, `startup-config`, `labels`, `sysctls`, `hostname` | used |
//! | node: `user: root`, `network-mode: none`, empty `cmd` and `entrypoint`, `startup-delay: 0` | used: the embedded lab is like that |
//! | link: brief, `type: veth` and `type: dummy`; `mtu`, `mac`, `ipv4`, `ipv6` | used |
//! | node: `cmd` that only keeps a container alive (`sleep infinity`, `tail -f /dev/null`, a bare shell) | warning: no effect |
//! | `prefix`, `mgmt`, `settings`, `debug`; link and endpoint `vars`, link `labels` | warning: no effect |
//! | node: container and registry settings, limits, management addresses, credentials, `stages` that only wait for links (see `support`) | warning: no effect |
//! | node: `cmd`, `entrypoint`, `user`, `env-files`, `volumes`, `tmpfs`, `devices`, other `stages`, `startup-delay`, `components`, other `network-mode`s | refused: ignoring it would change what the lab shows |
//! | link types `host`, `mgmt-net`, `macvlan`, `vxlan`, `vxlan-stitch`, `veth-stitch` | refused |
//! | vendor kinds | refused: they need containerlab |
//! | `__clabNodeName__`, `__clabLabName__`, `__clabDir__`, `__clabNodeDir__` | used in `exec`, `binds` and `startup-config` |
//!
//! Ours: the label `routeproof.role` (`cluster-node`, `gateway`, `client`) says what a `linux` node plays when its image
//! does not; the label `routeproof.interfaces` (see [`interfaces`]) declares VLANs, VRFs, bonds and the like.

mod addresses;
mod batch;
mod devices;
mod file;
mod interfaces;
mod kinds;
mod lab;
mod labels;
mod layers;
mod links;
mod names;
mod nodes;
mod paths;
mod resolve;
mod segment;
mod stages;
mod support;
mod types;
mod variables;
mod words;

pub(crate) use addresses::{added_by, simple_commands};
pub use batch::{Piece, pieces};
pub use devices::Devices;
pub use file::{EndpointFile, FullEndpoint, LinkFile, Mgmt, Named, NodeFile, TopologyFile, TopologySection};
pub use interfaces::{
    Bond, BondMode, HashPolicy, Interface, InterfaceKind, MacvlanMode, Netem, PortVlans, UNREACHABLE_METRIC,
    VrfRule, Vxlan, commands,
};
pub use lab::{Lab, LabEnd, LabLink, LabNode, LinkKind, Outside, Part, read as lab};
pub use resolve::{load, parse, resolve};
pub use stages::Wait;
pub use types::{Bind, Cluster, Endpoint, Link, Node, Role, StartupConfig, Topology};
pub use variables::substitute;
pub use words::{WordsError, words};

#[cfg(test)]
mod tests;
