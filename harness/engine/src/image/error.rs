//! What can go wrong with an image, whose fault it is, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no tree for an image. The message says what was tried on what; [`ImageError::hints`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    #[error("`{text}` is not the name of an FRR image: {reason}")]
    Name { text: String, reason: &'static str, suggestions: Vec<String> },
    #[error("`{text}` is not the name of a User-Mode Linux kernel")]
    KernelName { text: String },
    #[error("`{image}` is neither an FRR version that comes from Debian nor an imported image")]
    Unknown { image: String, suggestions: Vec<String> },
    #[error(
        "suite {suite} at {url} expired on {until}: a mirror that stands still could hide security updates"
    )]
    Expired { suite: String, url: String, until: String },
    #[error("could not reach suite {suite} of Debian for {image}: {}", tried.join("; "))]
    Unreachable { image: String, suite: String, tried: Vec<String> },
    #[error("could not download {url} (tried {attempts} times): {reason}")]
    Download { url: String, attempts: u32, reason: String },
    #[error("{image} is not in the cache {} and the network is switched off", cache.display())]
    Offline { image: String, cache: PathBuf },
    #[error("{url} is not trusted: {reason}")]
    Untrusted { url: String, reason: String },
    #[error("{what} is damaged: {reason}")]
    Damaged { what: String, reason: String },
    #[error("suite {suite} has no {what} for {arch}")]
    Missing { suite: String, what: String, arch: String },
    #[error("suite {suite} now carries {found}, not the {image} that was asked for")]
    Moved { image: String, suite: String, found: String },
    #[error("{} is not an FRR root filesystem: {reason}", path.display())]
    NotFrr { path: PathBuf, reason: String },
    #[error("{what} is built for {found}, and this machine is {host}")]
    Architecture { what: String, found: String, host: String },
    #[error("cannot use the mirror `{url}`: {reason}")]
    Mirror { url: String, reason: String },
    #[error("no space left on the disk that holds {}", path.display())]
    Full { path: PathBuf },
    #[error("could not {what} {}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("could not find a cache folder: none of ROUTEPROOF_CACHE, XDG_CACHE_HOME and HOME is set")]
    NoCacheDir,
    #[error("the last step on the tree of {image} failed: {reason}")]
    Finish { image: String, reason: String },
}

/// Who has to act on an [`ImageError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// A name, flag or archive that the user gave.
    Input,
    /// The image is not at hand and cannot be had from here.
    Unreachable,
    /// The mirror's content or this machine.
    Environment,
}

impl ImageError {
    /// Wraps an I/O error with what was tried on which path; a full disk gets its own error.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImageError {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ImageError::Full { path },
            _ => ImageError::Io { what, path, source },
        }
    }

    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        use ImageError::*;
        match self {
            Name { .. }
            | KernelName { .. }
            | Unknown { .. }
            | Expired { .. }
            | NotFrr { .. }
            | Architecture { .. }
            | Mirror { .. } => Blame::Input,
            Missing { .. } | Moved { .. } => Blame::Input,
            Unreachable { .. } | Download { .. } | Offline { .. } => Blame::Unreachable,
            Untrusted { .. } | Damaged { .. } | Full { .. } | Io { .. } | NoCacheDir | Finish { .. } => {
                Blame::Environment
            }
        }
    }

    /// The exit code of the command line: 2 bad input, 5 the image is missing, 3 anything else.
    pub fn exit_code(&self) -> u8 {
        match self.blame() {
            Blame::Input => 2,
            Blame::Unreachable => 5,
            Blame::Environment => 3,
        }
    }

    /// What the user can do, one sentence each.
    pub fn hints(&self) -> Vec<String> {
        use ImageError::*;
        let hint = |s: &str| vec![s.to_owned()];
        match self {
            Name { suggestions, .. } | Unknown { suggestions, .. } => {
                let mut hints = Vec::new();
                if !suggestions.is_empty() {
                    hints.push(format!("known images: {}", suggestions.join(", ")));
                }
                hints.push(
                    "any other FRR: `routeproof images pull frr:VERSION --from FOLDER-OR-ARCHIVE`".into(),
                );
                hints
            }
            KernelName { .. } => {
                let known = super::KERNELS.map(|k| format!("uml:{}", k.version)).join(", ");
                vec![format!("known: {known}; that of any other suite of Debian: uml:@SUITE")]
            }
            Expired { .. } => hint("use --allow-expired to take it all the same"),
            Unreachable { image, .. } if image.starts_with("uml:") => vec![
                "name a mirror that this machine reaches: --mirror URL or ROUTEPROOF_MIRROR=URL".into(),
                "or name a kernel of this machine: --uml-kernel PATH (Debian's package user-mode-linux has \
                 /usr/bin/linux.uml)"
                    .into(),
            ],
            Unreachable { image, .. } | Download { url: image, .. } => {
                let image = if image.contains("://") { "frr:VERSION" } else { image };
                vec![
                    "name a mirror that this machine reaches: --mirror URL or ROUTEPROOF_MIRROR=URL".into(),
                    format!(
                        "or run `routeproof images pull {image}` on a connected machine and copy its cache folder here"
                    ),
                    format!(
                        "or give a folder or image archive: `routeproof images pull {image} --from PATH`"
                    ),
                ]
            }
            Offline { image, .. } => {
                vec![format!("run `routeproof images pull {image}` with a network first")]
            }
            Untrusted { .. } | Damaged { .. } => hint("try another mirror: --mirror URL"),
            Moved { suite, .. } => vec![format!("`frr:@{suite}` takes whatever version the suite carries")],
            Full { .. } => {
                hint("make room (`routeproof images prune` frees what is not used) or set ROUTEPROOF_CACHE")
            }
            NoCacheDir => hint("set ROUTEPROOF_CACHE to a folder"),
            NotFrr { .. } => hint("an FRR tree holds usr/lib/frr/zebra and usr/lib/frr/bgpd"),
            Mirror { .. } => {
                hint("a mirror is the folder above `dists`, for example http://deb.debian.org/debian")
            }
            Missing { .. } | Architecture { .. } | Io { .. } | Finish { .. } => Vec::new(),
        }
    }
}
