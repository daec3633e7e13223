//! `convergence`: how long a node's kernel takes from a change to the state that is final, and through which states.

use serde::Serialize;

use super::{AddressBook, evidence, excused, route::show};
use crate::fact::{HostHealth, KernelState, Mono, Route};
use crate::result::{Evidence, Outcome};
use crate::scenario::{ExpectConvergence, ExpectRoute};

/// What the node held of the prefix from one moment on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Since the change.
    pub after_ms: f64,
    /// `via gw1 (192.168.1.5) dev eth1 weight 1`, or `no route`.
    pub routes: String,
    #[serde(skip)]
    fits: bool,
    #[serde(skip)]
    at: Mono,
}

/// Follows a node's kernel from the change on.
#[derive(Clone, Debug)]
pub struct Convergence<'a> {
    expect: &'a ExpectConvergence,
    book: &'a AddressBook,
    since: Mono,
    /// The first is how it was before.
    stages: Vec<Stage>,
    /// Events were lost on the way: what happened meanwhile is not known.
    gap: bool,
}

/// A verdict that a host which was too slow to measure can spoil.
#[derive(Clone, Debug)]
pub struct Judged {
    pub outcome: Outcome,
    pub message: String,
    pub evidence: Vec<Evidence>,
}

const NO_ROUTE: &str = "no route";

