//! MetalLB's releases: which layout of frr.conf each one renders and which FRR its FRR-mode manifest runs.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::frrk8s::FrrK8s;

/// A layout of frr.conf that several releases share; named after the first release that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Generation {
    /// Configuration in a ConfigMap, prefix lists without the neighbor in their names.
    V0_12,
    /// CRDs; one address-family block per advertisement.
    V0_13_0,
    /// VRFs, one `network` block per family, both families always activated.
    V0_13_8,
    /// Extras (`bgpextras`) and large communities; `deny any` only for a family without advertisements.
    V0_13_10,
    /// The layout of v0.13.10 with advertisements sorted by prefix.
    V0_13_11,
    /// `seq` on prefix lists.
    V0_14_0,
    /// `timers connect`, disableMP.
    V0_14_4,
    /// The layout of v0.14.4; a pod that is ready gets requests whatever `serving` says.
    V0_14_5,
    /// Graceful restart and a `neighbor X bfd` line of its own.
    V0_14_6,
    /// dynamicASN; no `timers` line when unset.
    V0_14_9,
    /// `-allowed-ipv4/6` lists; only the peer's own family is activated.
    V0_15_0,
    /// `log stdout`, localASN.
    V0_16_0,
    /// asPathPrepend, which FRR mode refuses.
    V0_16_2,
}

/// How MetalLB runs FRR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The speaker renders frr.conf for an FRR container beside it.
    #[default]
    Frr,
    /// The speaker writes an FRRConfiguration; frr-k8s renders frr.conf of all FRRConfigurations.
    FrrK8s,
}

impl Mode {
    /// The name that manifests and scenarios use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frr => "frr",
            Self::FrrK8s => "frr-k8s",
        }
    }
}

/// A release that does not have the mode.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownMode {
    #[error("MetalLB {release} has no mode {}: it came with {since}", mode.name())]
    TooOld {
        release: &'static str,
        mode: Mode,
        /// The first release that has it.
        since: &'static str,
    },
    /// The release has it, and how the frr-k8s that it ships renders is not known here yet.
    #[error(
        "MetalLB {release} in mode {} is not there yet: it ships a newer frr-k8s than v0.0.25, the newest one that is known",
        mode.name()
    )]
    TooNew { release: &'static str, mode: Mode },
}

/// One MetalLB release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The tag, with its `v`.
    pub version: &'static str,
    /// Which layout it renders.
    pub generation: Generation,
    /// The FRR that its FRR-mode manifest runs (Helm charts may differ).
    pub frr: &'static str,
}

/// Looking up a release failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no MetalLB release `{version}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownRelease {
    pub version: String,
    pub nearest: Option<&'static str>,
}

const fn release(version: &'static str, generation: Generation, frr: &'static str) -> Release {
    Release { version, generation, frr }
}

/// Every release that can run FRR, oldest first.
pub static RELEASES: &[Release] = &[
    release("v0.12.0", Generation::V0_12, "7.5"),
    release("v0.12.1", Generation::V0_12, "7.5"),
    release("v0.13.0", Generation::V0_13_0, "7.5.1"),
    release("v0.13.1", Generation::V0_13_0, "7.5.1"),
    release("v0.13.2", Generation::V0_13_0, "7.5.1"),
    release("v0.13.3", Generation::V0_13_0, "7.5.1"),
    release("v0.13.4", Generation::V0_13_0, "7.5.1"),
    release("v0.13.5", Generation::V0_13_0, "7.5.1"),
    release("v0.13.6", Generation::V0_13_0, "7.5.1"),
    release("v0.13.7", Generation::V0_13_0, "7.5.1"),
    release("v0.13.8", Generation::V0_13_8, "7.5.1"),
    release("v0.13.9", Generation::V0_13_8, "7.5.1"),
    release("v0.13.10", Generation::V0_13_10, "8.4.2"),
    release("v0.13.11", Generation::V0_13_11, "8.5.2"),
    release("v0.13.12", Generation::V0_13_11, "8.5.2"),
    release("v0.14.0", Generation::V0_14_0, "8.5.2"),
    release("v0.14.1", Generation::V0_14_0, "8.5.2"),
    release("v0.14.2", Generation::V0_14_0, "8.5.2"),
    release("v0.14.3", Generation::V0_14_0, "8.5.2"),
    release("v0.14.4", Generation::V0_14_4, "9.0.2"),
    release("v0.14.5", Generation::V0_14_5, "9.0.2"),
    release("v0.14.6", Generation::V0_14_6, "9.1.0"),
    release("v0.14.7", Generation::V0_14_6, "9.1.0"),
    release("v0.14.8", Generation::V0_14_6, "9.1.0"),
    release("v0.14.9", Generation::V0_14_9, "9.1.0"),
    release("v0.15.0", Generation::V0_15_0, "9.1.0"),
    release("v0.15.1", Generation::V0_15_0, "9.1.0"),
    release("v0.15.2", Generation::V0_15_0, "9.1.0"),
    release("v0.15.3", Generation::V0_15_0, "10.4.1"),
    release("v0.16.0", Generation::V0_16_0, "10.5.3"),
    release("v0.16.1", Generation::V0_16_0, "10.5.3"),
    release("v0.16.2", Generation::V0_16_2, "10.5.3"),
];

