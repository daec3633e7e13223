//! Which images there are.

use std::path::PathBuf;

use serde::Serialize;

use super::{ImageError, KERNELS, KNOWN, Kind, Store, lock};

/// One image for `images list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub image: String,
    pub state: State,
    pub suite: Option<String>,
    pub frr_version: Option<String>,
    /// Of a User-Mode Linux kernel, instead of FRR's.
    pub kernel_version: Option<String>,
    /// Of another router, instead of FRR's.
    pub router_version: Option<String>,
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

impl Store {
    /// The known images, then the others in the cache, by name.
    pub fn list(&self) -> Result<Vec<Entry>, ImageError> {
        let mut entries: Vec<Entry> = KNOWN
            .iter()
            .map(|k| Entry {
                image: k.image().name().to_owned(),
                frr_version: Some(k.version.to_owned()),
                ..Entry::not_cached(k.suite)
            })
            .chain(
                ROLLING
                    .iter()
                    .map(|suite| Entry { image: format!("frr:@{suite}"), ..Entry::not_cached(suite) }),
            )
            .collect();
        entries.extend(KERNELS.iter().map(|k| Entry {
            image: format!("uml:{}", k.version),
            kernel_version: Some(k.version.to_owned()),
            ..Entry::not_cached(k.suite)
        }));
        for router in self.routers() {
            if let Some(debian) = &router.debian
                && !entries.iter().any(|entry| entry.image == router.name)
            {
                entries.push(Entry {
                    image: router.name.clone(),
                    router_version: Some(router.version.clone()),
                    ..Entry::not_cached(&debian.suite)
                });
            }
        }
        for record in self.cache.records()?.into_iter().filter_map(|(_, r)| r) {
            let tree = Some(self.cache.tree(&record.digest)).filter(|t| t.is_dir());
            let state = match &tree {
                None => State::Incomplete,
                Some(_) if lock::try_exclusive(&self.cache.tree_lock(&record.digest))?.is_none() => {
                    State::InUse
                }
                Some(_) => State::Cached,
            };
            let version = Some(record.frr_version);
            let (frr_version, kernel_version, router_version) =
                match self.image_any(&record.image).map(|image| image.kind()) {
                    Ok(Kind::Kernel) => (None, version, None),
                    Ok(Kind::Router) => (None, None, version),
                    _ => (version, None, None),
                };
            let entry = Entry {
                image: record.image,
                state,
                suite: record.suite,
                frr_version,
                kernel_version,
                router_version,
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

impl Entry {
    /// Of a suite, without its name and version.
    fn not_cached(suite: &str) -> Entry {
        Entry {
            image: String::new(),
            state: State::NotCached,
            suite: Some(suite.to_owned()),
            frr_version: None,
            kernel_version: None,
            router_version: None,
            size: None,
            tree: None,
            origin: None,
            release_date: None,
        }
    }
}
