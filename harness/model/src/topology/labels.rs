//! Labels that are ours: a misspelt one would be ignored silently, as containerlab ignores all of them.

use super::interfaces::LABEL as INTERFACES;
use super::layers::Layers;
use super::nodes::{INTENT, ROLE};
use crate::diag::{Diagnostic, Source};

const OURS: [&str; 3] = [ROLE, INTERFACES, INTENT];

/// Errors: a label that begins like ours and is none of them.
pub(super) fn check(source: &Source, layers: &Layers<'_>) -> Result<(), Diagnostic> {
    let labels = layers.map("labels", |n| &n.labels);
    let unknown = labels.iter().find(|(name, _)| name.starts_with("routeproof") && !OURS.contains(*name));
    match unknown {
        None => Ok(()),
        Some((name, (_, at))) => {
            let error = source.error_at_key(at, format!("unknown label `{name}`"));
            Err(error.suggest(name, OURS).hint(format!("known here: {}", OURS.join(", "))))
        }
    }
}
