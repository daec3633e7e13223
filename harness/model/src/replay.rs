//! Judges a recorded run again: the plan's expectations over the recording's facts, with the same checks.
//!
//! What a step did (`apply`, `restart-speaker`) cannot be judged from facts; such steps count as they were recorded.

use std::collections::BTreeMap;

use crate::check::{
    self, AddressBook, Checked, Convergence, Diagnosed, alternation, ecmp, ecmp_route, isolation,
    isolation_tables, no_route, ordering, return_path, rib_fib, route, session,
};
use crate::fact::{Flows, KernelState, Mono, Returned};
use crate::plan::PlannedRun;
use crate::recording::Recording;
use crate::result::{Outcome, StepResult};
use crate::scenario::{
    Diagnosis, Expect, ExpectConvergence, ExpectEcmp, ExpectRoute, ExpectSession, Signature, Verb,
};

/// The verdict of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    pub outcome: Outcome,
    pub observed: BTreeMap<String, String>,
    /// Step by step, as far as the run went: outcome, and why it is not `passed`.
    pub steps: Vec<(String, Outcome, Option<String>)>,
}

type Verdict = (Outcome, Option<String>);

/// Judges `run` by `recording`; `recorded` are the steps as they were judged live.
pub fn replay(run: &PlannedRun, recording: &Recording, recorded: &[StepResult]) -> Replayed {
    let mut replayed = Replayed { outcome: Outcome::Passed, observed: BTreeMap::new(), steps: Vec::new() };
    for (index, step) in run.steps.iter().enumerate() {
        let Some(live) = recorded.get(index) else {
            replayed.outcome = Outcome::Inconclusive;
            return replayed;
        };
        let (outcome, why) = judge(run, recording, index, live, &mut replayed.observed);
        replayed.steps.push((step.name.clone(), outcome, why));
        if outcome != Outcome::Passed {
            replayed.outcome = outcome;
            return replayed;
        }
    }
    let differs = run.expected.iter().any(|(key, value)| replayed.observed.get(key) != Some(value));
    if differs {
        replayed.outcome = Outcome::Failed;
    } else if let Some(live) = recorded.get(run.steps.len()) {
        let (outcome, why) = agreement(run, recording, live);
        replayed.steps.push((live.name.clone(), outcome, why));
        replayed.outcome = outcome;
    }
    replayed
}

fn judge(
    run: &PlannedRun,
    recording: &Recording,
    index: usize,
    live: &StepResult,
    observed: &mut BTreeMap<String, String>,
) -> Verdict {
    let as_recorded = (live.outcome, live.message.clone());
    let Some((from, to)) = recording.window(index) else {
        return (Outcome::Inconclusive, Some("the recording ends in this step".to_string()));
    };
    // A broken step (a refused line, a dead node) left no facts to judge.
    if live.outcome == Outcome::Broken {
        return as_recorded;
    }
    match &run.steps[index].verb {
        Verb::Apply { .. }
        | Verb::Delete { .. }
        | Verb::RestartSpeaker(_)
        | Verb::Settle(_)
        | Verb::Fault(_)
        | Verb::Observe(_) => as_recorded,
        Verb::Eventually { expect: Expect::Convergence(e), .. } => convergence(run, recording, index, e, to),
        Verb::Eventually { expect, .. } => {
            let verdict = run.spoilt_unless_passed(index, eventually(run, recording, expect, from, to));
            match recording.health.get(&index) {
                Some(health) => check::unless_spoilt(verdict, health),
                None => verdict,
            }
        }
        Verb::Holds { expect, witness, .. } => {
            let witness = witness.map(|prefix| ExpectRoute::any(expect.node(), prefix));
            holds(run, recording, expect, witness.as_ref(), (from, to), as_recorded)
        }
        Verb::Diagnose(d) => diagnose(recording, index, d, observed),
    }
}

/// The name of a node as the recording has it, behind an alias.
fn name<'a>(run: &'a PlannedRun, node: &'a str) -> &'a str {
    run.topology.find(node).map_or(node, |n| n.name.as_str())
}

fn eventually(run: &PlannedRun, recording: &Recording, expect: &Expect, from: Mono, to: Mono) -> Verdict {
    let mut last = None;
    let mut held = false;
    looks(run, recording, expect, from, to, |checked| {
        held |= checked.holds;
        last = Some(checked.status);
    });
    if held { (Outcome::Passed, None) } else { (Outcome::Failed, last) }
}

