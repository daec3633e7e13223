//! Removing from the cache what nothing needs, and never what a running lab or pull uses.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cache::disk_usage;
use super::rooted::remove;
use super::{ImageError, Store, lock};

/// How much to remove.
#[derive(Clone, Copy, Debug, Default)]
pub struct PruneOptions {
    /// The named images too, not only leftovers.
    pub all: bool,
}

/// What a prune removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// Bytes on disk.
    pub bytes: u64,
    pub trees: usize,
    pub downloads: usize,
    /// Bytes of killed pulls, part of `bytes`.
    pub staging_bytes: u64,
    /// Images that stayed because something uses them.
    pub in_use: Vec<String>,
}

impl Store {
    /// Removes staging folders of dead pulls, trees without a name and downloads of no tree; with `all`, everything.
    ///
    /// Trees go first to a staging folder by one rename: a prune that is killed leaves no half tree either.
    pub fn prune(&self, options: PruneOptions) -> Result<Freed, ImageError> {
        let mut freed = Freed { staging_bytes: self.cache.sweep_staging()?, ..Freed::default() };
        freed.bytes = freed.staging_bytes;
        let staging = self.cache.staging()?;
        let mut kept_trees = HashSet::new();
        let mut kept_downloads = HashSet::new();
        for (path, record) in self.cache.records()? {
            let Some(record) = record else {
                remove(&path).map_err(ImageError::io("remove", &path))?;
                continue;
            };
            let free = lock::try_exclusive(&self.cache.tree_lock(&record.digest))?;
            if !options.all || free.is_none() {
                if options.all {
                    freed.in_use.push(record.image.clone());
                }
                kept_downloads.extend(record.packages.iter().map(|p| p.sha256.clone()));
                kept_trees.insert(record.digest);
                continue;
            }
            remove(&path).map_err(ImageError::io("remove", &path))?;
        }
        self.prune_trees(&staging.path, &kept_trees, &mut freed)?;
        self.prune_downloads(&kept_downloads, &mut freed)?;
        Ok(freed)
    }

    /// Removes staging folders of dead pulls only, or just says how large they are: bytes on disk.
    pub fn sweep(&self, dry_run: bool) -> Result<u64, ImageError> {
        if dry_run { self.cache.dead_staging() } else { self.cache.sweep_staging() }
    }

    fn prune_trees(
        &self,
        staging: &Path,
        kept: &HashSet<String>,
        freed: &mut Freed,
    ) -> Result<(), ImageError> {
        for (name, path) in entries(&self.cache.root.join("trees"))? {
            if kept.contains(&name) {
                continue;
            }
            // A lab on it, or a pull about to name it, holds this lock.
            let Some(_lock) = lock::try_exclusive(&self.cache.tree_lock(&name))? else { continue };
            freed.bytes += disk_usage(&path);
            freed.trees += 1;
            let doomed = staging.join(&name);
            fs::rename(&path, &doomed).map_err(ImageError::io("remove", &path))?;
            remove(&doomed).map_err(ImageError::io("remove", &doomed))?;
        }
        Ok(())
    }

    /// A running pull may lose a download that no record names yet; it has it open or fetches it again.
    fn prune_downloads(&self, kept: &HashSet<String>, freed: &mut Freed) -> Result<(), ImageError> {
        for (name, path) in entries(&self.cache.root.join("downloads"))? {
            if kept.contains(&name) {
                continue;
            }
            freed.bytes += disk_usage(&path);
            freed.downloads += 1;
            remove(&path).map_err(ImageError::io("remove", &path))?;
        }
        Ok(())
    }
}

fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, ImageError> {
    let read = fs::read_dir(dir).and_then(|d| d.collect::<Result<Vec<_>, _>>());
    let read = read.map_err(ImageError::io("read", dir))?;
    Ok(read.into_iter().map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())).collect())
}