impl<'a> Convergence<'a> {
    /// `before` is the kernel just before the change, which happened at `since`.
    pub fn new(
        expect: &'a ExpectConvergence,
        book: &'a AddressBook,
        since: Mono,
        before: &KernelState,
    ) -> Convergence<'a> {
        let mut convergence = Convergence { expect, book, since, stages: Vec::new(), gap: false };
        convergence.look(since, before);
        convergence
    }

    /// Takes in the kernel as it was after an event. `at` is when that came about.
    pub fn look(&mut self, at: Mono, kernel: &KernelState) {
        self.gap |= kernel.gap().is_some();
        let (routes, fits) = self.describe(kernel);
        // Whether it will do may change without the routes: a neighbour that failed answers again.
        if let Some(last) = self.stages.last_mut().filter(|last| last.routes == routes) {
            last.fits = fits;
            return;
        }
        // A reading began before messages that overtook it.
        let at = self.stages.last().map_or(at, |last| at.max(last.at));
        let after_ms = at.0.saturating_sub(self.since.0) as f64 / 1e6;
        self.stages.push(Stage { after_ms, routes, fits, at });
    }

    /// Whether the final state has been there for long enough.
    pub fn is_settled(&self, now: Mono) -> bool {
        let stable = self.expect.stable.as_nanos() as u64;
        self.stages.last().is_some_and(|last| last.fits && now.0.saturating_sub(last.at.0) >= stable)
    }

    /// Whether the node holds what is expected in the end.
    pub fn fits(&self) -> bool {
        self.stages.last().is_some_and(|last| last.fits)
    }

    /// How things stand, in one line.
    pub fn status(&self) -> String {
        let now = self.stages.last().map_or(NO_ROUTE, |last| &last.routes);
        format!("{}: {now}", self.expect.prefix)
    }

    /// The verdict at `now`. `health` is the host's over the time that was measured.
    pub fn judge(&self, now: Mono, health: &HostHealth) -> Judged {
        let mut found = vec![evidence("convergence", &self.expect.node, &self.stages)];
        found.push(evidence("host", &self.expect.node, health));
        let judged = |outcome, message: String| Judged { outcome, message, evidence: found.clone() };
        if self.gap {
            return judged(Outcome::Inconclusive, "events were lost on the way".to_string());
        }
        if !self.is_settled(now) {
            let message = format!("no final state ({}): {}", self.wanted(), self.story());
            let (outcome, message) = excused((Outcome::Failed, Some(message)), health);
            return judged(outcome, message.unwrap_or_default());
        }
        let took = self.stages.last().map_or(0.0, |last| last.after_ms);
        let between = &self.stages[1..self.stages.len().max(2) - 1];
        if self.expect.never_absent && self.stages[1..].iter().any(|stage| stage.routes == NO_ROUTE) {
            return judged(Outcome::Failed, format!("the prefix was without a route: {}", self.story()));
        }
        if let Some(most) = self.expect.changes_at_most
            && self.stages.len() - 1 > most
        {
            let message =
                format!("{} changes, at most {most} expected: {}", self.stages.len() - 1, self.story());
            return judged(Outcome::Failed, message);
        }
        let message = match between.len() {
            0 => format!("converged after {took:.1} ms"),
            n => format!("converged after {took:.1} ms, through {n} states in between"),
        };
        match self.expect.at_most.map(|most| most.as_secs_f64() * 1e3) {
            // What our own lateness may have added is not the router's.
            Some(most) if took > most && took - health.late_ms <= most => judged(
                Outcome::Inconclusive,
                format!(
                    "{message}, at most {most:.0} ms expected, but the host was up to {:.1} ms late",
                    health.late_ms
                ),
            ),
            Some(most) if took > most => {
                let message = format!("{message}, at most {most:.0} ms expected: {}", self.story());
                let (outcome, message) = excused((Outcome::Failed, Some(message)), health);
                judged(outcome, message.unwrap_or_default())
            }
            _ => judged(Outcome::Passed, message),
        }
    }

    fn wanted(&self) -> String {
        match self.expect.absent {
            true => "no route expected".to_string(),
            false if self.expect.via.is_empty() => "a route expected".to_string(),
            false => format!("via {} expected", self.expect.via.join(" and ")),
        }
    }

    /// `0.0 ms: via gw1 ...; 12.3 ms: no route; ...`
    fn story(&self) -> String {
        let lines = self.stages.iter().map(|stage| format!("{:.1} ms: {}", stage.after_ms, stage.routes));
        lines.collect::<Vec<_>>().join("; ")
    }

    fn describe(&self, kernel: &KernelState) -> (String, bool) {
        let expect = self.expect;
        let table = expect.vrf.as_ref().map_or(Some(expect.table), |vrf| kernel.vrf_table(vrf));
        let of_table =
            |r: &Route| Some(r.table) == table && expect.proto.as_ref().is_none_or(|p| *p == r.protocol);
        let found: Vec<Route> = kernel.routes_to(expect.prefix).filter(of_table).collect();
        let fits = match expect.absent {
            true => found.is_empty(),
            false => super::route(&self.route(), kernel, self.book).holds,
        };
        let hops = |route: &Route| {
            let hops: Vec<String> = route.nexthops.iter().map(|hop| show(hop, self.book)).collect();
            if hops.is_empty() { route.kind.to_string() } else { hops.join(" and ") }
        };
        let routes = found.iter().map(hops).collect::<Vec<_>>().join(" | ");
        (if routes.is_empty() { NO_ROUTE.to_string() } else { routes }, fits)
    }

    fn route(&self) -> ExpectRoute {
        let expect = self.expect;
        ExpectRoute {
            via: expect.via.clone(),
            proto: expect.proto.clone(),
            table: expect.table,
            vrf: expect.vrf.clone(),
            ..ExpectRoute::any(&expect.node, expect.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fact::{Change, KernelEvent, NextHop, Object};

    fn book() -> AddressBook {
        let mut book = AddressBook::default();
        book.insert("192.168.1.5".parse().unwrap(), "gw1");
        book.insert("192.168.1.6".parse().unwrap(), "gw2");
        book
    }

    fn route(gateways: &[&str]) -> Object {
        let hop = |g: &&str| NextHop::new(Some(g.parse().unwrap()), Some("eth1"));
        Object::Route(Route {
            table: 254,
            prefix: "172.16.1.0/24".parse().unwrap(),
            protocol: "bgp".into(),
            kind: "unicast".into(),
            nexthops: NextHop::set(gateways.iter().map(hop)),
            ..Route::default()
        })
    }

    fn expect() -> ExpectConvergence {
        ExpectConvergence {
            node: "worker".into(),
            prefix: "172.16.1.0/24".parse().unwrap(),
            via: vec!["gw2".into()],
            absent: false,
            proto: None,
            table: 254,
            vrf: None,
            at_most: Some(Duration::from_millis(300)),
            stable: Duration::from_secs(1),
            never_absent: false,
            changes_at_most: None,
        }
    }

    const MS: u64 = 1_000_000;

    /// From both gateways to one, after `late` milliseconds, with what happens in between.
    fn run(expect: &ExpectConvergence, events: &[(u64, Change)], now: u64, late_ms: f64) -> Judged {
        let book = book();
        let mut state = KernelState::default();
        let event = |at: u64, change: &Change| KernelEvent { at: Mono(at * MS), change: change.clone() };
        state.apply(&event(0, &Change::New(route(&["192.168.1.5", "192.168.1.6"]))));
        let mut convergence = Convergence::new(expect, &book, Mono(1000 * MS), &state);
        for (at, change) in events {
            state.apply(&event(*at, change));
            convergence.look(Mono(at * MS), &state);
        }
        let health = HostHealth { window_ms: 2000.0, late_ms, ..HostHealth::default() };
        convergence.judge(Mono(now * MS), &health)
    }

    fn to_one(at: u64) -> (u64, Change) {
        (at, Change::Replace(route(&["192.168.1.6"])))
    }

    #[test]
    fn the_time_is_that_of_the_last_change() {
        let judged = run(&expect(), &[to_one(1120)], 3000, 0.0);
        assert_eq!((judged.outcome, judged.message.as_str()), (Outcome::Passed, "converged after 120.0 ms"));
        let judged = run(&expect(), &[to_one(1400)], 3000, 0.0);
        assert_eq!(judged.outcome, Outcome::Failed);
        insta::assert_snapshot!(judged.message, @"converged after 400.0 ms, at most 300 ms expected: 0.0 ms: via gw1 (192.168.1.5) dev eth1 weight 1 and via gw2 (192.168.1.6) dev eth1 weight 1; 400.0 ms: via gw2 (192.168.1.6) dev eth1 weight 1");
    }

    #[test]
    fn a_late_host_does_not_blame_the_router() {
        assert_eq!(run(&expect(), &[to_one(1310)], 3000, 20.0).outcome, Outcome::Inconclusive);
        assert_eq!(run(&expect(), &[to_one(1400)], 3000, 20.0).outcome, Outcome::Failed);
        assert_eq!(run(&expect(), &[to_one(1290)], 3000, 20.0).outcome, Outcome::Passed);
    }

    #[test]
    fn final_means_that_it_stays() {
        assert_eq!(
            run(&expect(), &[to_one(1120)], 1900, 0.0).outcome,
            Outcome::Failed,
            "not stable for 1 s yet"
        );
        let both = (1500, Change::Replace(route(&["192.168.1.5", "192.168.1.6"])));
        let judged = run(&expect(), &[to_one(1120), both], 3000, 0.0);
        assert!(judged.message.starts_with("no final state (via gw2 expected)"), "{}", judged.message);
    }

    #[test]
    fn what_must_never_happen_in_between() {
        let gone = (1050, Change::Del(route(&["192.168.1.5", "192.168.1.6"])));
        let back = (1060, Change::New(route(&["192.168.1.6"])));
        let through = [gone, back];
        assert_eq!(run(&expect(), &through, 3000, 0.0).outcome, Outcome::Passed);
        let never = ExpectConvergence { never_absent: true, ..expect() };
        assert_eq!(run(&never, &through, 3000, 0.0).outcome, Outcome::Failed);
        let once = ExpectConvergence { changes_at_most: Some(1), ..expect() };
        assert_eq!(run(&once, &through, 3000, 0.0).outcome, Outcome::Failed);
        assert_eq!(run(&once, &[to_one(1050)], 3000, 0.0).outcome, Outcome::Passed);
    }

    #[test]
    fn a_gap_is_no_proof() {
        let gap = (1040, Change::Gap(crate::fact::GapReason::Overrun));
        assert_eq!(run(&expect(), &[gap, to_one(1120)], 3000, 0.0).outcome, Outcome::Inconclusive);
    }
}
