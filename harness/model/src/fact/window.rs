//! A stretch of a node's events in which something must hold.

use super::{Change, GapReason, KernelEvent, KernelState, Mono, ResyncReason};

/// Follows a state event by event, and remembers whether anything was missed on the way.
#[derive(Clone, Debug)]
pub struct Window {
    state: KernelState,
    missed: Option<GapReason>,
    /// The last reading after a silent change: when it ended and when it began.
    reading: Option<(Mono, Mono)>,
}

impl Window {
    /// Begins with a state, to which the events that are [seen](Window::see) have to fit.
    pub fn open(state: KernelState) -> Window {
        let missed = state.gap().map(|gap| gap.reason.clone()).filter(GapReason::is_loss);
        Window { state, missed, reading: None }
    }

    /// Takes the next event. Gives the state after it, if the kernel was ever in it: see [`KernelState::is_settled`].
    pub fn see(&mut self, event: &KernelEvent) -> Option<&KernelState> {
        self.state.apply(event);
        if let Change::Gap(reason) = &event.change {
            self.missed.get_or_insert_with(|| reason.clone());
        }
        if let Change::Resync { reason: ResyncReason::SilentChange, since, .. } = event.change {
            self.reading = Some((event.at, since));
        }
        self.state.is_settled().then_some(&self.state)
    }

    /// When the change that an event tells came about, if it was after `from`: the event's own time, or, for what a
    /// reading found that followed a silent change, the time at which the reading began. The kernel drops routes before
    /// it tells of the link that they hung on; how long the tables take to be read is not the router's time.
    pub fn came(&self, event: &KernelEvent, from: Mono) -> Mono {
        match self.reading {
            Some((at, since)) if at == event.at && since >= from => since,
            _ => event.at,
        }
    }

    /// Why what happened in the window is not wholly known: messages were missed in it, whether or not the state was
    /// mended meanwhile, or had been missed before and the state was not mended yet.
    pub fn missed(&self) -> Option<&GapReason> {
        self.missed.as_ref()
    }

    /// The state as far as it was seen.
    pub fn state(&self) -> &KernelState {
        &self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Kind, Mono, Object, ResyncReason, Route};

    fn event(at: u64, change: Change) -> KernelEvent {
        KernelEvent { at: Mono(at), change }
    }

    fn reading(since: u64, differences: usize) -> Change {
        Change::Resync { kinds: Kind::all(), reason: ResyncReason::Gap, since: Mono(since), differences }
    }

    fn missed(begun: &[KernelEvent], seen: &[KernelEvent]) -> Option<GapReason> {
        let mut state = KernelState::default();
        begun.iter().for_each(|event| drop(state.apply(event)));
        let mut window = Window::open(state);
        for event in seen {
            let _ = window.see(event);
        }
        window.missed().cloned()
    }

    #[test]
    fn a_gap_counts_where_it_is_open() {
        let (gap, mended) = (event(5, Change::Gap(GapReason::Overrun)), event(7, reading(6, 0)));
        let whole = [gap.clone(), mended.clone()];
        assert_eq!(missed(&[], &whole), Some(GapReason::Overrun), "mended within");
        assert_eq!(missed(&[], &whole[..1]), Some(GapReason::Overrun), "open at the end");
        assert_eq!(missed(&whole[..1], &whole[1..]), Some(GapReason::Overrun), "open at the beginning");
        assert_eq!(missed(&whole, &[]), None, "mended before");
    }

    #[test]
    fn a_message_that_could_not_be_read_counts_when_it_came() {
        let unread = event(5, Change::Gap(GapReason::Undecodable { message_type: 7, error: "odd".into() }));
        assert!(missed(&[], std::slice::from_ref(&unread)).is_some());
        assert_eq!(missed(std::slice::from_ref(&unread), &[]), None);
        let worse = [unread, event(6, Change::Gap(GapReason::Overrun))];
        assert_eq!(
            missed(&worse, &[]),
            Some(GapReason::Overrun),
            "what came first does not hide what is worse"
        );
    }

    #[test]
    fn what_was_dropped_silently_was_dropped_before_it_was_read() {
        let prefix = "10.0.0.0/24".parse().unwrap();
        let route = || Object::Route(Route { prefix, ..Route::default() });
        let mut state = KernelState::default();
        state.apply(&event(1, Change::New(route())));
        let mut window = Window::open(state);
        let silent = Change::Resync {
            kinds: Kind::all(),
            reason: ResyncReason::SilentChange,
            since: Mono(20),
            differences: 1,
        };
        let gone = event(90, Change::Del(route()));
        let _ = window.see(&event(90, silent));
        assert!(window.see(&gone).is_some());
        assert_eq!(window.came(&gone, Mono(10)), Mono(20));
        assert_eq!(window.came(&gone, Mono(30)), Mono(90), "before or after 30, nobody knows");
        let later = event(95, Change::New(route()));
        let _ = window.see(&later);
        assert_eq!(window.came(&later, Mono(10)), Mono(95));
        let _ = window.see(&event(99, reading(96, 1)));
        assert_eq!(window.came(&event(99, Change::Del(route())), Mono(10)), Mono(99), "lost, not silent");
    }

    #[test]
    fn the_differences_of_a_reading_are_one_moment() {
        let prefix = "10.0.0.0/24".parse().unwrap();
        let route = |metric| Object::Route(Route { prefix, metric, ..Route::default() });
        let mut state = KernelState::default();
        state.apply(&event(1, Change::New(route(1))));
        let mut window = Window::open(state);
        let mut counts = |change| window.see(&event(2, change)).map(KernelState::route_count);
        assert_eq!(counts(reading(1, 2)), None);
        assert_eq!(counts(Change::Del(route(1))), None, "it was replaced, for all we know at once");
        assert_eq!(counts(Change::Append(route(2))), Some(1));
        assert_eq!(counts(Change::Del(route(2))), Some(0));
    }
}
