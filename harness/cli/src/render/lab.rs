//! A topology as data and as an outline: `graph --json`, `plan TOPOLOGY`.

use std::fmt::Write;

use routeproof_model::topology::{Lab, LabEnd, LabLink, Outside, Part};
use serde::Serialize;

/// Schema `routeproof/topology/v1`.
#[derive(Debug, Serialize)]
pub struct Output<'l> {
    schema: &'static str,
    topology: &'l Lab,
}

impl<'l> Output<'l> {
    pub fn of(lab: &'l Lab) -> Output<'l> {
        Output { schema: "routeproof/topology/v1", topology: lab }
    }
}

/// Nodes with what they are, links with where they lead.
pub fn outline(lab: &Lab) -> String {
    let mut text = format!("{}: {} nodes, {} links\n", lab.name, lab.nodes.len(), lab.links.len());
    let longest = lab.nodes.iter().map(|n| n.name.len()).max().unwrap_or(0);
    for node in &lab.nodes {
        let image = node.image.as_deref().map(|image| format!("  {image}")).unwrap_or_default();
        let kind = if node.kind == "linux" { "" } else { &*format!(" ({})", node.kind) };
        let _ = writeln!(text, "  {:longest$}  {}{kind}{image}", node.name, node.part);
        for wait in &node.wait_for {
            let _ = writeln!(
                text,
                "  {:longest$}    enters {} after {} of {}",
                "", wait.stage, wait.reached, wait.node
            );
        }
    }
    lab.links.iter().for_each(|link| text.push_str(&link_line(link)));
    for node in lab.nodes.iter().filter(|node| !node.interfaces.is_empty()) {
        let place = if node.part == Part::Bridge { ", where the bridge is" } else { "" };
        let _ = writeln!(text, "  interfaces of {}, as commands{place}:", node.name);
        for argv in node.declared() {
            let _ = writeln!(text, "    {}", argv.join(" "));
        }
    }
    text
}

fn link_line(link: &LabLink) -> String {
    let end = |end: &LabEnd| {
        let nets = end.ipv4.map(|n| format!(" {n}")).into_iter().chain(end.ipv6.map(|n| format!(" {n}")));
        format!("{}:{}{}", end.node, end.interface, nets.collect::<String>())
    };
    let ends: Vec<String> = link.ends.iter().map(end).collect();
    let outside = match &link.outside {
        Some(Outside::Interface(name)) => format!(" -- {}:{name}", link.kind.word()),
        Some(Outside::Tunnel { remote, vni }) => format!(" -- {} {remote} vni {vni}", link.kind.word()),
        None if link.ends.len() == 1 => format!(" ({})", link.kind.word()),
        None => String::new(),
    };
    let mtu = link.mtu.map(|mtu| format!("  MTU {mtu}")).unwrap_or_default();
    format!("  {}{outside}{mtu}\n", ends.join(" -- "))
}
