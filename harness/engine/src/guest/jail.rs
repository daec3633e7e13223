//! A root of its own for a kernel from Debian's package, which brings the libraries that it needs: a newer kernel than the
//! host's libraries would carry runs all the same. The host's file system is in it, for the guest.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

/// Where the host's root is in the jail.
pub const HOST: &str = "/host";

/// Where the scratch folder is.
pub const SCRATCH: &str = "/scratch";

/// Builds the root in the scratch folder, which is a tmpfs of this mount namespace, and gives its path.
pub fn build(scratch: &Path, tree: &Path) -> io::Result<PathBuf> {
    let root = scratch.join("root");
    for name in ["host", "scratch", "usr", "proc", "dev"] {
        fs::create_dir_all(root.join(name))?;
    }
    // Merged-/usr, as the trees of the cache are.
    for name in ["bin", "lib", "lib64"] {
        symlink(Path::new("usr").join(name), root.join(name))?;
    }
    bind(&tree.join("usr"), &root.join("usr"), MsFlags::empty())?;
    bind(Path::new("/proc"), &root.join("proc"), MsFlags::MS_REC)?;
    bind(Path::new("/dev"), &root.join("dev"), MsFlags::MS_REC)?;
    bind(Path::new("/"), &root.join("host"), MsFlags::MS_REC)?;
    Ok(root)
}

fn bind(from: &Path, to: &Path, flags: MsFlags) -> io::Result<()> {
    Ok(mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | flags, None::<&str>)?)
}
