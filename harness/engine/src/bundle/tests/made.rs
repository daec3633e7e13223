//! An acceptance written by hand: one scenario of one step, with what a node's kernel did.

use std::fs;
use std::path::{Path, PathBuf};

use routeproof_model::acceptance::{Deviations, Report, Requirement, Round, RouterUnderTest, Sanity, judge};
use routeproof_model::bundle::{AFTER, BEFORE, CATALOGUE, LEVELS, Manifest, REPORT, SCHEMA, round};
use routeproof_model::check::AddressBook;
use routeproof_model::event::{EventKind, RunId};
use routeproof_model::fact::{Change, KernelEvent, Mono, NextHop, Object, Route};
use routeproof_model::plan::Plan;
use routeproof_model::recording::Line;
use routeproof_model::result::{Outcome, ResultFile, StepResult};

use crate::bundle::{Content, Members, pack};
use crate::event::EventBus;
use crate::run::{LoadOptions, Loaded, instability, load_for};

const SCENARIO: &str = "
name: s
about: a
requirements: [LEARN-1.1]
topology: TOPOLOGY
metallb: { version: v0.13.10, mode: frr }
axes:
  gateway: [bird-2]
  frr: [8.4.4]
steps:
  - expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1], proto: bgp } }
    within: 10s
";

const REQUIREMENTS: &str = "
- { id: LEARN-1.1, text: t, rationale: r, severity: must, pass: p, source: measured }
";

/// What whoever made it says, whatever happened.
#[derive(Clone, Copy, PartialEq)]
pub enum Told {
    Truth,
    /// Every run passed.
    Passed,
    /// No log tells of a crash.
    Stable,
}

pub struct Made {
    /// Whether the node's kernel got the route.
    pub route: bool,
    pub told: Told,
    pub recorded: bool,
    /// The router's.
    pub log: &'static str,
    pub levels: &'static str,
}

impl Default for Made {
    fn default() -> Made {
        let log = "bird: Started\n";
        Made { route: true, told: Told::Truth, recorded: true, log, levels: "smoke: [s]" }
    }
}

pub struct Acceptance {
    pub folder: tempfile::TempDir,
    pub bundle: PathBuf,
    pub report: Report,
    pub levels: String,
}

/// Writes run directories and packs them.
pub fn made(made: &Made) -> Acceptance {
    let folder = tempfile::tempdir().unwrap();
    let topology = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../topologies/any-gateway.clab.yml");
    fs::create_dir(folder.path().join("s")).unwrap();
    let scenario = SCENARIO.replace("TOPOLOGY", topology.canonicalize().unwrap().to_str().unwrap());
    fs::write(folder.path().join("s/scenario.yaml"), scenario).unwrap();
    let plan = |router: &str| {
        let options = LoadOptions { gateway: Some(router), ..LoadOptions::default() };
        let loaded = load_for(&folder.path().join("s"), &options);
        Loaded::plan(&[loaded.unwrap_or_else(|e| panic!("{}", e.line()))])
    };
    let run = |name: &str, router: &str, made: &Made| {
        let (plan, directory) = (plan(router), folder.path().join(name));
        let result = invocation(&directory, &plan, made);
        let unstable = instability(&plan, &result, &directory);
        Round { result, unstable: if made.told == Told::Stable { Vec::new() } else { unstable } }
    };
    let good = Made::default();
    let (before, after) = (run(BEFORE, "frr-8.4.4", &good), run(AFTER, "frr-8.4.4", &good));
    let tested = run(&round(1), "bird-2", made);
    let sanity = Sanity { before: before.result.worst(), after: after.result.worst() };
    let router = RouterUnderTest {
        profile: "bird".into(),
        version: "2".into(),
        variant: None,
        image: "bird:2".into(),
    };
    let catalogue = [Requirement { id: "LEARN-1.1".into(), text: "t".into() }];
    let report = judge((router, "smoke"), &catalogue, &[tested], &Deviations::default(), sanity).report;
    let bundle = folder.path().join("bundle.tar.zst");
    let levels =
        format!("sanity: {{ scenario: s, router: frr-8.4.4 }}\n{}\nbasic: []\nfull: []\n", made.levels);
    let acceptance = Acceptance { folder, bundle, report, levels };
    acceptance.pack();
    acceptance
}

