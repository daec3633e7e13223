//! Manifests without a scenario: what MetalLB would refuse of them, and what is wrong with their extras.

use std::fs;
use std::path::{Path, PathBuf};

use routeproof_model::metallb::lint::{Finding, FrrVersion, Lint};
use routeproof_model::metallb::{self, Mode, NodeInfo, Objects, Release, RenderError};

use super::error::RunError;
use super::rehearse::apply;

/// What was found in manifests that are no error as a whole.
#[derive(Clone, Debug, Default)]
pub struct CheckedManifests {
    pub findings: Vec<Finding>,
    /// MetalLB's own.
    pub warnings: Vec<String>,
}

/// Applies manifests, as one `kubectl apply`, to an empty cluster with this release and FRR. A folder stands for its manifests
/// (`*.yaml`, `*.yml`, `*.json`), as with `kubectl apply -f`.
///
/// # Errors
/// A file that cannot be read, is no manifest, or that MetalLB refuses.
pub fn check_manifests(
    manifests: &[PathBuf],
    (release, mode): (&'static Release, Mode),
    frr: Option<FrrVersion>,
) -> Result<CheckedManifests, RunError> {
    let mut files = Vec::new();
    for manifest in manifests {
        files.extend(files_of(manifest)?);
    }
    let mut objects = Objects::of(release);
    let applied = apply(&mut objects, &files)?;
    let mut lint = Lint::new(release, frr);
    lint.look(&objects, &applied);
    let node = NodeInfo { name: "worker".to_string(), ..NodeInfo::default() };
    let warnings = match metallb::render(release, mode, &objects, &node) {
        Ok(rendered) => rendered.warnings,
        // A Secret, say, that is not kept with the manifests.
        Err(RenderError::Pending(waits)) => vec![waits.to_string()],
        Err(RenderError::Refused(refusal)) => return Err(RunError::Input(refusal)),
        Err(other) => {
            return Err(RunError::Config { node: node.name, what: other.to_string(), hints: Vec::new() });
        }
    };
    Ok(CheckedManifests { findings: lint.findings(), warnings })
}

fn files_of(manifest: &Path) -> Result<Vec<PathBuf>, RunError> {
    if !manifest.is_dir() {
        return Ok(vec![manifest.to_path_buf()]);
    }
    let unreadable = |source| RunError::Read { path: manifest.to_path_buf(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(manifest).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let extension = path.extension().and_then(|e| e.to_str());
        if path.is_file() && matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(unreadable(std::io::Error::other(
            "no manifest (*.yaml, *.yml, *.json) is in this folder",
        )));
    }
    files.sort();
    Ok(files)
}
