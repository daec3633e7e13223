//! What people read.

pub mod diff;
pub mod inspect;
pub mod mutation;
mod sessions;
