//! Image names: `frr:8.4.4`, a container registry's spelling of it, `frr:@sid`, `dir:/path`; of kernels `uml:6.1`.

use std::fmt;
use std::path::PathBuf;

use routeproof_model::profile::RouterImage;

use super::ImageError;

/// An FRR version that a Debian suite carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub version: &'static str,
    pub suite: &'static str,
}

/// How kernels' names begin.
const KERNEL: &str = "uml:";

/// The versions that `images pull` fetches when no name is given, oldest first.
pub const KNOWN: [Known; 3] = [
    Known { version: "7.5.1", suite: "bullseye" },
    Known { version: "8.4.4", suite: "bookworm" },
    Known { version: "10.3", suite: "trixie" },
];

/// The User-Mode Linux kernels that have a name of their own; `uml:@SUITE` is that of any other suite.
pub const KERNELS: [Known; 2] =
    [Known { version: "6.1", suite: "bookworm" }, Known { version: "6.12", suite: "trixie" }];

/// What an image is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A root filesystem with FRR in it.
    Frr,
    /// A root filesystem with another router's package in it.
    Router,
    /// A User-Mode Linux kernel with its modules, and the libraries that it needs.
    Kernel,
}

/// Where an image comes from when it is not in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A suite of Debian, for example `bookworm`.
    Suite(String),
    /// A folder on this machine that holds a root filesystem.
    Dir(PathBuf),
    /// Nowhere: it is in the cache if somebody imported it under this name.
    Imported,
}

/// The name of an image, checked and in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRef {
    name: String,
    version: Option<String>,
    source: Source,
    kind: Kind,
    /// The Debian package that it is made for.
    package: String,
}

/// The packages that FRR and the kernels are in.
const FRR_PACKAGE: &str = "frr";
const KERNEL_PACKAGE: &str = "user-mode-linux";

impl ImageRef {
    /// An image of a router's profile; `None` if nobody says where it comes from.
    pub fn router(image: &RouterImage) -> Option<ImageRef> {
        let debian = image.debian.as_ref()?;
        Some(ImageRef {
            name: image.name.clone(),
            version: Some(image.version.clone()),
            source: Source::Suite(debian.suite.clone()),
            kind: Kind::Router,
            package: debian.package.clone(),
        })
    }

    /// Reads the name of an FRR image or of a kernel: [`ImageRef::parse`], [`ImageRef::kernel`].
    pub fn parse_any(text: &str) -> Result<ImageRef, ImageError> {
        if text.trim().starts_with(KERNEL) { ImageRef::kernel(text) } else { ImageRef::parse(text) }
    }

    /// Reads the name of a kernel: `uml:6.1`, `uml:@sid` (a suite).
    pub fn kernel(text: &str) -> Result<ImageRef, ImageError> {
        let text = text.trim();
        let bad = || ImageError::KernelName { text: text.to_owned() };
        let tag = text.strip_prefix(KERNEL).ok_or_else(bad)?;
        if let Some(known) =
            KERNELS.iter().find(|k| k.version == tag || tag.strip_prefix('@') == Some(k.suite))
        {
            let (version, source) = (Some(known.version.to_owned()), Source::Suite(known.suite.to_owned()));
            return Ok(ImageRef {
                name: format!("{KERNEL}{}", known.version),
                version,
                source,
                kind: Kind::Kernel,
                package: KERNEL_PACKAGE.to_owned(),
            });
        }
        let suite = tag.strip_prefix('@').filter(|suite| is_suite(suite)).ok_or_else(bad)?;
        let (name, source) = (format!("{KERNEL}@{suite}"), Source::Suite(suite.to_owned()));
        Ok(ImageRef { name, version: None, source, kind: Kind::Kernel, package: KERNEL_PACKAGE.to_owned() })
    }

