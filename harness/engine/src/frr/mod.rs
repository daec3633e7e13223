//! FRR on a node: starting its daemons, loading and reloading configurations, asking it.

mod config;
mod daemons;
mod error;
mod reload;
mod vty;

pub use config::{load, running_config};
pub use daemons::{DaemonSpec, Frr};
pub use error::FrrError;
pub use reload::{Reload, reload};
pub use vty::{Output as VtyOutput, Vty, VtyError};
