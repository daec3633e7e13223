//! Evidence bundles: what an acceptance rests on in one file, and checking one that somebody else made.
//!
//! A bundle is a tar archive, compressed with zstd, and its [`seal`]. [`pack`] makes it, [`unpack`] takes it apart and believes
//! nothing, [`verify`] judges what is in it again.

mod error;
mod invocation;
mod pack;
mod seal;
mod unpack;
mod verify;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use error::BundleError;
pub use pack::{Content, Members, check, pack};
pub use verify::{Again, Verified, verify};
