//! A run as it was seen: the lines of `observations.jsonl`, on one monotonic clock. With the plan they are enough to judge
//! the run again ([`crate::replay`]).

mod looks;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::check::{AddressBook, LostBefore, OrderingFacts, Sample};
use crate::fact::{
    Flows, HostHealth, Isolation, KernelEvent, KernelState, Mono, Object, Returned, Stream, Window,
};
use crate::frr::{BfdPeer, RibEntry, Session};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Line {
    /// Who has which address; written once, before the first step.
    Addresses {
        book: AddressBook,
    },
    Kernel {
        node: String,
        event: KernelEvent,
    },
    /// What bgpd claims of its sessions; written when it changed.
    Sessions {
        node: String,
        at: Mono,
        sessions: Vec<Session>,
    },
    /// What bfdd claims of its sessions; written when it was asked and had changed.
    Bfd {
        node: String,
        at: Mono,
        peers: Vec<BfdPeer>,
    },
    /// What zebra claims to have; written when it was asked.
    Rib {
        node: String,
        at: Mono,
        entries: Vec<(IpNet, RibEntry)>,
    },
    /// A gateway's Adj-RIB-Out towards a node.
    Advertised {
        gateway: String,
        to: String,
        at: Mono,
        prefixes: Vec<IpNet>,
    },
    /// Requests to a service, and the ways of their replies.
    Returned {
        to: String,
        seen: Returned,
    },
    /// Flows that were sent and counted.
    Flows {
        flows: Flows,
    },
    /// A stream that has ended.
    Stream {
        stream: Stream,
    },
    /// The segments of a node: lookups, and probes from one into another.
    Isolation {
        seen: Isolation,
    },
    /// A window in which something must hold opens; its witness was there.
    WindowOpened {
        step: usize,
        at: Mono,
    },
    StepStarted {
        step: usize,
        at: Mono,
    },
    StepFinished {
        step: usize,
        at: Mono,
    },
    /// How the host was while a step was timed.
    Host {
        step: usize,
        health: HostHealth,
    },
    /// When a fault began to act.
    Fault {
        step: usize,
        at: Mono,
        name: String,
    },
    /// How often the sessions of a node had been lost before the change that the step made.
    LostBefore {
        step: usize,
        node: String,
        at: Mono,
        lost: LostBefore,
    },
    /// What a `diagnose` step concludes from.
    OrderingFacts {
        step: usize,
        facts: OrderingFacts,
    },
    /// The steps are done; what comes later (faults are undone, the lab ends) is not part of the final state.
    FinalState {
        at: Mono,
    },
    /// What an `observe` step saw.
    Sample {
        step: usize,
        sample: Sample,
    },
}

/// A link's address since when; `None` once the link is gone.
type LinkLayer = Vec<(Mono, Option<String>)>;

