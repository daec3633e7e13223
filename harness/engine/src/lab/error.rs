//! Why a lab could not be had.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("cannot start the lab's init")]
    Start(#[source] io::Error),
    #[error("cannot build the lab: {what}")]
    Build {
        what: String,
        #[source]
        source: Option<io::Error>,
    },
    /// This machine, or this user on it, may not have labs: nothing of it is the lab's fault.
    #[error("this machine allows no labs: cannot {what}")]
    Forbidden {
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("the lab's init ended while {during}")]
    InitEnded { during: &'static str },
    #[error("node {node}: {what}")]
    Node {
        node: String,
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("node {node} has died: its processes are gone")]
    NodeDied { node: String },
    #[error("cannot copy {} into node {node} at {}", from.display(), to.display())]
    Copy {
        node: String,
        from: PathBuf,
        to: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl LabError {
    /// What the user can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            LabError::Forbidden { .. } => crate::preflight::namespace_hints(),
            LabError::Build { source: Some(e), .. }
                if matches!(e.raw_os_error(), Some(libc::EPERM | libc::ENOSPC | libc::EUSERS)) =>
            {
                crate::preflight::namespace_hints()
            }
            // In a user namespace overlayfs cannot copy up what belongs to an id that is not mapped.
            LabError::Build { source: Some(e), .. } if e.raw_os_error() == Some(libc::EOVERFLOW) => vec![
                "the root filesystem in the cache belongs to another user or group: use a cache of your own, \
                 `ROUTEPROOF_CACHE=FOLDER` or --cache-dir"
                    .to_string(),
            ],
            _ => Vec::new(),
        }
    }
}
