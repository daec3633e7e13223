//! What people read.

pub mod inspect;
mod sessions;
