//! A timeline as SVG: a lane for the steps and one for each node, on one clock.

use std::fmt::Write as _;

use routeproof_model::timeline::{Entry, Kind, Timeline};

use super::super::text::clean;

const WIDTH: f64 = 960.0;
/// For the names of the lanes.
const LEFT: f64 = 150.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 44.0;
const LANE: f64 = 34.0;
/// The width of a sign.
const SIGN: f64 = 12.0;
/// Room between two ticks of the clock.
const TICK: f64 = 90.0;

/// A moment that is marked through all lanes.
pub(super) struct Mark {
    pub at_ms: f64,
    pub label: String,
}

/// The drawing; `name` is what a screen reader says of it.
pub(super) fn svg(timeline: &Timeline, mark: Option<&Mark>, name: &str) -> String {
    let height = TOP + LANE * timeline.lanes.len() as f64 + 10.0;
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg class=\"tl\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"{}\">",
        escaped(name)
    );
    axis(&mut out, timeline, mark, height);
    for (index, lane) in timeline.lanes.iter().enumerate() {
        let y = TOP + LANE * index as f64;
        let _ = write!(
            out,
            "<text class=\"tl-name\" x=\"{:.0}\" y=\"{:.1}\">{}</text><path class=\"tl-base\" d=\"M{LEFT:.0} {:.1}H{:.0}\"/>",
            LEFT - 10.0,
            y + LANE / 2.0 + 4.0,
            escaped(&short(&lane.name)),
            y + LANE / 2.0,
            WIDTH - RIGHT
        );
        let mut taken = [f64::MIN; 3];
        lane.entries.iter().for_each(|entry| draw(&mut out, timeline, entry, y, &mut taken));
    }
    if let Some(mark) = mark {
        draw_mark(&mut out, timeline, mark, height);
    }
    out.push_str("</svg>");
    out
}

fn x(timeline: &Timeline, at_ms: f64) -> f64 {
    let span = (timeline.until_ms - timeline.from_ms).max(1.0);
    let part = ((at_ms - timeline.from_ms) / span).clamp(0.0, 1.0);
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

/// The clock counts from the run's start.
fn axis(out: &mut String, timeline: &Timeline, mark: Option<&Mark>, height: f64) {
    let span = (timeline.until_ms - timeline.from_ms).max(1.0);
    let step = nice(span * TICK / (WIDTH - LEFT - RIGHT));
    let mut tick = 0.0;
    while tick <= span {
        let at = x(timeline, timeline.from_ms + tick);
        let _ = write!(out, "<path class=\"tl-grid\" d=\"M{at:.1} {:.0}V{height:.0}\"/>", TOP - 6.0);
        // A mark's line would go through the number.
        if mark.is_none_or(|mark| (x(timeline, mark.at_ms) - at).abs() > SIGN) {
            let (y, text) = (TOP - 12.0, seconds(tick));
            let _ = write!(out, "<text class=\"tl-tick\" x=\"{at:.1}\" y=\"{y:.0}\">{text}</text>");
        }
        tick += step;
    }
}

/// The next of 1, 2, 5, 10, ... milliseconds.
fn nice(least_ms: f64) -> f64 {
    let power = 10_f64.powf(least_ms.max(1.0).log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| power * factor >= least_ms);
    power * factor.unwrap_or(10.0)
}

/// `2.5 s` after the run's start.
fn seconds(ms: f64) -> String {
    let text = format!("{:.3}", ms / 1e3);
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `taken` says up to where each row of the lane has signs, so that none hides another.
fn draw(out: &mut String, timeline: &Timeline, entry: &Entry, y: f64, taken: &mut [f64; 3]) {
    let (at, middle) = (x(timeline, entry.at_ms), y + LANE / 2.0);
    let hover = format!("{}: {}", seconds(entry.at_ms - timeline.from_ms), entry.what.join("; "));
    let _ = write!(out, "<g class=\"tl-{}\"><title>{}</title>", class(entry.kind), escaped(&hover));
    match entry.until_ms {
        Some(until) => {
            let width = (x(timeline, until) - at).max(3.0);
            let _ = write!(
                out,
                "<rect x=\"{at:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"3\"/>",
                y + 6.0,
                LANE - 12.0
            );
            let label = entry.what.first().map_or("", String::as_str);
            // The step's number where there is room for no more.
            let room = ((width - 8.0) / 6.6) as usize;
            let number: String = label.chars().take_while(char::is_ascii_digit).collect();
            let shown = if label.chars().count() <= room { label } else { number.as_str() };
            if !shown.is_empty() && shown.chars().count() <= room {
                let _ = write!(
                    out,
                    "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    at + 4.0,
                    middle + 4.0,
                    escaped(shown)
                );
            }
        }
        None => {
            let row = row(entry.kind);
            let at = at.max(taken[row] + SIGN);
            taken[row] = at;
            let middle = middle + (row as f64 - 1.0) * 8.0;
            let _ = write!(out, "<use href=\"#tl-{}\" x=\"{at:.1}\" y=\"{middle:.1}\"/>", class(entry.kind));
        }
    }
    out.push_str("</g>");
}

/// Sessions above, links in the middle, routes below.
fn row(kind: Kind) -> usize {
    match kind {
        Kind::SessionUp | Kind::SessionDown | Kind::Gap => 0,
        Kind::RouteNew | Kind::RouteGone => 2,
        _ => 1,
    }
}

fn draw_mark(out: &mut String, timeline: &Timeline, mark: &Mark, height: f64) {
    let at = x(timeline, mark.at_ms);
    // The label stays inside the drawing.
    let anchor = if at > WIDTH / 2.0 { ("end", at - 5.0) } else { ("start", at + 5.0) };
    let _ = write!(
        out,
        "<g class=\"tl-mark\"><path d=\"M{at:.1} 4V{height:.0}\"/><text x=\"{:.1}\" y=\"15\" text-anchor=\"{}\">{}</text></g>",
        anchor.1,
        anchor.0,
        escaped(&mark.label)
    );
}

/// The shapes differ, not only the colours.
pub(super) fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Boot => "boot",
        Kind::StepPassed => "step",
        Kind::StepBad => "bad",
        Kind::Fault => "fault",
        Kind::SessionUp => "up",
        Kind::SessionDown => "down",
        Kind::RouteNew => "new",
        Kind::RouteGone => "gone",
        Kind::LinkUp => "link",
        Kind::LinkDown => "cut",
        Kind::Gap => "gap",
    }
}

fn short(name: &str) -> String {
    match name.chars().count() {
        0..=19 => name.to_string(),
        _ => name.chars().take(18).chain(['\u{2026}']).collect(),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
