//! The line from a topology's text to its meaning.

use std::collections::{HashMap, HashSet};

use super::addresses::{Register, added_by};
use super::file::TopologyFile;
use super::kinds::{Kind, KindName};
use super::layers::Layers;
use super::links::Cabling;
use super::nodes::{Builder, Built, NAME_RULE, Written, is_name};
use super::segment;
use super::support::{self, MAGIC, Warnings};
use super::types::{Node, Topology};
use crate::diag::{Diagnostic, Source};
use crate::{path, yaml};

/// Far beyond what one machine can run, and little enough that checking stays quick.
const MAX_NODES: usize = 5000;

/// Reads a topology's text and resolves it. Errors: the first mistake, with its place and a hint.
pub fn load(source: &Source) -> Result<Topology, Diagnostic> {
    resolve(&parse(source)?, source)
}

/// The written form. Errors: YAML's own, unknown fields, wrong types, and variables, which are not replaced yet.
pub fn parse(source: &Source) -> Result<TopologyFile, Diagnostic> {
    refuse_variables(source)?;
    yaml::parse(source)
}

/// What the file means: every node with all that it inherits, every link with its ends. `source` is the text that `file`
/// was read from; its folder is where binds and startup configs lie.
/// Errors: the first mistake, at its place.
pub fn resolve(file: &TopologyFile, source: &Source) -> Result<Topology, Diagnostic> {
    if !is_name(&file.name) {
        let message = format!("`{}` is not a lab's name", file.name);
        return Err(source.error_at(&path!["name"], message).hint(NAME_RULE));
    }
    let mut warnings = Warnings::default();
    whole_file(file, &mut warnings);
    let written = written_nodes(file, source)?;
    check_fields(file, source, &written, &mut warnings)?;

    let dir = source.file.parent().unwrap_or(std::path::Path::new("")).to_owned();
    let names: Vec<&str> = written.iter().filter(|w| w.kind == Kind::Cluster).map(|w| w.name).collect();
    let builder = Builder { source, dir: &dir, clusters: &names };
    let clusters = written
        .iter()
        .filter(|w| w.kind == Kind::Cluster)
        .map(|w| builder.cluster(w))
        .collect::<Result<_, _>>()?;
    let built: Vec<Built> = written
        .iter()
        .filter(|w| w.kind != Kind::Cluster)
        .map(|w| builder.node(w))
        .collect::<Result<_, _>>()?;
    let (nodes, exec_at): (Vec<Node>, Vec<_>) = built.into_iter().map(|b| (b.node, b.exec_at)).unzip();

    let mut register = Register::default();
    let mut cabling = Cabling {
        source,
        nodes: &nodes,
        clusters: &names,
        taken: HashMap::new(),
        register: &mut register,
        warnings: &mut warnings,
    };
    let written_links = file.topology.links.iter().flatten().enumerate();
    let links: Vec<_> = written_links.map(|(i, link)| cabling.link(i, link)).collect::<Result<_, _>>()?;
    for (node, places) in nodes.iter().zip(&exec_at) {
        for (argv, at) in node.exec.iter().zip(places) {
            for assigned in added_by(argv) {
                register.add(&node.name, &assigned, at.clone());
            }
        }
    }
    register.check(source, &|node, device| segment::vrf_of(&nodes, &links, node, device))?;
    let mut diagnostics = warnings.into_diagnostics(source);
    diagnostics.extend(unused(file, source, &written));
    diagnostics.extend(empty_clusters(source, &names, &nodes));
    let (name, path) = (file.name.clone(), source.file.clone());
    Ok(Topology { name, file: path, dir, nodes, links, clusters, warnings: diagnostics })
}

/// containerlab replaces `$NAME`, `${NAME}` and a few magic words before it reads the file.
fn refuse_variables(source: &Source) -> Result<(), Diagnostic> {
    for (text, mark) in yaml::scalars(source)? {
        if text.contains("{{") {
            return Err(Diagnostic::new(source, Some(mark), "templates are not supported yet")
                .hint("render the template to a plain file first"));
        }
        let variable = text.match_indices('$').find_map(|(i, _)| {
            let rest = text[i + 1..].chars().next();
            rest.is_some_and(|c| c == '{' || c == '_' || c.is_ascii_alphabetic())
                .then(|| variable_at(&text[i..]))
        });
        let found =
            variable.or_else(|| MAGIC.into_iter().find(|magic| text.contains(magic)).map(str::to_owned));
        if let Some(found) = found {
            let error =
                Diagnostic::new(source, Some(mark), format!("the variable `{found}` is not supported yet"));
            return Err(match found.starts_with('$') {
                true => error.hint(
                    "write the value itself; a script for a node's shell goes into a file under `binds`",
                ),
                false => error.hint("write the value itself; `__clabNodeName__` is supported"),
            });
        }
    }
    Ok(())
}

