//! FRR root filesystems, without Docker and without root.
//!
//! An image is named like a container's (`frr:8.4.4`) and becomes a plain folder, a [`Tree`], that a lab lays its nodes'
//! overlays on. It comes from a Debian suite (signed Release file, hashed packages), from a local folder, or from a
//! `docker save`/OCI archive. [`Store`] keeps trees by content, shared between runs and safe under two pulls at once.

mod apt;
mod cache;
mod closure;
mod copy;
mod deb;
mod debian;
mod depends;
mod detect;
mod error;
mod fetch;
mod fixup;
mod import;
mod list;
mod lock;
mod name;
mod oci;
mod openpgp;
mod packages;
mod progress;
mod prune;
mod release;
mod rooted;
mod store;
mod unpack;

pub use cache::PackageRecord;
pub(crate) use fetch::download;
pub use error::{Blame, ImageError};
pub use list::{Entry, State};
pub use name::{ImageRef, KERNELS, KNOWN, Kind, Known, Source};
pub use progress::{Progress, Quiet};
pub use prune::{Freed, PruneOptions};
pub use store::{Finish, Options, PullOptions, Store, Tree};
