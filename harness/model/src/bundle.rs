//! The manifest of an evidence bundle: what `accept --bundle` packs and `report verify` checks.
//!
//! ```text
//! manifest.json                     comes first
//! acceptance.json                   the report
//! acceptance.yaml                   the levels, the catalogue and the deviations that it was judged by
//! requirements.yaml
//! deviations.yaml                   if there are any
//! round-0001/plan.json  events.jsonl  result.json  report.html  000-gateways-learn-.../observations.jsonl ...
//! sanity-before/...  sanity-after/...
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::acceptance::RouterUnderTest;

pub const SCHEMA: &str = "routeproof/bundle/v1";

pub const MANIFEST: &str = "manifest.json";
pub const REPORT: &str = "acceptance.json";
pub const LEVELS: &str = "acceptance.yaml";
pub const CATALOGUE: &str = "requirements.yaml";
pub const DEVIATIONS: &str = "deviations.yaml";
/// Folders of invocations.
pub const BEFORE: &str = "sanity-before";
pub const AFTER: &str = "sanity-after";

/// The folder of a round, which counts from 1.
pub fn round(number: usize) -> String {
    format!("round-{number:04}")
}

/// More than this in bytes is refused unread: a manifest, and all files together.
pub const LARGEST_MANIFEST: u64 = 64 << 20;
pub const LARGEST_TOTAL: u64 = 64 << 30;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema: String,
    /// The version that made it.
    pub routeproof: String,
    pub router: RouterUnderTest,
    pub level: String,
    /// When the acceptance began: `2026-01-31 12:01:02 UTC`.
    pub created: String,
    pub kernel: String,
    pub rounds: usize,
    /// Everything else in the bundle, sorted by path.
    pub files: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// With `/`, relative to the bundle.
    pub path: String,
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is none of this schema.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|e| format!("its {MANIFEST} cannot be read: {e}"))?;
        match manifest.schema == SCHEMA {
            true => Ok(manifest),
            false => Err(format!("its schema is {}, not {SCHEMA}", manifest.schema)),
        }
    }

    /// Why nothing of it may be unpacked: paths that leave the bundle or are in each other's way, and too much.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut known: BTreeSet<&str> = BTreeSet::from([MANIFEST]);
        for Entry { path, .. } in &self.files {
            if !is_inside(path) {
                mistakes.push(format!("the path {path:?} leaves the bundle or is no path"));
            }
            if !known.insert(path) {
                mistakes.push(format!("{path} is listed twice"));
            }
        }
        let folders = |path: &'_ str| path.match_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
        for Entry { path, .. } in &self.files {
            if let Some(at) = folders(path).into_iter().find(|at| known.contains(&path[..*at])) {
                mistakes.push(format!("{} is listed as a file, and {path} as a file in it", &path[..at]));
            }
        }
        if self.archive_size() > LARGEST_TOTAL {
            mistakes.push(format!("its files are more than {} GiB", LARGEST_TOTAL >> 30));
        }
        mistakes
    }

    /// The files that nobody judges: of no invocation that the acceptance is told to have.
    pub fn strangers(&self) -> impl Iterator<Item = &str> {
        let of_round = |folder: &str| {
            let number = folder.strip_prefix("round-").and_then(|number| number.parse().ok());
            number.is_some_and(|number| (1..=self.rounds).contains(&number) && round(number) == folder)
        };
        let known = move |path: &str| match path.split_once('/') {
            None => [REPORT, LEVELS, CATALOGUE, DEVIATIONS].contains(&path),
            Some((folder, _)) => [BEFORE, AFTER].contains(&folder) || of_round(folder),
        };
        self.files.iter().map(|entry| entry.path.as_str()).filter(move |path| !known(path))
    }

    /// The most that an archive of these files takes after its manifest.
    pub fn archive_size(&self) -> u64 {
        const BLOCK: u64 = 512;
        let blocks = |size: u64| size.div_ceil(BLOCK).saturating_mul(BLOCK);
        // Each file has a header, and one more of its own for a long name; two empty blocks are the end.
        let of = |entry: &Entry| {
            blocks(entry.size).saturating_add(blocks(entry.path.len() as u64 + 1) + 2 * BLOCK)
        };
        self.files.iter().map(of).fold(2 * BLOCK, u64::saturating_add)
    }
}

/// Whether a path of a bundle is one: relative, without `..`, and the same on every system.
pub fn is_inside(path: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && part.len() < 256;
    let odd = |c: char| c == '\\' || c.is_control();
    path.len() < 4096 && path.split('/').all(plain) && !path.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(files: &[(&str, u64)]) -> Manifest {
        let entry =
            |(path, size): &(&str, u64)| Entry { path: path.to_string(), size: *size, sha256: String::new() };
        let router =
            RouterUnderTest { profile: "x".into(), version: "1".into(), variant: None, image: "x:1".into() };
        Manifest {
            schema: SCHEMA.into(),
            routeproof: "0".into(),
            router,
            level: "smoke".into(),
            created: String::new(),
            kernel: String::new(),
            rounds: 1,
            files: files.iter().map(entry).collect(),
        }
    }

    #[test]
    fn paths_that_leave_the_bundle_are_mistakes() {
        for path in ["/etc/passwd", "../a", "a/../../b", "a//b", "a/./b", "", "a/", "a\\b", "a\0", "a\n"] {
            assert!(!is_inside(path), "{path:?}");
            assert_eq!(manifest(&[(path, 1)]).mistakes().len(), 1, "{path:?}");
        }
        assert!(is_inside("round-0001/000-a+b/nodes/gw 1/bird.conf") && is_inside("..a"));
    }

    #[test]
    fn files_in_each_others_way_and_too_much_are_mistakes() {
        assert!(manifest(&[("a", 1), ("b/c", 2)]).mistakes().is_empty());
        let wrong = |files: &[(&str, u64)]| manifest(files).mistakes().join("; ");
        assert_eq!(wrong(&[("a", 1), ("a", 1)]), "a is listed twice");
        assert_eq!(wrong(&[("manifest.json", 1)]), "manifest.json is listed twice");
        assert_eq!(wrong(&[("a", 1), ("a/b", 1)]), "a is listed as a file, and a/b as a file in it");
        assert_eq!(wrong(&[("a", u64::MAX), ("b", u64::MAX)]), "its files are more than 64 GiB");
    }

    #[test]
    fn files_of_rounds_that_are_not_told_of_are_strangers() {
        let known = ["acceptance.json", "deviations.yaml", "round-0001/plan.json", "sanity-after/a/b"];
        let strange =
            ["round-0002/plan.json", "round-1/plan.json", "round-0000/a", "notes.txt", "other/plan.json"];
        let all: Vec<_> = known.iter().chain(&strange).map(|path| (*path, 1)).collect();
        assert_eq!(manifest(&all).strangers().collect::<Vec<_>>(), strange);
    }

    #[test]
    fn another_schema_is_no_manifest() {
        let mut other = manifest(&[]);
        assert_eq!(Manifest::parse(&serde_json::to_vec(&other).unwrap()).unwrap(), other);
        other.schema = "routeproof/bundle/v2".into();
        let why = Manifest::parse(&serde_json::to_vec(&other).unwrap()).unwrap_err();
        assert_eq!(why, "its schema is routeproof/bundle/v2, not routeproof/bundle/v1");
        assert!(
            Manifest::parse(b"{}")
                .unwrap_err()
                .starts_with("its manifest.json cannot be read: missing field")
        );
    }
}
