//! Routers that a profile describes: starting, configuring and asking them by the profile's commands.

mod asking;
mod error;
mod running;

pub use error::RouterError;
pub use running::RunningRouter;
