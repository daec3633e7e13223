//! Where boxes, ports and wires lie, in pixels from the upper left corner.

use std::collections::HashMap;

use super::drawing::{Drawing, NodeBox, Port};
use super::levels::{Component, components};

/// One character of the small monospace text, and of the titles; a little more than the widest such font has.
pub(super) const CHAR: f64 = 6.7;
pub(super) const TITLE_CHAR: f64 = 8.5;
pub(super) const LINE: f64 = 14.0;
pub(super) const HEADER: f64 = 38.0;
const PORT_PAD: f64 = 14.0;
const BOX_PAD: f64 = 10.0;
const BETWEEN: f64 = 26.0;
const MARGIN: f64 = 24.0;
/// Wider components are not broken; narrower ones share a shelf up to this width.
const PAGE: f64 = 1500.0;

#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Placed>,
    pub(super) wires: Vec<Path>,
}

/// A box, and where its ports' columns begin.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Where the title's band begins.
    pub(super) header_y: f64,
    pub(super) ports: Vec<PlacedPort>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct PlacedPort {
    /// The column's left edge and width, and the wire's end.
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) top: bool,
    pub(super) y: f64,
}

/// A wire's ends and how it bends: between rows, or below a row by so many pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) from: (f64, f64),
    pub(super) to: (f64, f64),
    pub(super) dip: Option<f64>,
}

fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * CHAR
}

fn port_width(port: &Port) -> f64 {
    let lines = port.lines.iter().map(|l| text_width(&l.text));
    lines.fold(text_width(&port.name), f64::max) + PORT_PAD
}

fn strip_height<'p>(ports: impl Iterator<Item = &'p Port>) -> f64 {
    let rows = ports.map(|p| p.lines.len() + 1).max();
    rows.map_or(0.0, |rows| rows as f64 * LINE + 8.0)
}

pub(super) fn layout(drawing: &Drawing) -> Layout {
    let mut boxes = vec![Placed::default(); drawing.boxes.len()];
    let mut dips = HashMap::new();
    let (mut x, mut y, mut shelf, mut width) = (MARGIN, MARGIN, 0.0_f64, 0.0_f64);
    // What is wired first; boxes without wires below it.
    let (wired, alone): (Vec<_>, Vec<_>) = components(drawing).into_iter().partition(Component::is_wired);
    let mut page = PAGE;
    for (index, component) in wired.iter().chain(&alone).enumerate() {
        let size = place(drawing, component, &mut boxes, &mut dips);
        let is_first_alone = index == wired.len();
        if is_first_alone && index > 0 {
            page = width.max(PAGE / 2.0);
        }
        if x > MARGIN && (is_first_alone || x + size.0 > page) {
            (x, y, shelf) = (MARGIN, y + shelf + 2.0 * BETWEEN, 0.0);
        }
        for member in component.rows.iter().flatten() {
            shift(&mut boxes[*member], x, y);
        }
        width = width.max(x + size.0);
        shelf = shelf.max(size.1);
        x += size.0 + 2.0 * BETWEEN;
    }
    let end = |(of, port): (usize, usize)| {
        let port = &boxes[of].ports[port];
        (port.x + port.width / 2.0, port.y)
    };
    let path = |(index, wire): (usize, &super::drawing::Wire)| Path {
        from: end(wire.ends[0]),
        to: end(wire.ends[1]),
        dip: dips.get(&index).copied(),
    };
    let wires = drawing.wires.iter().enumerate().map(path).collect();
    Layout { width: width + MARGIN, height: y + shelf + MARGIN, boxes, wires }
}

fn shift(placed: &mut Placed, x: f64, y: f64) {
    placed.x += x;
    placed.y += y;
    placed.header_y += y;
    for port in &mut placed.ports {
        port.x += x;
        port.y += y;
    }
}

