//! FRR on a node: starting its daemons, loading and reloading configurations, asking it.

mod config;
mod daemons;
mod error;
mod load;
mod reload;
mod start;
mod vty;

pub use config::{load_conf, running_config};
pub use daemons::{DaemonSpec, Frr};
pub use error::FrrError;
pub use load::{LoadError, load};
pub use reload::{Reload, reload};
pub use start::start_peers;
pub use vty::{LineAnswer, Output as VtyOutput, Vty, VtyError};
