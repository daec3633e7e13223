//! Where a run first went another way than a run of the same scenario that went well.

use std::collections::{BTreeMap, BTreeSet};

use super::build::is_learnt;
use crate::diff::host;
use crate::fact::{KernelState, Mono, Route, names};
use crate::frr::SessionState;
use crate::recording::Recording;
use crate::result::{Outcome, RunResult};

/// The first difference that stayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The step at whose end the runs differed first, and ever since.
    pub step: usize,
    /// When the first of these facts came here, or would have come: as long after the last common state as it came there.
    /// The end of the step where nobody knows.
    pub at: Mono,
    pub facts: Vec<Differs>,
}

/// One fact that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    pub node: String,
    pub subject: String,
    /// `None`: there is no such thing.
    pub here: Option<String>,
    pub there: Option<String>,
}

/// The run to compare with, as an index into `runs`: of the same scenario; it passed, and this one did not or has a bug that
/// that one has not; as few steps as possible are different, then as few axes.
pub fn reference(runs: &[RunResult], of: usize) -> Option<usize> {
    let run = &runs[of];
    let good = |other: &RunResult| match run.outcome {
        Outcome::Skipped => false,
        Outcome::Passed => {
            let has_bug = run.observed.get("bug").is_some_and(|bug| bug == "present");
            has_bug && other.observed.get("bug").is_some_and(|bug| bug == "absent")
        }
        _ => true,
    };
    let fits =
        |other: &RunResult| other.scenario == run.scenario && other.outcome == Outcome::Passed && good(other);
    let distance = |other: &RunResult| {
        let names: BTreeSet<&String> = run.axes.keys().chain(other.axes.keys()).collect();
        names.into_iter().filter(|name| run.axes.get(*name) != other.axes.get(*name)).count()
    };
    let candidates = runs.iter().enumerate().filter(|(index, other)| *index != of && fits(other));
    candidates.min_by_key(|(i, other)| (other_steps(run, other), distance(other), *i)).map(|(index, _)| index)
}

/// How many steps one of the runs did and the other did not, as far as both came.
fn other_steps(run: &RunResult, other: &RunResult) -> usize {
    let shared = shared(run, other);
    let theirs = shared.last().map_or(0, |(_, last)| last + 1);
    (run.steps.len() - shared.len()) + (theirs - shared.len())
}

/// A session of which one side was not asked in time is no difference: bgpd sends no events.
fn differs(subject: &str, a: &Facts, b: &Facts) -> bool {
    match (a.get(subject), b.get(subject)) {
        (Some(a), Some(b)) => a != b,
        _ => !subject.starts_with(SESSION),
    }
}

/// The steps that both runs did, in order, by their names: one may have steps that the other has not.
fn shared(run: &RunResult, other: &RunResult) -> Vec<(usize, usize)> {
    let mut next = 0;
    let mut pairs = Vec::new();
    for (index, step) in run.steps.iter().enumerate() {
        if let Some(found) = other.steps[next..].iter().position(|theirs| theirs.name == step.name) {
            pairs.push((index, next + found));
            next += found + 1;
        }
    }
    pairs
}

/// How the subjects of sessions begin.
const SESSION: &str = "session with ";

/// Subject -> what is true of it, of one node at one time.
type Facts = BTreeMap<String, String>;

