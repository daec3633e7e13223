//! `loss`: what a stream of packets lost, for how long it was out, and by whom its flows went before and after a change.
//!
//! Each flow is judged for itself: where gateways share the traffic, only the flows of the one that fails are out. The time
//! out is the longest between two arrivals, less the pace and less what the sender itself was behind: a late sender is no
//! loss. What cannot be told because the sender was late is `inconclusive`, not `failed`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Judged, evidence};
use crate::fact::{Mono, Sent, Stream, StreamFlow};
use crate::result::Outcome;
use crate::scenario::{During, ExpectLoss};

/// Flows that shared their way before and after the change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// Who got them last before the change; `nobody` if nothing had arrived.
    pub before: String,
    /// Who got them last of all.
    pub after: String,
    pub flows: usize,
    pub lost: usize,
    pub out_ms: f64,
    /// The last arrival by `before`, since the change; negative: before it.
    pub last_before_ms: Option<f64>,
    /// The first arrival by `after`, since the change: of the first flow that moved, and of the last.
    pub moved_ms: Option<(f64, f64)>,
}

/// The whole stream, for people and for tools.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lost {
    pub stream: String,
    pub sent: usize,
    pub received: usize,
    pub lost: usize,
    /// Lost because the sender's kernel did not take them, and the first reason.
    pub refused: usize,
    pub why: Option<String>,
    pub duplicates: usize,
    /// The longest that any flow was without an arrival.
    pub out_ms: f64,
    /// By how much it may have been longer, for the sender was late.
    pub unsure_ms: f64,
    /// The most that the sender was behind its pace.
    pub late_ms: f64,
    /// Arrivals by gateway before and after the change.
    pub got: BTreeMap<String, (usize, usize)>,
    pub ways: Vec<Moved>,
}

/// The verdict. `change` is when the last step that changed something began to act, if the stream ran already.
pub fn loss(expect: &ExpectLoss, stream: &Stream, change: Option<Mono>) -> Judged {
    let change = change.filter(|at| *at >= stream.from);
    let lost = lost(stream, change, expect.during);
    let found = vec![evidence("loss", &stream.node, &lost)];
    let judged = |outcome, message: String| Judged { outcome, message, evidence: found.clone() };
    if stream.dropped > 0 {
        let why = format!("the captures lost {} packets: the count cannot be trusted", stream.dropped);
        return judged(Outcome::Inconclusive, why);
    }
    if lost.sent == 0 {
        return judged(Outcome::Inconclusive, format!("stream {} sent nothing that counts", stream.name));
    }
    let (outcome, message) = verdict(expect, &lost);
    // What arrived unseen can only make it better.
    if outcome == Outcome::Failed && !stream.unwatched.is_empty() {
        let unwatched: Vec<&str> = stream.unwatched.iter().map(String::as_str).collect();
        let why = format!(
            "{message}; but nobody watched {}, which came up after the stream had begun",
            unwatched.join(" and ")
        );
        return judged(Outcome::Inconclusive, why);
    }
    judged(outcome, message)
}

fn verdict(expect: &ExpectLoss, lost: &Lost) -> (Outcome, String) {
    let story = lost.story();
    if let Some(most) = expect.lost_at_most.filter(|most| lost.lost > *most) {
        return (Outcome::Failed, format!("at most {most} packets lost expected: {story}"));
    }
    match expect.at_most.map(|most| most.as_secs_f64() * 1e3) {
        Some(most) if lost.out_ms > most => {
            (Outcome::Failed, format!("out for at most {most:.0} ms expected: {story}"))
        }
        Some(most) if lost.longest_ms() > most => {
            let why = format!("out for at most {most:.0} ms expected, which cannot be told: {story}");
            (Outcome::Inconclusive, why)
        }
        _ => (Outcome::Passed, story),
    }
}

