//! JUnit XML, as CI servers read it: a suite for each scenario, a case for each run.
//!
//! What failed is a `failure`; what is broken or inconclusive says nothing of the router and is an `error`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report as Suites, TestCase, TestCaseStatus, TestSuite};
use routeproof_model::result::{Evidence, Outcome, ResultFile, RunResult};

use super::evidence::{evidence_lines, evidence_title};
use super::failure::{finding, title};
use super::text::clean;
use super::{Report, View};

pub(super) struct JUnit;

impl Report for JUnit {
    fn render(&self, view: &View<'_>) -> String {
        let mut suites = Suites::new("routeproof");
        suites.set_time(Duration::from_millis(view.result.summary.duration_ms));
        for scenario in &view.result.scenarios {
            suites.add_test_suite(suite(view, &scenario.name));
        }
        match suites.to_string() {
            Ok(xml) => xml,
            // Writing to memory does not fail, and the crate removes what XML cannot hold.
            Err(error) => format!("<!-- {error} -->\n"),
        }
    }
}

fn suite(view: &View<'_>, scenario: &str) -> TestSuite {
    let mut suite = TestSuite::new(scenario);
    let runs: Vec<&RunResult> = view.result.runs_of(scenario).collect();
    suite.set_time(Duration::from_millis(runs.iter().map(|run| run.duration_ms).sum()));
    for (name, value) in of_invocation(view.result) {
        suite.add_property(Property::new(name, value));
    }
    let mut names = BTreeMap::new();
    for run in runs {
        let name = title(view.result, run);
        // Servers take cases of one name for one case.
        let number: &mut usize = names.entry(name.clone()).or_default();
        *number += 1;
        suite.add_test_case(case(run, if *number > 1 { format!("{name} ({number})") } else { name }));
    }
    suite
}

fn case(run: &RunResult, name: String) -> TestCase {
    let mut case = TestCase::new(name, status(run));
    case.set_classname(format!("routeproof.{}", run.scenario));
    case.set_time(Duration::from_millis(run.duration_ms));
    for (name, value) in of_run(run) {
        case.add_property(Property::new(name, value));
    }
    case.set_system_out(output(run));
    case
}

fn status(run: &RunResult) -> TestCaseStatus {
    let kind = match run.outcome {
        Outcome::Passed => return TestCaseStatus::success(),
        Outcome::Skipped => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(clean(&finding(run)));
            return skipped;
        }
        Outcome::Failed => NonSuccessKind::Failure,
        Outcome::Broken | Outcome::Inconclusive => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(run.outcome.word()).set_message(clean(&finding(run)));
    status
}

/// What holds for all runs.
fn of_invocation(result: &ResultFile) -> Vec<(&'static str, String)> {
    let environment = result.environment.iter().flat_map(|environment| {
        [
            ("routeproof.version", environment.routeproof.clone()),
            ("host.kernel", environment.kernel.clone()),
            ("host.processors", environment.processors.to_string()),
        ]
    });
    environment.collect()
}

fn of_run(run: &RunResult) -> Vec<(String, String)> {
    let requirements = run.requirements.iter().map(|id| ("requirement".to_string(), id.clone()));
    let axes = run.axes.iter().map(|(axis, value)| (format!("axis.{axis}"), value.clone()));
    let setting = run.setting.iter().flat_map(|setting| {
        let known = [
            ("scenario.sha256", setting.scenario_sha256.clone()),
            ("topology", setting.topology.clone()),
            ("frr.version", setting.frr.join(" ")),
            ("metallb.version", setting.metallb.clone()),
            ("metallb.mode", setting.metallb_mode.clone()),
            ("lab.kernel", setting.kernel.clone()),
            ("seed", setting.seed.map(|seed| seed.to_string()).unwrap_or_default()),
        ];
        known
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_string(), value))
    });
    let health = run.health.iter().flat_map(|health| {
        let ms = |value: f64| format!("{value:.0}");
        [
            ("host.steal_ms", ms(health.steal_ms)),
            ("host.pressure_ms", ms(health.pressure_ms)),
            ("host.late_ms", ms(health.late_ms)),
        ]
        .map(|(name, value)| (name.to_string(), value))
    });
    let observed = run.observed.iter().map(|(what, value)| (format!("observed.{what}"), value.clone()));
    let again = (!run.spoilt.is_empty()).then(|| ("spoilt_tries".to_string(), run.spoilt.len().to_string()));
    requirements.chain(axes).chain(setting).chain(health).chain(observed).chain(again).collect()
}

