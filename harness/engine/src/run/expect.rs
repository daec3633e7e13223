//! Waiting for expectations: `within` ends at the first moment of truth, `holds` looks at every event of its window.

use std::time::Duration;

use ipnet::IpNet;
use routeproof_model::check::{self, AddressBook, Checked, LostBefore, evidence};
use routeproof_model::fact::{GapReason, KernelState, Route, Window};
use routeproof_model::recording::Line;
use routeproof_model::result::{Evidence, Outcome};
use routeproof_model::scenario::{Expect, ExpectNoRoute, ExpectRoute, ExpectSession};

use super::advertised::advertised;
use super::boot::Booted;
use super::error::RunError;
use super::node::Node;
use super::steps::Done;
use super::{ecmp, isolation, return_path};
use crate::observe::now as clock;
use crate::wait::{self, Probe};

/// bgpd sends no events; asking it costs well under a millisecond.
const POLL: Duration = Duration::from_millis(25);
/// A table of thousands is filled by thousands of events: it is not looked at after each.
const GATHER: Duration = Duration::from_millis(100);
/// How long a witness may take to appear.
const WITNESS: Duration = Duration::from_secs(15);
/// A listener may be behind a burst of messages for so long before its word is no longer waited for.
const CATCH_UP: Duration = Duration::from_secs(20);
/// How often a window's witness is looked at when the kernel is quiet.
const LOOK: Duration = Duration::from_millis(200);

/// Checks now.
pub async fn now(booted: &Booted, expect: &Expect) -> Result<Checked, RunError> {
    let watched = node(booted, expect.node())?;
    match expect {
        Expect::Session(e) => {
            let (sessions, bfd) = watched.sessions_in_full(e.bfd.is_some()).await?;
            Ok(check::session(e, &sessions, &bfd, &booted.book, booted.lost_before(&watched.name)))
        }
        Expect::Route(e) => {
            let book = booted.book_now();
            Ok(watched.monitor.with_state(|k| check::route(e, k, &book)))
        }
        Expect::Routes(e) => {
            let book = booted.book_now();
            let kernel = watched.monitor.snapshot();
            Ok(check::routes(e, &kernel, &book))
        }
        Expect::NoRoute(e) => Ok(watched.monitor.with_state(|k| check::no_route(e, k))),
        Expect::Bond(e) => Ok(watched.monitor.with_state(|k| check::bond(e, k))),
        Expect::Convergence(e) => {
            let why = "`convergence` is followed from a change on, not looked at".to_string();
            Err(RunError::Observe { node: e.node.clone(), why })
        }
        Expect::Loss(e) => {
            let why = "`loss` is judged when its stream ends".to_string();
            Err(RunError::Observe { node: e.node.clone(), why })
        }
        Expect::RibFib(e) => {
            let (rib, kernel) = (watched.rib().await?, watched.monitor.snapshot());
            // A full table takes longer than a task may keep others from running.
            let name = e.node.clone();
            let checked = tokio::task::spawn_blocking(move || check::rib_fib(&name, &rib, &kernel)).await;
            checked.map_err(|e| watched.unreadable("rib-fib", &e))
        }
        Expect::Ecmp(e) => ecmp::now(booted, watched, e).await,
        Expect::ReturnPath(e) => return_path::now(booted, watched, e).await,
        Expect::Isolation(e) => isolation::now(booted, watched, e).await,
    }
}

pub fn node<'a>(booted: &'a Booted, name: &str) -> Result<&'a Node, RunError> {
    // Names are checked when the scenario is resolved; this is for users of the Rust API.
    let missing = || RunError::Observe { node: name.to_string(), why: "there is no such node".to_string() };
    booted.node(name).ok_or_else(missing)
}

/// The expectation becomes true within the limit.
pub async fn eventually(
    booted: &Booted,
    expect: &Expect,
    within: Duration,
    status: &(dyn Fn(&str) + Sync),
) -> Result<Done, RunError> {
    eventually_by(booted, expect, within, POLL, status).await
}

