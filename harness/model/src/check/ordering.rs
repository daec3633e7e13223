//! The signature of the FRR ordering bug: FRR 7.5 does not tell bgpd that only a route-map entry's action changed
//! (upstream commit 4fc5dafd1c, first in FRR 8.0), so nothing re-evaluates what the gateway has already sent.
//!
//! Absence of the route alone would also fit a slow lab, a session that never came up, extras that are not there, and a
//! gateway whose route refresh does not work. Each of these is told apart by evidence.

use serde::{Deserialize, Serialize};

/// A session at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMark {
    pub established: bool,
    /// How often the session has come up and gone down so far.
    pub established_count: u64,
    pub dropped_count: u64,
    /// ROUTE-REFRESH messages sent (RFC 2918).
    pub refresh_sent: u64,
    /// The peer's OPEN carried the route refresh capability (RFC 5492, code 2).
    pub refresh_offered: bool,
    pub uptime_ms: u64,
}

/// Everything that the conclusion rests on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderingFacts {
    pub in_kernel: bool,
    pub in_bgp_table: bool,
    /// The gateway's Adj-RIB-Out towards the node holds the prefix.
    pub advertised: bool,
    /// `permit 20` and the like: the entries of the inbound route map, from the running configuration.
    pub route_map: Vec<String>,
    /// Just before the configuration changed.
    pub before: Option<SessionMark>,
    pub now: Option<SessionMark>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderingConclusion {
    /// The prefix was learnt.
    Absent,
    /// The bug, with every piece of evidence.
    Present,
    /// The same symptom with another cause.
    LookAlike(LookAlike),
    /// The measurement says nothing about the bug.
    Unclear(String),
    /// The extras did not do what the scenario is about.
    NotApplied(String),
}

/// Gateways that look like the bug, on every FRR: a node cannot make them send their routes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookAlike {
    /// Its OPEN had no route refresh capability (RFC 2918, section 2).
    NotOffered,
    /// It offered route refresh, was asked, and sent nothing that helped.
    Ignored,
}

impl LookAlike {
    /// What a `diagnose` step observes.
    pub fn word(self) -> &'static str {
        match self {
            LookAlike::NotOffered => "no-route-refresh",
            LookAlike::Ignored => "route-refresh-ignored",
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            LookAlike::NotOffered => "the gateway does not offer route refresh: no FRR can ask it again",
            LookAlike::Ignored => {
                "a ROUTE-REFRESH was sent and changed nothing: the gateway's route refresh does not work"
            }
        }
    }
}

pub fn ordering(facts: &OrderingFacts) -> OrderingConclusion {
    use OrderingConclusion::{Absent, LookAlike, NotApplied, Present, Unclear};
    if facts.in_kernel {
        return Absent;
    }
    let Some(now) = facts.now.as_ref().filter(|s| s.established) else {
        return Unclear("the session is not Established".to_string());
    };
    if !facts.advertised {
        return Unclear("the gateway does not advertise the prefix to the node".to_string());
    }
    if !facts.route_map.iter().any(|entry| entry.starts_with("permit")) {
        let entries =
            if facts.route_map.is_empty() { "missing".to_string() } else { facts.route_map.join(", ") };
        return NotApplied(format!(
            "the running route map lets nothing in ({entries}): the extras are not in effect"
        ));
    }
    if facts.in_bgp_table {
        return Unclear(
            "the prefix is in the BGP table but not in the kernel: zebra, not the route map".to_string(),
        );
    }
    let Some(before) = facts.before.as_ref().filter(|s| s.established) else {
        return Unclear(
            "the session was not up before the extras came: another cause keeps the prefix out".to_string(),
        );
    };
    if (before.established_count, before.dropped_count) != (now.established_count, now.dropped_count) {
        return Unclear("the session was reset after the extras came".to_string());
    }
    if !now.refresh_offered {
        return LookAlike(self::LookAlike::NotOffered);
    }
    if now.refresh_sent > before.refresh_sent {
        return LookAlike(self::LookAlike::Ignored);
    }
    Present
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> SessionMark {
        SessionMark {
            established: true,
            established_count: 1,
            dropped_count: 0,
            refresh_sent: 2,
            refresh_offered: true,
            uptime_ms: 20_000,
        }
    }

    fn bug() -> OrderingFacts {
        OrderingFacts {
            in_kernel: false,
            in_bgp_table: false,
            advertised: true,
            route_map: vec!["permit 20".to_string()],
            before: Some(mark()),
            now: Some(mark()),
        }
    }

    #[test]
    fn every_piece_of_evidence_is_needed() {
        assert_eq!(ordering(&bug()), OrderingConclusion::Present);
        let spoil: [fn(&mut OrderingFacts); 8] = [
            |f| f.in_kernel = true,
            |f| f.in_bgp_table = true,
            |f| f.advertised = false,
            |f| f.route_map = vec!["deny 20".to_string()],
            |f| f.before = None,
            |f| f.now = f.now.take().map(|s| SessionMark { established: false, ..s }),
            |f| f.now = f.now.take().map(|s| SessionMark { dropped_count: 1, ..s }),
            |f| f.now = f.now.take().map(|s| SessionMark { refresh_sent: 4, ..s }),
        ];
        for (i, spoil) in spoil.iter().enumerate() {
            let mut facts = bug();
            spoil(&mut facts);
            assert_ne!(ordering(&facts), OrderingConclusion::Present, "spoil {i}");
        }
    }

    #[test]
    fn a_gateway_without_working_refresh_is_a_look_alike() {
        let mut facts = bug();
        facts.now = Some(SessionMark { refresh_sent: 4, ..mark() });
        assert_eq!(ordering(&facts), OrderingConclusion::LookAlike(LookAlike::Ignored));
        facts.now = Some(SessionMark { refresh_offered: false, ..mark() });
        assert_eq!(ordering(&facts), OrderingConclusion::LookAlike(LookAlike::NotOffered));
    }

    #[test]
    fn extras_that_are_not_there_are_not_the_bug() {
        let facts = OrderingFacts { route_map: vec!["deny 20".into()], ..bug() };
        assert!(matches!(ordering(&facts), OrderingConclusion::NotApplied(_)));
    }
}