/// Places a component from (0, 0) and gives its size. `dips` says how far below its row each wire of one row bends.
fn place(
    drawing: &Drawing,
    component: &Component,
    boxes: &mut [Placed],
    dips: &mut HashMap<usize, f64>,
) -> (f64, f64) {
    let mut rank = HashMap::new();
    for (row, members) in component.rows.iter().enumerate() {
        rank.extend(members.iter().enumerate().map(|(i, m)| (*m, (row, i))));
    }
    let mut far: HashMap<(usize, usize), (usize, usize)> = HashMap::new();
    // Wires of each row: those inside it, and those to the row below.
    let mut own_wires = vec![(Vec::new(), Vec::new()); component.rows.len()];
    for (index, wire) in drawing.wires.iter().enumerate().filter(|(_, w)| rank.contains_key(&w.ends[0].0)) {
        let [a, b] = wire.ends;
        far.insert(a, b);
        far.insert(b, a);
        let (above, below) = (rank[&a.0].0.min(rank[&b.0].0), rank[&a.0].0.max(rank[&b.0].0));
        let (inside, leaving) = &mut own_wires[above];
        if above == below { inside.push(index) } else { leaving.push(index) }
    }
    for members in &component.rows {
        for member in members {
            boxes[*member] = measured(&drawing.boxes[*member], *member, &far, &rank);
        }
    }
    columns(component, boxes, &far);
    let widest = |m: &usize| boxes[*m].x + boxes[*m].width;
    let left = component.rows.iter().flatten().map(|m| boxes[*m].x).fold(f64::MAX, f64::min);
    let width = component.rows.iter().flatten().map(widest).fold(0.0, f64::max) - left;
    component.rows.iter().flatten().for_each(|m| shift(&mut boxes[*m], -left, 0.0));
    let mut y = 0.0;
    for (row, members) in component.rows.iter().enumerate() {
        let height = members.iter().map(|m| boxes[*m].height).fold(0.0, f64::max);
        for member in members {
            // Boxes stand on the row's lower edge, so that wires below start at one height.
            shift(&mut boxes[*member], 0.0, y);
            let lower = height - boxes[*member].height;
            shift(&mut boxes[*member], 0.0, lower);
        }
        let lanes = lanes(drawing, &own_wires[row].0, boxes, dips);
        y += height;
        if row + 1 < component.rows.len() {
            y += (60.0 + slope(drawing, &own_wires[row].1, boxes)).min(240.0) + lanes;
        } else {
            y += lanes;
        }
    }
    (width, y)
}

/// Room for wires that run far sideways: the steeper they are, the easier to follow.
fn slope(drawing: &Drawing, wires: &[usize], boxes: &[Placed]) -> f64 {
    let x = |(of, port): (usize, usize)| boxes[of].ports[port].x + boxes[of].ports[port].width / 2.0;
    let run = wires.iter().map(|w| {
        let [a, b] = drawing.wires[*w].ends;
        (x(a) - x(b)).abs()
    });
    run.fold(0.0, f64::max) * 0.12
}

/// Gives each wire inside a row a depth of its own where it would touch another, and the room that they need.
fn lanes(drawing: &Drawing, wires: &[usize], boxes: &[Placed], dips: &mut HashMap<usize, f64>) -> f64 {
    let x = |(of, port): (usize, usize)| boxes[of].ports[port].x + boxes[of].ports[port].width / 2.0;
    let mut spans: Vec<(f64, f64, usize)> = Vec::new();
    for index in wires {
        let [a, b] = drawing.wires[*index].ends;
        spans.push((x(a).min(x(b)), x(a).max(x(b)), *index));
    }
    spans.sort_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)).then(a.2.cmp(&b.2)));
    let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
    for (from, to, index) in spans {
        let is_free = |lane: &Vec<(f64, f64)>| lane.iter().all(|(f, t)| to < *f || from > *t);
        // Above a shorter wire that it spans, a wire would cut through it.
        let lane = taken.iter().rposition(|lane| !is_free(lane)).map_or(0, |below| below + 1);
        if lane == taken.len() {
            taken.push(Vec::new());
        }
        taken[lane].push((from, to));
        dips.insert(index, 18.0 + 14.0 * lane as f64);
    }
    if taken.is_empty() { 0.0 } else { 24.0 + 14.0 * taken.len() as f64 }
}