/// What became of the stream.
fn lost(stream: &Stream, change: Option<Mono>, during: During) -> Lost {
    let change_us = change.map(|at| (at.0 - stream.from.0) / 1000);
    let from_us = change_us.filter(|_| during == During::Change).unwrap_or(0);
    let flows: Vec<OfFlow> =
        stream.flows.iter().map(|flow| OfFlow::new(flow, stream.every_us, change_us, from_us)).collect();
    let mut ways: BTreeMap<(String, String), Vec<&OfFlow>> = BTreeMap::new();
    for flow in &flows {
        ways.entry((flow.before.clone(), flow.after.clone())).or_default().push(flow);
    }
    let mut got: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (node, (before, after)) in flows.iter().flat_map(|flow| &flow.got) {
        let all = got.entry(node.clone()).or_default();
        *all = (all.0 + before, all.1 + after);
    }
    let out = flows.iter().map(|flow| flow.out).fold(Out::default(), Out::longer);
    let refused = || stream.flows.iter().flat_map(|flow| &flow.refused);
    Lost {
        stream: stream.name.clone(),
        sent: flows.iter().map(|flow| flow.sent).sum(),
        received: flows.iter().map(|flow| flow.sent - flow.lost).sum(),
        lost: flows.iter().map(|flow| flow.lost).sum(),
        refused: refused().map(|r| r.count).sum(),
        why: refused().next().map(|r| r.why.clone()),
        duplicates: stream.flows.iter().map(|flow| flow.again.len()).sum(),
        out_ms: ms(out.certain),
        unsure_ms: ms(out.possible - out.certain),
        late_ms: ms(flows.iter().map(|flow| flow.late).max().unwrap_or_default()),
        got,
        ways: ways.into_iter().map(|(way, flows)| Moved::new(way, &flows)).collect(),
    }
}

impl Lost {
    fn longest_ms(&self) -> f64 {
        self.out_ms + self.unsure_ms
    }

    /// `4000 packets in 8 flows, 120 lost, out for 305.0 ms; 2 flows from gw2 to gw1 after 306.1 ms`
    fn story(&self) -> String {
        let flows: usize = self.ways.iter().map(|way| way.flows).sum();
        let mut text = format!(
            "{} packets in {}, {} lost, out for {:.1} ms",
            self.sent,
            some_flows(flows),
            self.lost,
            self.out_ms
        );
        if self.unsure_ms >= WORTH_TELLING_MS {
            text += &format!(" (up to {:.1} ms, for the sender was late)", self.longest_ms());
        }
        if let Some(why) = &self.why {
            text += &format!("; {} of them were refused: {why}", self.refused);
        }
        for way in self.ways.iter().filter(|way| way.before != way.after && way.before != NOBODY) {
            let when = way.moved_ms.map(|(first, last)| match ms_text(first) == ms_text(last) {
                true => format!(" after {first:.1} ms"),
                false => format!(" after {first:.1} to {last:.1} ms"),
            });
            text += &format!(
                "; {} went from {} to {}{}",
                some_flows(way.flows),
                way.before,
                way.after,
                when.unwrap_or_default()
            );
        }
        text
    }
}

impl Moved {
    fn new((before, after): (String, String), flows: &[&OfFlow]) -> Moved {
        let moved = || flows.iter().filter_map(|flow| flow.moved);
        Moved {
            before,
            after,
            flows: flows.len(),
            lost: flows.iter().map(|flow| flow.lost).sum(),
            out_ms: ms(flows.iter().map(|flow| flow.out.certain).max().unwrap_or_default()),
            last_before_ms: flows.iter().filter_map(|flow| flow.last_before).max().map(signed_ms),
            moved_ms: moved()
                .min()
                .zip(moved().max())
                .map(|(first, last)| (signed_ms(first), signed_ms(last))),
        }
    }
}

/// Every timer is a little late.
const WORTH_TELLING_MS: f64 = 1.0;
const NOBODY: &str = "nobody";

/// One flow, in microseconds; times since the change where they are signed.
struct OfFlow {
    sent: usize,
    lost: usize,
    out: Out,
    late: u64,
    before: String,
    after: String,
    last_before: Option<i64>,
    moved: Option<i64>,
    got: BTreeMap<String, (usize, usize)>,
}

