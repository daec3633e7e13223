//! Which kernel a guest boots.

use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::error::GuestError;
use crate::image::{ImageError, ImageRef, Progress, Store, Tree};
use crate::run::RunError;

/// Debian 12's: it needs a glibc of 2022 and works everywhere.
pub const DEFAULT_KERNEL: &str = "uml:6.1";

/// The kernel in an image's tree.
pub const PROGRAM: &str = "usr/bin/linux.uml";

/// Where the kernel comes from.
#[derive(Clone, Debug)]
pub enum KernelSource {
    /// Debian's package user-mode-linux, by an image's name.
    Image(ImageRef),
    /// A kernel of the user's own; modules are looked for where Debian's package has them, in `../lib/uml/modules`.
    File(PathBuf),
}

/// A kernel that is at hand.
#[derive(Debug)]
pub struct Kernel {
    /// As a user would name it.
    pub name: String,
    pub program: PathBuf,
    /// The folder with a folder of modules for each release.
    pub modules: Option<PathBuf>,
    /// What it came from, if that is an image. It stays in the cache while this value lives.
    pub tree: Option<Tree>,
}

impl KernelSource {
    /// Reads an image's name (`uml:6.1`, `uml:@sid`), or a path to a kernel, which has a `/` in it.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<KernelSource, ImageError> {
        match text.contains('/') {
            true => Ok(KernelSource::File(PathBuf::from(text))),
            false => Ok(KernelSource::Image(ImageRef::kernel(text)?)),
        }
    }

    /// As a user names it.
    pub fn name(&self) -> String {
        match self {
            KernelSource::Image(image) => image.name().to_string(),
            KernelSource::File(path) => path.display().to_string(),
        }
    }

    /// Whether [`KernelSource::obtain`] needs no network.
    pub(crate) fn is_here(&self, store: &Store) -> bool {
        match self {
            KernelSource::Image(image) => store.cached(image).is_ok_and(|tree| tree.is_some()),
            KernelSource::File(_) => true,
        }
    }

    /// The kernel, pulled if need be.
    pub(crate) async fn obtain(&self, store: &Store, progress: &dyn Progress) -> Result<Kernel, RunError> {
        match self {
            KernelSource::File(path) => Ok(Kernel::at(path)?),
            KernelSource::Image(image) => {
                let tree = store.tree(image, progress).await?;
                let kernel = Kernel::at(&tree.path.join(PROGRAM))?;
                Ok(Kernel { name: tree.image.clone(), tree: Some(tree), ..kernel })
            }
        }
    }
}

impl Default for KernelSource {
    fn default() -> KernelSource {
        // The constant is a name; were it none, a run would say that there is no such file.
        KernelSource::parse(DEFAULT_KERNEL).unwrap_or_else(|_| KernelSource::File(DEFAULT_KERNEL.into()))
    }
}

impl Kernel {
    fn at(path: &Path) -> Result<Kernel, GuestError> {
        let refused = |source: io::Error| GuestError::NotStarted { program: path.to_path_buf(), source };
        let program = path.canonicalize().map_err(refused)?;
        if !program.is_file() {
            return Err(refused(io::Error::other("it is not a file")));
        }
        access(&program, AccessFlags::X_OK).map_err(|e| refused(e.into()))?;
        let modules = program.parent().map(|bin| bin.join("../lib/uml/modules"));
        let modules = modules.and_then(|folder| folder.canonicalize().ok());
        Ok(Kernel { name: path.display().to_string(), program, modules, tree: None })
    }
}
