//! The guest kernel: a run on a User-Mode Linux kernel of our own, for hosts whose kernel lacks what a scenario needs.
//!
//! ```text
//! harness ──exec──> keeper ──clone──> keeper's inner half ──exec──> linux.uml
//!    │                                                               └─ guest: init (pid 1) ──fork──> worker ──> lab
//!    ├──────── control socket (how it ended) ────┘                               │
//!    └──────── channel: a socket here, /dev/ttyS0 there, with many streams ───────┘
//! ```
//! Descriptors cannot leave the guest, so the whole run is done in there, by the same code on the same files: the host's
//! file system is the guest's root, read-only, and the run's folder is writable. A lab that is kept has its clients outside;
//! `keep::relay` brings them to it over streams of the channel. Every process is this binary again, taken
//! over before `main`; the guest's side is told by an explicit marker, never by its pid.
//!
//! When the harness goes, by whatever signal, the channel ends: the guest powers itself off, and the keeper kills what is
//! left. When the guest goes, the keeper says how.

mod cell;
mod choice;
mod command_line;
mod converse;
mod cpu;
mod entry;
mod error;
mod init;
mod jail;
mod keeper;
mod kernel;
mod launch;
mod modules;
mod mux;
mod order;
mod worker;
mod xstate;

pub(crate) use cell::{Cell, probe};
pub use choice::{Choice, Guest};
pub(crate) use choice::{Place, decide, place};
pub(crate) use cpu::{Seat, seat};
pub(crate) use entry::is_guest;
pub use error::GuestError;
pub(crate) use kernel::Kernel;
pub use kernel::{DEFAULT_KERNEL, KernelSource};
pub(crate) use launch::CONSOLE;
pub(crate) use mux::{Mux, Stream};
pub(crate) use order::{Said, Word};
