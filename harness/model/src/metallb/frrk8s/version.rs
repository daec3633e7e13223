//! Which frr-k8s a MetalLB release ships.

use std::fmt;

use crate::metallb::release::Release;

/// A behaviour of frr-k8s that several of its releases share; named after the first shipped release that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Generation {
    V0_0_8,
    /// `connectTime`.
    V0_0_10,
    /// `disableMP`; values that equal FRR's defaults are dropped when neighbors are merged.
    V0_0_11,
    /// `sourceaddress`; a `neighbor X bfd` line of its own, two echo intervals.
    V0_0_13,
    /// Graceful restart, imports of VRFs.
    V0_0_14,
    /// `dynamicASN`.
    V0_0_16,
    /// Lists per address family, unnumbered sessions, dual-stack families; every object is merged with itself.
    V0_0_20,
    /// `log stdout`, `localASN`; a BFD profile may be given by one object only.
    V0_0_25,
}

/// One release of frr-k8s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrrK8s {
    /// The tag, with its `v`.
    pub version: &'static str,
    pub generation: Generation,
    /// The FRR of MetalLB's frr-k8s manifest.
    pub frr: &'static str,
}

/// MetalLB releases, and the frr-k8s of their `config/manifests/metallb-frr-k8s.yaml`.
const SHIPPED: &[(&[&str], FrrK8s)] = &[
    (
        &["v0.14.0", "v0.14.1", "v0.14.2", "v0.14.3"],
        FrrK8s { version: "v0.0.8", generation: Generation::V0_0_8, frr: "8.4.2" },
    ),
    (&["v0.14.4"], FrrK8s { version: "v0.0.10", generation: Generation::V0_0_10, frr: "9.0.2" }),
    (&["v0.14.5"], FrrK8s { version: "v0.0.11", generation: Generation::V0_0_11, frr: "9.0.2" }),
    (&["v0.14.6", "v0.14.7"], FrrK8s { version: "v0.0.13", generation: Generation::V0_0_13, frr: "9.1.0" }),
    (&["v0.14.8"], FrrK8s { version: "v0.0.14", generation: Generation::V0_0_14, frr: "9.1.0" }),
    (&["v0.14.9"], FrrK8s { version: "v0.0.16", generation: Generation::V0_0_16, frr: "9.1.0" }),
    (
        &["v0.15.0", "v0.15.1", "v0.15.2"],
        FrrK8s { version: "v0.0.20", generation: Generation::V0_0_20, frr: "9.1.0" },
    ),
    (&["v0.15.3"], FrrK8s { version: "v0.0.21", generation: Generation::V0_0_20, frr: "10.4.1" }),
    (&["v0.16.0", "v0.16.1"], FrrK8s { version: "v0.0.25", generation: Generation::V0_0_25, frr: "10.4.3" }),
];

impl FrrK8s {
    /// The one that a MetalLB release ships; `None` before v0.14.0.
    pub fn of(release: &Release) -> Option<&'static Self> {
        let row = SHIPPED.iter().find(|(releases, _)| releases.contains(&release.version))?;
        Some(&row.1)
    }
}

impl fmt::Display for FrrK8s {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frr-k8s {}", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metallb::release::RELEASES;

    #[test]
    fn every_release_from_v0_14_0_to_v0_16_1_ships_one_that_is_known() {
        let first = RELEASES.iter().position(|r| FrrK8s::of(r).is_some()).unwrap();
        assert_eq!(RELEASES[first].version, "v0.14.0");
        let shipped: Vec<_> = RELEASES[first..].iter().map_while(FrrK8s::of).map(|s| s.generation).collect();
        assert!(shipped.is_sorted(), "{shipped:?}");
        let after: Vec<_> = RELEASES[first + shipped.len()..].iter().map(|r| r.version).collect();
        assert_eq!(after, ["v0.16.2"]);
    }
}