/// A [`Line`] to write, with its large parts borrowed. It reads back as the `Line` of that name.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum LineRef<'a> {
    Kernel { node: &'a str, event: &'a KernelEvent },
    Rib { node: &'a str, at: Mono, entries: &'a [(IpNet, RibEntry)] },
}

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

    /// The address book with the link-layer addresses of that time.
    pub fn book_at(&self, at: Mono) -> Cow<'_, AddressBook> {
        if !self.moved || !self.book.has_link_layer() {
            return Cow::Borrowed(&self.book);
        }
        let mut book = self.book.clone();
        for (node, links) in &self.link_layer {
            book.set_link_layer(
                node,
                links.values().filter_map(|seen| last(Some(seen), at).cloned().flatten()),
            );
        }
        Cow::Owned(book)
    }

    /// When a step began to count (a `holds` once its window opened) and when it ended; `None` if it never ended.
    pub fn window(&self, step: usize) -> Option<(Mono, Mono)> {
        let from = self.opened.get(&step).or_else(|| self.started.get(&step))?;
        Some((*from, *self.finished.get(&step)?))
    }

    /// How often the node's sessions had been lost before the last change up to `at`.
    pub fn lost_before(&self, node: &str, at: Mono) -> LostBefore {
        last(self.lost_before.get(node), at).cloned().unwrap_or_default()
    }

    /// When a step that changes something began to act.
    pub fn changed_at(&self, step: usize) -> Option<Mono> {
        self.faults.get(&step).or_else(|| self.started.get(&step)).copied()
    }

    /// Shows `look` the node's kernel at `from` and after each later event up to `to`. Gives the window that it was.
    pub fn kernel_states(
        &self,
        node: &str,
        from: Mono,
        to: Mono,
        mut look: impl FnMut(Mono, &KernelState),
    ) -> Window {
        let events = self.kernel.get(node).map_or(&[][..], Vec::as_slice);
        let (before, rest) = events.split_at(events.iter().take_while(|event| event.at <= from).count());
        let mut state = KernelState::default();
        before.iter().for_each(|event| drop(state.apply(event)));
        look(from, &state);
        let mut window = Window::open(state);
        for event in rest.iter().take_while(|event| event.at <= to) {
            if window.see(event).is_some() {
                look(window.came(event, from), window.state());
            }
        }
        window
    }

    /// What bgpd and bfdd claimed at each change in a window; what they had claimed last if nothing changed in it.
    ///
    /// What was recorded before the window counts only then: it may be older than the last event, since daemons are
    /// asked, and only changes are written.
    pub fn session_states(
        &self,
        node: &str,
        from: Mono,
        to: Mono,
        mut look: impl FnMut(&[Session], &[BfdPeer]),
    ) {
        let sessions = self.sessions.get(node);
        let bfd = self.bfd.get(node);
        let asked = sessions.into_iter().flatten().map(|(at, _)| *at);
        let asked = asked.chain(bfd.into_iter().flatten().map(|(at, _)| *at));
        let mut changes: BTreeSet<Mono> = asked.filter(|at| *at > from && *at <= to).collect();
        if changes.is_empty() {
            changes.insert(to);
        }
        for at in changes {
            look(last(sessions, at).map_or(&[], Vec::as_slice), last(bfd, at).map_or(&[], Vec::as_slice));
        }
    }

    /// What zebra claimed last at that time.
    pub fn rib_at(&self, node: &str, at: Mono) -> Option<&Vec<(IpNet, RibEntry)>> {
        last(self.ribs.get(node), at)
    }

    /// The requests to a service that a client made in a window, while the node was watched.
    pub fn returned<'a>(
        &'a self,
        (node, client, to): (&'a str, &'a str, &'a str),
        from: Mono,
        until: Mono,
    ) -> impl Iterator<Item = &'a Returned> {
        let fits = move |(asked, seen): &&(String, Returned)| {
            let exchange = &seen.exchange;
            asked == to
                && exchange.node == node
                && exchange.client == client
                && exchange.at >= from
                && exchange.at <= until
        };
        self.returned.iter().filter(fits).map(|(_, seen)| seen)
    }

    /// The nodes of which anything was recorded.
    pub fn nodes(&self) -> BTreeSet<&str> {
        self.kernel.keys().chain(self.sessions.keys()).chain(self.ribs.keys()).map(String::as_str).collect()
    }

    /// When the final state was taken; with a recording that was cut short, the last that is known counts.
    fn end(&self) -> Mono {
        self.end.unwrap_or(Mono(u64::MAX))
    }

    /// The node's kernel at the end.
    pub fn final_kernel(&self, node: &str) -> KernelState {
        let mut state = KernelState::default();
        let events = self.kernel.get(node).into_iter().flatten();
        events.take_while(|event| event.at <= self.end()).for_each(|event| {
            state.apply(event);
        });
        state
    }

    /// What bgpd claimed last.
    pub fn final_sessions(&self, node: &str) -> &[Session] {
        last(self.sessions.get(node), self.end()).map_or(&[], Vec::as_slice)
    }

    /// What zebra claimed last; empty when it was never asked.
    pub fn final_rib(&self, node: &str) -> &[(IpNet, RibEntry)] {
        self.rib_at(node, self.end()).map_or(&[], Vec::as_slice)
    }

    /// The measurements that ended in a window.
    pub fn flows(&self, node: &str, from: Mono, until: Mono) -> impl Iterator<Item = &Flows> {
        self.flows.iter().filter(move |flows| flows.node == node && flows.at >= from && flows.at <= until)
    }

    /// What became of a stream's packets.
    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.get(name)
    }

    /// The looks at a node's segments that ended in a window.
    pub fn isolation(&self, node: &str, from: Mono, until: Mono) -> impl Iterator<Item = &Isolation> {
        self.isolation.iter().filter(move |seen| seen.node == node && seen.at >= from && seen.at <= until)
    }

    /// What a gateway advertised to a node at every look in a window.
    pub fn advertised(
        &self,
        gateway: &str,
        to: &str,
        from: Mono,
        until: Mono,
    ) -> impl Iterator<Item = &Vec<IpNet>> {
        let fits = move |(at, g, t, _): &&(Mono, String, String, Vec<IpNet>)| {
            *at >= from && *at <= until && g == gateway && t == to
        };
        self.advertised.iter().filter(fits).map(|(_, _, _, prefixes)| prefixes)
    }
}

/// Most lines are events of kernels. serde reads a tagged enum by way of a copy of all of its values, which takes twice as
/// long; where the tag comes first, as we write it, there is no need.
fn read(line: &str) -> Result<Line, serde_json::Error> {
    #[derive(Deserialize)]
    struct Kernel {
        node: String,
        event: KernelEvent,
    }
    if line.starts_with(r#"{"source":"kernel","#) {
        return serde_json::from_str(line).map(|Kernel { node, event }| Line::Kernel { node, event });
    }
    serde_json::from_str(line)
}

fn last<T>(seen: Option<&Vec<(Mono, T)>>, at: Mono) -> Option<&T> {
    seen?.iter().take_while(|(when, _)| *when <= at).last().map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
