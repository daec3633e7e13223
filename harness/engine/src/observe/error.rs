//! What can go wrong between us and a node's kernel.

use std::io;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum ObserveError {
    #[error("cannot {attempt} on a netlink socket")]
    Socket { attempt: &'static str, source: io::Error },
    #[error("the kernel refused to list {what}")]
    Refused { what: &'static str, source: io::Error },
    #[error("the kernel's answer about {what} is not netlink: {error}")]
    Garbled { what: &'static str, error: String },
    #[error("the kernel's list of {what} changed during each of {tries} readings")]
    Unsteady { what: &'static str, tries: u32 },
    #[error("the listener has stopped: {reason}")]
    Stopped { reason: String },
}

impl ObserveError {
    pub(super) fn socket(attempt: &'static str) -> impl FnOnce(io::Error) -> ObserveError {
        move |source| ObserveError::Socket { attempt, source }
    }

    /// The error with its causes on one line, for a recording.
    pub(super) fn one_line(&self) -> String {
        use std::error::Error as _;
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(&format!(": {error}"));
            cause = error.source();
        }
        line
    }
}
