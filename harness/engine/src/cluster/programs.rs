//! Where the programs are: `etcd`, `kube-apiserver`, and for each release of MetalLB in `metallb/VERSION` a `speaker`, a `controller` and
//! `manifest.yaml` (as the release publishes it for FRR mode), or for frr-k8s mode `manifest-frr-k8s.yaml` and the programs of frr-k8s's
//! image that it starts. `ci/cluster-programs` makes such a folder.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use routeproof_model::cluster::FrrK8s;
use routeproof_model::metallb::{Generation, Mode, RELEASES, Release};
use serde_json::Value;

use super::manifest::{manifest_name, read_manifest};

/// The capability that is missing where the programs are.
pub const CAPABILITY: &str = "cluster-programs";

/// A folder of programs.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

/// What is not there, and how to get it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Missing(pub String);

/// One release's in a mode, opened: a lab's nodes get them as descriptors, so that they need be in no root filesystem.
#[derive(Clone, Debug)]
pub struct ProgramSet {
    pub generation: Generation,
    pub mode: Mode,
    pub etcd: Arc<OwnedFd>,
    pub api_server: Arc<OwnedFd>,
    pub controller: Arc<OwnedFd>,
    pub speaker: Arc<OwnedFd>,
    /// In frr-k8s mode.
    pub frr_k8s: Option<FrrK8sSet>,
    /// The documents of the mode's manifest.
    pub manifest: Vec<Value>,
}

/// What frr-k8s mode needs beside MetalLB's own.
#[derive(Clone, Debug)]
pub struct FrrK8sSet {
    pub manifest: FrrK8s,
    pub daemon: Arc<OwnedFd>,
    pub webhooks: Arc<OwnedFd>,
}

/// What a folder has of a release.
#[derive(Clone, Debug)]
pub struct Found {
    pub version: &'static str,
    /// The modes that it has, each with what it still needs.
    pub modes: Vec<(Mode, Option<Missing>)>,
}

impl Programs {
    pub fn in_folder(folder: impl Into<PathBuf>) -> Programs {
        Programs { folder: folder.into() }
    }

    /// Below a cache, where nobody says another folder.
    pub fn in_cache(cache: &Path) -> Programs {
        Programs::in_folder(cache.join("cluster-programs"))
    }

    /// Opens the programs that a release in a mode needs.
    ///
    /// # Errors
    /// [`Missing`]: the first that is not there, or that nobody can start yet.
    pub fn open(&self, release: &Release, mode: Mode) -> Result<ProgramSet, Missing> {
        let version = release.version;
        release.check(mode).map_err(|e| Missing(e.to_string()))?;
        let of_release = self.of(version);
        let file = |folder: &Path, name: &str| {
            let path = folder.join(name);
            let missing = |e| cannot(&path, &e, version);
            File::open(&path).map(|file| Arc::new(OwnedFd::from(file))).map_err(missing)
        };
        let name = manifest_name(mode);
        file(&of_release, name)?;
        let manifest = read_manifest(&of_release.join(name)).map_err(|e| Missing(e.to_string()))?;
        let frr_k8s = match mode {
            Mode::Frr => None,
            Mode::FrrK8s => {
                let unusable = |e| Missing(format!("cannot use {}: {e}", of_release.join(name).display()));
                let manifest = FrrK8s::of(&manifest).map_err(unusable)?;
                let daemon = file(&of_release, manifest.daemon_file())?;
                let webhooks = file(&of_release, manifest.webhooks_file())?;
                Some(FrrK8sSet { manifest, daemon, webhooks })
            }
        };
        Ok(ProgramSet {
            generation: release.generation,
            mode,
            etcd: file(&self.folder, "etcd")?,
            api_server: file(&self.folder, "kube-apiserver")?,
            controller: file(&of_release, "controller")?,
            speaker: file(&of_release, "speaker")?,
            frr_k8s,
            manifest,
        })
    }

    fn of(&self, version: &str) -> PathBuf {
        self.folder.join("metallb").join(version)
    }
}

fn cannot(path: &Path, error: &std::io::Error, version: &str) -> Missing {
    Missing(format!(
        "cannot open {}: {error}; `ci/cluster-programs --releases {version}` in routeproof's repository builds what is missing, and \
         --cluster-programs names another folder",
        path.display()
    ))
}

