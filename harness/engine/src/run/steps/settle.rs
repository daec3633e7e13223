//! `settle`: until nothing that a change of route maps set off is still under way on a node.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use routeproof_model::check::evidence;
use routeproof_model::frr::Session;
use routeproof_model::result::Outcome;
use routeproof_model::scenario::Settle;

use super::verdict::Done;
use crate::run::boot::Booted;
use crate::run::error::RunError;
use crate::run::expect;
use crate::wait;

/// FRR's `bgp route-map delay-timer`, 5 s by default, and time for it to be late.
const DELAY: Duration = Duration::from_millis(5500);

/// What it takes when all goes well.
pub const USUAL: Duration = DELAY.saturating_add(QUIET);

/// No counter has moved for so long: what was said has been heard.
const QUIET: Duration = Duration::from_secs(1);

/// So long may a gateway take to answer a refresh. FRR answers at once, BIRD 2.0 within 3 s, some never.
const ANSWER: Duration = Duration::from_millis(3500);

/// A gateway whose routes change all the time is never quiet.
const LIMIT: Duration = Duration::from_secs(10);

const LOOK: Duration = Duration::from_millis(250);

pub async fn settle(
    booted: &Booted,
    settle: &Settle,
    status: &(dyn Fn(&str) + Sync),
) -> Result<Done, RunError> {
    let node = expect::node(booted, &settle.node)?;
    let since = node.changed.as_ref().map_or(Duration::MAX, |c| c.at.elapsed());
    let due = Instant::now() + DELAY.saturating_sub(since);
    let mut refreshes = Refreshes::default();
    let mut moved = Instant::now();
    let sessions = loop {
        let sessions = node.sessions().await?;
        let now = Instant::now();
        if refreshes.look(&sessions, now) {
            moved = now;
        }
        let quiet = now >= moved + QUIET && refreshes.unanswered(now).is_none();
        if now >= due && (quiet || now >= due + LIMIT) {
            break sessions;
        }
        let left = due.saturating_duration_since(now).as_secs_f64();
        status(&match refreshes.unanswered(now) {
            _ if left > 0.0 => format!("bgp route-map delay-timer of {}: {left:.1} s left", settle.node),
            Some(peer) => format!("{}: {peer} has not answered a route refresh yet", settle.node),
            None => format!("{}: sessions are not quiet yet", settle.node),
        });
        wait::elapse(LOOK).await;
    };
    // A refresh that the pending change caused has been counted and answered by now; later ones have another cause.
    let found = sessions.iter().map(|s| evidence("session-when-settled", &settle.node, s)).collect();
    Ok(Done { outcome: Outcome::Passed, message: None, evidence: found })
}

/// Refreshes that were seen to be sent, and whether updates came after them. An answer that comes once the extras are there
/// would be taken for their effect.
#[derive(Default)]
struct Refreshes {
    of_peer: BTreeMap<(String, String), Seen>,
}

struct Seen {
    /// Which of the peer's connections counts.
    connection: u64,
    sent: u64,
    updates: u64,
    asked: Option<Instant>,
}

impl Refreshes {
    /// True if any counter has moved since the last look.
    fn look(&mut self, sessions: &[Session], now: Instant) -> bool {
        let mut moved = false;
        for session in sessions {
            let key = (session.vrf.clone(), session.peer.clone());
            let connection = session.connections_established;
            let (sent, updates) = (session.refresh.sent, session.updates_received);
            let asked = match self.of_peer.get(&key).filter(|seen| seen.connection == connection) {
                None => None,
                Some(seen) if updates > seen.updates => None,
                Some(seen) if sent > seen.sent => Some(now),
                Some(seen) => seen.asked,
            };
            let is_same =
                |seen: &Seen| (seen.connection, seen.sent, seen.updates) == (connection, sent, updates);
            moved |= !self.of_peer.get(&key).is_some_and(is_same);
            self.of_peer.insert(key, Seen { connection, sent, updates, asked });
        }
        moved
    }

    /// A peer that may still answer.
    fn unanswered(&self, now: Instant) -> Option<&str> {
        let may = |seen: &Seen| seen.asked.is_some_and(|asked| now < asked + ANSWER);
        self.of_peer.iter().find(|(_, seen)| may(seen)).map(|((_, peer), _)| peer.as_str())
    }
}
