//! What ends the making or the checking of a bundle.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is no bundle: {why}", path.display())]
    NotABundle { path: PathBuf, why: String },
    #[error("cannot pack {}: {why}", path.display())]
    Unfit { path: PathBuf, why: String },
}

impl BundleError {
    /// Whether another argument would help.
    pub fn is_of_input(&self) -> bool {
        matches!(
            self,
            BundleError::NotABundle { .. } | BundleError::Io { action: READ_BUNDLE | WRITE_BUNDLE, .. }
        )
    }
}

/// What is done to the file that the user names.
pub(super) const READ_BUNDLE: &str = "read the bundle";
pub(super) const WRITE_BUNDLE: &str = "write the bundle";

pub(super) fn tried(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BundleError + use<> {
    let path = path.to_owned();
    move |source| BundleError::Io { action, path, source }
}