/// Compares both runs at the end of each step that they share. What only came to pass later in one of them is no
/// difference: a fact counts from when on it differs until the last common step.
pub fn diverged(
    (here, there): (&Recording, &Recording),
    (run, other): (&RunResult, &RunResult),
) -> Option<Divergence> {
    let shared = shared(run, other);
    let ends = |(a, b): &(usize, usize)| Some((here.step_times(*a).1?, there.step_times(*b).1?));
    let (ends_here, ends_there): (Vec<Mono>, Vec<Mono>) = shared.iter().map_while(ends).unzip();
    let steps = ends_here.len();
    let mut first: Option<Divergence> = None;
    // Until when the runs were alike, in each of them.
    let mut began: Option<(Mono, Mono)> = None;
    for node in here.nodes().union(&there.nodes()) {
        let (a, b) = (at(here, node, &ends_here), at(there, node, &ends_there));
        let (Some(last_a), Some(last_b)) = (a.last(), b.last()) else { continue };
        let subjects: BTreeSet<&String> = last_a.keys().chain(last_b.keys()).collect();
        for subject in subjects.into_iter().filter(|s| differs(s, last_a, last_b)) {
            let agreed = (0..steps).rev().find(|step| a[*step].get(subject) == b[*step].get(subject));
            let since = agreed.map_or(0, |agreed| agreed + 1);
            let step = shared[since].0;
            let differs = Differs {
                node: (*node).to_string(),
                subject: subject.clone(),
                here: last_a.get(subject).cloned(),
                there: last_b.get(subject).cloned(),
            };
            match &mut first {
                Some(have) if have.step == step => have.facts.push(differs),
                Some(have) if have.step < step => {}
                _ => {
                    let at = ends_here[since];
                    first = Some(Divergence { step, at, facts: vec![differs] });
                    began = since.checked_sub(1).map(|before| (ends_here[before], ends_there[before]));
                }
            }
        }
    }
    let mut first = first?;
    let begin = |recording: &Recording| recording.step_times(0).0.unwrap_or(Mono(0));
    let (from_here, from_there) = began.unwrap_or_else(|| (begin(here), begin(there)));
    // What the other run got, and this one did not, it got after a time that counts here, too.
    let at = first.facts.iter().filter_map(|fact| match (&fact.here, &fact.there) {
        (Some(value), _) => since(here, fact, value, from_here),
        (None, Some(value)) => {
            let after = since(there, fact, value, from_there)?.0.saturating_sub(from_there.0);
            Some(Mono(from_here.0 + after))
        }
        (None, None) => None,
    });
    first.at = at.min().map_or(first.at, |at| at.min(first.at));
    Some(first)
}

/// When the node's kernel got the route.
fn since(recording: &Recording, fact: &Differs, value: &str, from: Mono) -> Option<Mono> {
    let times: Vec<Mono> =
        recording.kernel_events(&fact.node).iter().map(|event| event.at).filter(|at| *at > from).collect();
    let mut found = None;
    recording.kernels_at(&fact.node, &times, |index, state| {
        let has = || routes(recording, state).get(&fact.subject).is_some_and(|has| has == value);
        if found.is_none() && has() {
            found = Some(times[index]);
        }
    });
    found
}

fn at(recording: &Recording, node: &str, times: &[Mono]) -> Vec<Facts> {
    let mut all = Vec::new();
    recording.kernels_at(node, times, |index, state| {
        let mut facts = routes(recording, state);
        for session in recording.sessions_at(node, times[index]) {
            let up = session.state == SessionState::Established;
            let peer =
                session.peer.parse().map_or_else(|_| session.peer.clone(), |ip| host(ip, &recording.book));
            let word = if up { "Established" } else { "not Established" };
            facts.insert(format!("{SESSION}{peer}"), word.to_string());
        }
        all.push(facts);
    });
    all
}

fn routes(recording: &Recording, state: &KernelState) -> Facts {
    let key = |route: &Route| {
        let table =
            if route.table == 254 { String::new() } else { format!(" table {}", names::table(route.table)) };
        format!("route {}{table}", route.prefix)
    };
    let hops = |route: &Route| {
        let mut hops: Vec<String> = route
            .nexthops
            .iter()
            .map(|hop| match hop.gateway {
                Some(gateway) => format!("via {}", host(gateway, &recording.book)),
                None => format!("dev {}", hop.device.as_deref().unwrap_or("-")),
            })
            .collect();
        hops.sort();
        if hops.is_empty() { route.kind.clone() } else { hops.join(" and ") }
    };
    state.routes().filter(is_learnt).map(|route| (key(&route), hops(&route))).collect()
}
