//! The line from a topology's text to its meaning.

use std::collections::{HashMap, HashSet};

use super::addresses::{Assigned, Register, added_by};
use super::file::TopologyFile;
use super::interfaces::{self, InterfaceKind, Place};
use super::kinds::{Kind, KindName};
use super::labels;
use super::layers::Layers;
use super::links::Cabling;
use super::nodes::{Builder, Built, INTENT, NAME_RULE, Written, is_name};
use super::segment;
use super::support::{self, Warnings};
use super::types::{Link, Node, Role, Topology};
use crate::diag::{Diagnostic, Mark, Seg, Source};
use crate::{path, yaml};

/// Far beyond what one machine can run, and little enough that checking stays quick.
const MAX_NODES: usize = 5000;

/// Reads a topology's text and resolves it. Errors: the first mistake, with its place and a hint.
pub fn load(source: &Source) -> Result<Topology, Diagnostic> {
    resolve(&parse(source)?, source)
}

/// The written form of a text whose variables are replaced ([`super::substitute`]).
/// Errors: YAML's own, unknown fields, wrong types, and templates, which are not rendered here.
pub fn parse(source: &Source) -> Result<TopologyFile, Diagnostic> {
    refuse_templates(source)?;
    yaml::parse(source)
}

/// What the file means: every node with all that it inherits, every link with its ends. `source` is the text that `file`
/// was read from; its folder is where binds and startup configs lie.
/// Errors: the first mistake, at its place.
pub fn resolve(file: &TopologyFile, source: &Source) -> Result<Topology, Diagnostic> {
    let name = file.name.replace("__gitBranch__", "none").replace("__gitHash__", "none");
    if !is_name(&name) {
        let message = format!("`{}` is not a lab's name", file.name);
        return Err(source.error_at(&path!["name"], message).hint(NAME_RULE));
    }
    let mut warnings = Warnings::default();
    whole_file(file, &mut warnings);
    let written = written_nodes(file, source)?;
    check_fields(file, source, &written, &mut warnings)?;

    let dir = source.file.parent().unwrap_or(std::path::Path::new("")).to_owned();
    let names: Vec<&str> = written.iter().filter(|w| w.kind == Kind::Cluster).map(|w| w.name).collect();
    let builder = Builder { source, dir: &dir, lab: &name, clusters: &names };
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
    let (mut nodes, exec_at): (Vec<Node>, Vec<_>) = built.into_iter().map(|b| (b.node, b.exec_at)).unzip();

    let mut register = Register::default();
    let mut cabling = Cabling {
        source,
        nodes: &nodes,
        clusters: &names,
        taken: HashMap::new(),
        register: &mut register,
        dummies: Vec::new(),
        warnings: &mut warnings,
    };
    let written_links = file.topology.links.iter().flatten().enumerate();
    let links: Vec<Option<Link>> =
        written_links.map(|(i, link)| cabling.link(i, link)).collect::<Result<_, _>>()?;
    let links: Vec<Link> = links.into_iter().flatten().collect();
    let (dummies, taken) = (cabling.dummies, cabling.taken);
    let mut ports = segments(&nodes, taken);
    let with_system = written.iter().filter(|w| w.kind != Kind::Cluster);
    for (index, written) in with_system.enumerate() {
        let ends = ends_of(index, &links, &dummies);
        declare(source, written, &mut nodes[index], &ends, &mut register, &mut ports)?;
    }
    for (node, places) in nodes.iter().zip(&exec_at) {
        for (argv, at) in node.exec.iter().zip(places) {
            for assigned in added_by(argv) {
                register.add(&node.name, &assigned, Place::Path(at.clone()));
            }
        }
    }
    register.check(source, &|node, device| segment::vrf_of(&nodes, &links, node, device))?;
    let mut diagnostics = warnings.into_diagnostics(source);
    diagnostics.extend(unused(file, source, &written));
    diagnostics.extend(unknown_groups(file, source, &written));
    diagnostics.extend(empty_clusters(source, &names, &nodes));
    Ok(Topology { name, file: source.file.clone(), dir, nodes, links, clusters, warnings: diagnostics })
}

/// The ends of a node's links.
fn ends_of(node: usize, links: &[Link], dummies: &[(usize, interfaces::End)]) -> Vec<interfaces::End> {
    let cables = links.iter().flat_map(|link| link.endpoints.iter().map(move |end| (end, link.mtu)));
    let cables = cables.filter(|(end, _)| end.node == node).map(|(end, mtu)| interfaces::End {
        name: end.interface.clone(),
        is_dummy: false,
        addresses: end.addresses().collect(),
        mtu,
        mac: end.mac,
    });
    cables.chain(dummies.iter().filter(|(of, _)| *of == node).map(|(_, end)| end.clone())).collect()
}

