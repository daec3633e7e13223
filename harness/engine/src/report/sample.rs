//! Events of invented runs, for the tests of all reports.

use std::collections::BTreeMap;
use std::path::PathBuf;

use routeproof_model::event::{Event, EventKind, RunId};
use routeproof_model::result::{Evidence, Outcome, ResultFile, StepResult, fold};
use serde_json::{Value, json};

pub(super) struct Sample {
    pub events: Vec<Event>,
    pub result: ResultFile,
}

#[derive(Default)]
struct Log {
    now_ms: u64,
    runs: Vec<RunId>,
    events: Vec<Event>,
}

impl Log {
    fn at(&mut self, at_ms: u64) -> &mut Log {
        self.now_ms = at_ms;
        self
    }

    fn send(&mut self, run: Option<usize>, kind: EventKind) {
        self.events.push(Event { at_ms: self.now_ms, run, kind });
    }

    fn plan(&mut self, scenario: &str, axes: &[(&str, &str)], expected: &[(&str, &str)]) -> usize {
        let axes = axes.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let requirements = vec!["LEARN-1.1".into()];
        self.runs.push(RunId {
            scenario: scenario.into(),
            requirements,
            axes,
            expected: pairs(expected),
            repeat: 0,
        });
        self.runs.len() - 1
    }

    fn start(&mut self, run: usize) {
        let directory = PathBuf::from(format!("{run:03}-{}", self.runs[run].scenario));
        self.send(Some(run), EventKind::RunStarted { directory });
    }

    fn begin(&mut self, run: usize, name: &str, limit_ms: Option<u64>) {
        self.send(Some(run), EventKind::StepStarted { index: 0, name: name.into(), limit_ms });
    }

    fn status(&mut self, run: usize, status: &str) {
        self.send(Some(run), EventKind::StepStatus { index: 0, status: status.into() });
    }

    fn step(
        &mut self,
        run: usize,
        name: &str,
        outcome: Outcome,
        message: Option<&str>,
        evidence: Vec<Evidence>,
    ) {
        let message = message.map(Into::into);
        let step = StepResult { name: name.into(), outcome, duration_ms: 900, message, evidence };
        self.send(Some(run), EventKind::StepFinished { index: 0, step });
    }

    fn end(
        &mut self,
        run: usize,
        outcome: Outcome,
        duration_ms: u64,
        observed: &[(&str, &str)],
        reason: Option<&str>,
    ) {
        let artifacts = match outcome {
            Outcome::Passed | Outcome::Skipped => Vec::new(),
            _ => vec![PathBuf::from(format!("{run:03}-{}/nodes/worker/frr.conf.2", self.runs[run].scenario))],
        };
        let (observed, reason, evidence) = (pairs(observed), reason.map(Into::into), Vec::new());
        self.send(
            Some(run),
            EventKind::RunFinished { outcome, duration_ms, observed, reason, artifacts, evidence },
        );
    }

    fn sample(mut self) -> Sample {
        let planned = Event { at_ms: 0, run: None, kind: EventKind::Planned { runs: self.runs } };
        self.events.insert(0, planned);
        Sample { result: fold(&self.events), events: self.events }
    }
}

fn pairs(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|&(k, v)| (k.into(), v.into())).collect()
}

fn evidence(what: &str, value: Value) -> Evidence {
    Evidence { what: what.into(), node: Some("worker".into()), value }
}