fn convergence(
    run: &PlannedRun,
    recording: &Recording,
    index: usize,
    expect: &ExpectConvergence,
    to: Mono,
) -> Verdict {
    let since = run.change_before(index).and_then(|step| recording.changed_at(step));
    let (Some(since), Some(health)) = (since, recording.health.get(&index)) else {
        return (
            Outcome::Inconclusive,
            Some("the recording lacks what convergence is measured from".to_string()),
        );
    };
    let mut follow: Option<Convergence<'_>> = None;
    let seen = recording.kernel_states(name(run, &expect.node), since, to, |at, state| match &mut follow {
        None => follow = Some(Convergence::new(expect, &recording.book, since, state)),
        Some(follow) => follow.look(at, state),
    });
    if let Some(why) = seen.missed() {
        return (Outcome::Inconclusive, Some(check::spoilt(why)));
    }
    match follow.map(|follow| follow.judge(to, health)) {
        Some(judged) if judged.outcome == Outcome::Passed => (Outcome::Passed, None),
        Some(judged) => (judged.outcome, Some(judged.message)),
        None => (Outcome::Inconclusive, Some("nothing of the node was recorded".to_string())),
    }
}

fn holds(
    run: &PlannedRun,
    recording: &Recording,
    expect: &Expect,
    witness: Option<&ExpectRoute>,
    (from, to): (Mono, Mono),
    as_recorded: Verdict,
) -> Verdict {
    let mut broken = None;
    let mut look = |checked: Checked| {
        if !checked.holds && broken.is_none() {
            broken = Some(checked.status);
        }
    };
    // Flows are counted now and then; the table is looked at after each event.
    if let Expect::Ecmp(e) = expect {
        let node = name(run, &e.node);
        recording
            .kernel_states(node, from, to, |at, state| look(ecmp_route(e, state, &recording.book_at(at))));
    }
    // Likewise with segments, which lookups and probes are made of now and then.
    if let Expect::Isolation(e) = expect {
        let node = name(run, &e.node);
        recording.kernel_states(node, from, to, |_, state| look(isolation_tables(e, state, &recording.book)));
    }
    looks(run, recording, expect, from, to, look);
    if let Some(why) = broken {
        return (Outcome::Failed, Some(why));
    }
    let mut missing = None;
    if let Some(witness) = witness {
        let expect = Expect::Route(witness.clone());
        looks(run, recording, &expect, from, to, |checked| {
            if !checked.holds && missing.is_none() {
                missing = Some(checked.status);
            }
        });
    }
    missing = missing.or_else(|| peer_witness(run, recording, expect, from, to));
    let seen = recording.kernel_states(name(run, expect.node()), from, to, |_, _| {});
    match missing {
        Some(why) => (Outcome::Inconclusive, Some(format!("the witness is missing: {why}"))),
        None if let Some(why) = seen.missed() => (Outcome::Inconclusive, Some(check::spoilt(why))),
        None if as_recorded.0 == Outcome::Inconclusive => as_recorded,
        None => (Outcome::Passed, None),
    }
}

fn peer_witness(
    run: &PlannedRun,
    recording: &Recording,
    expect: &Expect,
    from: Mono,
    to: Mono,
) -> Option<String> {
    let Expect::NoRoute(absent) = expect else { return None };
    let peer = absent.peer.as_ref()?;
    let up = ExpectSession::established(&absent.node, peer);
    let mut down = None;
    looks(run, recording, &Expect::Session(up), from, to, |checked| {
        if !checked.holds && down.is_none() {
            down = Some(checked.status);
        }
    });
    let gateway = recording.book.node(peer).unwrap_or(peer);
    let mut adverts = recording.advertised(gateway, name(run, &absent.node), from, to);
    let seen = adverts.all(|prefixes| match absent.prefix {
        Some(prefix) => prefixes.contains(&prefix),
        None => !prefixes.is_empty(),
    });
    down.or_else(|| (!seen).then(|| format!("{gateway} does not advertise it")))
}

