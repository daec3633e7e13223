//! routeproof's engine: everything that touches the machine.
//!
//! Each module has one job: [`image`] gets root filesystems, [`lab`] boots nodes in namespaces, [`frr`] runs and
//! asks the routing daemons, [`observe`] reads the kernel over netlink,
//! [`probe`] sends packets and watches them, [`run`] knows the order of a scenario's
//! steps, [`keep`] keeps a lab beyond one command, [`report`] turns events into what people and tools read.

pub mod bundle;
pub mod cluster;
pub mod containers;
mod daemons;
pub mod event;
pub mod exec;
pub mod frr;
pub mod guest;
pub mod health;
pub mod image;
pub mod keep;
pub mod lab;
pub mod observe;
pub mod preflight;
pub mod probe;
pub mod recorded;
pub mod report;
pub mod router;
pub mod run;
pub mod rundir;
pub mod wait;

pub use run::{LabOptions, LiveLab, Ran, RunOptions, Scenario, Stepped};
