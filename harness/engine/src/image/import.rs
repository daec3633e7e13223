//! Trees that do not come from Debian: a local folder, a `docker save` or OCI archive, a plain archive of a root.

use std::fs;
use std::path::{Path, PathBuf};

use super::cache::PackageRecord;
use super::name::same_version;
use super::oci::{self, OciImage};
use super::rooted::Rooted;
use super::{ImageError, ImageRef, copy, detect, fixup};

/// A source that was looked at and not yet unpacked.
pub(super) enum Import {
    Folder(PathBuf),
    Archive(OciImage),
}

/// A source and what identifies its content.
pub(super) struct Opened {
    pub import: Import,
    pub parts: Vec<PackageRecord>,
}

/// Looks at a source; `work` is a staging folder. A compressed archive is inflated there.
pub(super) fn open(from: &Path, image: &ImageRef, work: &Path) -> Result<Opened, ImageError> {
    let meta = fs::metadata(from).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            ImageError::NotFrr { path: from.to_owned(), reason: "there is no such file or folder".into() }
        }
        _ => ImageError::io("open", from)(e),
    })?;
    if meta.is_dir() && !oci::is_layout(from) {
        detect::validate(&Rooted::new(from), from)?;
        let sha256 = copy::fingerprint(from).map_err(ImageError::io("read", from))?;
        let part = PackageRecord { name: "folder".into(), version: String::new(), sha256 };
        return Ok(Opened { import: Import::Folder(from.to_owned()), parts: vec![part] });
    }
    let found = oci::open(from, image, work)?;
    let part = |(i, sha256): (usize, String)| PackageRecord {
        name: "layer".into(),
        version: format!("{i:03}"),
        sha256,
    };
    let parts = found.layer_hashes().into_iter().enumerate().map(part).collect();
    Ok(Opened { import: Import::Archive(found), parts })
}

/// Unpacks or copies a source into `work`, checks that it is FRR for this machine, and makes it fit for a lab.
pub(super) fn build(import: &Import, from: &Path, work: &Path) -> Result<PathBuf, ImageError> {
    let path = work.join("tree");
    fs::create_dir(&path).map_err(ImageError::io("make", &path))?;
    let tree = Rooted::new(&path);
    match import {
        Import::Folder(folder) => copy::copy_tree(folder, &path).map_err(ImageError::io("copy", folder))?,
        Import::Archive(archive) => archive.unpack(&tree)?,
    }
    detect::validate(&tree, from)?;
    fixup::finish_imported(&tree).map_err(ImageError::io("finish", &path))?;
    Ok(path)
}

/// The FRR version of a tree; a name that promises another one is refused.
pub(super) fn version_of(tree: &Path, image: &ImageRef, from: &Path) -> Result<String, ImageError> {
    let found = detect::frr_version(&Rooted::new(tree));
    match (found, image.version()) {
        (Some(found), Some(wanted)) if !fits(&found, wanted) => {
            let reason = format!("it holds FRR {found}, and the name says {wanted}");
            Err(ImageError::NotFrr { path: from.to_owned(), reason })
        }
        (Some(found), _) => Ok(found),
        (None, Some(wanted)) => Ok(wanted.to_owned()),
        (None, None) => Err(ImageError::NotFrr {
            path: from.to_owned(),
            reason: "its FRR version cannot be found out".into(),
        }),
    }
}

/// `9.1.3` fits the names `9.1.3`, `9.1` and `9.1.3-mine`, and not `9.1.30` or `9`.
fn fits(found: &str, wanted: &str) -> bool {
    let longer = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.starts_with(['.', '-', '_', '~', '+']))
    };
    same_version(found, wanted) || (wanted.contains('.') && longer(found, wanted)) || longer(wanted, found)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_name_may_be_a_series_or_have_a_suffix() {
        for wanted in ["9.1.3", "9.1", "9.1.3-mine"] {
            assert!(fits("9.1.3", wanted), "{wanted}");
        }
        assert!(fits("10.3", "10.3.0") && fits("9.1_git2024", "9.1"));
        assert!(
            !fits("9.1.30", "9.1.3")
                && !fits("9.10", "9.1")
                && !fits("9.1.3", "9")
                && !fits("9.1.3", "8.4.4")
        );
    }
}