/// The same, looked at as often as that where there are no events.
pub(super) async fn eventually_by(
    booted: &Booted,
    expect: &Expect,
    within: Duration,
    poll: Duration,
    status: &(dyn Fn(&str) + Sync),
) -> Result<Done, RunError> {
    let watched = node(booted, expect.node())?;
    let gather = matches!(expect, Expect::Routes(_));
    let wake = || {
        let changed = watched.changed();
        async move {
            changed.await;
            if gather {
                wait::elapse(GATHER).await;
            }
        }
    };
    let of_kernel = !matches!(expect, Expect::Session(_));
    let probe = || async {
        match now(booted, expect).await {
            Err(e) => Probe::Done(Err(e)),
            Ok(checked) if checked.holds => match doubt(watched).filter(|_| of_kernel) {
                None => Probe::Done(Ok(checked)),
                // A reading of the tables is under way.
                Some(reason) => Probe::NotYet(format!("{}, but {reason}", checked.status)),
            },
            Ok(checked) => {
                status(&checked.status);
                Probe::NotYet(checked.status)
            }
        }
    };
    match wait::until("the expectation", within, poll, probe, wake).await {
        Ok(checked) => {
            let checked = checked?;
            Ok(Done { outcome: Outcome::Passed, message: None, evidence: checked.evidence })
        }
        Err(_) => {
            let behind = if of_kernel { behind(watched).await } else { None };
            let last = now(booted, expect).await?;
            if let Some(reason) = behind.or_else(|| doubt(watched)).filter(|_| of_kernel) {
                let message = Some(format!("{}: {}", check::spoilt(&reason), last.status));
                return Ok(Done { outcome: Outcome::Inconclusive, message, evidence: last.evidence });
            }
            if last.holds {
                return Ok(Done { outcome: Outcome::Passed, message: None, evidence: last.evidence });
            }
            let message = format!("not within {}: {}", show(within), last.status);
            let outcome = last.outcome();
            let mut evidence = last.evidence;
            evidence.extend(context(booted, watched).await);
            Ok(Done { outcome, message: Some(message), evidence })
        }
    }
}

/// The expectation is true now and after every event until the window ends; so is its witness.
pub async fn holds(
    booted: &Booted,
    step: usize,
    expect: &Expect,
    window: Duration,
    witness: Option<IpNet>,
) -> Result<Done, RunError> {
    let watched = node(booted, expect.node())?;
    let mut witnessed = Witness::new(booted, expect, witness)?;
    if let Some(message) = witnessed.appears(booted, watched).await? {
        return Ok(Done {
            outcome: Outcome::Inconclusive,
            message: Some(message),
            evidence: context(booted, watched).await,
        });
    }
    // Each event is judged in its place: a flicker between two looks counts, also of the witness. The tap gets exactly the
    // events that are not in the state yet.
    let (tap, state) = watched.monitor.with_state(|state| (watched.taps.open(), state.clone()));
    booted.recorder.write(&Line::WindowOpened { step, at: clock() });
    let mut seen = Window::open(state);
    let mut late = None;
    // The matrix of a pass is worth showing.
    let mut shown = Vec::new();
    let end = std::time::Instant::now() + window;
    loop {
        let wake = watched.changed();
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            late = behind(watched).await;
        }
        let mut flicker = None;
        let book = booted.book_now();
        for event in tap.take() {
            if let Some(state) = seen.see(&event) {
                flicker = flicker.or_else(|| judge(&book, expect, state).filter(|checked| !checked.holds));
                witnessed.judge(booted, state);
            }
        }
        let checked = match flicker {
            Some(checked) => checked,
            None => now(booted, expect).await?,
        };
        if !checked.holds {
            let (outcome, message) = (checked.outcome(), format!("did not hold: {}", checked.status));
            return Ok(Done { outcome, message: Some(message), evidence: checked.evidence });
        }
        if matches!(expect, Expect::Isolation(_)) {
            shown = checked.evidence;
        }
        if let Some(message) = witnessed.flickered().or(witnessed.look(booted).await?) {
            return Ok(Done {
                outcome: Outcome::Inconclusive,
                message: Some(message),
                evidence: context(booted, watched).await,
            });
        }
        if left.is_zero() {
            break;
        }
        let _ = tokio::time::timeout(left.min(LOOK), wake).await;
    }
    if let Some(reason) = seen.missed().or(late.as_ref()) {
        let message = Some(check::spoilt(reason));
        return Ok(Done { outcome: Outcome::Inconclusive, message, evidence: Vec::new() });
    }
    shown.extend(witnessed.evidence);
    Ok(Done { outcome: Outcome::Passed, message: None, evidence: shown })
}

/// Waits until all that the node's kernel has done so far is known; else the reason why it is not.
pub(super) async fn behind(node: &Node) -> Option<GapReason> {
    let error = match tokio::time::timeout(CATCH_UP, node.monitor.caught_up()).await {
        Ok(Ok(())) => return None,
        Ok(Err(e)) => e.to_string(),
        Err(_) => format!("it is behind by more than {}", show(CATCH_UP)),
    };
    Some(GapReason::Stopped { error })
}

/// Why the node's state may be wrong now.
fn doubt(node: &Node) -> Option<GapReason> {
    node.monitor.with_state(|state| state.gap().map(|gap| gap.reason.clone()).filter(GapReason::is_loss))
}

/// The verdict on a kernel state; `None` for what the kernel does not know.
fn judge(book: &AddressBook, expect: &Expect, state: &KernelState) -> Option<Checked> {
    match expect {
        Expect::Session(_)
        | Expect::RibFib(_)
        | Expect::Convergence(_)
        | Expect::Loss(_)
        | Expect::ReturnPath(_) => None,
        Expect::Route(e) => Some(check::route(e, state, book)),
        Expect::Routes(e) => Some(check::routes(e, state, book)),
        Expect::NoRoute(e) => Some(check::no_route(e, state)),
        Expect::Bond(e) => Some(check::bond(e, state)),
        // Whether flows follow the table is seen at each look.
        Expect::Ecmp(e) => Some(check::ecmp_route(e, state, book)),
        Expect::Isolation(e) => Some(check::isolation_tables(e, state, book)),
    }
}

