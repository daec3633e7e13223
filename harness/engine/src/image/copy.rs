//! A folder of the host as a tree: what identifies it, and a copy of it.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Folders whose content is the running system's, should the folder be a live root.
const NOT_COPIED: [&str; 5] = ["proc", "sys", "dev", "run", "tmp"];

/// A hash over names, sizes, modes and times: enough to see a change without reading hundreds of megabytes each run.
pub(super) fn fingerprint(root: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    walk(root, Path::new(""), &mut |inside, meta| {
        hash.update(inside.as_os_str().as_bytes());
        hash.update(format!("\0{} {} {} {}\n", meta.mode(), meta.size(), meta.mtime(), meta.mtime_nsec()));
        Ok(())
    })?;
    Ok(hex::encode(hash.finalize()))
}

/// Copies files, folders and links; device nodes and what the caller may not read are left out.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    walk(from, Path::new(""), &mut |inside, meta| {
        let (source, target) = (from.join(inside), to.join(inside));
        if meta.is_dir() {
            fs::create_dir(&target)?;
            return fs::set_permissions(&target, fs::Permissions::from_mode(meta.mode() & 0o1777 | 0o700));
        }
        if meta.is_symlink() {
            return symlink(fs::read_link(&source)?, &target);
        }
        if !meta.is_file() {
            return Ok(());
        }
        match fs::copy(&source, &target) {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            Err(e) => Err(e),
            Ok(_) => fs::set_permissions(&target, fs::Permissions::from_mode(meta.mode() & 0o777 | 0o600)),
        }
    })
}

/// Everything below a folder in a fixed order, folders before their content; links are not followed.
fn walk(
    root: &Path,
    inside: &Path,
    visit: &mut dyn FnMut(&Path, &fs::Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(inside)) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied && inside != Path::new("") => return Ok(()),
        entries => entries?,
    };
    let mut names: Vec<_> = entries.map(|e| e.map(|e| e.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    for name in names {
        let path = inside.join(&name);
        let meta = fs::symlink_metadata(root.join(&path))?;
        visit(&path, &meta)?;
        let live = inside == Path::new("") && NOT_COPIED.iter().any(|n| *name == **n);
        if meta.is_dir() && !live {
            walk(root, &path, visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_files_and_a_change_shows() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(from.path().join("usr/lib/frr")).unwrap();
        fs::create_dir_all(from.path().join("proc/1")).unwrap();
        fs::write(from.path().join("usr/lib/frr/bgpd"), "x").unwrap();
        symlink("usr/lib", from.path().join("lib")).unwrap();
        copy_tree(from.path(), to.path()).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("lib/frr/bgpd")).unwrap(), "x");
        assert!(to.path().join("proc").exists() && !to.path().join("proc/1").exists());
        let before = fingerprint(from.path()).unwrap();
        assert_eq!(before, fingerprint(from.path()).unwrap());
        fs::write(from.path().join("usr/lib/frr/bgpd"), "xy").unwrap();
        assert_ne!(before, fingerprint(from.path()).unwrap());
    }
}
