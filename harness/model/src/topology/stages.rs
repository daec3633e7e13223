//! Deployment stages: which node waits for which (`stages: STAGE: wait-for`), and commands at their borders.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::layers::Layers;
use crate::diag::{Diagnostic, Seg, Source};
use crate::path;

/// The stages that a node passes through, in order.
pub(super) const STAGES: [&str; 5] = ["create", "create-links", "configure", "healthy", "exit"];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Stages {
    pub create: Option<Stage>,
    pub create_links: Option<Stage>,
    pub configure: Option<Stage>,
    pub healthy: Option<Stage>,
    pub exit: Option<Stage>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Stage {
    pub wait_for: Option<Vec<WaitFor>>,
    pub exec: Option<Vec<StageExec>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitFor {
    pub node: String,
    pub stage: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageExec {
    pub command: String,
    pub target: Option<String>,
    pub phase: Option<String>,
}

/// A node enters `stage` only when `node` has left the stage `reached`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub stage: String,
    pub node: String,
    pub reached: String,
}

impl Stages {
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &Stage)> {
        let stages = [&self.create, &self.create_links, &self.configure, &self.healthy, &self.exit];
        STAGES.into_iter().zip(stages).filter_map(|(name, stage)| Some((name, stage.as_ref()?)))
    }

    /// Whether a lab in which all links are made before any command runs keeps these orders by itself.
    pub(super) fn hold_anyway(&self) -> bool {
        self.each().all(|(_, stage)| {
            let early = |wait: &WaitFor| matches!(wait.stage.as_str(), "create" | "create-links");
            stage.exec.iter().flatten().next().is_none() && stage.wait_for.iter().flatten().all(early)
        })
    }
}

/// What a node waits for, from all that it inherits. Errors: unknown nodes, stages, targets and phases.
pub(super) fn waits<'f>(
    source: &Source,
    layers: &Layers<'f>,
    nodes: &[&str],
) -> Result<Vec<(Wait, Vec<Seg>)>, Diagnostic> {
    let mut waits = Vec::new();
    for layer in layers.iter() {
        for (name, stage) in layer.fields.stages.iter().flat_map(Stages::each) {
            let at = |key: &str, index: usize, field: &str| {
                let mut at = layer.path("stages");
                at.extend([Seg::from(name), Seg::from(key), Seg::from(index), Seg::from(field)]);
                at
            };
            for (i, exec) in stage.exec.iter().flatten().enumerate() {
                word(source, &exec.target, &["container", "host"], &at("exec", i, "target"))?;
                word(source, &exec.phase, &["on-enter", "on-exit"], &at("exec", i, "phase"))?;
            }
            for (i, wait) in stage.wait_for.iter().flatten().enumerate() {
                word(source, &Some(wait.stage.clone()), &STAGES, &at("wait-for", i, "stage"))?;
                let node_at = at("wait-for", i, "node");
                if !nodes.contains(&wait.node.as_str()) {
                    let error = source.error_at(&node_at, format!("there is no node `{}`", wait.node));
                    return Err(error.suggest(&wait.node, nodes.iter().copied()));
                }
                let (node, reached) = (wait.node.clone(), wait.stage.clone());
                waits.push((Wait { stage: name.to_owned(), node, reached }, node_at));
            }
        }
    }
    Ok(waits)
}

fn word(source: &Source, written: &Option<String>, known: &[&str], at: &[Seg]) -> Result<(), Diagnostic> {
    match written.as_deref() {
        Some(word) if !known.contains(&word) => Err(source
            .error_at(at, format!("`{word}` is none of {}", known.join(", ")))
            .suggest(word, known.iter().copied())),
        _ => Ok(()),
    }
}

/// Refuses nodes that wait for each other: none of them would ever start.
pub(super) fn refuse_circles(
    source: &Source,
    waits: &HashMap<String, Vec<(Wait, Vec<Seg>)>>,
    order: &[&str],
) -> Result<(), Diagnostic> {
    let index = |stage: &str| STAGES.iter().position(|s| *s == stage).unwrap_or(0);
    // A place is (node, stage); it is left after it was entered and after all before it.
    let mut done: HashMap<(String, usize), bool> = HashMap::new();
    for node in order {
        let mut stack = vec![((*node).to_owned(), STAGES.len() - 1, 0)];
        while let Some((node, stage, next)) = stack.pop() {
            let key = (node.clone(), stage);
            if next == 0 && done.insert(key.clone(), false) == Some(true) {
                done.insert(key, true);
                continue;
            }
            let mine = waits.get(&node).map_or(&[][..], Vec::as_slice);
            let mine: Vec<_> = mine.iter().filter(|(w, _)| index(&w.stage) == stage).collect();
            let before = (stage > 0).then(|| (node.clone(), stage - 1, None));
            let waited = mine.iter().map(|(w, at)| (w.node.clone(), index(&w.reached), Some(at)));
            match before.into_iter().chain(waited).nth(next) {
                None => drop(done.insert(key, true)),
                Some((on, reached, at)) => {
                    stack.push((node.clone(), stage, next + 1));
                    match (done.get(&(on.clone(), reached)), at) {
                        (Some(true), _) => {}
                        (Some(false), at) => {
                            let own = path!["topology", "nodes", node.as_str()];
                            let at = at.unwrap_or(&own);
                            let message = format!("`{node}` waits for `{on}`, which waits for `{node}`");
                            return Err(source.error_at(at, message).hint("neither would ever start"));
                        }
                        _ => stack.push((on, reached, 0)),
                    }
                }
            }
        }
    }
    Ok(())
}
