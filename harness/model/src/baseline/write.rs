//! Scenario files as text, in the style in which people write them: a step a line, flow mappings within.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::scenario::{AxisValues, Expect, MetallbFile, Mode, Verb};

/// Keys in the order in which a person would write them; the others follow.
const ORDER: [&str; 12] = [
    "node", "peer", "prefix", "state", "table", "vrf", "via", "nexthops", "proto", "metric", "dev", "weight",
];

/// A whole scenario file. Paths are written as they are: relative to the file, or absolute.
#[derive(Clone, Debug)]
pub struct ScenarioText {
    pub name: String,
    pub about: String,
    pub topology: PathBuf,
    pub metallb: MetallbFile,
    pub axes: AxisValues,
    pub initial: Vec<PathBuf>,
    /// How the state came about; the expectations follow.
    pub steps: Vec<Verb>,
    pub expects: Vec<Expect>,
    /// How long each expectation may take to become true.
    pub within: Duration,
}

/// `steps:` with one `expect:` for each.
pub fn steps(expects: &[Expect], within: Duration) -> String {
    let lines = expects.iter().map(|expect| eventually(expect, within));
    format!("steps:\n{}", lines.collect::<String>())
}

impl ScenarioText {
    pub fn to_yaml(&self) -> String {
        let mode = match self.metallb.mode {
            Mode::Frr => "frr",
            Mode::FrrK8s => "frr-k8s",
        };
        let mut text = format!(
            "name: {}\nabout: {}\ntopology: {}\nmetallb: {{ version: {}, mode: {mode} }}\n",
            scalar(&self.name),
            scalar(&self.about),
            path(&self.topology),
            scalar(&self.metallb.version),
        );
        if !self.axes.is_empty() {
            let axes =
                self.axes.iter().map(|(axis, value)| format!("  {}: [{}]\n", scalar(axis), scalar(value)));
            text.push_str(&format!("axes:\n{}", axes.collect::<String>()));
        }
        if !self.initial.is_empty() {
            let initial = self.initial.iter().map(|file| format!("  - {}\n", path(file)));
            text.push_str(&format!("initial:\n{}", initial.collect::<String>()));
        }
        text.push_str("steps:\n");
        text.extend(self.steps.iter().filter_map(verb));
        text.extend(self.expects.iter().map(|expect| eventually(expect, self.within)));
        text
    }
}

fn eventually(expect: &Expect, within: Duration) -> String {
    format!("  - expect: {}\n    within: {}\n", flow(expect), humantime::format_duration(within))
}

/// A step as it is written; `None` for what only looks (`observe`, `diagnose`).
fn verb(verb: &Verb) -> Option<String> {
    let files =
        |files: &[PathBuf]| format!("[{}]", files.iter().map(|f| path(f)).collect::<Vec<_>>().join(", "));
    Some(match verb {
        Verb::Apply { manifests } => format!("  - apply: {}\n", files(manifests)),
        Verb::Delete { manifests } => format!("  - delete: {}\n", files(manifests)),
        Verb::RestartSpeaker(restart) => format!("  - restart-speaker: {}\n", flow(restart)),
        Verb::Settle(settle) => format!("  - settle: {}\n", flow(settle)),
        Verb::Fault(fault) => format!("  - fault: {}\n", flow(fault)),
        // How a change went is no matter of the state that it led to.
        Verb::Stream(_) | Verb::Eventually { expect: Expect::Loss(_), .. } => return None,
        Verb::Eventually { expect, within } => eventually(expect, *within),
        Verb::Holds { expect, window, witness } => {
            let window = humantime::format_duration(*window);
            let witness = witness.map(|w| format!("    witness: {}\n", scalar(&w.to_string())));
            format!("  - expect: {}\n    holds: {window}\n{}", flow(expect), witness.unwrap_or_default())
        }
        Verb::Observe(_) | Verb::Diagnose(_) => return None,
    })
}

fn path(path: &Path) -> String {
    scalar(&path.to_string_lossy())
}

/// A value in flow style, without what is left open.
fn flow(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(value) => show(&value),
        // Facts are plain data; what is no JSON would be seen when the file is read.
        Err(e) => scalar(&e.to_string()),
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Object(fields) => object(fields),
        Value::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

fn object(fields: &Map<String, Value>) -> String {
    let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    let mut written: Vec<(&String, &Value)> =
        fields.iter().filter(|(name, value)| says_something(name, value)).collect();
    written.sort_by_key(|(name, _)| rank(name));
    let written: Vec<String> =
        written.iter().map(|(name, value)| format!("{name}: {}", show(value))).collect();
    format!("{{ {} }}", written.join(", "))
}

fn says_something(name: &str, value: &Value) -> bool {
    let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    // What these mean when they are not written.
    let default =
        (name == "table" && value.as_u64() == Some(254)) || (name == "exact" && *value == Value::Bool(true));
    !empty && !default
}

/// Plain where it can be nothing but text, else quoted as JSON, which YAML 1.2 reads.
fn scalar(text: &str) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
        && text.parse::<f64>().is_err()
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    let number = text.parse::<IpAddr>().is_ok_and(|a| a.is_ipv4())
        || text.parse::<IpNet>().is_ok_and(|n| n.addr().is_ipv4())
        || text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u16>().is_ok());
    match word || number {
        true => text.to_string(),
        false => Value::String(text.to_string()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let plain = ["gw1", "172.16.1.0/24", "7.5.1", "v0.13.10", "../../t.clab.yml", "a-b.c"];
        assert!(plain.iter().all(|text| scalar(text) == *text));
        for text in
            ["fc00::/64", "10.3", "true", "No", "nan", "1e5", "a b", "a: b", "# x", "", "-x", "\"", "inf"]
        {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
    }
}
