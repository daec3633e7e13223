//! Paths inside a tree, resolved as the tree's own programs will see them: no link and no `..` leads out.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows in one path (MAXSYMLINKS).
const MAX_LINKS: u32 = 40;

/// A folder that stands for `/`.
#[derive(Clone, Debug)]
pub(super) struct Rooted {
    root: PathBuf,
}

impl Rooted {
    pub fn new(root: &Path) -> Rooted {
        Rooted { root: root.to_owned() }
    }

    /// The host's path of a file of the tree, all links followed inside the tree. It need not exist.
    pub fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        Ok(self.root.join(self.walk(Path::new(path), true, false)?))
    }

    /// Like [`Rooted::resolve`] for a file to be replaced: its folders are made, its own last link is not followed.
    pub fn place(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(self.root.join(self.walk(path, false, true)?))
    }

    /// Where a member is or would be; nothing is made and the last link is not followed.
    pub fn locate(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(self.root.join(self.inside(path)?))
    }

    /// Like [`Rooted::locate`], relative to the root.
    pub fn inside(&self, path: &Path) -> io::Result<PathBuf> {
        self.walk(path, false, false)
    }

    /// Makes a folder and those above it. A link to a folder counts as one.
    pub fn make_dir(&self, path: &str) -> io::Result<PathBuf> {
        let inside = self.walk(&Path::new(path).join("x"), false, true)?;
        Ok(self.root.join(inside.parent().unwrap_or(Path::new(""))))
    }

    /// Writes a file with a mode, whatever was there before.
    pub fn write(&self, path: &str, mode: u32, text: &str) -> io::Result<()> {
        let place = self.place(Path::new(path))?;
        remove(&place)?;
        fs::write(&place, text)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(mode))
    }

    fn walk(&self, path: &Path, follow_last: bool, make: bool) -> io::Result<PathBuf> {
        let mut todo: VecDeque<OsString> = steps(path).collect();
        let mut at = PathBuf::new();
        let mut links = 0;
        while let Some(step) = todo.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let last = todo.is_empty();
            if last && !follow_last {
                at.push(step);
                break;
            }
            let here = self.root.join(&at).join(&step);
            match fs::symlink_metadata(&here) {
                Ok(m) if m.is_symlink() => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(io::Error::other(format!("too many links in {}", path.display())));
                    }
                    let target = fs::read_link(&here)?;
                    if target.is_absolute() {
                        at = PathBuf::new();
                    }
                    for step in steps(&target).collect::<Vec<_>>().into_iter().rev() {
                        todo.push_front(step);
                    }
                }
                Ok(m) if m.is_dir() || last => at.push(step),
                Ok(_) => return Err(io::Error::other(format!("{} is not a folder", here.display()))),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    if make {
                        make_one_dir(&here)?;
                    }
                    at.push(step);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(at)
    }
}

/// Another unpacking thread may be first; both want the same folder.
fn make_one_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
    }
}

fn steps(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|c| match c {
        Component::Normal(step) => Some(step.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// A member's name in an archive as a path below the root; absolute names and `..` are refused.
pub(super) fn member_path(name: &Path) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::Normal(step) => path.push(step),
            Component::CurDir => {}
            _ => return Err(io::Error::other(format!("member `{}` would leave the tree", name.display()))),
        }
    }
    Ok(path)
}

/// Whether a link at `place` (relative to the root) points above the root when its target is read as text.
pub(super) fn climbs_out(place: &Path, target: &Path) -> bool {
    if target.is_absolute() {
        return false; // Absolute inside the tree: the lab changes its root.
    }
    let mut depth = place.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    false
}

/// Removes whatever is at a path; nothing there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let gone = |r: io::Result<()>| match r {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        r => r,
    };
    match fs::symlink_metadata(path) {
        Ok(m) if m.is_dir() => gone(fs::remove_dir_all(path)),
        Ok(_) => gone(fs::remove_file(path)),
        Err(e) => gone(Err(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_read_as_inside_the_tree() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Rooted::new(dir.path());
        fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
        symlink("usr/bin", dir.path().join("bin")).unwrap();
        symlink("/usr", dir.path().join("abs")).unwrap();
        symlink("../../../../../../usr", dir.path().join("up")).unwrap();
        for path in ["bin/sh", "abs/bin/sh", "up/bin/sh", "../../usr/bin/sh", "/bin/sh"] {
            assert_eq!(tree.resolve(path).unwrap(), dir.path().join("usr/bin/sh"), "{path}");
        }
    }

    #[test]
    fn a_link_to_itself_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("loop", dir.path().join("loop")).unwrap();
        assert!(Rooted::new(dir.path()).resolve("loop/x").is_err());
    }

    #[test]
    fn writing_replaces_a_link_and_not_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        symlink(outside.path(), dir.path().join("etc/passwd")).unwrap();
        Rooted::new(dir.path()).write("etc/passwd", 0o644, "root").unwrap();
        assert_eq!(fs::read_to_string(outside.path()).unwrap(), "");
        assert_eq!(fs::read_to_string(dir.path().join("etc/passwd")).unwrap(), "root");
    }

    proptest::proptest! {
        #[test]
        fn member_paths_stay_below_the_root(name in "[a./]{0,16}") {
            if let Ok(path) = member_path(Path::new(&name)) {
                proptest::prop_assert!(path.components().all(|c| matches!(c, Component::Normal(_))));
            }
        }
    }
}
