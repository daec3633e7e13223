//! Mistakes in a user's file: what is wrong, where, and what to do.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One step from a YAML document's root towards a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seg {
    Key(String),
    Index(usize),
}

/// A file that a user handed us, with its text, so that an error can point into it.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: PathBuf,
    pub text: Arc<str>,
}

/// A position in a file; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

/// A user-caused error. `Display` gives `file:line:column: message`; [`Diagnostic::render`] adds the snippet and hints.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub source: Source,
    pub mark: Option<Mark>,
    pub message: String,
    pub hints: Vec<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source.file.display())?;
        if let Some(m) = self.mark {
            write!(f, ":{}:{}", m.line, m.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Diagnostic {}