fn variable_at(text: &str) -> String {
    let end = match text.starts_with("${") {
        true => text.find('}').map_or(text.len(), |i| i + 1),
        false => {
            text[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(text.len(), |i| i + 1)
        }
    };
    text[..end].to_owned()
}

fn whole_file(file: &TopologyFile, warnings: &mut Warnings) {
    if file.mgmt.is_some() {
        warnings.note("mgmt", "there is no management network", path!["mgmt"]);
    }
    if file.prefix.is_some() {
        warnings.note(
            "prefix",
            "nodes have their own names; there are no containers to name",
            path!["prefix"],
        );
    }
    if file.settings.is_some() {
        warnings.note("settings", "it sets up containerlab's certificate authority", path!["settings"]);
    }
    if file.debug.is_some() {
        warnings.note("debug", "it makes containerlab log more", path!["debug"]);
    }
}

/// Each node's name, kind and group, checked.
fn written_nodes<'f>(file: &'f TopologyFile, source: &Source) -> Result<Vec<Written<'f>>, Diagnostic> {
    let section = &file.topology;
    for name in section.kinds.names() {
        // A vendor kind that no node has may come from a file that many labs share; a misspelt one is a mistake.
        if KindName::of(name) == KindName::Unknown {
            let at = path!["topology", "kinds", name];
            return Err(KindName::Unknown.refuse(name, |message| source.error_at_key(&at, message)));
        }
    }
    if section.nodes.0.is_empty() {
        let error = source.error_at_key(&path!["topology", "nodes"], "the topology has no nodes");
        return Err(error.hint("add them under `topology: nodes:`"));
    }
    if section.nodes.0.len() > MAX_NODES {
        let message =
            format!("the topology has {} nodes; a lab holds at most {MAX_NODES}", section.nodes.0.len());
        return Err(source.error_at_key(&path!["topology", "nodes"], message));
    }
    section.nodes.names().map(|name| written_node(file, source, name)).collect()
}

fn written_node<'f>(
    file: &'f TopologyFile,
    source: &Source,
    name: &'f str,
) -> Result<Written<'f>, Diagnostic> {
    let at = path!["topology", "nodes", name];
    if name.contains('|') {
        let error = source.error_at_key(
            &at,
            format!("`{name}` is a bridge inside another node, which is not supported yet"),
        );
        return Err(error.hint("make it with `exec: [ip link add br0 type bridge]` in that node"));
    }
    if !is_name(name) {
        return Err(source.error_at_key(&at, format!("`{name}` is not a node's name")).hint(NAME_RULE));
    }
    let layers = Layers::of(file, name);
    let kind = match &layers.kind {
        Some((name, at)) => match KindName::of(name) {
            KindName::Here(kind) => kind,
            other => return Err(other.refuse(name, |message| source.error_at(at, message))),
        },
        None => {
            let error = source.error_at_key(&at, format!("the node `{name}` has no kind"));
            return Err(error.hint("add `kind: linux` to the node, its group or the defaults"));
        }
    };
    if let Some((group, at)) = &layers.group {
        let groups = &file.topology.groups;
        if !groups.0.is_empty() && groups.get(group).is_none() {
            let error = source.error_at(at, format!("there is no group `{group}`"));
            let known = groups.names().collect::<Vec<_>>().join(", ");
            return Err(error.suggest(group, groups.names()).hint(format!("the groups here are {known}")));
        }
    }
    Ok(Written { name, kind, layers })
}

/// Refuses or notes what the embedded lab does not use, once for each place that gives some node its fields.
fn check_fields(
    file: &TopologyFile,
    source: &Source,
    written: &[Written<'_>],
    warnings: &mut Warnings,
) -> Result<(), Diagnostic> {
    let mut checked = HashSet::new();
    for node in written {
        for layer in node.layers.iter() {
            if checked.insert(layer.at.clone()) {
                support::check(source, layer, warnings)?;
            }
        }
        if let (Some((_, at)), true) = (&node.layers.group, file.topology.groups.0.is_empty()) {
            warnings.note(
                "group",
                "there are no `groups` to inherit from; it only sorts drawings",
                at.clone(),
            );
        }
    }
    Ok(())
}

/// Kinds and groups that give their fields to nobody.
fn unused(file: &TopologyFile, source: &Source, written: &[Written<'_>]) -> Vec<Diagnostic> {
    let section = &file.topology;
    let kinds = section
        .kinds
        .names()
        .filter(|name| !written.iter().any(|w| w.layers.kind.as_ref().is_some_and(|(kind, _)| kind == name)));
    let groups = section.groups.names().filter(|name| {
        !written.iter().any(|w| w.layers.group.as_ref().is_some_and(|(group, _)| group == name))
    });
    let kinds =
        kinds.map(|name| (path!["topology", "kinds", name], format!("no node is of the kind `{name}`")));
    let groups =
        groups.map(|name| (path!["topology", "groups", name], format!("no node is in the group `{name}`")));
    let Some(document) = yaml::documents(source).ok().and_then(|d| d.into_iter().next()) else {
        return Vec::new();
    };
    kinds.chain(groups).map(|(at, message)| document.error_at_key(&at, message).warning()).collect()
}

fn empty_clusters(source: &Source, clusters: &[&str], nodes: &[Node]) -> Vec<Diagnostic> {
    let is_empty = |cluster: &&&str| {
        !nodes.iter().any(|n| n.alias.is_some() && n.name.starts_with(&format!("{cluster}-")))
    };
    let warn = |cluster: &&str| {
        let at = path!["topology", "nodes", *cluster];
        source
            .error_at_key(&at, format!("the cluster `{cluster}` has no nodes in this topology"))
            .hint(format!("add them as `kind: ext-container`, such as `{cluster}-worker`"))
            .warning()
    };
    clusters.iter().filter(is_empty).map(warn).collect()
}