impl Acceptance {
    pub fn manifest(&self) -> Manifest {
        Manifest {
            schema: SCHEMA.into(),
            routeproof: "0.0.0".into(),
            router: self.report.router.clone(),
            level: self.report.level.clone(),
            created: "2026-01-31 12:01:02 UTC".into(),
            kernel: "Linux".into(),
            rounds: 1,
            files: Vec::new(),
        }
    }

    pub fn pack(&self) {
        let mut members = Members::default();
        members.add(REPORT, Content::Text(serde_json::to_string_pretty(&self.report).unwrap()));
        members.add(LEVELS, Content::Text(self.levels.clone()));
        members.add(CATALOGUE, Content::Text(REQUIREMENTS.into()));
        for name in [BEFORE, &round(1), AFTER] {
            members.add_run_directory(name, &self.folder.path().join(name)).unwrap();
        }
        pack(&self.bundle, self.manifest(), &members).unwrap();
    }
}

fn invocation(directory: &Path, plan: &Plan, made: &Made) -> ResultFile {
    let node = directory.join("000-s/nodes/gw1");
    fs::create_dir_all(&node).unwrap();
    fs::write(node.join("bird.conf"), "router id 10.0.0.1;\n").unwrap();
    fs::write(node.join("bird.log"), made.log).unwrap();
    if made.recorded {
        fs::write(directory.join("000-s/observations.jsonl"), recording(made.route)).unwrap();
    }
    fs::write(directory.join("plan.json"), serde_json::to_string(plan).unwrap()).unwrap();
    let mut bus = EventBus::new();
    bus.add_log(&directory.join("events.jsonl")).unwrap();
    let [run] = plan.runs.as_slice() else { panic!("one run") };
    let id = RunId {
        scenario: run.scenario.clone(),
        requirements: run.requirements.clone(),
        axes: run.axes.clone(),
        expected: run.expected.clone(),
        repeat: 0,
    };
    let events = bus.events();
    events.send(EventKind::Planned { runs: vec![id] });
    let events = events.for_run(0);
    events.send(EventKind::RunStarted { directory: "000-s".into() });
    let passed = made.route || made.told == Told::Passed;
    let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
    let reason = (!passed).then(|| "there is no route".to_string());
    let name = run.steps[0].name.clone();
    let step = StepResult { name, outcome, duration_ms: 1, message: reason.clone(), evidence: Vec::new() };
    events.send(EventKind::StepFinished { index: 0, step });
    events.send(EventKind::RunFinished {
        outcome,
        duration_ms: 2,
        observed: Default::default(),
        reason,
        artifacts: Vec::new(),
        evidence: Vec::new(),
    });
    let result = bus.finish().result;
    fs::write(directory.join("result.json"), serde_json::to_string_pretty(&result).unwrap()).unwrap();
    result
}

fn recording(route: bool) -> String {
    let gateway = "192.168.1.5".parse().unwrap();
    let mut book = AddressBook::default();
    book.insert(gateway, "gw1");
    let hop = NextHop::new(Some(gateway), Some("eth1"));
    let object = Object::Route(Route {
        table: 254,
        prefix: if route { "172.16.1.0/24" } else { "172.16.2.0/24" }.parse().unwrap(),
        protocol: "bgp".into(),
        kind: "unicast".into(),
        nexthops: NextHop::set([hop]),
        ..Route::default()
    });
    let event = KernelEvent { at: Mono(20), change: Change::New(object) };
    let lines = [
        Line::Addresses { book },
        Line::StepStarted { step: 0, at: Mono(10) },
        Line::Kernel { node: "k8s-worker".into(), event },
        Line::StepFinished { step: 0, at: Mono(30) },
    ];
    let lines: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    lines.concat()
}
