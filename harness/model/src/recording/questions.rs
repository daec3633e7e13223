//! How it was at some time.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Recording, last};
use crate::check::{AddressBook, LostBefore};
use crate::fact::{Flows, Isolation, KernelState, Mono, Returned, Stream, Window};
use crate::frr::{BfdPeer, RibEntry, Session};

impl Recording {
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
