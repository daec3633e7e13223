//! Kept labs: what `up` boots and `down` ends.
//!
//! ```text
//! up ──exec──> supervisor (this binary again) ──> lab
//!                  │  holds the lock of its state folder as long as it lives
//! exec, shell, ────┘  listens on the folder's socket: one connection, one question
//! inspect, down
//! ```
//! The supervisor owns the lab as `run` does, so a lab dies with its supervisor, by whatever signal. All that a killed
//! one leaves is its state folder, which nobody takes for alive: the kernel has dropped the lock.
//!
//! A lab that needs a guest kernel is kept in one, by the supervisor's worker there; what clients ask goes through
//! [`relay`].

mod answer;
mod beside;
mod channel;
mod client;
mod error;
mod exec;
mod folder;
mod guest;
mod here;
mod kept;
mod protocol;
mod refusal;
mod relay;
mod snapshot;
mod start;
mod supervisor;
mod sweep;
mod terminal;
mod wrong;

pub use client::{Lab, Labs};
pub use error::{Blame, KeepError};
pub use exec::{Running, Streams};
pub use folder::{Found, State, States};
pub use here::KeepFirst;
pub(crate) use kept::Kept;
pub use protocol::{Command, LabStatus, NodeStatus, Report, SCHEMA, Sessions, Snapshot};
pub use refusal::Refusal;
pub use start::{GuestKernel, Request, Starting, check_free, choose_kernel, start};
pub use supervisor::supervise;
pub use sweep::{Swept, sweep};
pub use terminal::Terminal;
pub(crate) use wrong::{Keeper, Offer, Take};
