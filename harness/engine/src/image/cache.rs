//! The cache folder: downloads by hash, trees by content, names that point at trees, and staging folders.
//!
//! ```text
//! downloads/SHA256         packages and indexes, whole
//! trees/DIGEST/            a root filesystem, published by one rename, never changed afterwards
//! refs/frr-8.4.4.2-1.json  which tree a name means, what it is made of, and in which format
//! staging/ID/, ID.lock     work in progress; dead when nobody holds its lock
//! locks/                   names (one pull at a time), trees (shared by running labs), staging
//! ```

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lock::{self, Lock};
use super::rooted::remove;
use super::{ImageError, ImageRef};

/// Changes whenever the same packages would give another tree.
const TREE_FORMAT: u32 = 3;
const SCHEMA: &str = "routeproof/image/v2";

#[derive(Clone, Debug)]
pub(super) struct Cache {
    pub root: PathBuf,
    /// What this program makes of the same packages. Trees of another format are not used: they are another release's.
    pub format: Format,
}

/// How a tree is made: [`TREE_FORMAT`], and the format of its last step (0 without one). Part of every digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Format {
    pub tree: u32,
    pub finish: u32,
}

impl Format {
    pub fn with_finish(finish: u32) -> Format {
        Format { tree: TREE_FORMAT, finish }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.tree, self.finish)
    }
}

/// One package of a tree, or one layer of an imported image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRecord {
    pub name: String,
    pub version: String,
    pub sha256: String,
}

/// What a name means, as kept in `refs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub schema: String,
    pub format: Format,
    pub image: String,
    pub digest: String,
    /// Of FRR, or of the kernel; the field keeps its old name for the caches that there are.
    pub frr_version: String,
    pub architecture: String,
    /// The mirror, folder or archive that it came from.
    pub origin: String,
    pub suite: Option<String>,
    pub release_date: Option<String>,
    /// Bytes on disk.
    pub size: u64,
    pub packages: Vec<PackageRecord>,
}

/// A staging folder of our own; removed when dropped, and by the next pull if we are killed.
#[derive(Debug)]
pub(super) struct Staging {
    pub path: PathBuf,
    lock_path: PathBuf,
    _lock: Lock,
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now, the next pull or prune removes.
        let _ = remove(&self.path);
        let _ = remove(&self.lock_path);
    }
}

impl Cache {
    /// Opens the cache: the given folder, else `ROUTEPROOF_CACHE`, `XDG_CACHE_HOME/routeproof`, `~/.cache/routeproof`.
    pub fn open(dir: Option<&Path>) -> Result<Cache, ImageError> {
        let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let root = dir
            .map(Path::to_owned)
            .or_else(|| set("ROUTEPROOF_CACHE"))
            .or_else(|| set("XDG_CACHE_HOME").filter(|p| p.is_absolute()).map(|p| p.join("routeproof")))
            .or_else(|| set("HOME").map(|p| p.join(".cache/routeproof")))
            .ok_or(ImageError::NoCacheDir)?;
        for part in ["downloads", "trees", "refs", "staging", "locks"] {
            let dir = root.join(part);
            fs::create_dir_all(&dir).map_err(ImageError::io("make the cache folder", &dir))?;
        }
        let root = root.canonicalize().map_err(ImageError::io("open the cache", &root))?;
        Ok(Cache { root, format: Format::with_finish(0) })
    }

    pub fn download(&self, sha256: &str) -> PathBuf {
        self.root.join("downloads").join(sha256)
    }

    pub fn tree(&self, digest: &str) -> PathBuf {
        self.root.join("trees").join(digest)
    }

    /// Each format has a record of its own: two releases of routeproof can use one cache in turn.
    pub fn record_path(&self, image: &ImageRef) -> PathBuf {
        self.root.join("refs").join(format!("{}.{}.json", image.file_stem(), self.format))
    }

    /// Held exclusively while a name is being pulled.
    pub fn name_lock(&self, image: &ImageRef) -> PathBuf {
        self.root.join("locks").join(format!("name-{}", image.file_stem()))
    }

    /// Held shared by whoever uses a tree, exclusively by whoever removes it.
    pub fn tree_lock(&self, digest: &str) -> PathBuf {
        self.root.join("locks").join(format!("tree-{digest}"))
    }

    fn staging_lock(&self) -> PathBuf {
        self.root.join("locks/staging")
    }

    /// What a name means. A record that cannot be read, or is of another format, is as good as none.
    pub fn record(&self, image: &ImageRef) -> Option<Record> {
        self.read_record(&self.record_path(image)).filter(|r| r.image == image.name())
    }

    fn read_record(&self, path: &Path) -> Option<Record> {
        let record: Record = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        (record.schema == SCHEMA && record.format == self.format).then_some(record)
    }

    /// The name of a tree's content: the same packages on the same architecture give the same tree.
    pub fn digest(&self, architecture: &str, packages: &[PackageRecord]) -> String {
        let mut lines: Vec<String> =
            packages.iter().map(|p| format!("{} {} {}\n", p.name, p.version, p.sha256)).collect();
        lines.sort();
        let mut hash = Sha256::new();
        hash.update(format!("routeproof tree {}\n{architecture}\n", self.format));
        lines.iter().for_each(|l| hash.update(l));
        hex::encode(hash.finalize())
    }

    /// Every record, by name; `None` for one that is as good as none.
    pub fn records(&self) -> Result<Vec<(PathBuf, Option<Record>)>, ImageError> {
        let dir = self.root.join("refs");
        let mut paths = Vec::new();
        for entry in fs::read_dir(&dir).map_err(ImageError::io("read", &dir))? {
            paths.push(entry.map_err(ImageError::io("read", &dir))?.path());
        }
        paths.sort();
        Ok(paths.into_iter().map(|p| (p.clone(), self.read_record(&p))).collect())
    }