impl Programs {
    /// The releases of which something is there, oldest first.
    ///
    /// # Errors
    /// [`Missing`], where nothing can be run.
    pub fn releases(&self) -> Result<Vec<Found>, Missing> {
        let there = RELEASES.iter().filter(|release| self.of(release.version).is_dir());
        let found: Vec<Found> = there
            .map(|release| {
                let modes = [Mode::Frr, Mode::FrrK8s].into_iter().filter(|mode| release.check(*mode).is_ok());
                let modes = modes.map(|mode| (mode, self.open(release, mode).err())).collect();
                Found { version: release.version, modes }
            })
            .collect();
        let mut lacks = found.iter().flat_map(|release| &release.modes).map(|(_, missing)| missing);
        match lacks.clone().any(Option::is_none) {
            true => Ok(found),
            // The first is as good as any.
            false => Err(lacks.find_map(Clone::clone).unwrap_or_else(|| {
                Missing(format!(
                    "there are no programs of a control plane and a MetalLB release in {}",
                    self.folder.display()
                ))
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As MetalLB v0.15.3 has it, as far as it is read here.
    const FRR_K8S: &str = "
kind: Service
metadata: {name: frr-k8s-webhook-service}
spec: {selector: {control-plane: statuscleaner}, ports: [{port: 443, targetPort: 19443}]}
---
kind: Deployment
spec: {template: {metadata: {labels: {control-plane: statuscleaner}}, spec: {containers: [{command: [/statuscleaner]}]}}}
---
kind: DaemonSet
spec: {template: {spec: {containers: [{command: [/frr-k8s]}]}}}
";

    fn write(folder: &Path, names: &[&str]) {
        std::fs::create_dir_all(folder).unwrap();
        for name in names {
            std::fs::write(folder.join(name), "").unwrap();
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::in_folder(folder.path());
        let release = Release::find("v0.15.3").unwrap();
        let none = programs.releases().unwrap_err().to_string();
        assert!(none.contains(&folder.path().display().to_string()), "{none}");
        let missing = |mode| programs.open(release, mode).unwrap_err().to_string();
        assert!(missing(Mode::Frr).contains("metallb/v0.15.3/manifest.yaml"), "{}", missing(Mode::Frr));
        let frr_k8s = missing(Mode::FrrK8s);
        assert!(frr_k8s.contains("metallb/v0.15.3/manifest-frr-k8s.yaml"), "{frr_k8s}");
        assert!(frr_k8s.contains("ci/cluster-programs --releases v0.15.3"), "{frr_k8s}");
        let of_release = folder.path().join("metallb/v0.15.3");
        write(&of_release, &["manifest.yaml", "controller", "speaker"]);
        assert!(missing(Mode::Frr).contains("/etcd:"), "{}", missing(Mode::Frr));
        // Something is there, and not enough: it is said what.
        let none = programs.releases().unwrap_err().to_string();
        assert!(none.contains("/etcd:"), "{none}");
        write(folder.path(), &["etcd", "kube-apiserver"]);
        assert_eq!(programs.open(release, Mode::Frr).unwrap().mode, Mode::Frr);
        let unable = programs.open(Release::find("v0.13.10").unwrap(), Mode::FrrK8s).unwrap_err().to_string();
        assert!(unable.contains("has no mode frr-k8s"), "{unable}");
    }

    #[test]
    fn frr_k8s_mode_needs_what_its_manifest_starts() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::in_folder(folder.path());
        let release = Release::find("v0.15.3").unwrap();
        write(folder.path(), &["etcd", "kube-apiserver"]);
        let of_release = folder.path().join("metallb/v0.15.3");
        write(&of_release, &["manifest.yaml", "controller", "speaker", "manifest-frr-k8s.yaml"]);
        let missing = || programs.open(release, Mode::FrrK8s).unwrap_err().to_string();
        // Another's, or half of one.
        assert!(missing().contains("manifest-frr-k8s.yaml: it has no DaemonSet"), "{}", missing());
        let manifest = of_release.join("manifest-frr-k8s.yaml");
        std::fs::write(&manifest, "kind: [").unwrap();
        assert!(missing().contains("manifest-frr-k8s.yaml"), "{}", missing());
        std::fs::write(&manifest, FRR_K8S).unwrap();
        assert!(missing().contains("metallb/v0.15.3/frr-k8s:"), "{}", missing());
        write(&of_release, &["frr-k8s"]);
        assert!(missing().contains("metallb/v0.15.3/statuscleaner:"), "{}", missing());
        let found = programs.releases().unwrap();
        let modes: Vec<_> = found[0].modes.iter().map(|(mode, missing)| (*mode, missing.is_some())).collect();
        assert_eq!(modes, [(Mode::Frr, false), (Mode::FrrK8s, true)]);
        write(&of_release, &["statuscleaner"]);
        let set = programs.open(release, Mode::FrrK8s).unwrap();
        assert_eq!((set.mode, set.manifest.len()), (Mode::FrrK8s, 3));
        assert!(programs.releases().unwrap()[0].modes.iter().all(|(_, missing)| missing.is_none()));
    }
}
