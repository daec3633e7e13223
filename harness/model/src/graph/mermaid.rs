//! A drawing as Mermaid, for Markdown pages whose renderer knows it.

use std::fmt::Write;

use super::drawing::{Drawing, Port};
use super::levels::components;
use crate::topology::Part;

const CLASSES: &str = "  classDef clusterNode stroke:#2f6fc4,stroke-width:2px
  classDef gateway stroke:#c46a12,stroke-width:2px
  classDef router stroke:#7a4fc0,stroke-width:2px
  classDef client stroke:#2f8f4a,stroke-width:2px
  classDef other stroke:#8a939f,stroke-dasharray:5 4
";

/// The drawing as a Mermaid flowchart, with what stands above first.
pub fn mermaid(drawing: &Drawing) -> String {
    let mut out = format!("---\ntitle: {}\n---\nflowchart TB\n", quoted(&drawing.name));
    let rows: Vec<Vec<usize>> = components(drawing).into_iter().flat_map(|c| c.rows).collect();
    let mut place = vec![0; drawing.boxes.len()];
    for (at, index) in rows.iter().flatten().enumerate() {
        place[*index] = at;
        let node = &drawing.boxes[*index];
        let mut lines = vec![format!("<b>{}</b>", text(&node.title)), text(&node.subtitle)];
        lines.extend(node.notes.iter().map(|line| text(&line.text)));
        let wired =
            |port: &usize| drawing.wires.iter().flat_map(|w| w.ends).any(|end| end == (*index, *port));
        let loose = (0..node.ports.len()).filter(|port| !wired(port)).map(|port| &node.ports[port]);
        lines.extend(loose.map(label));
        let (open, close, class) = match node.part {
            Some(Part::ClusterNode | Part::Cluster) => ("[", "]", "clusterNode"),
            Some(Part::Gateway) => ("[", "]", "gateway"),
            Some(Part::Router) => ("[", "]", "router"),
            Some(Part::Client) => ("(", ")", "client"),
            Some(Part::Bridge) => ("([", "])", "other"),
            Some(Part::External | Part::Host) | None => ("[", "]", "other"),
        };
        let _ = writeln!(out, "  n{index}{open}\"{}\"{close}:::{class}", lines.join("<br/>"));
    }
    for wire in &drawing.wires {
        let [mut a, mut b] = wire.ends;
        if place[a.0] > place[b.0] {
            (a, b) = (b, a);
        }
        let port = |(of, port): (usize, usize)| label(&drawing.boxes[of].ports[port]);
        let _ = writeln!(out, "  n{} ---|\"{}<br/>to<br/>{}\"| n{}", a.0, port(a), port(b), b.0);
    }
    out.push_str(CLASSES);
    out
}

fn label(port: &Port) -> String {
    let lines = [text(&port.name)].into_iter().chain(port.lines.iter().map(|line| text(line.text.trim())));
    lines.collect::<Vec<_>>().join("<br/>")
}

/// Text in quotes of Mermaid's, by character codes where a character means something there.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | ';' | '`' => {
                let _ = write!(out, "#{};", c as u32);
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A title for YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