impl OfFlow {
    fn new(flow: &StreamFlow, every: u64, changed: Option<u64>, from: u64) -> OfFlow {
        let all: Vec<Sent<'_>> = flow.packets().collect();
        let counted: Vec<Sent<'_>> = all.iter().filter(|packet| packet.sent_us >= from).copied().collect();
        let change = changed.unwrap_or(0);
        let mut arrivals: Vec<(u64, &str)> = all.iter().filter_map(|packet| packet.arrived).collect();
        arrivals.sort_unstable();
        let since = |at: u64| at as i64 - change as i64;
        let before = match changed {
            Some(change) => arrivals.iter().rev().find(|(at, _)| *at < change),
            None => arrivals.first(),
        };
        let before = before.map(|(_, node)| *node);
        let after = arrivals.last().map(|(_, node)| *node);
        let last_before = before
            .and_then(|before| arrivals.iter().rev().find(|(_, node)| *node == before))
            .map(|(at, _)| since(*at));
        // From then on no other gateway got anything.
        let moved = arrivals.iter().rev().take_while(|(_, node)| Some(*node) == after).last();
        let mut got: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (at, node) in &arrivals {
            let counts = got.entry((*node).to_string()).or_default();
            if *at < change { counts.0 += 1 } else { counts.1 += 1 }
        }
        OfFlow {
            sent: counted.len(),
            lost: counted.iter().filter(|packet| packet.arrived.is_none()).count(),
            out: longest_out(&counted, every),
            late: silences(&counted, every).max().unwrap_or_default(),
            before: before.unwrap_or(NOBODY).to_string(),
            after: after.unwrap_or(NOBODY).to_string(),
            last_before,
            moved: moved.filter(|_| before != after).map(|(at, _)| since(*at)),
            got,
        }
    }
}

/// How much longer than the pace the sender was silent before each packet but the first.
fn silences(packets: &[Sent<'_>], every: u64) -> impl Iterator<Item = u64> {
    packets.windows(2).map(move |pair| (pair[1].sent_us - pair[0].sent_us).saturating_sub(every))
}

/// The longest time without an arrival, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Out {
    /// Less what the sender was silent meanwhile.
    certain: u64,
    possible: u64,
}

impl Out {
    /// Two flows, or two times, may hold the two.
    fn longer(self, other: Out) -> Out {
        Out { certain: self.certain.max(other.certain), possible: self.possible.max(other.possible) }
    }
}

/// The pace is not counted. A flow begins and ends as if packets had arrived one pace before the first one was sent and one
/// pace after the last one.
fn longest_out(packets: &[Sent<'_>], every: u64) -> Out {
    let (Some(first), Some(last)) = (packets.first(), packets.last()) else { return Out::default() };
    // By how much the sender was behind (or ahead) when it sent a packet. It catches up by less than a pace, ever.
    let behind = |i: usize, packet: &Sent<'_>| {
        packet.sent_us as i64 - first.sent_us as i64 - (i as u64 * every) as i64
    };
    // When each arrived (a pace later, so that the first point is no earlier than the stream), and how much the sender was
    // behind when it was sent.
    let arrived = |(i, packet): (usize, &Sent<'_>)| Some((packet.arrived?.0 + every, behind(i, packet)));
    let mut points: BTreeSet<(u64, i64)> = packets.iter().enumerate().filter_map(arrived).collect();
    points.insert((first.sent_us, 0));
    points.insert((last.sent_us + 2 * every, behind(packets.len() - 1, last)));
    let points: Vec<(u64, i64)> = points.into_iter().collect();
    let out = |pair: &[(u64, i64)]| {
        let possible = (pair[1].0 - pair[0].0).saturating_sub(every);
        let silent = u64::try_from(pair[1].1 - pair[0].1).unwrap_or(0);
        Out { certain: possible.saturating_sub(silent), possible }
    };
    points.windows(2).map(out).fold(Out::default(), Out::longer)
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

fn signed_ms(us: i64) -> f64 {
    us as f64 / 1e3
}

fn some_flows(n: usize) -> String {
    if n == 1 { "1 flow".to_string() } else { format!("{n} flows") }
}

fn ms_text(ms: f64) -> String {
    format!("{ms:.1}")
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
