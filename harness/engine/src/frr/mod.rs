//! FRR on a node: starting its daemons, loading and reloading configurations, asking it.

mod daemons;
mod error;
mod reload;

pub use daemons::{DaemonSpec, Frr};
pub use error::FrrError;
pub use reload::{Reload, reload};
