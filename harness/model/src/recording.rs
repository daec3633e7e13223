//! A run as it was seen: the lines of `observations.jsonl`, on one monotonic clock. With the plan they are enough to judge
//! the run again ([`crate::replay`]).

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::check::{AddressBook, OrderingFacts, Sample};
use crate::fact::{Flows, HostHealth, KernelEvent, KernelState, Mono, Window};
use crate::frr::{RibEntry, Session};

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
    /// Flows that were sent and counted.
    Flows {
        flows: Flows,
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
    /// What a `diagnose` step concludes from.
    OrderingFacts {
        step: usize,
        facts: OrderingFacts,
    },
    /// What an `observe` step saw.
    Sample {
        step: usize,
        sample: Sample,
    },
}

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
    kernel: BTreeMap<String, Vec<KernelEvent>>,
    sessions: BTreeMap<String, Vec<(Mono, Vec<Session>)>>,
    ribs: BTreeMap<String, Vec<(Mono, Rib)>>,
    flows: Vec<Flows>,
    advertised: Vec<(Mono, String, String, Vec<IpNet>)>,
    started: BTreeMap<usize, Mono>,
    opened: BTreeMap<usize, Mono>,
    finished: BTreeMap<usize, Mono>,
    faults: BTreeMap<usize, Mono>,
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

    fn take(&mut self, line: Line) {
        match line {
            Line::Addresses { book } => self.book = book,
            Line::Kernel { node, event } => self.kernel.entry(node).or_default().push(event),
            Line::Sessions { node, at, sessions } => {
                self.sessions.entry(node).or_default().push((at, sessions))
            }
            Line::Rib { node, at, entries } => self.ribs.entry(node).or_default().push((at, entries)),
            Line::Flows { flows } => self.flows.push(flows),
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
            Line::OrderingFacts { step, facts } => {
                self.facts.insert(step, facts);
            }
            Line::Sample { step, sample } => {
                self.samples.insert(step, sample);
            }
        }
    }

    /// When a step began to count (a `holds` once its window opened) and when it ended; `None` if it never ended.
    pub fn window(&self, step: usize) -> Option<(Mono, Mono)> {
        let from = self.opened.get(&step).or_else(|| self.started.get(&step))?;
        Some((*from, *self.finished.get(&step)?))
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
            if let Some(state) = window.see(event) {
                look(event.at, state);
            }
        }
        window
    }

    /// What bgpd claimed last at that time.
    pub fn sessions_at(&self, node: &str, at: Mono) -> &[Session] {
        last(self.sessions.get(node), at).map_or(&[], Vec::as_slice)
    }

    /// What zebra claimed last at that time.
    pub fn rib_at(&self, node: &str, at: Mono) -> Option<&Vec<(IpNet, RibEntry)>> {
        last(self.ribs.get(node), at)
    }

    /// The measurements that ended in a window.
    pub fn flows(&self, node: &str, from: Mono, until: Mono) -> impl Iterator<Item = &Flows> {
        self.flows.iter().filter(move |flows| flows.node == node && flows.at >= from && flows.at <= until)
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
mod tests {
    use super::*;
    use crate::fact::{Change, GapReason};

    #[test]
    fn a_borrowed_line_reads_back_as_the_line_of_its_name() {
        let event = KernelEvent { at: Mono(5), change: Change::Gap(GapReason::Overrun) };
        let borrowed = serde_json::to_string(&LineRef::Kernel { node: "n", event: &event }).unwrap();
        let owned = serde_json::to_string(&Line::Kernel { node: "n".into(), event: event.clone() }).unwrap();
        assert_eq!(borrowed, owned);
        assert!(
            matches!(read(&borrowed).unwrap(), Line::Kernel { node, event: read } if node == "n" && read == event)
        );
        let rib = serde_json::to_string(&LineRef::Rib { node: "n", at: Mono(6), entries: &[] }).unwrap();
        assert_eq!(
            rib,
            serde_json::to_string(&Line::Rib { node: "n".into(), at: Mono(6), entries: vec![] }).unwrap()
        );
        assert!(matches!(read(&rib).unwrap(), Line::Rib { at: Mono(6), .. }));
    }
}