/// A box's size, with its ports in two strips: above those that lead up, below the others, each in the order of where
/// their wires lead.
fn measured(
    node: &NodeBox,
    index: usize,
    far: &HashMap<(usize, usize), (usize, usize)>,
    rank: &HashMap<usize, (usize, usize)>,
) -> Placed {
    let own = rank[&index];
    let other = |port: usize| far.get(&(index, port)).map(|(of, port)| (rank[of], *port));
    let leads_up = |port: usize| other(port).is_some_and(|((row, _), _)| row < own.0);
    let mut strips = [Vec::new(), Vec::new()];
    for port in 0..node.ports.len() {
        strips[usize::from(!leads_up(port))].push(port);
    }
    for strip in &mut strips {
        // To the left what leads left; what leads nowhere last. Two wires to one box stay side by side.
        strip.sort_by_key(|port| match other(*port) {
            Some(((row, place), far_port)) if row != own.0 => (1, place, far_port),
            // Wires inside a row nest: the farther they lead, the farther out they start.
            Some(((_, place), _)) if place <= own.1 => (0, usize::MAX - place, *port),
            Some(((_, place), far_port)) => (2, usize::MAX - place, usize::MAX - far_port),
            None => (3, 0, *port),
        });
    }
    let strip_width = |strip: &Vec<usize>| strip.iter().map(|p| port_width(&node.ports[*p])).sum::<f64>();
    let header = (node.title.chars().count() as f64 * TITLE_CHAR).max(text_width(&node.subtitle));
    let notes = node.notes.iter().map(|l| text_width(&l.text)).fold(0.0, f64::max);
    let inner = header.max(notes).max(strip_width(&strips[0])).max(strip_width(&strips[1]));
    let heights = [0, 1].map(|s: usize| strip_height(strips[s].iter().map(|p| &node.ports[*p])));
    let notes_height = if node.notes.is_empty() { 0.0 } else { node.notes.len() as f64 * LINE + 6.0 };
    let mut placed = Placed {
        width: inner + 2.0 * BOX_PAD,
        height: heights[0] + HEADER + notes_height + heights[1],
        header_y: heights[0],
        ports: vec![PlacedPort::default(); node.ports.len()],
        ..Placed::default()
    };
    for (s, strip) in strips.iter().enumerate() {
        let spread = (placed.width - 2.0 * BOX_PAD - strip_width(strip)) / strip.len().max(1) as f64;
        let mut x = BOX_PAD;
        for port in strip {
            let width = port_width(&node.ports[*port]) + spread;
            let y = if s == 0 { 0.0 } else { placed.height };
            placed.ports[*port] = PlacedPort { x, width, top: s == 0, y };
            x += width;
        }
    }
    placed
}

/// Moves the boxes of each row to where their wires are short, without changing their order.
fn columns(component: &Component, boxes: &mut [Placed], far: &HashMap<(usize, usize), (usize, usize)>) {
    for members in &component.rows {
        let mut x = 0.0;
        for member in members {
            shift(&mut boxes[*member], x, 0.0);
            x += boxes[*member].width + BETWEEN;
        }
        members.iter().for_each(|m| shift(&mut boxes[*m], -x / 2.0, 0.0));
    }
    let count = component.rows.len();
    for sweep in 0..12 {
        for step in 0..count {
            let row = &component.rows[if sweep % 2 == 0 { step } else { count - 1 - step }];
            let wanted: Vec<f64> = row.iter().map(|m| wish(*m, boxes, far)).collect();
            let widths: Vec<f64> = row.iter().map(|m| boxes[*m].width + BETWEEN).collect();
            for (member, x) in row.iter().zip(separated(&wanted, &widths)) {
                let by = x - boxes[*member].x;
                shift(&mut boxes[*member], by, 0.0);
            }
        }
    }
}

/// Where a box would stand if its wires were as straight as they can be.
fn wish(member: usize, boxes: &[Placed], far: &HashMap<(usize, usize), (usize, usize)>) -> f64 {
    let middle = |(of, port): (usize, usize)| boxes[of].ports[port].x + boxes[of].ports[port].width / 2.0;
    let pulls = (0..boxes[member].ports.len()).filter_map(|port| {
        let (of, other) = *far.get(&(member, port))?;
        (of != member).then(|| middle((of, other)) - middle((member, port)))
    });
    let pulls: Vec<f64> = pulls.collect();
    match pulls.len() {
        0 => boxes[member].x,
        n => boxes[member].x + pulls.iter().sum::<f64>() / n as f64,
    }
}

/// Left edges nearest to `wanted` (least squares) at which neighbours do not overlap: pools of adjacent violators.
fn separated(wanted: &[f64], widths: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::new();
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (want, width) in wanted.iter().zip(widths) {
        offsets.push(offset);
        let mut pool = (want - offset, 1);
        while let Some(last) = pools.last().copied().filter(|last| last.0 > pool.0) {
            pools.pop();
            let count = last.1 + pool.1;
            pool = ((last.0 * last.1 as f64 + pool.0 * pool.1 as f64) / count as f64, count);
        }
        pools.push(pool);
        offset += width;
    }
    let flat = pools.into_iter().flat_map(|(x, count)| std::iter::repeat_n(x, count));
    flat.zip(offsets).map(|(x, offset)| x + offset).collect()
}
