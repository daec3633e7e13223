//! Which box stands above which, and in which order: levels by distance, then fewer crossings.

use std::collections::VecDeque;

use super::drawing::Drawing;
use crate::topology::Part;

/// Sweeps of the order; more do not help drawings that people can read.
const SWEEPS: usize = 24;

/// Boxes that wires connect, in rows from the top to the bottom.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) rows: Vec<Vec<usize>>,
}

impl Component {
    pub(super) fn is_wired(&self) -> bool {
        self.rows.iter().map(Vec::len).sum::<usize>() > 1
    }
}

/// The level of each box counts from 0 at the bottom: where the cluster nodes stand, else the clients, else the far side of
/// the box with the most wires. Wires never skip a level, because levels are distances.
pub(super) fn components(drawing: &Drawing) -> Vec<Component> {
    let count = drawing.boxes.len();
    let mut near: Vec<Vec<usize>> = vec![Vec::new(); count];
    for wire in &drawing.wires {
        let [(a, _), (b, _)] = wire.ends;
        near[a].push(b);
        near[b].push(a);
    }
    let mut seen = vec![false; count];
    let mut components = Vec::new();
    for start in 0..count {
        if !seen[start] {
            let members = reach(&near, &[start]).into_iter().map(|(member, _)| member).collect::<Vec<_>>();
            members.iter().for_each(|m| seen[*m] = true);
            let mut rows = rows(drawing, &near, members);
            order(&mut rows, &near);
            components.push(Component { rows });
        }
    }
    components
}

/// Everything within reach of `from`, with its distance, nearest first.
fn reach(near: &[Vec<usize>], from: &[usize]) -> Vec<(usize, usize)> {
    let mut distance = vec![usize::MAX; near.len()];
    let mut queue: VecDeque<usize> = from.iter().copied().collect();
    from.iter().for_each(|f| distance[*f] = 0);
    let mut reached = Vec::new();
    while let Some(at) = queue.pop_front() {
        reached.push((at, distance[at]));
        for next in &near[at] {
            if distance[*next] == usize::MAX {
                distance[*next] = distance[at] + 1;
                queue.push_back(*next);
            }
        }
    }
    reached
}

fn rows(drawing: &Drawing, near: &[Vec<usize>], mut members: Vec<usize>) -> Vec<Vec<usize>> {
    members.sort_unstable();
    let playing = |part: Part| -> Vec<usize> {
        members.iter().copied().filter(|m| drawing.boxes[*m].part == Some(part)).collect()
    };
    let bottom = [Part::ClusterNode, Part::Client].into_iter().map(playing);
    let bottom = bottom.into_iter().find(|b| !b.is_empty() && b.len() < members.len());
    let hub = || members.iter().copied().max_by_key(|m| (near[*m].len(), usize::MAX - m));
    let (from, upward) = match bottom {
        Some(bottom) => (bottom, true),
        None => (hub().into_iter().collect(), false),
    };
    let reached = reach(near, &from);
    let top = reached.iter().map(|(_, distance)| *distance).max().unwrap_or(0);
    let mut rows = vec![Vec::new(); top + 1];
    for (member, distance) in reached {
        rows[if upward { top - distance } else { distance }].push(member);
    }
    rows.iter_mut().for_each(|row| row.sort_unstable());
    rows
}

/// Where each box stands: its row, and its place in it.
struct Places(Vec<(usize, usize)>);

impl Places {
    fn of(count: usize, rows: &[Vec<usize>]) -> Places {
        let mut places = Places(vec![(usize::MAX, 0); count]);
        (0..rows.len()).for_each(|row| places.set(row, &rows[row]));
        places
    }

    fn set(&mut self, row: usize, members: &[usize]) {
        members.iter().enumerate().for_each(|(i, m)| self.0[*m] = (row, i));
    }

    /// The places in `row` of a box's neighbours.
    fn neighbours(&self, near: &[usize], row: usize) -> impl Iterator<Item = usize> {
        near.iter().filter_map(move |n| (self.0[*n].0 == row).then_some(self.0[*n].1))
    }
}

/// Orders each row by where its neighbours stand, sweeping down and up, and keeps the order with the fewest crossings.
fn order(rows: &mut Vec<Vec<usize>>, near: &[Vec<usize>]) {
    let mut places = Places::of(near.len(), rows);
    let mut best = (crossings(rows, near, &places), rows.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let count = rows.len();
        for step in 1..count {
            let (at, fixed) =
                if sweep % 2 == 0 { (step, step - 1) } else { (count - 1 - step, count - step) };
            let wanted = |member: usize| {
                let known: Vec<f64> = places.neighbours(&near[member], fixed).map(|p| p as f64).collect();
                match known.len() {
                    0 => places.0[member].1 as f64 * rows[fixed].len() as f64 / rows[at].len() as f64,
                    n => known.iter().sum::<f64>() / n as f64,
                }
            };
            let mut keyed: Vec<(f64, usize)> = rows[at].iter().map(|m| (wanted(*m), *m)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[at] = keyed.into_iter().map(|(_, member)| member).collect();
            places.set(at, &rows[at]);
        }
        let crossed = crossings(rows, near, &places);
        if crossed < best.0 {
            best = (crossed, rows.clone());
        }
    }
    *rows = best.1;
}

/// How many pairs of wires between neighbouring rows cross, and how far the wires inside rows reach over others.
fn crossings(rows: &[Vec<usize>], near: &[Vec<usize>], places: &Places) -> usize {
    let inside = |row: usize| {
        let reach = |member: &usize| {
            let own = places.0[*member].1;
            let others = places.neighbours(&near[*member], row);
            others.map(|other| other.abs_diff(own).saturating_sub(1)).sum::<usize>()
        };
        rows[row].iter().map(reach).sum::<usize>()
    };
    let below = |row: usize| {
        let mut counted = vec![0usize; rows[row + 1].len() + 1];
        let (mut crossed, mut total) = (0, 0);
        for member in &rows[row] {
            let mut ends: Vec<usize> = places.neighbours(&near[*member], row + 1).collect();
            ends.sort_unstable();
            crossed += ends.iter().map(|end| total - prefix(&counted, *end)).sum::<usize>();
            total += ends.len();
            ends.into_iter().for_each(|end| add(&mut counted, end));
        }
        crossed
    };
    (0..rows.len()).map(inside).sum::<usize>() + (1..rows.len()).map(|row| below(row - 1)).sum::<usize>()
}

/// How many of the counted are at `end` or before (a Fenwick tree).
fn prefix(counted: &[usize], end: usize) -> usize {
    let (mut at, mut sum) = (end + 1, 0);
    while at > 0 {
        sum += counted[at];
        at &= at - 1;
    }
    sum
}

fn add(counted: &mut [usize], end: usize) {
    let mut at = end + 1;
    while at < counted.len() {
        counted[at] += 1;
        at += at & at.wrapping_neg();
    }
}
