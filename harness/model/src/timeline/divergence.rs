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
    /// When it showed: what is there too much has a time of its own, what is missing was missed at the step's end.
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

/// The run to compare with: of the same scenario, it passed and observed something else or this one did not pass, and as
/// few axes as possible are different. An index into `runs`.
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
    let fits = |other: &RunResult| {
        other.scenario == run.scenario && other.outcome == Outcome::Passed && good(other)
    };
    let distance = |other: &RunResult| {
        let names: BTreeSet<&String> = run.axes.keys().chain(other.axes.keys()).collect();
        names.into_iter().filter(|name| run.axes.get(*name) != other.axes.get(*name)).count()
    };
    let candidates = runs.iter().enumerate().filter(|(index, other)| *index != of && fits(other));
    candidates.min_by_key(|(index, other)| (distance(other), *index)).map(|(index, _)| index)
}

/// Subject -> what is true of it, of one node at one time.
type Facts = BTreeMap<String, String>;

/// Compares both runs at the end of each step that they share. What only came to pass later in one of them is no
/// difference: a fact counts from when on it differs until the last common step.
pub fn diverged(
    (here, there): (&Recording, &Recording),
    (run, other): (&RunResult, &RunResult),
) -> Option<Divergence> {
    let same = run.steps.iter().zip(&other.steps).take_while(|(a, b)| a.name == b.name).count();
    let ends = |recording: &Recording| -> Vec<Mono> {
        (0..same).map_while(|step| recording.step_times(step).1).collect()
    };
    let (ends_here, ends_there) = (ends(here), ends(there));
    let steps = ends_here.len().min(ends_there.len());
    let mut first: Option<Divergence> = None;
    for node in here.nodes().union(&there.nodes()) {
        let (a, b) = (at(here, node, &ends_here[..steps]), at(there, node, &ends_there[..steps]));
        let (Some(last_a), Some(last_b)) = (a.last(), b.last()) else { continue };
        let subjects: BTreeSet<&String> = last_a.keys().chain(last_b.keys()).collect();
        for subject in subjects.into_iter().filter(|s| last_a.get(*s) != last_b.get(*s)) {
            let agreed = (0..steps).rev().find(|step| a[*step].get(subject) == b[*step].get(subject));
            let step = agreed.map_or(0, |agreed| agreed + 1);
            let differs = Differs {
                node: (*node).to_string(),
                subject: subject.clone(),
                here: last_a.get(subject).cloned(),
                there: last_b.get(subject).cloned(),
            };
            match &mut first {
                Some(have) if have.step == step => have.facts.push(differs),
                Some(have) if have.step < step => {}
                _ => first = Some(Divergence { step, at: ends_here[step], facts: vec![differs] }),
            }
        }
    }
    first
}

fn at(recording: &Recording, node: &str, times: &[Mono]) -> Vec<Facts> {
    let mut all = Vec::new();
    recording.kernels_at(node, times, |index, state| {
        let mut facts = routes(recording, state);
        for session in recording.sessions_at(node, times[index]) {
            let up = session.state == SessionState::Established;
            let peer = session.peer.parse().map_or_else(|_| session.peer.clone(), |ip| host(ip, &recording.book));
            let word = if up { "Established" } else { "not Established" };
            facts.insert(format!("session with {peer}"), word.to_string());
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
