//! Which images there are.

use std::path::PathBuf;

use serde::Serialize;

use super::{ImageError, KNOWN, Store, lock};

/// One image for `images list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub image: String,
    pub state: State,
    pub suite: Option<String>,
    pub frr_version: Option<String>,
    /// Bytes on disk.
    pub size: Option<u64>,
    pub tree: Option<PathBuf>,
    /// The mirror, folder or archive that it came from.
    pub origin: Option<String>,
    pub release_date: Option<String>,
}

/// Whether an image is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Cached,
    /// Cached, and a lab runs on it now.
    InUse,
    /// Known and not cached: a pull gets it.
    NotCached,
    /// Its tree is gone; the next pull makes it again.
    Incomplete,
}

/// Suites whose FRR changes: the newest that Debian has.
const ROLLING: [&str; 1] = ["sid"];

/// What a pull would get.
fn offered(image: String, suite: &str, version: Option<&str>) -> Entry {
    Entry {
        image,
        state: State::NotCached,
        suite: Some(suite.to_owned()),
        frr_version: version.map(str::to_owned),
        size: None,
        tree: None,
        origin: None,
        release_date: None,
    }
}

impl Store {
    /// The known images, then the others in the cache, by name.
    pub fn list(&self) -> Result<Vec<Entry>, ImageError> {
        let mut entries: Vec<Entry> = KNOWN
            .iter()
            .map(|k| offered(k.image().name().to_owned(), k.suite, Some(k.version)))
            .chain(ROLLING.iter().map(|suite| offered(format!("frr:@{suite}"), suite, None)))
            .collect();
        for record in self.cache.records()?.into_iter().filter_map(|(_, r)| r) {
            let tree = Some(self.cache.tree(&record.digest)).filter(|t| t.is_dir());
            let state = match &tree {
                None => State::Incomplete,
                Some(_) if lock::try_exclusive(&self.cache.tree_lock(&record.digest))?.is_none() => {
                    State::InUse
                }
                Some(_) => State::Cached,
            };
            let entry = Entry {
                image: record.image,
                state,
                suite: record.suite,
                frr_version: Some(record.frr_version),
                size: Some(record.size),
                tree,
                origin: Some(record.origin),
                release_date: record.release_date,
            };
            match entries.iter_mut().find(|e| e.image == entry.image) {
                Some(known) => *known = entry,
                None => entries.push(entry),
            }
        }
        Ok(entries)
    }
}