/// Shows every state of the window to `look`: the kernel's after each event, the daemons' at each change that was seen,
/// zebra's at its end.
fn looks(
    run: &PlannedRun,
    recording: &Recording,
    expect: &Expect,
    from: Mono,
    to: Mono,
    mut look: impl FnMut(Checked),
) {
    let node = name(run, expect.node());
    let mut kernel = |check: &dyn Fn(Mono, &KernelState) -> Checked| {
        recording.kernel_states(node, from, to, |at, state| look(check(at, state)));
    };
    match expect {
        Expect::Route(e) => kernel(&|at, state| route(e, state, &recording.book_at(at))),
        Expect::NoRoute(e) => kernel(&|_, state| no_route(e, state)),
        Expect::Session(e) => recording.session_states(node, from, to, |sessions, bfd| {
            look(session(e, sessions, bfd, &recording.book));
        }),
        // Has a history of its own, not looks.
        Expect::Convergence(_) => {}
        Expect::RibFib(e) => match recording.rib_at(node, to) {
            None => look(unasked(&e.node)),
            Some(rib) => {
                recording.kernel_states(node, to, to, |_, state| look(rib_fib(&e.node, rib, state)));
            }
        },
        Expect::ReturnPath(e) => {
            let who = (node, name(run, &e.client), e.to.as_str());
            let of_family = |seen: &&Returned| e.family.is_none_or(|f| f.is_of(seen.client));
            let mut asked = false;
            for seen in recording.returned(who, from, to).filter(of_family) {
                asked = true;
                look(return_path(e, seen, &recording.book_at(seen.exchange.at)));
            }
            if !asked {
                let status = format!("{} did not ask {}", e.client, e.to);
                look(Checked { holds: false, status, evidence: Vec::new() });
            }
        }
        Expect::Isolation(e) => {
            let mut seen = recording.isolation(node, from, to).peekable();
            if seen.peek().is_none() {
                let status = format!("the segments of {} were not looked at", e.node);
                look(Checked { holds: false, status, evidence: Vec::new() });
            }
            for seen in seen {
                recording.kernel_states(node, seen.at, seen.at, |_, state| {
                    look(isolation(e, state, seen, &recording.book));
                });
            }
        }
        Expect::Ecmp(e) => {
            let of_it = |flows: &&Flows| flows.prefix == e.prefix && flows.vrf == e.vrf;
            let mut counted = false;
            for flows in recording.flows(node, from, to).filter(of_it) {
                counted = true;
                let at = flows.at;
                recording.kernel_states(node, at, at, |at, state| {
                    look(ecmp(e, state, flows, &recording.book_at(at)))
                });
            }
            if !counted {
                recording.kernel_states(node, to, to, |at, state| {
                    look(uncounted(e, state, &recording.book_at(at)))
                });
            }
        }
    }
}

/// Flows are sent only once the table is right; without any the expectation is not met.
fn uncounted(expect: &ExpectEcmp, kernel: &KernelState, book: &AddressBook) -> Checked {
    let by_table = ecmp_route(expect, kernel, book);
    match by_table.holds {
        true => Checked { holds: false, status: "no flows were counted".to_string(), ..by_table },
        false => by_table,
    }
}

fn unasked(node: &str) -> Checked {
    Checked { holds: false, status: format!("zebra of {node} was not asked"), evidence: Vec::new() }
}

fn diagnose(
    recording: &Recording,
    index: usize,
    d: &Diagnosis,
    observed: &mut BTreeMap<String, String>,
) -> Verdict {
    let diagnosed: Diagnosed = match d.signature {
        Signature::FrrOrdering => match recording.facts.get(&index) {
            None => return (Outcome::Inconclusive, Some("no facts were recorded".to_string())),
            Some(facts) => ordering(facts).into(),
        },
        Signature::ExtrasAlternation => {
            let samples: Vec<check::Sample> =
                recording.samples.range(..index).map(|(_, sample)| sample.clone()).collect();
            alternation(&samples).into()
        }
    };
    if let Some(bug) = diagnosed.bug {
        observed.insert("bug".to_string(), bug.to_string());
    }
    let why = (diagnosed.outcome != Outcome::Passed).then_some(diagnosed.message);
    (diagnosed.outcome, why)
}

