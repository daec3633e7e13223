//! A topology as containerlab sees it: nodes of any kind and links of any type, whether or not a lab of ours can boot it.

use std::collections::HashMap;
use std::path::PathBuf;

use super::file::TopologyFile;
use super::interfaces::{End, Ground, declared};
use super::kinds::KindName;
use super::labels;
use super::layers::Layers;
use super::stages::{self, Wait};
use super::words::words;
use crate::diag::{Diagnostic, Source};
use crate::path;

mod links;
mod types;

pub use types::{Lab, LabEnd, LabLink, LabNode, LinkKind, Outside, Part};

/// Reads what containerlab reads out of `file`. `source` is the text that it was read from.
/// Errors: what containerlab refuses, at its place: unknown kinds, links to unknown nodes, interfaces with two links, nodes that wait for each other.
pub fn read(file: &TopologyFile, source: &Source) -> Result<Lab, Diagnostic> {
    let section = &file.topology;
    let names: Vec<&str> = section.nodes.names().collect();
    if file.name.trim().is_empty() {
        return Err(source.error_at(&path!["name"], "the lab has no name"));
    }
    if names.is_empty() {
        let error = source.error_at_key(&path!["topology", "nodes"], "the topology has no nodes");
        return Err(error.hint("add them under `topology: nodes:`"));
    }
    let mut nodes = Vec::new();
    let mut waits = HashMap::new();
    for name in &names {
        let layers = Layers::of(file, name);
        labels::check(source, &layers)?;
        let mut node = node(file, source, name, &layers)?;
        let waited = stages::waits(source, &layers, &names)?;
        node.wait_for = waited.iter().map(|(wait, _)| wait.clone()).collect::<Vec<Wait>>();
        waits.insert((*name).to_owned(), waited);
        nodes.push(node);
    }
    stages::refuse_circles(source, &waits, &names)?;
    parts(&mut nodes);
    let mut cabling = links::Cabling::new(source, &nodes);
    let written = section.links.iter().flatten().enumerate();
    let links: Vec<LabLink> = written.map(|(i, link)| cabling.link(i, link)).collect::<Result<_, _>>()?;
    let warnings = cabling.warnings;
    for (index, name) in names.iter().enumerate() {
        let ends = ends_of(index, &links);
        let is_bridge = nodes[index].part == Part::Bridge;
        let ground = Ground { node: name, is_bridge, ends: &ends };
        nodes[index].interfaces = declared(source, &Layers::of(file, name), &ground)?.interfaces;
    }
    let name = file.name.replace("__gitBranch__", "none").replace("__gitHash__", "none");
    Ok(Lab { name, file: PathBuf::clone(&source.file), nodes, links, warnings })
}

fn node(
    file: &TopologyFile,
    source: &Source,
    name: &str,
    layers: &Layers<'_>,
) -> Result<LabNode, Diagnostic> {
    let at = path!["topology", "nodes", name];
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '|');
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(legal) {
        let error = source.error_at_key(&at, format!("`{name}` is not a node's name"));
        return Err(
            error.hint("a name has letters, digits, `-`, `.` and `_`, and starts with a letter or digit")
        );
    }
    let Some((kind, kind_at)) = &layers.kind else {
        let error = source.error_at_key(&at, format!("the node `{name}` has no kind"));
        return Err(error.hint("add `kind: linux` to the node, its group or the defaults"));
    };
    let kind = kind.to_lowercase();
    let known = KindName::of(&kind);
    if known == KindName::Unknown {
        return Err(known.refuse(&kind, |message| source.error_at(kind_at, message)));
    }
    let text = |key, get| layers.one(key, get).map(|(text, _)| text.to_owned());
    let exec = layers.list("exec", |n| &n.exec);
    let lab = file.name.as_str();
    let exec = exec.iter().filter_map(|(line, _)| words(&magic(line, lab, name, &source.file)).ok());
    let labels = layers.map("labels", |n| &n.labels);
    Ok(LabNode {
        name: name.to_owned(),
        part: Part::of(&kind),
        kind,
        type_: text("type", |n| &n.type_),
        group: layers.group.as_ref().map(|(group, _)| (*group).to_owned()),
        image: text("image", |n| &n.image),
        interfaces: Vec::new(),
        exec: exec.filter(|argv| !argv.is_empty()).collect(),
        labels: labels.into_iter().map(|(k, (v, _))| (k.to_owned(), v.to_owned())).collect(),
        wait_for: Vec::new(),
    })
}

fn ends_of(node: usize, links: &[LabLink]) -> Vec<End> {
    let ends = links.iter().flat_map(|link| link.ends.iter().map(move |end| (link, end)));
    let of_node = ends.filter(|(_, end)| end.index == node).map(|(link, end)| {
        let addresses = end.ipv4.map(Into::into).into_iter().chain(end.ipv6.map(Into::into)).collect();
        let (name, is_dummy) = (end.interface.clone(), link.kind == LinkKind::Dummy);
        End { name, is_dummy, addresses, mtu: link.mtu, mac: None }
    });
    of_node.collect()
}

/// containerlab's words for the lab and the node: the folder `clab-NAME` beside the topology, and what is in it.
pub(super) fn magic(text: &str, lab: &str, node: &str, file: &std::path::Path) -> String {
    if !text.contains("__clab") {
        return text.to_owned();
    }
    let dir = file.parent().unwrap_or(std::path::Path::new("")).join(format!("clab-{lab}"));
    text.replace("__clabNodeDir__", &dir.join(node).to_string_lossy())
        .replace("__clabDir__", &dir.to_string_lossy())
        .replace("__clabLabName__", &format!("clab-{lab}"))
        .replace("__clabNodeName__", node)
}

/// What each node plays in a drawing: our label decides, then the kind, then the image.
fn parts(nodes: &mut [LabNode]) {
    let clusters: Vec<String> =
        nodes.iter().filter(|n| n.part == Part::Cluster).map(|n| format!("{}-", n.name)).collect();
    for node in nodes {
        let of_cluster = || clusters.iter().any(|c| node.name.len() > c.len() && node.name.starts_with(c));
        node.part = match (node.labels.get(super::nodes::ROLE).map(String::as_str), node.part) {
            (Some("cluster-node"), _) => Part::ClusterNode,
            (Some("gateway"), _) => Part::Gateway,
            (Some("client"), _) => Part::Client,
            (_, Part::External) if of_cluster() => Part::ClusterNode,
            (_, Part::Client) if super::nodes::holds_router(node.image.as_deref()) => Part::Gateway,
            (_, part) => part,
        };
    }
}

#[cfg(test)]
mod tests;
