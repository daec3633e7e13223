//! Why a probe could not be made. That nobody answers is a finding, not an error.

use std::io;

use crate::lab::LabError;

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("node {node}: cannot {what}")]
    Socket {
        node: String,
        what: String,
        #[source]
        source: io::Error,
    },
}

impl ProbeError {
    /// Somebody else answers there, perhaps a responder that is about to let go.
    pub fn is_address_in_use(&self) -> bool {
        matches!(self, ProbeError::Socket { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }

    /// For `map_err`: names the node and what was tried there.
    pub(super) fn at<E: Into<io::Error>>(
        node: &str,
        what: impl Into<String>,
    ) -> impl FnOnce(E) -> ProbeError {
        let (node, what) = (node.to_string(), what.into());
        move |source| ProbeError::Socket { node, what, source: source.into() }
    }
}
