//! The routing daemons: asking them and loading their configuration.

pub mod load;
pub mod vty;
