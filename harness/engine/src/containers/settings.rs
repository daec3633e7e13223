//! What a user says about labs in containers.

use std::path::{Path, PathBuf};

use routeproof_model::metallb::Mode;
use sha2::{Digest as _, Sha256};

use super::error::ContainerError;
use crate::cluster::manifest_name;
use crate::image::download;

/// The names in `doctor` of what these labs need.
pub const CAPABILITIES: [&str; 2] = ["docker", "kind"];
/// And those with routers of containerlab's kinds.
pub const CONTAINERLAB: &str = "containerlab";

/// Where MetalLB publishes its manifests, by release.
const SOURCE: &str = "https://raw.githubusercontent.com/metallb/metallb";

/// Where images and files come from.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Images are this registry's, by the last parts of their names, instead of the ones that topologies and manifests name.
    pub registry: Option<String>,
    /// kind's node image; kind has one of its own.
    pub node_image: Option<String>,
    /// YAML that is merged over the topology's configuration of kind.
    pub kind_patch: Option<PathBuf>,
    /// A folder with `VERSION/manifest.yaml` of MetalLB's releases, `manifest-frr-k8s.yaml` for that mode; what it lacks is downloaded into
    /// the cache.
    pub manifests: Option<PathBuf>,
    /// The cache.
    pub cache: PathBuf,
}

impl Settings {
    /// A release's manifest of a mode, which is downloaded if it is nowhere; `say` is told of that.
    ///
    /// # Errors
    /// It cannot be had.
    pub(crate) async fn manifest(
        &self,
        version: &str,
        mode: Mode,
        say: &(dyn Fn(String) + Sync),
    ) -> Result<PathBuf, ContainerError> {
        if let Some(found) = self.manifest_places(version, mode).into_iter().find(|path| path.is_file()) {
            return Ok(found);
        }
        let url = format!("{SOURCE}/{version}/config/manifests/{}", published(mode));
        let path = self.downloaded(version, mode);
        let failed = |why: String| ContainerError::Manifest {
            url: url.clone(),
            path: path.display().to_string(),
            why,
        };
        let bytes = download(&url).await.map_err(failed)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
            // Whole or not at all.
            let partial = path.with_extension(format!("{}.partial", std::process::id()));
            std::fs::write(&partial, &bytes)?;
            std::fs::rename(&partial, &path)
        });
        written.map_err(|e| failed(e.to_string()))?;
        say(format!("{url} (SHA-256 {digest}) is in {} from now on", path.display()));
        Ok(path)
    }

    /// The files in which a release's manifest may be, the first that exists counts.
    fn manifest_places(&self, version: &str, mode: Mode) -> Vec<PathBuf> {
        let in_folder = |folder: &Path| folder.join(version).join(manifest_name(mode));
        let of_programs = self.cache.join("cluster-programs/metallb");
        let own = self.manifests.as_deref().map(in_folder);
        own.into_iter().chain([in_folder(&of_programs), self.downloaded(version, mode)]).collect()
    }

    fn downloaded(&self, version: &str, mode: Mode) -> PathBuf {
        self.cache.join("manifests").join(version).join(published(mode))
    }
}

/// What MetalLB calls it.
fn published(mode: Mode) -> String {
    format!("metallb-{}.yaml", mode.name())
}
