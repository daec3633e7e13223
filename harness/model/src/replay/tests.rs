use super::*;
use crate::check::AddressBook;
use crate::diag::Source;
use crate::fact::{Change, Flow, Flows, GapReason, KernelEvent, Kind, NextHop, Object, ResyncReason, Route};
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
        routers: BTreeMap::new(),
        initial: Vec::new(),
        steps: run.steps,
        tightest_timer_ms: None,
        scenario_file: Default::default(),
        scenario_sha256: String::new(),
        repeat: 0,
        perturbation: None,
        needs: Default::default(),
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
        let nothing = outcome_of(&run(timing), vec![looked()]);
        assert_eq!(nothing, Outcome::Inconclusive, "no leak was seen, and nothing that would show one");
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

const MANY: &str = "
name: s
about: a
topology: t
metallb: { version: v0.13.10 }
steps:
  - expect: { routes: { node: all, count: 2, proto: bgp, via: [10.0.0.1] } }
    within: 5s
";

#[test]
fn so_many_routes_of_all_nodes_are_counted_again() {
    let run = planned_from(MANY);
    let recorded = |second: u64| {
        let one = |at, prefix: &str| kernel(at, Change::New(route(prefix)));
        let lines = [one(12, "100.64.0.0/24"), one(second, "100.64.1.0/24")];
        let steps =
            [Line::StepStarted { step: 0, at: Mono(10) }, Line::StepFinished { step: 0, at: Mono(30) }];
        Recording::of(steps.into_iter().chain(lines))
    };
    let live = [StepResult {
        name: run.steps[0].name.clone(),
        outcome: Outcome::Passed,
        duration_ms: 1,
        message: None,
        evidence: Vec::new(),
    }];
    assert_eq!(replay(&run, &recorded(29), &live).outcome, Outcome::Passed);
    let late = replay(&run, &recorded(31), &live);
    assert_eq!(late.outcome, Outcome::Failed);
    assert_eq!(late.steps[0].2.as_deref(), Some("1 of 1 nodes: n has 1 routes of protocol bgp, not 2"));
}
