//! Mistakes on the command line.

use insta::assert_snapshot;

use crate::folder;

#[track_caller]
fn run(args: &[&str]) -> String {
    let folder = folder();
    folder.routeproof(&[&["run", "learn-routes"], args].concat()).to_string()
}

#[test]
fn unknown_axis() {
    assert_snapshot!(run(&["--only", "ffr=7.5.1"]), @r"
    exit 2
    error: --only ffr=7.5.1: no scenario has an axis `ffr`
    hint: did you mean `frr`?
    ");
    assert_snapshot!(run(&["--only", "colour=red"]), @r"
    exit 2
    error: --only colour=red: no scenario has an axis `colour`
    hint: known: frr
    ");
}

#[test]
fn unknown_value() {
    assert_snapshot!(run(&["--only", "frr=7.5.2"]), @r"
    exit 2
    error: --only frr=7.5.2: axis `frr` has no value `7.5.2`
    hint: known: 7.5.1, 8.4.4, 10.3
    ");
}

#[test]
fn only_without_a_value() {
    assert_snapshot!(run(&["--only", "frr"]), @r"
    exit 2
    error: --only frr: expected AXIS=VALUE[,VALUE]
    ");
    assert_snapshot!(run(&["--only", "frr="]), @r"
    exit 2
    error: --only frr=: axis `frr` has no value ``
    hint: known: 7.5.1, 8.4.4, 10.3
    ");
}

#[test]
fn unknown_report_format() {
    assert_snapshot!(run(&["--report", "jason=out.json"]), @r#"
    exit 2
    error: there is no report format "jason" (did you mean "json"?); there are html, json, junit, markdown, terminal
    "#);
    assert_snapshot!(run(&["--report", "out.json"]), @r#"
    exit 2
    error: a report is written FORMAT=FILE, for instance json=result.json, not "out.json"
    "#);
}

#[test]
fn a_report_that_cannot_be_written() {
    assert_snapshot!(run(&["--report", "json=topologies/one-gateway.clab.yml/out.json"]), @r"
    exit 2
    error: cannot write the json report to topologies/one-gateway.clab.yml/out.json: File exists (os error 17)
    ");
    assert_snapshot!(run(&["--report", "json=scenarios"]), @r"
    exit 2
    error: cannot write the json report to scenarios: is a directory
    ");
}

#[test]
fn a_run_directory_that_cannot_be_made() {
    assert_snapshot!(run(&["--run-dir", "scenarios/learn-routes/scenario.yaml"]), @r"
    exit 2
    error: cannot create scenarios/learn-routes/scenario.yaml: File exists (os error 17)
    hint: --run-dir names a folder that you may write to
    ");
}

#[test]
fn unknown_capability() {
    assert_snapshot!(run(&["--require", "namespace"]), @r"
    exit 2
    error: --require namespace: unknown capability
    hint: known: namespaces, vrf, vlan, vlan-filtering, bond, dummy, macvlan, vxlan, netem, nftables, services, docker, kind, containerlab, cluster-programs, uml
    ");
}

#[test]
fn no_jobs() {
    assert_snapshot!(run(&["--jobs", "0"]), @r"
    exit 2
    error: invalid value '0' for '--jobs <N>': number would be zero for non-zero type

    For more information, try '--help'.
    ");
    assert_snapshot!(run(&["--jobs", "many"]), @r"
    exit 2
    error: invalid value 'many' for '--jobs <N>': invalid digit found in string

    For more information, try '--help'.
    ");
}

#[test]
fn offline_with_an_empty_cache() {
    let folder = folder();
    let _redacted = folder.redacted();
    let mut command = folder.command(&["run", "learn-routes", "--only", "frr=8.4.4", "--offline"]);
    command.env("ROUTEPROOF_CACHE", folder.path("cache"));
    #[allow(clippy::disallowed_methods, reason = "these tests start the binary")]
    let said = crate::support::Said::from(command.output().unwrap());
    assert_snapshot!(said, @r"
    exit 5
             1 run of 1 scenario
    error: frr:8.4.4 is not in the cache [FOLDER]/cache and the network is switched off
    hint: run `routeproof images pull frr:8.4.4` with a network first
    ");
}

#[test]
fn a_report_of_no_run() {
    let folder = folder();
    assert_snapshot!(folder.routeproof(&["report", "nowhere"]), @r"
    exit 2
    error: cannot read nowhere/events.jsonl: No such file or directory (os error 2)
    ");
}
