//! What a result was measured with, so that it can be measured again and compared.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the whole invocation ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// The harness's own version.
    pub routeproof: String,
    /// The host's kernel: `Linux 6.1.0-30-amd64 x86_64`.
    pub kernel: String,
    /// Processors that the harness may use.
    pub processors: u32,
    /// When the invocation started: seconds since 1970-01-01 in UTC.
    pub started_s: u64,
}

/// What one run was a run of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// What the scenario proves, in its own words.
    pub about: String,
    /// Where it was read, as the user named it.
    #[serde(default)]
    pub scenario_file: String,
    /// SHA-256 over everything that the scenario reads: its file, its topology with the files that it binds, its manifests.
    pub scenario_sha256: String,
    /// The topology's name.
    pub topology: String,
    /// The root filesystem of each node: `frr:8.4.4`.
    pub images: BTreeMap<String, String>,
    /// The FRR versions of the cluster nodes.
    pub frr: Vec<String>,
    /// The MetalLB release, and how it runs FRR: `v0.13.10`, `frr`.
    pub metallb: String,
    pub metallb_mode: String,
    /// `speaker` where MetalLB's own programs wrote what FRR loaded; none where routeproof rendered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The kernel that the lab ran on: `host`, or the guest kernel's name.
    pub kernel: String,
    /// From which the run's perturbation is made, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}
