//! `scenario.yaml` as it is written.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::expect::Expect;
use super::fault::Fault;
use super::step::{Observe, RestartSpeaker, Settle, Signature};
use super::stream::StreamStep;
use super::words::some_duration;
use crate::metallb::Mode;

/// A scenario file. Paths are relative to it; `${axis}` in a path stands for the run's value of that axis.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScenarioFile {
    pub name: String,
    pub about: String,
    /// Ids of the requirements that this scenario proves, for instance `ORD-1.1`.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// The containerlab file.
    pub topology: String,
    pub metallb: MetallbFile,
    /// Axis name -> values. `frr` is the FRR version of the cluster nodes; the others are the scenario's own.
    /// The scenario runs once per combination.
    #[serde(default)]
    pub axes: Axes,
    /// What `diagnose` steps must observe: the first entry whose `when` fits the run counts.
    #[serde(default)]
    pub expected: Vec<ExpectedFile>,
    /// Manifests that exist before the speakers start.
    #[serde(default)]
    pub initial: Vec<String>,
    /// Ids of lints that the manifests break on purpose (`docs/lints`).
    #[serde(default)]
    pub allow: Vec<String>,
    /// The shortest timer of a daemon that the verdicts rest on. BFD's detection times are known without it.
    #[serde(default, with = "some_duration")]
    pub tightest_timer: Option<Duration>,
    /// It takes long: it is run only when it is named.
    #[serde(default)]
    pub on_request: bool,
    pub steps: Vec<StepFile>,
}

impl ScenarioFile {
    /// What surrounds a step that is in no file.
    pub(super) fn of_one_step() -> ScenarioFile {
        ScenarioFile {
            name: String::new(),
            about: String::new(),
            requirements: Vec::new(),
            topology: String::new(),
            metallb: MetallbFile { version: String::new(), mode: Mode::default() },
            axes: Axes::default(),
            expected: Vec::new(),
            initial: Vec::new(),
            allow: Vec::new(),
            tightest_timer: None,
            on_request: false,
            steps: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetallbFile {
    /// The release, for instance `v0.13.10`: selects how frr.conf is rendered and the default FRR version.
    pub version: String,
    #[serde(default)]
    pub mode: Mode,
}

/// Axes in the order in which the file names them: the first varies slowest.
#[derive(Clone, Debug, Default)]
pub struct Axes(pub Vec<(String, Vec<String>)>);

impl<'de> Deserialize<'de> for Axes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Axes, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Axes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a mapping of axis names to lists of values")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Axes, A::Error> {
                let mut axes = Vec::new();
                while let Some(entry) = map.next_entry::<String, Vec<String>>()? {
                    axes.push(entry);
                }
                Ok(Axes(axes))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// `when`: axis name -> one value, or several of which one must fit.
pub type When = BTreeMap<String, OneOrMany>;

#[derive(Clone, Debug)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_str<E>(self, value: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![value.to_string()]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element::<String>()? {
                    values.push(value);
                }
                Ok(OneOrMany(values))
            }
        }
        // Text is asked for, so that a version such as 10.10 stays what was written; a list comes as a list all the same.
        deserializer.deserialize_str(Either)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFile {
    #[serde(default)]
    pub when: When,
    /// Key -> value, for instance `bug: present`.
    pub observed: BTreeMap<String, String>,
}

/// A step: exactly one verb (`apply`, `delete`, `restart-speaker`, `settle`, `fault`, `stream`, `expect`, `observe`, `diagnose`), and when it counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepFile {
    /// Manifests to apply, as one `kubectl apply -f A -f B` does: MetalLB's speaker gathers changes for 3 s before it
    /// reloads FRR, so that they arrive there in one reload.
    pub apply: Option<OneOrMany>,
    /// Manifests whose objects are deleted.
    pub delete: Option<OneOrMany>,
    pub restart_speaker: Option<RestartSpeaker>,
    pub settle: Option<Settle>,
    pub expect: Option<Expect>,
    pub observe: Option<Observe>,
    pub fault: Option<Fault>,
    pub stream: Option<StreamStep>,
    pub diagnose: Option<DiagnoseFile>,
    /// Runs of the matrix in which the step is done; all of them without it.
    #[serde(default)]
    pub when: When,
    /// How long the expectation may take to become true.
    #[serde(default, deserialize_with = "some_duration::deserialize")]
    pub within: Option<Duration>,
    /// How long the expectation must stay true, without a single event against it.
    #[serde(default, deserialize_with = "some_duration::deserialize")]
    pub holds: Option<Duration>,
    /// A prefix that must be in the node's kernel for the whole window of a negative expectation.
    pub witness: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DiagnoseFile {
    /// The known bug whose signature is looked for: `frr-ordering` or `extras-alternation`.
    pub signature: Signature,
    pub node: String,
    pub peer: String,
    pub prefix: String,
}
