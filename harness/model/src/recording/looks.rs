//! Looks at a recording in the order of time, for whoever draws it.

use ipnet::IpNet;

use super::Recording;
use crate::fact::{KernelEvent, KernelState, Mono};
use crate::frr::Session;

impl Recording {
    /// What a node's kernel did, in order.
    pub fn kernel_events(&self, node: &str) -> &[KernelEvent] {
        self.kernel.get(node).map_or(&[], Vec::as_slice)
    }

    /// What a node's bgpd claimed, each time that it had changed.
    pub fn session_reports(&self, node: &str) -> &[(Mono, Vec<Session>)] {
        self.sessions.get(node).map_or(&[], Vec::as_slice)
    }

    /// What a gateway advertised at each look: when, the gateway, the node, and the prefixes.
    pub fn advertisements(&self) -> &[(Mono, String, String, Vec<IpNet>)] {
        &self.advertised
    }

    /// When a step began and ended.
    pub fn step_times(&self, step: usize) -> (Option<Mono>, Option<Mono>) {
        (self.started.get(&step).copied(), self.finished.get(&step).copied())
    }

    /// When the fault of a step began to act.
    pub fn fault_at(&self, step: usize) -> Option<Mono> {
        self.faults.get(&step).copied()
    }

    /// When the final state was taken, if the run came so far.
    pub fn final_at(&self) -> Option<Mono> {
        self.end
    }

    /// Shows `look` the node's kernel at each of these times, which must be in order.
    pub fn kernels_at(&self, node: &str, times: &[Mono], mut look: impl FnMut(usize, &KernelState)) {
        let mut events = self.kernel_events(node).iter().peekable();
        let mut state = KernelState::default();
        for (index, time) in times.iter().enumerate() {
            while let Some(event) = events.next_if(|event| event.at <= *time) {
                state.apply(event);
            }
            look(index, &state);
        }
    }

    /// What a node's bgpd had claimed last at that time.
    pub fn sessions_at(&self, node: &str, at: Mono) -> &[Session] {
        super::last(self.sessions.get(node), at).map_or(&[], Vec::as_slice)
    }
}
