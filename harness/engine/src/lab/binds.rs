//! A topology's binds: copied into the node, so that nothing a node writes reaches the user's files.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

/// Copies a host file or folder to `to` below `root`. Symbolic links in the image are followed inside `root` only.
pub fn copy_in(root: &Path, from: &Path, to: &Path) -> io::Result<()> {
    let root_fd = open(root, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    copy(&root_fd, from, to)
}

fn copy(root: &OwnedFd, from: &Path, to: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(from)?;
    if meta.is_dir() {
        make_folder(root, to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(root, &entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    // The engine has checked that a bind's real path lies in the topology's folder; inside a bound folder a link is
    // copied as what it points to only if that is a plain file, and the check is repeated here by opening no devices.
    let meta = fs::metadata(from)?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file or a folder"));
    }
    if let Some(parent) = to.parent() {
        make_folder(root, parent)?;
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = Mode::from_bits_truncate(meta.permissions().mode() & 0o777) | Mode::S_IRUSR | Mode::S_IWUSR;
    let how = OpenHow::new()
        .flags(OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC)
        .mode(mode)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT);
    let target = openat2(root, to, how)?;
    io::copy(&mut fs::File::open(from)?, &mut fs::File::from(target))?;
    Ok(())
}

fn make_folder(root: &OwnedFd, path: &Path) -> io::Result<()> {
    let mut done = PathBuf::from("/");
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        let parent = openat2(root, &done, how)?;
        done.push(name);
        if openat2(root, &done, how).is_err() {
            // mkdirat does not follow a link in its last component, and the parent was resolved inside the root.
            let made =
                fs::create_dir(format!("/proc/self/fd/{}/{}", parent.as_raw_fd(), name.to_string_lossy()));
            made.or_else(|e| if e.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(e) })?;
        }
    }
    Ok(())
}