    /// Reads a name as users, containerlab files and container registries spell it: `frr:8.4.4`, `8.4.4`,
    /// `quay.io/frrouting/frr:v8.4.4`, `frr:10.3.0` (which is 10.3), `frr:@sid` (a suite), `dir:/path`.
    ///
    /// A well-formed version that no suite carries is accepted as an imported image: only a [`super::Store`] knows
    /// whether there is one ([`super::Store::available`]).
    pub fn parse(text: &str) -> Result<ImageRef, ImageError> {
        let text = text.trim();
        let bad = |reason| ImageError::Name { text: text.to_owned(), reason, suggestions: suggestions(text) };
        if let Some(path) = text.strip_prefix("dir:") {
            if !path.starts_with('/') {
                return Err(bad("the path after `dir:` must be absolute"));
            }
            let (name, source) = (text.to_owned(), Source::Dir(path.into()));
            return Ok(ImageRef {
                name,
                version: None,
                source,
                kind: Kind::Frr,
                package: FRR_PACKAGE.to_owned(),
            });
        }
        let tag = match text.rsplit_once(':') {
            Some((repository, tag)) if is_frr(repository) => tag,
            Some(_) => return Err(bad("the repository is not `frr`")),
            None if is_frr(text) => return Err(bad("it has no version")),
            None => text,
        };
        if let Some(suite) = tag.strip_prefix('@') {
            return ImageRef::suite(suite);
        }
        let version = tag.strip_prefix('v').unwrap_or(tag);
        if !is_version(version) {
            return Err(bad("it has no FRR version"));
        }
        Ok(match KNOWN.iter().find(|k| same_version(k.version, version)) {
            Some(known) => known.image(),
            None => ImageRef {
                name: format!("frr:{version}"),
                version: Some(version.to_owned()),
                source: Source::Imported,
                kind: Kind::Frr,
                package: FRR_PACKAGE.to_owned(),
            },
        })
    }

    /// The FRR of a Debian suite, whatever its version is.
    pub fn suite(suite: &str) -> Result<ImageRef, ImageError> {
        if !is_suite(suite) {
            let text = format!("frr:@{suite}");
            return Err(ImageError::Name {
                text,
                reason: "that is no suite's name",
                suggestions: suggestions(""),
            });
        }
        Ok(match KNOWN.iter().find(|k| k.suite == suite) {
            Some(known) => known.image(),
            None => ImageRef {
                name: format!("frr:@{suite}"),
                version: None,
                source: Source::Suite(suite.to_owned()),
                kind: Kind::Frr,
                package: FRR_PACKAGE.to_owned(),
            },
        })
    }

    /// The images that are pulled when none is named.
    pub fn defaults() -> Vec<ImageRef> {
        KNOWN.iter().map(Known::image).collect()
    }

