//! What a run does, step by step, after axes and paths are resolved.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::expect::Expect;
use super::fault::Fault;
use super::stream::StreamStep;
use super::words::prefix;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The step in one line, for people.
    pub name: String,
    pub verb: Verb,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Apply {
        manifests: Vec<PathBuf>,
    },
    Delete {
        manifests: Vec<PathBuf>,
    },
    RestartSpeaker(RestartSpeaker),
    Settle(Settle),
    /// The expectation becomes true at some moment within the limit.
    Eventually {
        expect: Expect,
        within: Duration,
    },
    /// The expectation is true during the whole window.
    Holds {
        expect: Expect,
        window: Duration,
        witness: Option<ipnet::IpNet>,
    },
    Fault(Fault),
    /// Goes on while later steps are done.
    Stream(StreamStep),
    Observe(Observe),
    Diagnose(Diagnosis),
}

impl Verb {
    /// The manifests that it applies or deletes.
    pub fn manifests(&self) -> &[PathBuf] {
        match self {
            Verb::Apply { manifests } | Verb::Delete { manifests } => manifests,
            _ => &[],
        }
    }

    /// Whether it acts on the lab, so that a convergence can follow.
    pub fn changes_something(&self) -> bool {
        match self {
            Verb::Apply { .. } | Verb::Delete { .. } | Verb::RestartSpeaker(_) | Verb::Fault(_) => true,
            Verb::Settle(_)
            | Verb::Stream(_)
            | Verb::Eventually { .. }
            | Verb::Holds { .. }
            | Verb::Observe(_)
            | Verb::Diagnose(_) => false,
        }
    }
}

/// Restarts the speaker pod of a node: its FRR starts again from the startup configuration and loads the whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestartSpeaker {
    pub node: String,
}

/// Waits until no route-map change is pending in the node's bgpd: `bgp route-map delay-timer` (5 s by default) has run
/// out since the last configuration change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub node: String,
}

/// Samples what a node holds of a prefix: the kernel, the BGP table, the route map in the running configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    pub node: String,
    pub peer: String,
    #[serde(deserialize_with = "prefix")]
    pub prefix: ipnet::IpNet,
}

/// A known bug that has a signature of its own: evidence for it, not mere absence of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// FRR 7.5: changing only the action of a route-map entry is not notified to bgpd (fixed by 4fc5dafd1c, FRR 8.0).
    FrrOrdering,
    /// frr-reload.py flips an entry whose sequence number occurs in the file with two actions, at every reload.
    ExtrasAlternation,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Diagnosis {
    pub signature: Signature,
    pub node: String,
    pub peer: String,
    pub prefix: ipnet::IpNet,
    /// How long a healthy node may take to learn the prefix.
    pub within: Duration,
}