/// Why a window over the expectation would prove nothing now; `None` while its witness is there, or it needs none.
pub async fn witness_missing(
    booted: &Booted,
    expect: &Expect,
    witness: Option<IpNet>,
) -> Result<Option<String>, RunError> {
    Witness::new(booted, expect, witness)?.look(booted).await
}

/// What must be seen during a window in which something else must not.
struct Witness<'a> {
    prefix: Option<ExpectRoute>,
    /// The node, the gateway, and what the gateway must advertise.
    peer: Option<(&'a Node, &'a Node, String, ExpectNoRoute)>,
    evidence: Vec<Evidence>,
    /// The witness prefix was away for a moment, with the status of that moment.
    away: Option<String>,
}

impl<'a> Witness<'a> {
    fn new(booted: &'a Booted, expect: &Expect, witness: Option<IpNet>) -> Result<Witness<'a>, RunError> {
        let watched = node(booted, expect.node())?;
        let prefix = witness.map(|prefix| expect.witness(prefix));
        let peer = match expect {
            Expect::NoRoute(e) => match &e.peer {
                Some(peer) => {
                    let name = booted.book.node(peer).unwrap_or(peer);
                    Some((watched, node(booted, name)?, peer.clone(), e.clone()))
                }
                None => None,
            },
            _ => None,
        };
        Ok(Witness { prefix, peer, evidence: Vec::new(), away: None })
    }

    fn judge(&mut self, booted: &Booted, state: &KernelState) {
        let checked = self.prefix.as_ref().map(|expect| check::route(expect, state, &booted.book));
        if let Some(gone) = checked.filter(|checked| !checked.holds) {
            self.away.get_or_insert(gone.status);
        }
    }

    fn flickered(&self) -> Option<String> {
        self.away.as_ref().map(|status| format!("the witness is missing: {status}"))
    }

    /// Waits for the witness before the window opens: an Established session has not sent its routes yet.
    async fn appears(&mut self, booted: &Booted, watched: &Node) -> Result<Option<String>, RunError> {
        let end = std::time::Instant::now() + WITNESS;
        loop {
            let wake = watched.changed();
            let missing = self.look(booted).await?;
            if missing.is_none() || std::time::Instant::now() > end {
                return Ok(missing);
            }
            let _ = tokio::time::timeout(POLL, wake).await;
        }
    }

    /// Why the window proves nothing, if the witness is missing.
    async fn look(&mut self, booted: &Booted) -> Result<Option<String>, RunError> {
        self.evidence.clear();
        if let Some(expect) = &self.prefix {
            let checked =
                node(booted, &expect.node)?.monitor.with_state(|k| check::route(expect, k, &booted.book));
            if !checked.holds {
                return Ok(Some(format!("the witness is missing: {}", checked.status)));
            }
            self.evidence.extend(checked.evidence);
        }
        if let Some((watched, gateway, peer, absent)) = &self.peer {
            let expect = ExpectSession::established(&watched.name, peer);
            let checked =
                check::session(&expect, &watched.sessions().await?, &[], &booted.book, &LostBefore::new());
            if !checked.holds {
                return Ok(Some(format!("the witness is missing: {}", checked.status)));
            }
            self.evidence.extend(checked.evidence);
            let advertised = advertised(booted, watched, gateway).await?;
            if !advertised.iter().any(|prefix| absent.covers(prefix)) {
                let what = absent.prefix.map_or_else(|| "anything".to_string(), |p| p.to_string());
                return Ok(Some(format!(
                    "the witness is missing: {} does not advertise {what} to {}",
                    gateway.name, watched.name
                )));
            }
            self.evidence.push(evidence("advertised", &gateway.name, &advertised));
        }
        Ok(None)
    }
}

/// What a reader of a failure wants to see besides the failed check.
async fn context(booted: &Booted, node: &Node) -> Vec<Evidence> {
    let mut found = Vec::new();
    // The failure stands; a daemon that cannot be asked any more is part of its story.
    match node.sessions().await {
        Ok(sessions) => found.extend(sessions.iter().map(|s| evidence("session", &node.name, s))),
        Err(e) => found.push(evidence("session", &node.name, e.line())),
    }
    let routes: Vec<_> = node.monitor.with_state(|k| {
        let in_vrf = |r: &Route| k.links().any(|l| l.vrf_table == Some(r.table)) && r.kind == "unicast";
        k.routes().filter(|r| r.table == ExpectRoute::MAIN || in_vrf(r)).take(20).collect()
    });
    found.extend(routes.iter().map(|r| evidence("kernel-route", &node.name, r)));
    let _ = booted;
    found
}

pub fn show(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
