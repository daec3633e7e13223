//! Why a kept lab could not be had, or not be asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::lab::LabError;

use super::refusal::Refusal;

#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error("cannot {action} {}", path.display())]
    Folder {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Somebody else could have put it there.
    #[error("{} is not ours alone: {why}", path.display())]
    NotOurs { path: PathBuf, why: String },
    #[error(
        "`{name}` cannot be a lab's name: 1 to 64 letters, digits, `.`, `_` and `-`, the first a letter or digit"
    )]
    Name { name: String },
    #[error("a lab `{name}` is up already")]
    Alive { name: String },
    #[error("there is no lab `{name}`")]
    NoLab { name: String, alive: Vec<String> },
    #[error("no lab is up")]
    NoneAlive,
    #[error("several labs are up: {}", alive.join(", "))]
    Several { alive: Vec<String> },
    #[error("lab `{lab}` has no node `{node}`")]
    NoNode { lab: String, node: String, known: Vec<String> },
    /// In what the lab was asked.
    #[error("{}", .0.text)]
    Mistake(Refusal),
    #[error("`{node}` is a bridge: a segment, in which nothing can run")]
    Bridge { node: String },
    #[error("cannot {action}")]
    Start {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("cannot ask the supervisor of lab `{lab}`")]
    Ask {
        lab: String,
        #[source]
        source: io::Error,
    },
    #[error("lab `{lab}` ended meanwhile")]
    Ended { lab: String },
    /// 127: it is not there; 126: it cannot be executed.
    #[error("{why}")]
    NotStarted { code: i32, why: String },
    /// The supervisor could not do it.
    #[error("{what}")]
    Failed { what: String },
    #[error("the supervisor of lab `{lab}` did not end within {} s, not even by SIGKILL", limit.as_secs())]
    Immortal { lab: String, limit: Duration },
    #[error("cannot use the terminal")]
    Terminal(#[source] io::Error),
}

/// Whose fault it is, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    User,
    Lab,
}

impl KeepError {
    pub fn blame(&self) -> Blame {
        match self {
            KeepError::Name { .. }
            | KeepError::Alive { .. }
            | KeepError::NoLab { .. }
            | KeepError::NoneAlive
            | KeepError::Several { .. }
            | KeepError::NoNode { .. }
            | KeepError::Bridge { .. }
            | KeepError::Mistake(_)
            | KeepError::NotOurs { .. } => Blame::User,
            _ => Blame::Lab,
        }
    }

    /// What the user can do about it.
    pub fn hints(&self) -> Vec<String> {
        let near = |word: &str, known: &[String]| {
            let known = known.iter().map(String::as_str);
            routeproof_model::diag::nearest(word, known).map(|near| format!("did you mean `{near}`?"))
        };
        match self {
            KeepError::Alive { name } => {
                vec![format!("`routeproof down {name}` ends it; `--name` gives the new one another name")]
            }
            KeepError::NoLab { alive, .. } if alive.is_empty() => vec!["no lab is up".to_string()],
            KeepError::NoLab { name, alive } => {
                near(name, alive).into_iter().chain([format!("up: {}", alive.join(", "))]).collect()
            }
            KeepError::NoneAlive => {
                vec!["`routeproof up TOPOLOGY.clab.yml` boots one and keeps it".to_string()]
            }
            KeepError::Several { .. } => vec!["`--lab NAME` says which".to_string()],
            KeepError::NoNode { node, known, .. } => {
                near(node, known).into_iter().chain([format!("nodes: {}", known.join(", "))]).collect()
            }
            KeepError::NotOurs { path, .. } => {
                vec![format!(
                    "look at {}, remove it, or set XDG_RUNTIME_DIR to a folder of yours",
                    path.display()
                )]
            }
            _ => Vec::new(),
        }
    }
}

/// For errors at a path.
pub(super) fn tried(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.to_path_buf();
    move |source| KeepError::Folder { action, path, source }
}

impl From<LabError> for KeepError {
    fn from(error: LabError) -> KeepError {
        let cause = std::error::Error::source(&error).map(|c| format!(": {c}")).unwrap_or_default();
        KeepError::Failed { what: format!("{error}{cause}") }
    }
}