/// Gives a node the interfaces that it declares.
fn declare(
    source: &Source,
    written: &Written<'_>,
    node: &mut Node,
    ends: &[interfaces::End],
    register: &mut Register,
    ports: &mut HashMap<String, Place>,
) -> Result<(), Diagnostic> {
    let ground = interfaces::Ground { node: &node.name, is_bridge: node.role == Role::Bridge, ends };
    let declared = interfaces::declared(source, &written.layers, &ground)?;
    for (name, at) in declared.beside_ports {
        if let Some(first) = ports.get(&name) {
            let line = first.line(source);
            let error = at.error(source, format!("a bridge has a port {name} already (line {line})"));
            return Err(error.hint(
                "ports of all bridges, and bonds of ports, are in one namespace: each needs a name of its own",
            ));
        }
        ports.insert(name, at);
    }
    for (device, net, at) in declared.addresses {
        let kind = declared.interfaces.iter().find(|i| i.name == device).map(|i| &i.kind);
        // As on `lo`: a host prefix on a dummy is an anycast address.
        if kind == Some(&InterfaceKind::Dummy) && net.prefix_len() == net.max_prefix_len() {
            continue;
        }
        register.add(&node.name, &Assigned { net, device: Some(device) }, at);
    }
    node.interfaces = declared.interfaces;
    Ok(())
}

/// The interfaces in the lab's own namespace: bridges, and their ports.
fn segments(nodes: &[Node], taken: HashMap<(Option<usize>, String), Vec<Seg>>) -> HashMap<String, Place> {
    let bridges = nodes.iter().filter(|node| node.role == Role::Bridge);
    let bridges = bridges.map(|node| (node.name.clone(), path!["topology", "nodes", node.name.as_str()]));
    let ports = taken.into_iter().filter(|((owner, _), _)| owner.is_none());
    let all = bridges.chain(ports.map(|((_, name), at)| (name, at)));
    all.map(|(name, at)| (name, Place::Path(at))).collect()
}

/// containerlab runs every file through Go's templates first; comments are left alone here.
fn refuse_templates(source: &Source) -> Result<(), Diagnostic> {
    for (index, line) in source.text.lines().enumerate() {
        let Some(at) = line.find("{{").filter(|_| !line.trim_start().starts_with('#')) else { continue };
        let mark = Mark { line: index + 1, column: line[..at].chars().count() + 1 };
        let error = Diagnostic::new(source, Some(mark), "this is a Go template, which is not rendered here");
        return Err(error
            .unsupported()
            .hint("render it to a plain file first: containerlab's `--export-rendered FILE` writes one"));
    }
    Ok(())
}

fn whole_file(file: &TopologyFile, warnings: &mut Warnings) {
    if file.name.contains("__git") {
        warnings.note(
            "name",
            "git is not asked; its words become `none`, as outside a repository",
            path!["name"],
        );
    }
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
        return Err(source.error_at_key(&path!["topology", "nodes"], message).unsupported());
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
            format!("`{name}` is a bridge inside another node, which is written otherwise here"),
        );
        let hint = "declare it in that node's label `routeproof.interfaces`: `br0: { type: bridge, members: [eth1] }`";
        return Err(error.hint(hint).unsupported());
    }
    if !is_name(name) {
        return Err(source.error_at_key(&at, format!("`{name}` is not a node's name")).hint(NAME_RULE));
    }
    let layers = Layers::of(file, name);
    labels::check(source, &layers)?;
    let kind = match &layers.kind {
        Some((kind, at)) => match kind_of(&kind.to_lowercase(), &layers) {
            KindName::Here(kind) => kind,
            other => {
                let image = layers.one("image", |n| &n.image).map(|(image, _)| image);
                return Err(other.refuse_node(kind, (name, image), |message| source.error_at(at, message)));
            }
        },
        None => {
            let error = source.error_at_key(&at, format!("the node `{name}` has no kind"));
            return Err(error.hint("add `kind: linux` to the node, its group or the defaults"));
        }
    };
    Ok(Written { name, kind, layers })
}

fn kind_of(name: &str, layers: &Layers<'_>) -> KindName {
    let kind = KindName::of(name);
    match layers.map("labels", |n| &n.labels).contains_key(INTENT) {
        true => kind.with_intent(name),
        false => kind,
    }
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

/// Groups that nodes name and nobody wrote: containerlab takes them as a word for drawings.
fn unknown_groups(file: &TopologyFile, source: &Source, written: &[Written<'_>]) -> Vec<Diagnostic> {
    let groups = &file.topology.groups;
    let mut told = HashSet::new();
    let named = written.iter().filter_map(|w| w.layers.group.as_ref());
    let unknown = named.filter(|(group, _)| !groups.0.is_empty() && groups.get(group).is_none());
    let unknown = unknown.filter(|(group, _)| told.insert(*group));
    let warn = |(group, at): &(&str, Vec<Seg>)| {
        let error = source.error_at(at, format!("there is no group `{group}` to inherit from"));
        error.suggest(group, groups.names()).warning()
    };
    unknown.map(warn).collect()
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
