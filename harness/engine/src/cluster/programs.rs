//! Where the programs are: `etcd`, `kube-apiserver`, and for each release of MetalLB `metallb/VERSION/{speaker,controller}` and
//! `manifest.yaml`. `ci/cluster-programs` makes such a folder.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use routeproof_model::metallb::{Generation, Mode, RELEASES, Release};

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

/// One release's, opened: a lab's nodes get them as descriptors, so that they need be in no root filesystem.
#[derive(Clone, Debug)]
pub struct ProgramSet {
    pub etcd: Arc<OwnedFd>,
    pub api_server: Arc<OwnedFd>,
    pub controller: Arc<OwnedFd>,
    pub speaker: Arc<OwnedFd>,
    pub manifest: PathBuf,
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
        if release.generation < Generation::V0_13_0 || mode != Mode::Frr {
            let mode = mode.name();
            return Err(Missing(format!(
                "MetalLB {version} in mode {mode} runs with `--cluster rendered` only: real speakers are started of releases from \
                 v0.13.0 on, in mode frr"
            )));
        }
        let of_release = self.folder.join("metallb").join(version);
        let file = |folder: &Path, name: &str| {
            let path = folder.join(name);
            let missing = |e| {
                Missing(format!(
                    "cannot open {}: {e}; `ci/cluster-programs --releases {version}` in routeproof's repository builds what is missing, \
                     and --cluster-programs names another folder",
                    path.display()
                ))
            };
            File::open(&path).map(|file| Arc::new(OwnedFd::from(file))).map_err(missing)
        };
        file(&of_release, MANIFEST)?;
        Ok(ProgramSet {
            etcd: file(&self.folder, "etcd")?,
            api_server: file(&self.folder, "kube-apiserver")?,
            controller: file(&of_release, "controller")?,
            speaker: file(&of_release, "speaker")?,
            manifest: of_release.join(MANIFEST),
        })
    }
}

impl Programs {
    /// The releases of which everything is there, oldest first; the first thing that is missing if there are none.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn releases(&self) -> Result<Vec<&'static str>, Missing> {
        let whole = |release: &&Release| self.open(release, Mode::Frr).is_ok();
        let found: Vec<&str> = RELEASES.iter().filter(whole).map(|release| release.version).collect();
        match found.is_empty() {
            false => Ok(found),
            true => Err(Missing(format!(
                "there are no programs of a control plane and a MetalLB release in {}",
                self.folder.display()
            ))),
        }
    }
}

const MANIFEST: &str = "manifest.yaml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_way_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::in_folder(folder.path());
        let release = Release::find("v0.15.3").unwrap();
        let none = programs.releases().unwrap_err().to_string();
        assert!(none.contains(&folder.path().display().to_string()), "{none}");
        let missing = || programs.open(release, Mode::Frr).unwrap_err().to_string();
        assert!(missing().contains("metallb/v0.15.3/manifest.yaml"), "{}", missing());
        assert!(missing().contains("ci/cluster-programs --releases v0.15.3"), "{}", missing());
        let of_release = folder.path().join("metallb/v0.15.3");
        std::fs::create_dir_all(&of_release).unwrap();
        for name in ["manifest.yaml", "controller", "speaker"] {
            std::fs::write(of_release.join(name), "").unwrap();
        }
        assert!(missing().contains("/etcd:"), "{}", missing());
        for name in ["etcd", "kube-apiserver"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        programs.open(release, Mode::Frr).unwrap();
        assert_eq!(programs.releases().unwrap(), ["v0.15.3"]);
        let unable = programs.open(release, Mode::FrrK8s).unwrap_err().to_string();
        assert!(unable.contains("in mode frr-k8s"), "{unable}");
        let old = Release::find("v0.12.1").unwrap();
        assert!(programs.open(old, Mode::Frr).is_err());
    }
}