/// The unasked last step: FRR and the kernels agree.
fn agreement(run: &PlannedRun, recording: &Recording, live: &StepResult) -> Verdict {
    let Some((from, to)) = recording.window(run.steps.len()) else {
        return (live.outcome, live.message.clone());
    };
    let members = run.topology.nodes.iter().filter(|n| n.role == crate::topology::Role::ClusterNode);
    for node in members {
        let expect = Expect::RibFib(crate::scenario::ExpectRibFib { node: node.name.clone() });
        let verdict = eventually(run, recording, &expect, from, to);
        if verdict.0 != Outcome::Passed {
            return verdict;
        }
    }
    (Outcome::Passed, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;
    use crate::fact::{Change, Flow, GapReason, KernelEvent, Kind, NextHop, Object, ResyncReason, Route};
    use crate::recording::Line;
    use crate::scenario::{ScenarioFile, expand};
    use crate::{topology, yaml};

    const TOPOLOGY: &str = "
name: t
topology:
  nodes:
    n: { kind: linux, image: 'frr:8.4.4', labels: { routeproof.role: cluster-node } }
    gw1: { kind: linux, image: 'frr:8.4.4' }
  links:
    - endpoints: ['n:eth1', 'gw1:eth1']
    - endpoints: ['n:eth2', 'gw1:eth2']
";
    const SCENARIO: &str = "
name: s
about: a
topology: t
metallb: { version: v0.13.10 }
steps:
  - expect: { route: { node: n, prefix: 172.16.1.0/24, via: [gw1] } }
    within: 5s
  - expect: { no-route: { node: n, prefix: 172.16.9.0/24 } }
    holds: 5s
    witness: 172.16.1.0/24
";

    fn planned() -> PlannedRun {
        planned_from(SCENARIO)
    }

    fn planned_from(scenario: &str) -> PlannedRun {
        let topology = topology::load(&Source::new("/t/t.clab.yml", TOPOLOGY)).unwrap();
        let source = Source::new("/t/scenario.yaml", scenario);
        let file: ScenarioFile = yaml::parse(&source).unwrap();
        let scenario = expand(&file, &source, &topology).unwrap();
        let run = scenario.runs.into_iter().next().unwrap();
        PlannedRun {
            scenario: scenario.name,
            about: scenario.about,
            requirements: Vec::new(),
            axes: run.axes,
            expected: run.expected,
            metallb: scenario.metallb,
            topology,
            images: BTreeMap::new(),
            initial: Vec::new(),
            steps: run.steps,
        }
    }

    fn route(prefix: &str) -> Object {
        let hop = NextHop::new(Some("10.0.0.1".parse().unwrap()), Some("eth1"));
        Object::Route(Route {
            table: 254,
            prefix: prefix.parse().unwrap(),
            protocol: "bgp".into(),
            kind: "unicast".into(),
            nexthops: NextHop::set([hop]),
            ..Route::default()
        })
    }

    fn kernel(at: u64, change: Change) -> Line {
        Line::Kernel { node: "n".into(), event: KernelEvent { at: Mono(at), change } }
    }

    /// Step 0 from 10 to 30, the window of step 1 from 40 to 60.
    fn recorded(more: Vec<Line>) -> Recording {
        let mut book = AddressBook::default();
        book.insert("10.0.0.1".parse().unwrap(), "gw1");
        let mut lines = vec![
            Line::Addresses { book },
            Line::StepStarted { step: 0, at: Mono(10) },
            kernel(20, Change::New(route("172.16.1.0/24"))),
            Line::StepFinished { step: 0, at: Mono(30) },
            Line::StepStarted { step: 1, at: Mono(31) },
            Line::WindowOpened { step: 1, at: Mono(40) },
        ];
        lines.extend(more);
        lines.push(Line::StepFinished { step: 1, at: Mono(60) });
        let text: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        Recording::parse(&text.join("\n")).unwrap()
    }

    fn outcome(more: Vec<Line>) -> Outcome {
        outcome_of(&planned(), more)
    }

    fn outcome_of(run: &PlannedRun, more: Vec<Line>) -> Outcome {
        let live = |step: &crate::scenario::Step| StepResult {
            name: step.name.clone(),
            outcome: Outcome::Passed,
            duration_ms: 0,
            message: None,
            evidence: Vec::new(),
        };
        let steps: Vec<StepResult> = run.steps.iter().map(live).collect();
        replay(run, &recorded(more), &steps).outcome
    }

    /// That many flows, which gw1 got or nobody; judged at 45.
    fn counted(got: usize, lost: usize) -> Line {
        let flow = |i: usize| Flow {
            sport: 4000,
            dst: "172.16.1.1".parse().unwrap(),
            dport: i as u16,
            refused: None,
            left: None,
            got: (i < got).then(|| "gw1".to_string()).into_iter().collect(),
        };
        Line::Flows {
            flows: Flows {
                node: "n".into(),
                prefix: "172.16.1.0/24".parse().unwrap(),
                vrf: None,
                from: Mono(44),
                at: Mono(45),
                hash_policy: 1,
                watched: ["gw1".to_string()].into(),
                flows: (0..got + lost).map(flow).collect(),
                dropped: 0,
            },
        }
    }

    #[test]
    fn flows_are_judged_again() {
        let ecmp = "expect: { ecmp: { node: n, prefix: 172.16.1.0/24, via: [gw1] } }";
        let scenario = |timing: &str| {
            let (head, _) = SCENARIO.split_once("  - expect: { no-route").unwrap();
            planned_from(&format!("{head}  - {ecmp}\n    {timing}\n"))
        };
        let (within, holds) = (scenario("within: 5s"), scenario("holds: 5s"));
        for run in [&within, &holds] {
            assert_eq!(outcome_of(run, vec![counted(400, 0)]), Outcome::Passed);
            assert_eq!(outcome_of(run, vec![counted(399, 1)]), Outcome::Failed);
            assert_eq!(outcome_of(run, Vec::new()), Outcome::Failed, "a table alone proves no flow");
        }
        assert_eq!(outcome_of(&within, vec![counted(399, 1), counted(400, 0)]), Outcome::Passed);
        assert_eq!(outcome_of(&holds, vec![counted(399, 1), counted(400, 0)]), Outcome::Failed);
        let gone = || kernel(50, Change::Del(route("172.16.1.0/24")));
        assert_eq!(outcome_of(&within, vec![counted(400, 0), gone()]), Outcome::Passed);
        assert_eq!(outcome_of(&holds, vec![counted(400, 0), gone()]), Outcome::Failed);
    }

    #[test]
    fn segments_are_judged_again() {
        let run = |timing: &str| {
            let (head, _) = SCENARIO.split_once("  - expect: { no-route").unwrap();
            let segments = "red: { interface: eth1, host: gw1, prefixes: [10.1.0.0/16] }, \
                            blue: { interface: eth2, host: gw1, table: 102, prefixes: [10.2.0.0/16] }";
            let expect = format!("expect: {{ isolation: {{ node: n, segments: {{ {segments} }} }} }}");
            planned_from(&format!("{head}  - {expect}\n    {timing}\n"))
        };
        let looked = || Line::Isolation {
            seen: crate::fact::Isolation {
                node: "n".into(),
                from: Mono(44),
                at: Mono(45),
                ports: BTreeMap::new(),
                lookups: Vec::new(),
                probes: Vec::new(),
                dropped: 0,
            },
        };
        // What it takes to pass is told by the check's own tests and by labs that are replayed.
        for timing in ["within: 5s", "holds: 5s"] {
            assert_eq!(outcome_of(&run(timing), Vec::new()), Outcome::Failed, "nobody has looked");
            assert_eq!(outcome_of(&run(timing), vec![looked()]), Outcome::Failed, "nothing was seen");
        }
    }

    #[test]
    fn facts_decide_and_not_the_recorded_verdict() {
        assert_eq!(outcome(Vec::new()), Outcome::Passed);
        let flicker = vec![
            kernel(45, Change::New(route("172.16.9.0/24"))),
            kernel(46, Change::Del(route("172.16.9.0/24"))),
        ];
        assert_eq!(outcome(flicker), Outcome::Failed);
        let reading =
            Change::Resync { kinds: Kind::all(), reason: ResyncReason::Gap, since: Mono(46), differences: 0 };
        let gap = vec![kernel(45, Change::Gap(GapReason::Overrun)), kernel(47, reading)];
        assert_eq!(outcome(gap), Outcome::Inconclusive, "mended, but what happened in it nobody knows");
        let witness_gone = vec![kernel(50, Change::Del(route("172.16.1.0/24")))];
        assert_eq!(outcome(witness_gone), Outcome::Inconclusive);
    }

    #[test]
    fn a_recording_cut_short_is_not_green() {
        let run = planned();
        let mut recording = recorded(Vec::new());
        assert_eq!(replay(&run, &recording, &[]).outcome, Outcome::Inconclusive);
        recording = Recording::parse("").unwrap();
        let live = StepResult {
            name: "x".into(),
            outcome: Outcome::Passed,
            duration_ms: 0,
            message: None,
            evidence: Vec::new(),
        };
        assert_eq!(replay(&run, &recording, &[live.clone(), live]).outcome, Outcome::Inconclusive);
    }
}
