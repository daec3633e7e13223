//! `routeproof diff` on run directories that are written by hand: exit codes and what it says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::{Value, json};
use support::Folder;

/// A run directory with one run for each FRR version; `prefix` is what the node's kernel holds.
fn runs(folder: &Folder, name: &str, runs: &[(&str, &str)]) {
    let topology = json!({"name": "t", "dir": ".", "nodes": [], "links": [], "clusters": [], "warnings": []});
    let planned = |frr: &str| {
        json!({"scenario": "s", "about": "", "requirements": [], "axes": [["frr", frr]], "expected": {},
            "metallb": {"version": "v0.13.10", "mode": "frr"}, "topology": topology, "images": {},
            "initial": [], "steps": []})
    };
    let plan: Vec<Value> = runs.iter().map(|(frr, _)| planned(frr)).collect();
    folder.write(&format!("{name}/plan.json"), json!({ "runs": plan }).to_string());
    let ids: Vec<Value> = runs
        .iter()
        .map(|(frr, _)| json!({"scenario": "s", "requirements": [], "axes": [["frr", frr]], "expected": {}}))
        .collect();
    let mut log = vec![json!({"at_ms": 0, "run": null, "kind": {"event": "planned", "runs": ids}})];
    for (index, (frr, prefix)) in runs.iter().enumerate() {
        let started = json!({"event": "run-started", "directory": format!("{index}-{frr}")});
        log.push(json!({"at_ms": 1, "run": index, "kind": started}));
        let route = json!({"table": 254, "prefix": prefix, "metric": 20, "protocol": "bgp", "kind": "unicast",
            "scope": "global", "prefsrc": null, "nhid": null, "nexthops": []});
        let line = json!({"source": "kernel", "node": "worker",
            "event": {"at": 1, "change": {"new": {"route": route}}}});
        folder.write(&format!("{name}/{index}-{frr}/observations.jsonl"), format!("{line}\n"));
    }
    let lines: Vec<String> = log.iter().map(Value::to_string).collect();
    folder.write(&format!("{name}/events.jsonl"), lines.join("\n"));
}

#[test]
fn equal_runs_are_identical() {
    let folder = Folder::empty();
    runs(&folder, "a", &[("8.4.4", "172.16.1.0/24")]);
    runs(&folder, "b", &[("8.4.4", "172.16.1.0/24")]);
    let said = folder.routeproof(&["diff", "a", "b"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "identical: s frr=8.4.4\n"), "{said}");
    let said = folder.routeproof(&["diff", "a", "b/0-8.4.4", "--json"]);
    assert_eq!((said.code, &said.json()["identical"]), (Some(0), &json!(true)));
}

#[test]
fn what_differs_is_shown_like_a_unified_diff() {
    let folder = Folder::empty();
    runs(&folder, "a", &[("7.5.1", "172.16.1.0/24")]);
    runs(&folder, "b", &[("8.4.4", "172.16.2.0/24")]);
    let said = folder.routeproof(&["diff", "a", "b"]);
    assert_eq!(said.code, Some(1), "{said}");
    let _redacted = folder.redacted();
    insta::assert_snapshot!(said.stdout, @r"
    --- s frr=7.5.1  ([FOLDER]/a/0-7.5.1)
    +++ s frr=8.4.4  ([FOLDER]/b/0-8.4.4)
    @@ worker
    - route 172.16.1.0/24 table main metric 20: proto bgp
    + route 172.16.2.0/24 table main metric 20: proto bgp
    ");
    let json = folder.routeproof(&["diff", "a", "b", "--json"]).json();
    assert_eq!(json["schema"], "routeproof/diff/v1");
    let changes = &json["pairs"][0]["difference"]["nodes"]["worker"];
    assert_eq!(changes[0]["subject"], "172.16.1.0/24 table main metric 20");
    assert_eq!((&changes[0]["b"], &changes[1]["a"]), (&json!([]), &json!([])));
}

#[test]
fn a_run_without_a_partner_is_a_difference() {
    let folder = Folder::empty();
    runs(&folder, "a", &[("7.5.1", "172.16.1.0/24"), ("8.4.4", "172.16.1.0/24")]);
    runs(&folder, "b", &[("8.4.4", "172.16.1.0/24"), ("10.3", "172.16.1.0/24")]);
    let said = folder.routeproof(&["diff", "a", "b"]);
    assert_eq!(said.code, Some(1), "{said}");
    insta::assert_snapshot!(said.stdout, @r"
    identical: s frr=8.4.4
    only in the first: s frr=7.5.1: the other side has no run with these axes
    only in the second: s frr=10.3: the other side has no run with these axes
    1 identical, 0 different, 2 not compared
    ");
}

#[test]
fn what_is_no_run_directory_is_bad_input() {
    let folder = Folder::empty();
    runs(&folder, "a", &[("7.5.1", "172.16.1.0/24")]);
    folder.write("b/0-7.5.1/observations.jsonl", "").write("c/plan.json", "[]");
    let _redacted = folder.redacted();
    insta::assert_snapshot!(folder.routeproof(&["diff", "a", "missing"]), @r"
    exit 2
    error: cannot read missing: No such file or directory (os error 2)
    hint: a run directory is what `routeproof run` names at its end
    ");
    insta::assert_snapshot!(folder.routeproof(&["diff", "a", "b"]), @r"
    exit 2
    error: [FOLDER]/b is no run directory: there is no plan.json in it or in the folder above
    hint: a run directory is what `routeproof run` names at its end
    ");
    insta::assert_snapshot!(folder.routeproof(&["diff", "c", "a"]), @r"
    exit 2
    error: [FOLDER]/c/plan.json is not a plan: invalid length 0, expected struct Plan with 1 element at line 1 column 2
    hint: a run directory is what `routeproof run` names at its end
    ");
    folder.write("a/0-7.5.1/observations.jsonl", "nonsense\n{}\n");
    insta::assert_snapshot!(folder.routeproof(&["diff", "a", "a"]), @r"
    exit 2
    error: cannot read the recording [FOLDER]/a/0-7.5.1/observations.jsonl: line 1 of the recording: expected ident at line 1 column 2
    hint: a run directory is what `routeproof run` names at its end
    ");
}
