//! MetalLB's manifests.

use std::path::Path;

use routeproof_model::diag::Source;
use routeproof_model::metallb::Mode;
use routeproof_model::yaml;
use serde_json::Value;

use super::error::ClusterError;

/// The documents of a release's manifest.
pub fn read_manifest(path: &Path) -> Result<Vec<Value>, ClusterError> {
    let bytes =
        std::fs::read(path).map_err(|e| ClusterError::Manifest(format!("{}: {e}", path.display())))?;
    // These say where.
    let wrong = |e: &dyn std::fmt::Display| ClusterError::Manifest(e.to_string());
    let source = Source::from_bytes(path, bytes).map_err(|e| wrong(&e))?;
    let documents = yaml::documents(&source).map_err(|e| wrong(&e))?;
    documents.iter().map(|document| document.parse::<Value>().map_err(|e| wrong(&e))).collect()
}

/// What a release's manifest for a mode is called in a folder of the release's.
pub fn manifest_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Frr => "manifest.yaml",
        Mode::FrrK8s => "manifest-frr-k8s.yaml",
    }
}
