//! What people read.

pub mod inspect;
