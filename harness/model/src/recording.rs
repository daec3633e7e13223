//! A run as it was seen: the lines of `observations.jsonl`, on one monotonic clock. With the plan they are enough to judge
//! the run again ([`crate::replay`]).

mod hops;
mod line;
mod looks;
mod questions;

use std::collections::BTreeMap;

use hops::HopsRead;
pub use hops::{HopsWritten, Short};
use ipnet::IpNet;
use line::read;
pub use line::{Line, LineRef};

use crate::check::{AddressBook, LostBefore, OrderingFacts, Sample};
use crate::fact::{Flows, HostHealth, Isolation, KernelEvent, Mono, Object, Returned, Stream};
use crate::frr::{BfdPeer, RibEntry, Session};

/// A link's address since when; `None` once the link is gone.
type LinkLayer = Vec<(Mono, Option<String>)>;

/// What a node's zebra answered at one time.
type Rib = Vec<(IpNet, RibEntry)>;

/// A recording, indexed for questions of the form "how was it at that time".
#[derive(Debug, Default)]
pub struct Recording {
    pub book: AddressBook,
    /// Node -> link's index -> its link-layer address, as it changed.
    link_layer: BTreeMap<String, BTreeMap<u32, LinkLayer>>,
    /// Whether any of them changed after the book was written.
    moved: bool,
    kernel: BTreeMap<String, Vec<KernelEvent>>,
    hops: HopsRead,
    sessions: BTreeMap<String, Vec<(Mono, Vec<Session>)>>,
    bfd: BTreeMap<String, Vec<(Mono, Vec<BfdPeer>)>>,
    ribs: BTreeMap<String, Vec<(Mono, Rib)>>,
    flows: Vec<Flows>,
    returned: Vec<(String, Returned)>,
    streams: BTreeMap<String, Stream>,
    isolation: Vec<Isolation>,
    advertised: Vec<(Mono, String, String, Vec<IpNet>)>,
    started: BTreeMap<usize, Mono>,
    opened: BTreeMap<usize, Mono>,
    finished: BTreeMap<usize, Mono>,
    end: Option<Mono>,
    faults: BTreeMap<usize, Mono>,
    lost_before: BTreeMap<String, Vec<(Mono, LostBefore)>>,
    pub health: BTreeMap<usize, HostHealth>,
    pub facts: BTreeMap<usize, OrderingFacts>,
    pub samples: BTreeMap<usize, Sample>,
}

/// A line of the file that is none.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the recording")]
pub struct RecordingError {
    pub line: usize,
    #[source]
    pub source: serde_json::Error,
}

impl Recording {
    /// Reads the text of `observations.jsonl`. A last line that was cut short by a kill is left out.
    ///
    /// # Errors
    /// Any other line that is not a fact.
    pub fn parse(text: &str) -> Result<Recording, RecordingError> {
        let mut recording = Recording::default();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            match read(line) {
                Ok(line) => recording.take(line),
                Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => {}
                Err(source) => return Err(RecordingError { line: index + 1, source }),
            }
        }
        Ok(recording)
    }

    /// A recording of these lines.
    pub fn of(lines: impl IntoIterator<Item = Line>) -> Recording {
        let mut recording = Recording::default();
        lines.into_iter().for_each(|line| recording.take(line));
        recording
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Addresses { book } => {
                self.book = book;
                self.moved = false;
            }
            Line::Kernel { node, event } => {
                self.note_link_layer(&node, &event);
                self.kernel.entry(node).or_default().push(event);
            }
            Line::NextHops { node, number, hops } => self.hops.put(node, number, hops),
            Line::KernelBy { node, hops, event } => {
                let event = self.hops.whole(&node, hops, event);
                self.kernel.entry(node).or_default().push(event);
            }
            Line::Sessions { node, at, sessions } => {
                self.sessions.entry(node).or_default().push((at, sessions))
            }
            Line::Bfd { node, at, peers } => self.bfd.entry(node).or_default().push((at, peers)),
            Line::Rib { node, at, entries } => self.ribs.entry(node).or_default().push((at, entries)),
            Line::Returned { to, seen } => self.returned.push((to, seen)),
            Line::Stream { stream } => {
                self.streams.insert(stream.name.clone(), stream);
            }
            Line::Flows { flows } => self.flows.push(flows),
            Line::Isolation { seen } => self.isolation.push(seen),
            Line::Advertised { gateway, to, at, prefixes } => {
                self.advertised.push((at, gateway, to, prefixes))
            }
            Line::WindowOpened { step, at } => {
                self.opened.insert(step, at);
            }
            Line::StepStarted { step, at } => {
                self.started.insert(step, at);
            }
            Line::StepFinished { step, at } => {
                self.finished.insert(step, at);
            }
            Line::Host { step, health } => {
                self.health.insert(step, health);
            }
            Line::Fault { step, at, .. } => {
                self.faults.insert(step, at);
            }
            Line::LostBefore { node, at, lost, .. } => {
                self.lost_before.entry(node).or_default().push((at, lost));
            }
            Line::OrderingFacts { step, facts } => {
                self.facts.insert(step, facts);
            }
            Line::FinalState { at } => {
                self.end.get_or_insert(at);
            }
            Line::Sample { step, sample } => {
                self.samples.insert(step, sample);
            }
        }
    }

    fn note_link_layer(&mut self, node: &str, event: &KernelEvent) {
        let (link, mac) = match (event.change.appeared(), event.change.gone()) {
            (Some(Object::Link(link)), _) => (link, link.mac.clone()),
            (_, Some(Object::Link(link))) => (link, None),
            _ => return,
        };
        let seen = self.link_layer.entry(node.to_string()).or_default().entry(link.index).or_default();
        if seen.last().is_none_or(|(_, last)| *last != mac) {
            seen.push((event.at, mac));
            self.moved = true;
        }
    }
}

fn last<T>(seen: Option<&Vec<(Mono, T)>>, at: Mono) -> Option<&T> {
    seen?.iter().take_while(|(when, _)| *when <= at).last().map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