    /// The canonical spelling, for example `frr:8.4.4`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn package(&self) -> &str {
        &self.package
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The version of FRR, or of the kernel, that the name promises, if it does.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The name of its file in the cache's `refs`.
    pub(super) fn file_stem(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "@._+~-".contains(c) { c } else { '-' };
        self.name.chars().map(safe).collect()
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Known {
    /// This version as an image.
    pub fn image(&self) -> ImageRef {
        ImageRef {
            name: format!("frr:{}", self.version),
            version: Some(self.version.to_owned()),
            source: Source::Suite(self.suite.to_owned()),
            kind: Kind::Frr,
            package: FRR_PACKAGE.to_owned(),
        }
    }
}

/// Whether a suite's package is what the name promises. Debian calls its kernels `6.1um4`.
pub(super) fn keeps_promise(image: &ImageRef, found: &str) -> bool {
    let Some(promised) = image.version() else { return true };
    match image.kind {
        Kind::Frr => same_version(promised, found),
        // A profile may name a whole series: `bird:2`.
        Kind::Kernel | Kind::Router => {
            found.strip_prefix(promised).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        }
    }
}

/// `10.3` and `10.3.0` are the same release.
pub(super) fn same_version(a: &str, b: &str) -> bool {
    let short = |v: &'_ str| v.strip_suffix(".0").filter(|s| s.contains('.')).unwrap_or(v).to_owned();
    short(a) == short(b)
}

/// The known images, the likeliest first.
pub(super) fn suggestions(text: &str) -> Vec<String> {
    let wanted: String = text.rsplit([':', '/']).next().unwrap_or("").trim_start_matches('v').to_owned();
    let mut known: Vec<&str> = KNOWN.iter().map(|k| k.version).collect();
    let closeness = |v: &str| v.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
    known.sort_by_key(|v| std::cmp::Reverse(closeness(v)));
    known.iter().map(|v| format!("frr:{v}")).collect()
}

fn is_suite(suite: &str) -> bool {
    suite.starts_with(|c: char| c.is_ascii_lowercase())
        && suite.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_frr(repository: &str) -> bool {
    repository.rsplit('/').next() == Some("frr")
}

fn is_version(v: &str) -> bool {
    v.starts_with(|c: char| c.is_ascii_digit())
        && v.len() <= 64
        && v.chars().all(|c| c.is_ascii_alphanumeric() || "._+~-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_known_version_is_one_image() {
        for text in [
            "frr:10.3",
            "10.3",
            "frr:10.3.0",
            "frrouting/frr:v10.3",
            "quay.io/frrouting/frr:10.3.0",
            "frr:@trixie",
        ] {
            let image = ImageRef::parse(text).unwrap();
            assert_eq!(
                (image.name(), image.source()),
                ("frr:10.3", &Source::Suite("trixie".into())),
                "{text}"
            );
        }
        assert_eq!(ImageRef::parse("localhost:5000/frr:7.5.1").unwrap().name(), "frr:7.5.1");
    }

    #[test]
    fn suites_folders_and_other_versions() {
        assert_eq!(ImageRef::parse("frr:@sid").unwrap().source(), &Source::Suite("sid".into()));
        assert_eq!(ImageRef::parse("dir:/srv/frr").unwrap().source(), &Source::Dir("/srv/frr".into()));
        let imported = ImageRef::parse("frr:9.1.0").unwrap();
        assert_eq!((imported.version(), imported.source()), (Some("9.1.0"), &Source::Imported));
        assert_eq!(imported.file_stem(), "frr-9.1.0");
    }

    #[test]
    fn kernels_have_names_of_their_own() {
        for text in ["uml:6.1", " uml:@bookworm"] {
            let kernel = ImageRef::parse_any(text).unwrap();
            assert_eq!((kernel.name(), kernel.kind()), ("uml:6.1", Kind::Kernel));
            assert!(keeps_promise(&kernel, "6.1um4") && !keeps_promise(&kernel, "6.12um1"));
        }
        let sid = ImageRef::kernel("uml:@sid").unwrap();
        assert_eq!((sid.name(), sid.version()), ("uml:@sid", None));
        // No node gets a kernel as its root filesystem.
        assert!(ImageRef::parse("uml:6.1").is_err());
        let error = ImageRef::parse_any("uml:6.2").unwrap_err();
        insta::assert_snapshot!(format!("{error}\n{}", error.hints().join("\n")), @r"
        `uml:6.2` is not the name of a User-Mode Linux kernel
        known: uml:6.1, uml:6.12; that of any other suite of Debian: uml:@SUITE
        ");
    }

    #[test]
    fn nonsense_is_refused_with_the_nearest_first() {
        for text in
            ["", "frr", "alpine:3.20", "frr:", "frr:latest", "frr:@../x", "dir:rel", "frr:8.4.4/../../x"]
        {
            assert!(ImageRef::parse(text).is_err(), "{text}");
        }
        let error = ImageRef::parse("quay.io/frrouting/ffr:8.4").unwrap_err();
        insta::assert_snapshot!(format!("{error}\n{}", error.hints().join("\n")), @r"
        `quay.io/frrouting/ffr:8.4` is not the name of an FRR image: the repository is not `frr`
        known images: frr:8.4.4, frr:7.5.1, frr:10.3
        any other FRR: `routeproof images pull frr:VERSION --from FOLDER-OR-ARCHIVE`
        ");
    }

    proptest::proptest! {
        #[test]
        fn a_name_reads_back_as_itself_and_is_a_safe_file_name(text in "(frr:|dir:/)?[@v0-9a-z./~-]{0,12}") {
            if let Ok(image) = ImageRef::parse(&text) {
                proptest::prop_assert_eq!(&ImageRef::parse(image.name()).unwrap(), &image);
                proptest::prop_assert!(!image.file_stem().contains('/') && !image.file_stem().starts_with('.'));
            }
        }
    }
}