impl Release {
    /// Finds a release by its tag, with or without the `v`.
    ///
    /// # Errors
    /// [`UnknownRelease`] names the nearest release that exists.
    pub fn find(version: &str) -> Result<&'static Self, UnknownRelease> {
        let bare = version.trim().trim_start_matches('v');
        if let Some(found) = RELEASES.iter().find(|r| &r.version[1..] == bare) {
            return Ok(found);
        }
        Err(UnknownRelease { version: version.to_owned(), nearest: nearest(bare) })
    }

    /// Whether it came before another release of [`RELEASES`].
    pub(super) fn is_before(&self, version: &str) -> bool {
        let place = |version: &str| RELEASES.iter().position(|r| r.version == version);
        place(self.version) < place(version)
    }

    /// Whether the release has the mode.
    ///
    /// # Errors
    /// [`UnknownMode`] says since when there is such a mode, or that this one is too new.
    pub fn check(&self, mode: Mode) -> Result<(), UnknownMode> {
        match mode {
            Mode::Frr => Ok(()),
            Mode::FrrK8s => self.frr_k8s().map(|_| ()),
        }
    }

    /// The frr-k8s that it ships. Errors as [`Release::check`].
    pub(super) fn frr_k8s(&self) -> Result<&'static FrrK8s, UnknownMode> {
        let mode = Mode::FrrK8s;
        FrrK8s::of(self).ok_or(match self.generation < Generation::V0_14_0 {
            true => UnknownMode::TooOld { release: self.version, mode, since: "v0.14.0" },
            false => UnknownMode::TooNew { release: self.version, mode },
        })
    }

    /// The FRR that the mode's manifest runs.
    pub fn frr_in(&self, mode: Mode) -> &'static str {
        let frr_k8s = FrrK8s::of(self).filter(|_| mode == Mode::FrrK8s);
        frr_k8s.map_or(self.frr, |shipped| shipped.frr)
    }

    /// Of some FRR versions the one nearest to this release's in a mode: by the number of FRR series in between, then by patch release; of
    /// two equally near ones the older. `None` if none of them is a version.
    pub fn nearest_frr<'a>(
        &self,
        mode: Mode,
        available: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let (series, patch) = frr_series(self.frr_in(mode))?;
        let distance = |version: &'a str| {
            let (s, p) = frr_series(version)?;
            Some(((s.abs_diff(series), p.abs_diff(patch), s), version))
        };
        available.into_iter().filter_map(distance).min().map(|(_, version)| version)
    }
}

/// (how many FRR series came before since 0.0, patch release). Of 7 the last was 7.5, of 8 it was 8.5, of 9 it was 9.1.
fn frr_series(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|n| n.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    let before = match major {
        0..=8 => major * 6,
        9 => 54,
        _ => 56 + (major - 10) * 10,
    };
    Some((before + minor, numbers.next().flatten().unwrap_or(0)))
}

/// By numbers first (v0.13.13 is near v0.13.12), by spelling if the text has none.
fn nearest(bare: &str) -> Option<&'static str> {
    let numbers = |s: &str| -> Option<Vec<u32>> { s.split('.').map(|n| n.parse().ok()).collect() };
    if let Some([major, minor, patch]) = numbers(bare).as_deref() {
        let same_minor = RELEASES.iter().filter_map(|r| {
            let have = numbers(&r.version[1..])?;
            (have[0] == *major && have[1] == *minor).then(|| (have[2].abs_diff(*patch), r.version))
        });
        if let Some((_, version)) = same_minor.min() {
            return Some(version);
        }
    }
    let score = |r: &Release| strsim::jaro_winkler(&r.version[1..], bare);
    let best = RELEASES.iter().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(best) > 0.75).then_some(best.version)
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_with_and_without_the_v() {
        assert_eq!(Release::find("0.13.10").unwrap().frr, "8.4.2");
        assert_eq!(Release::find("v0.13.7").unwrap().generation, Generation::V0_13_0);
    }

    #[test]
    fn names_the_nearest() {
        for (asked, nearest) in [
            ("v0.13.13", Some("v0.13.12")),
            ("v0.14.10", Some("v0.14.9")),
            ("0.1310", Some("v0.13.10")),
            ("latest", None),
        ] {
            assert_eq!(Release::find(asked).unwrap_err().nearest, nearest, "{asked}");
        }
        insta::assert_snapshot!(
            Release::find("v0.13.13").unwrap_err(),
            @"there is no MetalLB release `v0.13.13`; did you mean `v0.13.12`?"
        );
    }

    #[test]
    fn the_nearest_frr_is_a_matter_of_series() {
        let nearest = |version: &str| {
            let available = ["7.5.1", "8.4.4", "10.3", "latest"];
            Release::find(version).unwrap().nearest_frr(Mode::Frr, available).unwrap()
        };
        for (version, frr) in [
            ("v0.13.7", "7.5.1"),
            ("v0.13.10", "8.4.4"),
            ("v0.14.0", "8.4.4"),
            ("v0.14.4", "8.4.4"),
            ("v0.14.9", "8.4.4"),
            ("v0.15.3", "10.3"),
            ("v0.16.1", "10.3"),
        ] {
            assert_eq!(nearest(version), frr, "{version}");
        }
        assert_eq!(RELEASES[0].nearest_frr(Mode::Frr, ["latest"]), None);
    }

    #[test]
    fn layouts_never_go_back() {
        assert!(RELEASES.windows(2).all(|w| w[0].generation <= w[1].generation));
    }
}
