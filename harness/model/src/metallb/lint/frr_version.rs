//! FRR versions, as far as defects come and go with them.

use std::fmt;

/// An FRR release. The order is that of the releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrrVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl FrrVersion {
    /// Reads `7.5.1`, `10.3` or an image's name that ends in one (`frr:8.4.4`). `None` for what names no version (`frr:@sid`).
    pub fn parse(text: &str) -> Option<Self> {
        let tag = text.rsplit(':').next()?.trim().trim_start_matches('v');
        // Debian's revisions and distributions' suffixes: 8.4.4-1.1.
        let tag = tag.split(['-', '_', '+', '~']).next()?;
        let mut numbers = tag.split('.').map(|n| n.parse::<u32>().ok());
        let (major, minor) = (numbers.next()??, numbers.next()??);
        let patch = numbers.next().unwrap_or(Some(0))?;
        Some(Self { major, minor, patch })
    }

    const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Whether bgpd is not told when an entry's action alone changes: FRR 7.5 and 7.5.1. (Mended by 4fc5dafd1c, first in 8.0; 7.4
    /// and older had no northbound route maps.)
    pub(super) fn has_ordering_bug(self) -> bool {
        (self.major, self.minor) == (7, 5)
    }

    /// What a reload does to prefix-list lines without `seq`, if not nothing: 7.5 removes and re-adds them (until 7ac6afbd36 in
    /// 8.0), 9.0 to 10.2.2 and 10.3.0 add them once more (e2e8f8dd51 to 8384d41144).
    pub(super) fn reload_of_unnumbered(self) -> Option<&'static str> {
        let duplicates =
            (Self::new(9, 0, 0)..Self::new(10, 2, 3)).contains(&self) || self == Self::new(10, 3, 0);
        match duplicates {
            true => Some("adds the list's lines once more at each reload"),
            false if (self.major, self.minor) == (7, 5) => {
                Some("takes the list's lines out and puts them back at each reload")
            }
            false => None,
        }
    }
}

impl fmt::Display for FrrVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch } = self;
        match patch {
            0 => write!(f, "{major}.{minor}"),
            patch => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_and_image_names() {
        let parsed = |text: &str| FrrVersion::parse(text).map(|v| v.to_string());
        for (text, version) in [
            ("7.5.1", Some("7.5.1")),
            ("quay.io/frrouting/frr:v8.4.4", Some("8.4.4")),
            ("10.3.0", Some("10.3")),
            ("8.4.4-1.1~deb12u1", Some("8.4.4")),
            ("frr:@sid", None),
            ("dir:/srv/frr", None),
            ("stable_7.5", None),
            ("10", None),
        ] {
            assert_eq!(parsed(text).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn defects_end_where_the_fixes_were_released() {
        let of = |text: &str| FrrVersion::parse(text).unwrap();
        let affected = |text: &str| of(text).reload_of_unnumbered().is_some();
        assert!(of("7.5").has_ordering_bug() && of("7.5.1").has_ordering_bug());
        assert!(!of("8.0").has_ordering_bug() && !of("7.4").has_ordering_bug());
        for version in ["7.5.1", "9.0.2", "9.1", "10.1.3", "10.2.2", "10.3"] {
            assert!(affected(version), "{version}");
        }
        for version in ["8.0", "8.4.4", "8.5.2", "10.2.3", "10.3.1", "10.4.1", "10.5.3"] {
            assert!(!affected(version), "{version}");
        }
    }
}
