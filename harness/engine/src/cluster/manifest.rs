//! MetalLB's manifests.

use std::path::Path;

use routeproof_model::diag::Source;
use routeproof_model::yaml;
use serde_json::Value;

use super::error::ClusterError;

/// The documents of a release's manifest.
pub fn read_manifest(path: &Path) -> Result<Vec<Value>, ClusterError> {
    let failed = |e: &dyn std::fmt::Display| ClusterError::Manifest(format!("{}: {e}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
    let source = Source::from_bytes(path, bytes).map_err(|e| failed(&e))?;
    let documents = yaml::documents(&source).map_err(|e| failed(&e))?;
    let documents = documents.iter().map(yaml::Document::parse::<Value>);
    documents.collect::<Result<Vec<_>, _>>().map_err(|e| failed(&e))
}