/// The steps with their evidence.
fn output(run: &RunResult) -> String {
    let mut out = String::new();
    for step in &run.steps {
        let _ = writeln!(out, "{} {} ({} ms)", step.outcome, clean(&step.name), step.duration_ms);
        if let Some(message) = &step.message {
            let _ = writeln!(out, "  {}", clean(message));
        }
        step.evidence.iter().for_each(|evidence| evidence_text(&mut out, evidence));
    }
    run.evidence.iter().for_each(|evidence| evidence_text(&mut out, evidence));
    for file in run.directory.iter().chain(&run.artifacts) {
        let _ = writeln!(out, "file {}", file.display());
    }
    out
}

fn evidence_text(out: &mut String, evidence: &Evidence) {
    let _ = writeln!(out, "  {}:", clean(&evidence_title(evidence)));
    for line in evidence_lines(evidence) {
        let _ = writeln!(out, "    {}", clean(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn render() -> String {
        let sample = sample::mixed();
        JUnit.render(&View { result: &sample.result, events: &sample.events, directory: None, width: 100 })
    }

    #[test]
    fn each_outcome_has_its_element() {
        insta::assert_snapshot!(render(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="routeproof" tests="5" skipped="1" failures="1" errors="2" time="21.000">
            <testsuite name="learn-routes" tests="2" skipped="0" errors="0" failures="1" time="12.500">
                <testcase name="learn-routes frr=7.5.1" classname="routeproof.learn-routes" time="1.400">
                    <properties>
                        <property name="requirement" value="LEARN-1.1"/>
                        <property name="axis.frr" value="7.5.1"/>
                    </properties>
                    <system-out>passed expect route 172.16.1.0/24 on worker via gw1 (900 ms)
        file 000-learn-routes
        </system-out>
                </testcase>
                <testcase name="learn-routes frr=10.3" classname="routeproof.learn-routes" time="11.100">
                    <properties>
                        <property name="requirement" value="LEARN-1.1"/>
                        <property name="axis.frr" value="10.3"/>
                    </properties>
                    <failure message="expect route 172.16.1.0/24 on worker via gw1: no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established" type="failed"/>
                    <system-out>failed expect route 172.16.1.0/24 on worker via gw1 (900 ms)
          no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established
          session of worker:
            peer=10.0.0.1 received=0 state=Established uptime_ms=9120
          running-config of worker:
            route-map 10.0.0.1-in deny 20
            exit
            !
            route-map RMAP permit 10
            exit
        file 001-learn-routes
        file 001-learn-routes/nodes/worker/frr.conf.2
        </system-out>
                </testcase>
            </testsuite>
            <testsuite name="filtered-routes" tests="1" skipped="0" errors="1" failures="0" time="8.500">
                <testcase name="filtered-routes" classname="routeproof.filtered-routes" time="8.500">
                    <properties>
                        <property name="requirement" value="LEARN-1.1"/>
                    </properties>
                    <error message="apply manifests/extras.yaml: line 12 of frr.conf was rejected: % Unknown command: neighbor 10.0.0.1 as-override please" type="broken"/>
                    <system-out>broken apply manifests/extras.yaml (900 ms)
          line 12 of frr.conf was rejected: % Unknown command: neighbor 10.0.0.1 as-override please
        file 002-filtered-routes
        file 002-filtered-routes/nodes/worker/frr.conf.2
        </system-out>
                </testcase>
            </testsuite>
            <testsuite name="routes-in-vlans" tests="1" skipped="1" errors="0" failures="0" time="0.000">
                <testcase name="routes-in-vlans" classname="routeproof.routes-in-vlans" time="0.000">
                    <properties>
                        <property name="requirement" value="LEARN-1.1"/>
                    </properties>
                    <skipped message="vrf is missing: the host&apos;s kernel has no vrf.ko"/>
                    <system-out></system-out>
                </testcase>
            </testsuite>
            <testsuite name="extras-survive-reloads" tests="1" skipped="0" errors="1" failures="0" time="1.700">
                <testcase name="extras-survive-reloads form=permit-20-match" classname="routeproof.extras-survive-reloads" time="1.700">
                    <properties>
                        <property name="requirement" value="LEARN-1.1"/>
                        <property name="axis.form" value="permit-20-match"/>
                    </properties>
                    <error message="interrupted: it started and never finished" type="inconclusive"/>
                    <system-out>inconclusive diagnose reload-alternation (1700 ms)
          did not finish; last seen: reload 2 of 3
        file 004-extras-survive-reloads
        </system-out>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn nothing_that_a_router_says_breaks_the_xml() {
        let mut result = sample::mixed().result;
        for run in &mut result.runs {
            run.reason = Some("]]> <script>alert(1)</script> & \u{1b}[31m \u{0} \"'".into());
            for step in &mut run.steps {
                step.message = Some("<!-- ]]>\u{b}".into());
            }
        }
        let xml = JUnit.render(&View { result: &result, events: &[], directory: None, width: 100 });
        assert!(!xml.contains("<script>") && !xml.contains('\u{1b}') && !xml.contains('\u{0}'), "{xml}");
    }
}
