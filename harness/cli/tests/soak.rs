//! `accept --level soak` with a router that crashes midway: it stops, and says so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::disallowed_methods, reason = "starts the binary, as a user's shell does")]

mod support;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Folder, Said, labs, repository};

/// The children of all processes, as /proc has them now.
fn below(root: i32) -> Vec<i32> {
    let parent = |pid: i32| -> Option<i32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let all: Vec<(i32, i32)> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&pid) = found.get(at) {
        found.extend(all.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| *child));
        at += 1;
    }
    found
}

/// bgpd of a gateway: a node's does not listen (`-p 0`).
fn gateways_bgpd(root: i32) -> Option<i32> {
    below(root).into_iter().find(|pid| {
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split('\0').next().is_some_and(|program| program.ends_with("/bgpd"))
            && !words.contains("\0-p\0")
    })
}

fn wait_for<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(value) = get() {
            return value;
        }
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_crash_ends_the_soak() {
    if !labs() {
        return;
    }
    let folder = Folder::with(&["gateways-learn"]);
    folder.write(
        "scenarios/requirements.yaml",
        fs::read(repository().join("scenarios/requirements.yaml")).unwrap(),
    );
    let levels = "sanity: { scenario: gateways-learn, router: frr-8.4.4 }\n\
                  smoke: [gateways-learn]\nbasic: []\nfull: []\n";
    folder.write("scenarios/acceptance.yaml", levels);
    let args = [
        "accept",
        "--router",
        "frr-8.4.4",
        "--level",
        "soak",
        "--for",
        "1h",
        "--report",
        "soak.json",
        "--report",
        "html=soak.html",
    ];
    let child = folder.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    // The sanity gate's is the first run directory, the soak's first round has the second.
    let rounds = || {
        fs::read_dir(folder.path("routeproof-runs")).map_or(0, |all| {
            all.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).count()
        })
    };
    wait_for("the soak's first round", || (rounds() >= 2).then_some(()));
    let bgpd = wait_for("a gateway's bgpd", || gateways_bgpd(pid));
    kill(Pid::from_raw(bgpd), Signal::SIGSEGV).unwrap();

    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(1), "{said}\n{}", said.stdout);
    assert!(said.stderr.contains("; the router has crashed"), "{said}");
    let head = "frr 8.4.4, level soak, stopped after round 1: the router crashed";
    assert!(said.stdout.contains(head), "{}", said.stdout);
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path("soak.json")).unwrap()).unwrap();
    assert_eq!(
        (&report["rounds"], &report["soak"]),
        (&1.into(), &serde_json::json!({ "asked_s": 3600, "crashed_in_round": 1 }))
    );
    let stability =
        report["requirements"].as_array().unwrap().iter().find(|r| r["id"] == "STAB-1.1").unwrap();
    assert_eq!(stability["outcome"], "fail", "{report}");
    let reason = stability["reason"].as_str().unwrap();
    // By the process that ended, or (where it had no time to be missed) by its last words.
    assert!(reason.starts_with("gateways-learn family=ipv"), "{reason}");
    assert!(reason.contains("node gw1: bgpd ") || reason.contains("Received signal 11"), "{reason}");
    let page = fs::read_to_string(folder.path("soak.html")).unwrap();
    for words in
        ["The soak was stopped after round 1: the router crashed", "STAB-1.1", "asked to go on for 3600 s"]
    {
        assert!(page.contains(words), "{words}");
    }
}
