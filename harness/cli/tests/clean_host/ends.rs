//! Ends that an invocation finds, or is given at a known moment.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use routeproof_engine::{RunOptions, Scenario};

use crate::host::{Host, children};
use crate::scene::{CACHE, RUN, Scene, TEARDOWN};
use crate::support::Said;

#[test]
fn after_a_pass() {
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    let running = scene.start(&RUN);
    let (init, _) = running.lab();
    let during = Host::now(scene.folder.0.path(), &CACHE);
    assert!(during.processes.contains_key(&init), "the test sees what it looks for: {during:?}");
    // A lab and two nodes, each with its own.
    for (kind, at_least) in [("net:", 3), ("pid:", 3), ("mnt:", 3), ("uts:", 3)] {
        let found = during.namespaces.iter().filter(|n| n.starts_with(kind)).count();
        assert!(
            found >= at_least || (kind == "user:" && nix::unistd::geteuid().is_root()),
            "{kind} {during:?}"
        );
    }
    assert_eq!(during.links, scene.before.links, "a lab's links are its own from the start");
    assert_eq!(during.mounts, scene.before.mounts, "so are its mounts");
    let said = running.end();
    assert_eq!(said.code, Some(0), "{said}");
    scene.assert_clean(Duration::ZERO, "after a pass");
}

#[test]
fn after_a_failure() {
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    scene.folder.edit("scenarios/learn-routes/scenario.yaml", "172.16.9.0/24", "172.16.99.0/24");
    scene.folder.edit("scenarios/learn-routes/scenario.yaml", "within: 10s", "within: 2s");
    let said = scene.start(&RUN).end();
    assert_eq!(said.code, Some(1), "{said}");
    scene.assert_clean(Duration::ZERO, "after a failure");
}

#[test]
fn after_a_lab_that_broke_while_it_was_built() {
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    scene.folder.edit("topologies/one-gateway.clab.yml", "ip address add 192.168.1.5/24 dev eth1", "false");
    let said = scene.start(&RUN).end();
    assert_eq!(said.code, Some(3), "{said}");
    scene.assert_clean(Duration::ZERO, "after a lab that broke");
}

#[test]
fn after_doctor() {
    let Some(scene) = Scene::set(&[]) else { return };
    assert_eq!(scene.start(&["doctor"]).end().code, Some(0));
    scene.assert_clean(Duration::ZERO, "after doctor");
}

#[test]
fn after_ctrl_c_and_sigterm() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let Some(scene) = Scene::set(&["learn-routes"]) else { return };
        let running = scene.start(&RUN);
        running.lab();
        running.signal(signal);
        let asked = Instant::now();
        let said = running.end();
        assert_eq!(said.code, Some(130), "{said}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{signal}: it took {:?}", asked.elapsed());
        scene.assert_clean(Duration::ZERO, "after a signal");
    }
}

#[test]
fn after_ctrl_c_twice() {
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    let running = scene.start(&RUN);
    running.lab();
    running.signal(Signal::SIGINT);
    running.signal(Signal::SIGINT);
    assert_eq!(running.end().code, Some(130));
    scene.assert_clean(TEARDOWN, "after two signals");
}

/// Kills one process of a lab; the run must end soon, and say what has happened.
#[track_caller]
fn broken_by(when: When, victim: impl Fn(i32, &[i32]) -> i32, reason: &str) {
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    let running = scene.start(&RUN);
    let (init, agents) = running.lab();
    if when == When::StepsAreDone {
        scene.wait_for_step(5);
    }
    kill(Pid::from_raw(victim(init, &agents)), Signal::SIGKILL).unwrap();
    let killed = Instant::now();
    let said = running.end();
    assert_eq!(said.code, Some(3), "{said}");
    assert!(killed.elapsed() < Duration::from_secs(5), "it took {:?}", killed.elapsed());
    scene.assert_clean(Duration::ZERO, "after a killed process of the lab");
    let (outcome, said) = scene.verdict();
    assert_eq!(outcome, "broken");
    assert!(said.contains(reason), "{said}");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    DaemonsStart,
    StepsAreDone,
}

const BOTH: [When; 2] = [When::DaemonsStart, When::StepsAreDone];

#[test]
fn after_kill_9_of_the_labs_init() {
    BOTH.into_iter().for_each(|when| broken_by(when, |init, _| init, "the lab has died"));
}

#[test]
fn after_kill_9_of_the_process_that_waits_for_it() {
    let parent = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    BOTH.into_iter().for_each(|when| broken_by(when, |init, _| parent(init), "the lab has died"));
}

#[test]
fn after_kill_9_of_a_node() {
    BOTH.into_iter().for_each(|when| broken_by(when, |_, agents| agents[0], "has died"));
}

/// A crash is not a route that was not learnt.
#[test]
fn after_kill_9_of_a_daemon() {
    let bgpd = |agents: &[i32]| {
        let is_bgpd = |pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "bgpd")
        };
        children(agents[0]).into_iter().find(is_bgpd).expect("a bgpd")
    };
    broken_by(When::StepsAreDone, |_, agents| bgpd(agents), "bgpd");
}

#[test]
fn two_at_once() {
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    let (one, two) = (scene.start(&RUN[..4]), scene.start(&RUN[..4]));
    let (one, two) = (one.end(), two.end());
    assert_eq!((one.code, two.code), (Some(0), Some(0)), "{one}\n{two}");
    let runs = std::fs::read_dir(scene.folder.path("runs")).unwrap().flatten();
    let kept =
        runs.filter(|run| run.path().join("result.json").is_file() && !run.path().is_symlink()).count();
    assert_eq!(kept, 2, "each has its own run directory");
    scene.assert_clean(Duration::ZERO, "after two at once");
}

#[test]
fn one_goes_on_when_the_other_is_killed() {
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    let (one, two) = (scene.start(&RUN[..4]), scene.start(&RUN[..4]));
    one.lab();
    one.signal(Signal::SIGKILL);
    let two = two.end();
    assert_eq!(two.code, Some(0), "{two}");
    scene.assert_clean(TEARDOWN, "after one of two was killed");
}

/// Set in the process that is to panic: a copy of this test binary.
const PANICS: &str = "ROUTEPROOF_TEST_PANICS_IN";

/// The harness of a user's `cargo test` panics in the middle of a run.
#[test]
fn after_a_panic() {
    if let Some(folder) = std::env::var_os(PANICS) {
        return panic_while_a_lab_is_up(Path::new(&folder));
    }
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    let template = scene.command(&["doctor"]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "ends::after_a_panic", "--nocapture"]).current_dir(scene.folder.0.path());
    command.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.env(PANICS, scene.folder.0.path()).output().unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, Some(101), "{said}");
    assert!(said.stderr.contains("the lab is up, and the harness panics"), "{said}");
    scene.assert_clean(TEARDOWN, "after a panic");
}

fn panic_while_a_lab_is_up(folder: &Path) {
    let scenario =
        Scenario::load(folder.join("scenarios/learn-routes")).unwrap().only("frr", "8.4.4").unwrap();
    let options = RunOptions { run_dir: Some(folder.join("runs")), ..RunOptions::default() };
    let ready = async {
        let events = folder.join("runs/latest/events.jsonl");
        while !std::fs::read_to_string(&events).is_ok_and(|log| log.contains("\"lab-ready\"")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        tokio::select! {
            ran = scenario.run(&options) => panic!("ended too early: {ran:?}"),
            () = ready => panic!("the lab is up, and the harness panics"),
        }
    });
}
