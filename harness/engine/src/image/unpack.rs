//! Tar archives into a tree: owned by the caller, no device nodes, nothing outside the tree.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

use tar::EntryType;

use super::rooted::{Rooted, climbs_out, member_path, remove};

/// Folders of a tree that nobody in a lab reads: documentation, translations, character set tables.
const LEFT_OUT: [&str; 9] = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/doc-base",
    "usr/share/menu",
    "usr/share/pixmaps",
];

/// Unpacks the members of a tar archive, without [`LEFT_OUT`]. Errors name the member.
pub(super) fn unpack_tar(tree: &Rooted, reader: impl Read) -> io::Result<()> {
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        unpack_entry(tree, &mut entry, &name)
            .map_err(|e| io::Error::new(e.kind(), Named { member: name.display().to_string(), source: e }))?;
    }
    Ok(())
}

/// An I/O error with the member at which it happened.
#[derive(Debug, thiserror::Error)]
#[error("{member}: {source}")]
struct Named {
    member: String,
    source: io::Error,
}

fn unpack_entry(tree: &Rooted, entry: &mut tar::Entry<'_, impl Read>, name: &Path) -> io::Result<()> {
    let path = member_path(name)?;
    if path.as_os_str().is_empty() || is_whiteout(&path) {
        return Ok(());
    }
    let inside = tree.inside(&path)?;
    if left_out(&inside) {
        return Ok(());
    }
    let place = tree.place(&path)?;
    let mode = entry.header().mode()?;
    match entry.header().entry_type() {
        EntryType::Directory => make_dir(tree, &inside, &place, mode),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => write_file(&place, entry, mode),
        EntryType::Symlink => {
            let target = entry.link_name()?.ok_or_else(|| io::Error::other("a link without a target"))?;
            if climbs_out(&inside, &target) {
                return Err(io::Error::other(format!("its target `{}` leaves the tree", target.display())));
            }
            remove(&place)?;
            symlink(&target, &place)
        }
        EntryType::Link => {
            let target = entry.link_name()?.ok_or_else(|| io::Error::other("a link without a target"))?;
            let target = tree.locate(&member_path(&target)?)?;
            if !fs::symlink_metadata(&target)?.is_dir() && target != place {
                remove(&place)?;
                fs::hard_link(&target, &place)?;
            }
            Ok(())
        }
        // Device nodes need root and a lab makes its own; pipes, sockets and unknown kinds have no use in a tree.
        _ => Ok(()),
    }
}

/// A folder where a link to a folder is (`/bin` of merged-/usr) keeps the link.
fn make_dir(tree: &Rooted, inside: &Path, place: &Path, mode: u32) -> io::Result<()> {
    if fs::symlink_metadata(place).is_ok_and(|m| m.is_symlink()) {
        let target = tree.resolve(&inside.to_string_lossy())?;
        if target.is_dir() {
            return Ok(());
        }
    }
    if !fs::symlink_metadata(place).is_ok_and(|m| m.is_dir()) {
        remove(place)?;
        match fs::create_dir(place) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
    }
    fs::set_permissions(place, fs::Permissions::from_mode(mode & 0o1777 | 0o700))
}

/// Set-id bits go: every file belongs to the caller, and a lab has one user.
fn write_file(place: &Path, content: &mut impl Read, mode: u32) -> io::Result<()> {
    let mode = mode & 0o777 | 0o600;
    remove(place)?;
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).custom_flags(flags).open(place)?;
    io::copy(content, &mut file)?;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

fn left_out(inside: &Path) -> bool {
    LEFT_OUT.iter().any(|p| inside.starts_with(p))
        || (inside.starts_with("usr/lib") && inside.components().any(|c| c.as_os_str() == "gconv"))
}

/// Whether a member is an OCI whiteout, which says what is not there.
pub(super) fn is_whiteout(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.as_bytes().starts_with(b".wh."))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A member of an archive made by hand: kind, name, link target or content, mode.
    pub type Member<'a> = (EntryType, &'a str, &'a str, u32);

    /// A tar archive whose names are written as they are, traversal and all.
    pub fn archive(members: &[Member<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for &(kind, name, content, mode) in members {
            let mut header = tar::Header::new_gnu();
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            let mut data: &[u8] = &[];
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.as_gnu_mut().unwrap().linkname[..content.len()].copy_from_slice(content.as_bytes());
            } else {
                data = content.as_bytes();
            }
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(data.len() as u64);
            header.set_cksum();
            builder.append(&header, data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpack(members: &[Member<'_>]) -> (tempfile::TempDir, io::Result<()>) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        symlink("usr/bin", root.join("bin")).unwrap();
        let result = unpack_tar(&Rooted::new(&root), &archive(members)[..]);
        (dir, result)
    }

    #[test]
    fn names_and_links_that_leave_the_tree_are_refused() {
        use EntryType::{Link, Regular, Symlink};
        let bad: [&[Member<'_>]; 5] = [
            &[(Regular, "../escaped", "x", 0o644)],
            &[(Regular, "/escaped", "x", 0o644)],
            &[(Regular, "usr/../../escaped", "x", 0o644)],
            &[(Symlink, "usr/x", "../../escaped", 0o777)],
            &[(Link, "usr/x", "../../escaped", 0o644)],
        ];
        for members in bad {
            let (dir, result) = unpack(members);
            assert!(result.is_err(), "{members:?}");
            assert!(!dir.path().join("escaped").exists());
        }
    }

    #[test]
    fn writing_through_a_link_stays_inside() {
        use EntryType::{Regular, Symlink};
        let (dir, result) =
            unpack(&[(Symlink, "out", "/tmp", 0o777), (Regular, "out/rp-unpack-test", "x", 0o644)]);
        result.unwrap();
        assert!(dir.path().join("root/tmp/rp-unpack-test").exists());
        assert!(!Path::new("/tmp/rp-unpack-test").exists());
    }

    #[test]
    fn merged_usr_modes_devices_and_what_is_left_out() {
        use EntryType::{Char, Directory, Link, Regular};
        let (dir, result) = unpack(&[
            (Directory, "./bin", "", 0o755),
            (Regular, "./bin/su", "su", 0o4511),
            (Link, "./bin/hard", "./bin/su", 0o755),
            (Regular, "usr/share/doc/frr/README", "x", 0o644),
            (Char, "dev/null", "", 0o666),
        ]);
        result.unwrap();
        let root = dir.path().join("root");
        assert!(fs::symlink_metadata(root.join("bin")).unwrap().is_symlink());
        assert_eq!(fs::metadata(root.join("usr/bin/su")).unwrap().permissions().mode() & 0o7777, 0o711);
        assert_eq!(fs::read_to_string(root.join("usr/bin/hard")).unwrap(), "su");
        assert!(!root.join("usr/share/doc/frr").exists() && !root.join("dev/null").exists());
    }
}
