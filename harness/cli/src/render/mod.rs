//! What people read.

mod beside;
pub mod diff;
pub mod inspect;
pub mod mutation;
mod sessions;