    /// A fresh staging folder; those of killed pulls are removed on the way.
    pub fn staging(&self) -> Result<Staging, ImageError> {
        let _guard = lock::exclusive(&self.staging_lock())?;
        self.sweep_locked()?;
        let dir = self.root.join("staging");
        let made = tempfile::Builder::new().prefix("pull-").tempdir_in(&dir);
        let path = made.map_err(ImageError::io("make a staging folder in", &dir))?.keep();
        let lock_path = path.with_extension("lock");
        let _lock = lock::exclusive(&lock_path)?;
        Ok(Staging { path, lock_path, _lock })
    }

    /// Removes the staging folders of dead pulls and says how many bytes that freed.
    pub fn sweep_staging(&self) -> Result<u64, ImageError> {
        let _guard = lock::exclusive(&self.staging_lock())?;
        self.sweep_locked()
    }

    /// How many bytes the staging folders of dead pulls take.
    pub fn dead_staging(&self) -> Result<u64, ImageError> {
        let _guard = lock::exclusive(&self.staging_lock())?;
        let dir = self.root.join("staging");
        let mut bytes = 0;
        for entry in fs::read_dir(&dir).map_err(ImageError::io("read", &dir))? {
            let path = entry.map_err(ImageError::io("read", &dir))?.path();
            let lock_path = path.with_extension("lock");
            if path != lock_path && lock::try_exclusive(&lock_path)?.is_some() {
                bytes += disk_usage(&path);
            }
        }
        Ok(bytes)
    }

    fn sweep_locked(&self) -> Result<u64, ImageError> {
        let dir = self.root.join("staging");
        let mut freed = 0;
        for entry in fs::read_dir(&dir).map_err(ImageError::io("read", &dir))? {
            let path = entry.map_err(ImageError::io("read", &dir))?.path();
            if path.extension().is_some_and(|e| e == "lock") {
                let work = path.with_extension("");
                if !work.exists() && lock::try_exclusive(&path)?.is_some() {
                    remove(&path).map_err(ImageError::io("remove", &path))?;
                }
                continue;
            }
            let lock_path = path.with_extension("lock");
            let Some(_dead) = lock::try_exclusive(&lock_path)? else { continue };
            freed += disk_usage(&path);
            remove(&path).map_err(ImageError::io("remove", &path))?;
            remove(&lock_path).map_err(ImageError::io("remove", &lock_path))?;
        }
        Ok(freed)
    }

    /// Makes a finished tree visible under its digest, and the name point at it. Call with the name's lock held.
    pub fn publish(
        &self,
        staging: &Staging,
        tree: &Path,
        image: &ImageRef,
        record: &Record,
    ) -> Result<(), ImageError> {
        // Against a prune between the rename and the record.
        let _tree_in_use = lock::shared(&self.tree_lock(&record.digest))?;
        let to = self.tree(&record.digest);
        if let Err(e) = fs::rename(tree, &to) {
            // Somebody published the same content first: theirs is as good.
            if !to.is_dir() {
                return Err(ImageError::io("publish the tree", &to)(e));
            }
        }
        self.write_record(staging, image, record)
    }

    /// Makes a name point at a tree that is already there.
    pub fn write_record(
        &self,
        staging: &Staging,
        image: &ImageRef,
        record: &Record,
    ) -> Result<(), ImageError> {
        let text = serde_json::to_string_pretty(record).unwrap_or_default();
        let temporary = staging.path.join("record.json");
        fs::write(&temporary, text + "\n").map_err(ImageError::io("write", &temporary))?;
        let to = self.record_path(image);
        fs::rename(&temporary, &to).map_err(ImageError::io("write", &to))
    }
}

impl Record {
    pub fn schema() -> String {
        SCHEMA.to_owned()
    }
}

/// Bytes on disk below a path; what cannot be read counts nothing.
pub(super) fn disk_usage(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = fs::symlink_metadata(path) else { return 0 };
    // A hard-linked file's blocks are shared between its names.
    let own = meta.blocks() * 512 / meta.nlink().max(1).min(if meta.is_dir() { 1 } else { u64::MAX });
    if !meta.is_dir() {
        return own;
    }
    own + fs::read_dir(path).into_iter().flatten().flatten().map(|e| disk_usage(&e.path())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> PackageRecord {
        PackageRecord { name: name.into(), version: version.into(), sha256: "00".into() }
    }

    #[test]
    fn a_digest_knows_content_and_format_and_not_order() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path())).unwrap();
        let digest = |architecture: &str, packages: &[PackageRecord]| cache.digest(architecture, packages);
        let (a, b) = (package("a", "1"), package("b", "2"));
        let one = digest("amd64", &[a.clone(), b.clone()]);
        assert_eq!(one, digest("amd64", &[b.clone(), a.clone()]));
        assert_ne!(one, digest("arm64", &[a.clone(), b.clone()]));
        assert_ne!(one, digest("amd64", &[a.clone(), package("b", "3")]));
        let finished = Cache { format: Format::with_finish(1), ..cache.clone() };
        assert_ne!(one, finished.digest("amd64", &[a, b]));
    }

    #[test]
    fn a_dead_pulls_staging_goes_and_a_live_ones_stays() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path())).unwrap();
        let live = cache.staging().unwrap();
        let dead = cache.root.join("staging/pull-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("half"), vec![0; 100_000]).unwrap();
        fs::write(cache.root.join("staging/pull-dead.lock"), "").unwrap();
        assert!(cache.sweep_staging().unwrap() >= 100_000);
        assert!(!dead.exists() && live.path.exists());
        let path = live.path.clone();
        drop(live);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(cache.root.join("staging")).unwrap().count(), 0);
    }
}
