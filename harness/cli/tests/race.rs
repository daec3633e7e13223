//! T1: race mode and `--keep`, driven as a user does. Pulls FRR 8.4.4 when it is not cached.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::disallowed_methods, reason = "the command under test is a process that waits")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use routeproof_engine::preflight::skip_test;
use support::{Folder, labs};

fn scenario(expectation: &str) -> String {
    format!(
        "
name: race
about: Something that holds, or does not.
topology: ../../topologies/one-gateway.clab.yml
metallb: {{ version: v0.13.10, mode: frr }}
axes: {{ frr: [8.4.4] }}
initial: [../learn-routes/manifests/extras.yaml, ../learn-routes/manifests/peers.yaml]
steps:
  - expect: {{ {expectation} }}
    within: 1s
"
    )
}

/// Holds as soon as the lab stands.
const CERTAIN: &str = "route: { node: worker, prefix: 192.168.1.0/24 }";
/// Never holds.
const IMPOSSIBLE: &str = "route: { node: worker, prefix: 172.16.77.0/24 }";

fn folder(expectation: &str) -> Folder {
    let folder = Folder::with(&["learn-routes"]);
    folder.write("scenarios/race/scenario.yaml", scenario(expectation));
    folder
}

#[test]
fn repeats_are_perturbed_as_their_seed_says() {
    if !labs() {
        return;
    }
    let folder = folder(CERTAIN);
    let said = folder.routeproof(&[
        "run",
        "race",
        "--repeat",
        "2",
        "--perturb",
        "order,delay",
        "--seed",
        "7",
        "--json",
    ]);
    assert_eq!(said.code, Some(0), "{said}");
    assert!(said.stderr.contains("perturbing order, delay with --seed 7"), "{said}");
    let result = said.json();
    let group = &result["race"]["groups"][0];
    assert_eq!(group["tally"], serde_json::json!({ "passed": 2, "failed": 0, "without_verdict": 0 }));
    assert_eq!(
        (&group["verdict"], &group["interval"]["method"]),
        (&"always-passed".into(), &"wilson".into())
    );
    let runs = result["runs"].as_array().unwrap();
    assert_eq!((&runs[0]["repeat"], &runs[0]["setting"]["seed"]), (&1.into(), &7.into()));
    assert_ne!(runs[1]["setting"]["seed"], 7);
    let plan = std::fs::read(folder.path("routeproof-runs/latest/plan.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
    let perturbation = &plan["runs"][0]["perturbation"];
    // The boot waited for both delays, one after the other, before there was a lab.
    let delays = perturbation["delay_ms"].as_object().unwrap();
    let waited: u64 = delays.values().map(|ms| ms.as_u64().unwrap()).sum();
    assert!(perturbation["order"].as_array().unwrap().len() == 2 && waited > 100, "{perturbation}");
    assert!(runs[0]["duration_ms"].as_u64().unwrap() >= waited, "{}", runs[0]["duration_ms"]);
}

#[test]
fn repeats_stop_when_the_claim_is_decided() {
    if !labs() {
        return;
    }
    let args = ["run", "race", "--repeat", "40", "--until", "decided", "--jobs", "2", "--json"];
    let run = |expectation, claim: [&str; 2]| folder(expectation).routeproof(&[&args[..], &claim].concat());
    let said = run(CERTAIN, ["--fails-at-most", "60%"]);
    assert_eq!(said.code, Some(0), "{said}");
    let result = said.json();
    assert_eq!(result["race"]["groups"][0]["verdict"], "claim-holds");
    // 0.4^6 < 0.05 / 7, and two may have been under way.
    let passed = result["summary"]["passed"].as_u64().unwrap();
    assert!((6..=8).contains(&passed), "{}", result["summary"]);
    assert_eq!(result["summary"]["skipped"], 40 - passed);
    let said = run(IMPOSSIBLE, ["--fails-at-most", "10%"]);
    assert_eq!(said.code, Some(1), "{said}");
    assert_eq!(said.json()["race"]["groups"][0]["verdict"], "claim-refuted");
}

#[test]
fn the_lab_of_a_failure_stays_up_until_it_is_ended() {
    if labs() {
        a_failure_stays_up("host");
    }
}

#[test]
fn in_a_guest_it_stays_up_too() {
    let pulled = Folder::empty().routeproof(&["images", "pull", "frr:8.4.4", "uml:6.1"]);
    if pulled.code != Some(0) {
        return skip_test("uml", &pulled.stderr);
    }
    a_failure_stays_up("uml");
}

fn a_failure_stays_up(kernel: &str) {
    let folder = folder(IMPOSSIBLE);
    let state = folder.path("state");
    std::fs::create_dir(&state).unwrap();
    let command = |args: &[&str]| {
        let mut command = folder.command(args);
        command.env("XDG_RUNTIME_DIR", &state);
        command
    };
    let args =
        ["run", "race", "--keep", "--kernel", kernel, "--report", "html=r.html", "--report", "junit=r.xml"];
    let mut run = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut told = lines.filter(|line| line.contains("KEPT"));
    assert!(told.next().unwrap().contains("its lab stays up as race-8.4.4"));
    let ask = |args: &[&str]| support::Said::from(command(args).output().unwrap());
    let looked = ask(&["expect", CERTAIN, "--lab", "race-8.4.4"]);
    assert_eq!(looked.code, Some(0), "{looked}");
    let looked = ask(&["exec", "worker", "--", "ip", "route"]);
    assert!(looked.stdout.contains("192.168.1.0/24 dev eth1"), "{}", looked.stdout);
    let down = ask(&["down", "race-8.4.4"]);
    assert_eq!(down.code, Some(0), "{down}");
    let said = support::Said::from(run.wait_with_output().unwrap());
    assert_eq!(said.code, Some(1), "{}", said.stdout);
    for words in ["expected  worker has 172.16.77.0/24", "after the run began", "again     routeproof run"] {
        assert!(said.stdout.contains(words), "{words}:\n{}", said.stdout);
    }
    assert_eq!(std::fs::read_dir(state.join("routeproof")).unwrap().count(), 0);
    let page = std::fs::read_to_string(folder.path("r.html")).unwrap();
    assert!(page.contains("step 1 did not pass") && page.contains("one-gateway"), "the page has no story");
    assert!(std::fs::read_to_string(folder.path("r.xml")).unwrap().contains("failures=\"1\""));
}
