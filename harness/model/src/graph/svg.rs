//! A drawing as SVG, for light and dark surroundings.

use std::fmt::Write;

use super::drawing::{Drawing, Line, NodeBox};
use super::layout::{HEADER, LINE, Path, Placed, layout};
use crate::topology::{LinkKind, Part};

const TITLE_ROOM: f64 = 40.0;
const LEGEND_ROOM: f64 = 30.0;
/// Colours of VRFs on light and on dark grounds; the hues (after Okabe and Ito) differ for most people with colour
/// blindness, too. An eighth VRF begins again.
const VRF_COLOURS: [(&str, &str); 7] = [
    ("#b34700", "#ff9d5c"),
    ("#005a94", "#7cc4ff"),
    ("#00714f", "#4fd6a8"),
    ("#a03a76", "#f0a8d2"),
    ("#8a5a00", "#ffcc66"),
    ("#6a45c0", "#c3a8ff"),
    ("#5c6300", "#d3db5e"),
];

const STYLE: &str = "
text { font: 11px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1c2430; }
.page { fill: #ffffff; }
.lab { font-size: 16px; font-weight: bold; }
.title { font-size: 14px; font-weight: bold; text-anchor: middle; }
.sub { fill: #5a6472; text-anchor: middle; }
.port { font-weight: bold; text-anchor: middle; }
.at { text-anchor: middle; }
.box { stroke-width: 1.5; }
.cut { stroke: #9aa4b2; stroke-width: .6; stroke-dasharray: 2 2; fill: none; }
.wire { fill: none; stroke: #6b7684; stroke-width: 1.6; }
.leaves { stroke-dasharray: 5 4; }
.end { fill: #6b7684; }
.cluster-node { fill: #e3eefc; stroke: #2f6fc4; }
.cluster { fill: #eef3fa; stroke: #2f6fc4; }
.gateway { fill: #fdeedd; stroke: #c46a12; }
.router { fill: #f1eafb; stroke: #7a4fc0; }
.client { fill: #e6f5e9; stroke: #2f8f4a; }
.bridge { fill: #eceff3; stroke: #66707d; }
.external, .host, .outside { fill: #f7f7f7; stroke: #8a939f; stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
text { fill: #e6eaf0; }
.page { fill: #12161c; }
.sub { fill: #a3adba; }
.cut { stroke: #5a6472; }
.wire { stroke: #98a3b1; }
.end { fill: #98a3b1; }
.cluster-node { fill: #16304f; stroke: #6ba4ee; }
.cluster { fill: #1a2634; stroke: #6ba4ee; }
.gateway { fill: #472d12; stroke: #eda04f; }
.router { fill: #32244d; stroke: #b08ff0; }
.client { fill: #173a21; stroke: #62c37e; }
.bridge { fill: #272d35; stroke: #98a3b1; }
.external, .host, .outside { fill: #1d2127; stroke: #8a939f; }
}
";

/// The drawing as one SVG document without references to anything outside it. Equal drawings give equal text.
pub fn svg(drawing: &Drawing) -> String {
    let layout = layout(drawing);
    let legend = legend(drawing);
    let width = layout.width.max(legend.width + 48.0).max(320.0);
    let height = layout.height + TITLE_ROOM + LEGEND_ROOM;
    let mut out = String::new();
    let name = escaped(&drawing.name);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{name}\">\n<style>{}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n<text class=\"lab\" x=\"24\" y=\"32\">{name}</text>\n<g transform=\"translate(0 {TITLE_ROOM:.0})\">\n",
        style(drawing.vrfs.len())
    );
    for (path, wire) in layout.wires.iter().zip(&drawing.wires) {
        let end = |i: usize| {
            let node = &drawing.boxes[wire.ends[i].0];
            format!("{}:{}", node.title, node.ports[wire.ends[i].1].name)
        };
        let mtu = wire.mtu.map(|mtu| format!(", MTU {mtu}")).unwrap_or_default();
        let hover = format!("{} to {}, {}{mtu}", end(0), end(1), wire.kind.word());
        draw_wire(&mut out, *path, wire.kind, &hover, wire_vrf(drawing, wire.ends));
    }
    for (placed, node) in layout.boxes.iter().zip(&drawing.boxes) {
        draw_box(&mut out, placed, node);
    }
    let _ = writeln!(
        out,
        "</g>\n<g transform=\"translate(24 {:.0})\">{}</g>\n</svg>",
        height - 18.0,
        legend.text
    );
    out
}

/// The VRF that both ends are in, or the only end that is in one.
fn wire_vrf(drawing: &Drawing, ends: [(usize, usize); 2]) -> Option<usize> {
    let [a, b] = ends.map(|(of, port)| drawing.boxes[of].ports[port].vrf);
    if a.is_some() && b.is_some() && a != b { None } else { a.or(b) }
}

fn draw_wire(out: &mut String, path: Path, kind: LinkKind, hover: &str, vrf: Option<usize>) {
    let ((x1, y1), (x2, y2)) = (path.from, path.to);
    let class = if matches!(kind, LinkKind::Veth | LinkKind::VethStitch) { "wire" } else { "wire leaves" };
    let bends = match path.dip {
        Some(dip) => {
            let low = y1.max(y2) + dip * 4.0 / 3.0;
            (low, low)
        }
        None => {
            let half = (y2 - y1) / 2.0;
            (y1 + half, y2 - half)
        }
    };
    let colour = wire_class(vrf);
    let _ = writeln!(
        out,
        "<path class=\"{class}{colour}\" d=\"M{x1:.1} {y1:.1}C{x1:.1} {:.1} {x2:.1} {:.1} {x2:.1} {y2:.1}\"><title>{}</title></path>",
        bends.0,
        bends.1,
        escaped(hover)
    );
}

fn draw_box(out: &mut String, placed: &Placed, node: &NodeBox) {
    let class = node.part.map_or("outside", class);
    let radius = if node.part == Some(Part::Bridge) { 14.0 } else { 5.0 };
    let Placed { x, y, width, height, header_y, .. } = placed;
    let _ = writeln!(
        out,
        "<rect class=\"box {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius}\"/>"
    );
    let middle = x + width / 2.0;
    let _ = writeln!(
        out,
        "<text class=\"title\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text><text class=\"sub\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
        header_y + 17.0,
        escaped(&node.title),
        header_y + 31.0,
        escaped(&node.subtitle)
    );
    let longest = node.notes.iter().map(|l| l.text.chars().count()).max().unwrap_or(0) as f64;
    for (i, line) in node.notes.iter().enumerate() {
        let text = line.text.trim_start();
        let indent = (line.text.len() - text.len()) as f64;
        let x = middle + (indent - longest / 2.0) * super::layout::CHAR;
        let line = Line { text: text.to_owned(), vrf: line.vrf };
        draw_line(out, "", (x, header_y + HEADER + 11.0 + i as f64 * LINE), &line);
    }
    let notes_end =
        header_y + HEADER + if node.notes.is_empty() { 0.0 } else { node.notes.len() as f64 * LINE + 6.0 };
    for top in [true, false] {
        let edge = if top { *header_y } else { notes_end };
        if placed.ports.iter().any(|p| p.top == top) {
            let _ = writeln!(out, "<path class=\"cut\" d=\"M{x:.1} {edge:.1}h{width:.1}\"/>");
        }
    }
    for (place, port) in placed.ports.iter().zip(&node.ports) {
        let middle = place.x + place.width / 2.0;
        // The name is next to the wire; below it in the upper strip, above it in the lower.
        let rows = port.lines.len() as f64;
        let name_y = if place.top { place.y + 15.0 } else { place.y - 7.0 };
        let first = if place.top { name_y + LINE } else { name_y - rows * LINE };
        let name = Line { text: port.name.clone(), vrf: port.vrf };
        draw_line(out, "port", (middle, name_y), &name);
        for (i, line) in port.lines.iter().enumerate() {
            let line = Line { text: line.text.trim().to_owned(), vrf: line.vrf };
            draw_line(out, "at", (middle, first + i as f64 * LINE), &line);
        }
        if !port.name.is_empty() {
            let _ =
                writeln!(out, "<circle class=\"end\" cx=\"{middle:.1}\" cy=\"{:.1}\" r=\"2.5\"/>", place.y);
        }
    }
}

fn draw_line(out: &mut String, class: &str, (x, y): (f64, f64), line: &Line) {
    let classes = [class.to_owned(), line.vrf.map(text_class).unwrap_or_default()].join(" ");
    let class = match classes.trim() {
        "" => String::new(),
        some => format!(" class=\"{some}\""),
    };
    let _ = writeln!(out, "<text{class} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(&line.text));
}

/// The class that gives a VRF's colour to text and marks.
fn text_class(vrf: usize) -> String {
    format!("v{}", vrf % VRF_COLOURS.len())
}

/// The same for wires.
fn wire_class(vrf: Option<usize>) -> String {
    vrf.map(|vrf| format!(" w{}", vrf % VRF_COLOURS.len())).unwrap_or_default()
}

/// The style sheet, with the rules of the VRFs that there are.
fn style(vrfs: usize) -> String {
    let rules = |pick: fn(&(&'static str, &'static str)) -> &'static str| -> String {
        let colours = VRF_COLOURS.iter().take(vrfs).map(pick).enumerate();
        colours
            .map(|(i, c)| format!("text.v{i}, .v{i} {{ fill: {c}; }}\n.w{i} {{ stroke: {c}; }}\n"))
            .collect()
    };
    let light = STYLE.replacen("@media", &format!("{}@media", rules(|c| c.0)), 1);
    let end = light.rfind('}').unwrap_or(light.len());
    format!("{}{}{}", &light[..end], rules(|c| c.1), &light[end..])
}

fn class(part: Part) -> &'static str {
    match part {
        Part::Cluster => "cluster",
        Part::ClusterNode => "cluster-node",
        Part::Gateway => "gateway",
        Part::Router => "router",
        Part::Client => "client",
        Part::Bridge => "bridge",
        Part::External => "external",
        Part::Host => "host",
    }
}

struct Legend {
    text: String,
    width: f64,
}

/// What the fills and the colours of text mean, of those that occur.
fn legend(drawing: &Drawing) -> Legend {
    let mut parts: Vec<Option<Part>> = drawing.boxes.iter().map(|b| b.part).collect();
    parts.sort_unstable_by_key(|part| part.map_or(usize::MAX, |p| p as usize));
    parts.dedup();
    let (mut text, mut x) = (String::new(), 0.0);
    for part in parts {
        let word = part.map_or("outside the lab".to_owned(), |p| p.to_string());
        let _ = write!(
            text,
            "<rect class=\"box {}\" x=\"{x:.1}\" y=\"-10\" width=\"16\" height=\"12\" rx=\"2\"/><text x=\"{:.1}\" y=\"0\">{word}</text>",
            part.map_or("outside", class),
            x + 22.0
        );
        x += 22.0 + word.len() as f64 * super::layout::CHAR + 18.0;
    }
    for (index, vrf) in drawing.vrfs.iter().enumerate() {
        let word = format!("vrf {vrf}");
        let colour = text_class(index);
        let _ = write!(
            text,
            "<rect x=\"{x:.1}\" y=\"-8\" width=\"10\" height=\"8\" class=\"{colour}\"/><text x=\"{:.1}\" y=\"0\" class=\"{colour}\">{}</text>",
            x + 15.0,
            escaped(&word)
        );
        x += 15.0 + word.chars().count() as f64 * super::layout::CHAR + 18.0;
    }
    Legend { text, width: x }
}

/// Text for XML; characters that XML cannot hold become the replacement character.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
