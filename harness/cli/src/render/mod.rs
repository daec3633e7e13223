//! What people read.

mod beside;
pub mod check;
pub mod diff;
pub mod inspect;
pub mod lab;
pub mod mutation;
mod sessions;