/// Scenarios with at most one axis: passed, failed, broken, skipped and cut short, while an image is loaded.
pub(super) fn mixed() -> Sample {
    let mut log = Log::default();
    let [old, new] = ["7.5.1", "10.3"].map(|frr| log.plan("learn-routes", &[("frr", frr)], &[]));
    let extras = log.plan("filtered-routes", &[], &[]);
    let vlans = log.plan("routes-in-vlans", &[], &[]);
    let reloads = log.plan("extras-survive-reloads", &[("form", "permit-20-match")], &[("bug", "present")]);
    for (ms, done) in [(1000, 0), (1200, 4), (1500, 12), (1900, 30), (6100, 44), (6200, 45)] {
        let (image, what) = ("frr:7.5.1".into(), "downloading".into());
        log.at(ms).send(None, EventKind::Image { image, what, done: done * 1_000_000, total: 45_000_000 });
    }
    log.at(7300).send(
        None,
        EventKind::Image { image: "frr:7.5.1".into(), what: "unpacking".into(), done: 0, total: 0 },
    );
    [old, new, extras].iter().for_each(|&run| log.at(8000).start(run));
    log.send(Some(new), EventKind::LabPhase { phase: "links".into(), duration_us: 12_000 });
    log.at(8100).send(
        None,
        EventKind::Warning { message: "the kernel has no VRF: scenarios that need it are skipped".into() },
    );
    let route = "expect route 172.16.1.0/24 on worker via gw1";
    log.at(9000).begin(old, route, Some(10_000));
    log.step(old, route, Outcome::Passed, None, Vec::new());
    log.end(old, Outcome::Passed, 1400, &[], None);
    log.at(9100).begin(new, route, Some(10_000));
    log.at(15_000).status(new, "no route to 172.16.1.0/24; the session with gw1 is Established");
    let rejected =
        "line 12 of frr.conf was rejected: % Unknown command: neighbor 10.0.0.1 as-override please";
    log.at(16_500).step(extras, "apply manifests/extras.yaml", Outcome::Broken, Some(rejected), Vec::new());
    log.end(extras, Outcome::Broken, 8500, &[], None);
    let session = json!({ "peer": "10.0.0.1", "state": "Established", "uptime_ms": 9120, "received": 0 });
    let config = "route-map 10.0.0.1-in deny 20\nexit\n!\nroute-map RMAP permit 10\nexit\n";
    let proof = vec![evidence("session", session), evidence("running-config", json!(config))];
    let seen = "no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established";
    log.at(19_100).step(new, route, Outcome::Failed, Some(seen), proof);
    log.end(new, Outcome::Failed, 11_100, &[], None);
    log.at(19_200).end(
        vlans,
        Outcome::Skipped,
        0,
        &[],
        Some("vrf is missing: the host's kernel has no vrf.ko"),
    );
    log.at(19_300).start(reloads);
    log.begin(reloads, "diagnose reload-alternation", Some(30_000));
    log.at(21_000).status(reloads, "reload 2 of 3");
    log.sample()
}

/// The ordering matrix: 36 cells, the bug where it is expected. `surprises` changes three cells.
pub(super) fn ordering(surprises: bool) -> Sample {
    let mut log = Log::default();
    let mut at_ms = 0;
    for frr in ["7.5.1", "8.4.4", "10.3"] {
        for order in ["before", "after", "after-restart"] {
            for extras in ["permit-all", "with-match"] {
                for family in ["ipv4", "ipv6"] {
                    let present = (frr, order, extras) == ("7.5.1", "after", "permit-all");
                    let bug = |present| [("bug", if present { "present" } else { "absent" })];
                    let axes = [("frr", frr), ("order", order), ("extras", extras), ("family", family)];
                    let run = log.plan("frr-ordering", &axes, &bug(present));
                    at_ms += 4000;
                    log.at(at_ms).start(run);
                    let proof =
                        evidence("route-refresh-sent", json!({ "before": 0, "after": u8::from(!present) }));
                    log.step(run, "diagnose frr-ordering", Outcome::Passed, None, vec![proof]);
                    let (outcome, seen, reason) = match (surprises, frr, order, extras, family) {
                        (true, "8.4.4", "after", "permit-all", "ipv6") => (Outcome::Passed, !present, None),
                        (true, "10.3", "before", "permit-all", "ipv4") => {
                            (Outcome::Inconclusive, present, Some("the session never came up"))
                        }
                        (true, "10.3", "after", "with-match", "ipv4") => {
                            (Outcome::Skipped, present, Some("frr:10.3 is not in the cache"))
                        }
                        _ => (Outcome::Passed, present, None),
                    };
                    log.end(run, outcome, 3900, &bug(seen), reason);
                }
            }
        }
    }
    log.sample()
}

/// One row over many versions, wider than a terminal.
pub(super) fn wide() -> Sample {
    let mut log = Log::default();
    for minor in 3..16 {
        for mode in ["frr", "frr-k8s"] {
            let version = format!("v0.{minor}.10");
            let run = log.plan("releases", &[("metallb", &version), ("mode", mode)], &[]);
            log.start(run);
            log.step(run, "expect", Outcome::Passed, None, Vec::new());
            log.end(run, Outcome::Passed, 100, &[], None);
        }
    }
    log.sample()
}
