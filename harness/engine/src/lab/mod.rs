//! Labs: nodes as namespaces of one process tree, wired by netlink.
//!
//! ```text
//! harness ──exec──> outer ──fork──> lab init (pid 1 of the lab) ──clone──> node agent (pid 1 of a node) ──> daemons
//!    └───────────────── control socket ─┘                                    │
//!    └───────────────── one agent socket per node ────────────────────────────┘
//! ```
//! Everything below the lab init lives in its pid, mount and network namespaces: when it dies, by whatever signal,
//! the kernel removes processes, links, mounts and namespaces. It dies by itself when the harness's end of the
//! control socket closes, so a `kill -9` of the harness needs no clean-up either.

mod agent;
mod attach;
mod binds;
mod boot;
mod clone;
mod confine;
mod devices;
mod entry;
mod error;
mod init;
mod links;
mod nftables;
mod node;
mod one_user;
mod process;
mod rootfs;
pub(crate) mod rtnl;
mod spec;
pub(crate) mod wire;
mod xtables;

pub use attach::Attached;
pub use boot::{BootTimes, Death, Lab, unless_dead};
pub(crate) use clone::{Side, fork_into};
pub(crate) use confine::keep_capabilities;
pub(crate) use entry::close_inherited;
pub use error::LabError;
pub use node::NodeHandle;
pub use process::{Command, Exit, Output, Process, Stdio};
pub use spec::{BridgeSpec, Family, InterfaceSpec, LabSpec, Laid, LinkEnd, LinkSpec, NodeSpec, SocketKind};
pub(crate) use wire::register;
pub(crate) use xtables::replace as replace_table;
