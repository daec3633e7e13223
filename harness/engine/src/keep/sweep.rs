//! What killed processes leave: nothing of a lab, but a few names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::KeepError;
use super::folder::{self, Found, States};
use crate::rundir;

/// What a sweep has removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// State folders of labs whose supervisor was killed.
    pub labs: Vec<String>,
    /// State folders of starts that were killed before the lab had its name.
    pub starts: Vec<PathBuf>,
    /// The empty folders that a lab covers by its own file system.
    pub mount_points: Vec<PathBuf>,
}

/// Removes what dead labs and runs left; `parent` is a folder of run directories. With `dry_run` it only says what.
pub fn sweep(parent: &Path, dry_run: bool) -> Result<Swept, KeepError> {
    let states = States::of_user()?;
    let mut swept = Swept::default();
    let dead: Vec<Found> = states.list()?.into_iter().filter(|found| !found.alive).collect();
    let known = dead.iter().filter_map(|found| Some(found.state.as_ref()?.directory.clone()));
    // Labs name their folders from the root; so the same one is not named twice.
    let parent = std::path::absolute(parent).unwrap_or_else(|_| parent.to_path_buf());
    let known: BTreeSet<PathBuf> = known.chain(run_folders(&parent)).collect();
    for found in dead {
        if dry_run || folder::remove_dead(&found.path)? {
            swept.labs.push(found.name);
        }
    }
    for path in folder::unnamed(&states) {
        if dry_run || folder::remove_dead(&path)? {
            swept.starts.push(path);
        }
    }
    for folder in known {
        // A lab's, and a guest kernel's.
        for mount_point in ["lab", "guest"].map(|name| folder.join(name)) {
            let empty = fs::read_dir(&mount_point).is_ok_and(|mut entries| entries.next().is_none());
            // rmdir(2) takes empty folders only, so nothing that anybody made is lost.
            if empty && (dry_run || fs::remove_dir(&mount_point).is_ok()) {
                swept.mount_points.push(mount_point);
            }
        }
    }
    Ok(swept)
}

/// The folders of the single runs of ended invocations.
fn run_folders(parent: &Path) -> impl Iterator<Item = PathBuf> {
    let runs = rundir::ended(parent).into_iter().filter_map(|directory| fs::read_dir(directory).ok());
    runs.flat_map(|entries| entries.flatten().map(|entry| entry.path()))
}
