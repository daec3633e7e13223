//! T1: whatever ends an invocation, nothing is left on the host: no process, namespace, link, mount, and no file outside of
//! the run directory and the cache. `ROUTEPROOF_KILLS=50` makes the last test as thorough as it gets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::disallowed_methods, reason = "these tests start the binary, wait for a moment, and kill it")]

#[path = "support/host.rs"]
mod host;
mod support;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use host::{Host, assert_clean, children};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use routeproof_engine::preflight::skip_test;
use routeproof_engine::{RunOptions, Scenario};
use support::{Folder, Said, labs};

/// A lab whose end nobody waited for: the kernel needs a moment.
const TEARDOWN: Duration = Duration::from_secs(5);
const RUN: [&str; 6] = ["run", "learn-routes", "--only", "frr=8.4.4", "--report", "json=result.json"];

/// The cache that the binary would use, warm: a pull is not what these tests are about.
static CACHE: LazyLock<PathBuf> = LazyLock::new(|| {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("ROUTEPROOF_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|xdg| xdg.join("routeproof")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/routeproof")))
        .expect("a HOME");
    let pulled = Folder::empty().routeproof(&["images", "pull", "frr:8.4.4"]);
    assert_eq!(pulled.code, Some(0), "{pulled}");
    cache
});

/// An invocation's surroundings: its folder with TMPDIR and HOME inside, and the host before it.
struct Scene {
    folder: Folder,
    before: Host,
}

impl Scene {
    /// `None` where no lab can be booted.
    fn set(scenarios: &[&str]) -> Option<Scene> {
        if !labs() {
            return None;
        }
        let folder = Folder::with(scenarios);
        for name in ["tmp", "home"] {
            std::fs::create_dir(folder.path(name)).unwrap();
        }
        let before = Host::now(folder.0.path(), &CACHE);
        Some(Scene { folder, before })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.folder.command(args);
        if args[0] == "run" {
            // An absolute path, so that what a lab mounts can be told by it.
            command.arg("--run-dir").arg(self.folder.path("runs"));
        }
        command.env("TMPDIR", self.folder.path("tmp")).env("HOME", self.folder.path("home"));
        command.env("ROUTEPROOF_CACHE", &*CACHE);
        command
    }

    fn start(&self, args: &[&str]) -> Running {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child: Some(child), started: Instant::now() }
    }

    #[track_caller]
    fn assert_clean(&self, grace: Duration, when: &str) {
        assert_clean(&self.before, self.folder.0.path(), &CACHE, grace, when);
    }

    /// Waits until the only run has begun its step of this number, from 0.
    #[track_caller]
    fn wait_for_step(&self, number: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        let begun = format!("\"step-started\",\"index\":{number},");
        while !std::fs::read_to_string(self.folder.path("runs/latest/events.jsonl"))
            .is_ok_and(|l| l.contains(&begun))
        {
            assert!(Instant::now() < end, "step {number} did not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The only run's outcome and reason.
    fn verdict(&self) -> (String, String) {
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(self.folder.path("result.json")).unwrap()).unwrap();
        let text = |key: &str| json["runs"][0][key].as_str().unwrap_or_default().to_string();
        (text("outcome"), text("reason"))
    }
}

/// A started invocation; killed if a test panics.
struct Running {
    child: Option<Child>,
    started: Instant,
}

impl Running {
    fn pid(&self) -> i32 {
        self.child.as_ref().unwrap().id() as i32
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    fn end(mut self) -> Said {
        self.child.take().unwrap().wait_with_output().unwrap().into()
    }

    /// Waits until a lab's two nodes stand and have started daemons; gives the lab's init and the nodes' agents.
    #[track_caller]
    fn lab(&self) -> (i32, Vec<i32>) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            // The harness's child is the process outside of the lab's pid namespace; the lab's init is its child.
            let init = children(self.pid()).iter().flat_map(|outer| children(*outer)).next();
            let agents = init.map(children).unwrap_or_default();
            if let Some(init) = init
                && agents.len() == 2
                && agents.iter().all(|agent| children(*agent).len() >= 3)
            {
                return (init, agents);
            }
            assert!(Instant::now() < end, "no lab came up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

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

/// As root, so that the other half of the promise is tested too.
#[test]
fn as_an_ordinary_user() {
    if !nix::unistd::geteuid().is_root() {
        println!("the other tests run as an ordinary user already");
        return;
    }
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    // The user can reach neither root's cache nor, perhaps, the build folder.
    let place = |name: &str| scene.folder.path(name);
    copy_image(&CACHE, &place("cache"));
    std::fs::copy(env!("CARGO_BIN_EXE_routeproof"), place("routeproof")).unwrap();
    give_to(scene.folder.0.path(), NOBODY);
    let user = |args: &[&str]| {
        let command = scene.command(args);
        let mut own = Command::new(place("routeproof"));
        own.args(command.get_args())
            .current_dir(scene.folder.0.path())
            .stdin(Stdio::null())
            .uid(NOBODY)
            .gid(NOBODY);
        own.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        own.env("ROUTEPROOF_CACHE", place("cache"));
        Said::from(own.output().unwrap())
    };
    let doctor = user(&["doctor", "--json"]);
    if doctor.json()[0]["present"] == false {
        skip_test("unprivileged-namespaces", &doctor.json()[0].to_string());
        return;
    }
    let said = user(&RUN);
    assert_eq!(said.code, Some(0), "{said}\n{}", said.stdout);
    scene.assert_clean(Duration::ZERO, "after a run of an ordinary user");
}

const NOBODY: u32 = 65534;

/// One image of a cache: what its name means, and the trees.
fn copy_image(from: &Path, to: &Path) {
    for part in ["trees", "refs"] {
        std::fs::create_dir_all(to.join(part)).unwrap();
    }
    let records = std::fs::read_dir(from.join("refs")).unwrap().flatten();
    let of_image = records.filter(|record| record.file_name().to_string_lossy().starts_with("frr-8.4.4"));
    let mut copied = 0;
    for record in of_image {
        let text = std::fs::read_to_string(record.path()).unwrap();
        let digest =
            serde_json::from_str::<serde_json::Value>(&text).unwrap()["digest"].as_str().unwrap().to_string();
        std::fs::write(to.join("refs").join(record.file_name()), text).unwrap();
        let tree = from.join("trees").join(&digest);
        let status = Command::new("cp").arg("-a").arg(tree).arg(to.join("trees")).status().unwrap();
        copied += u32::from(status.success());
    }
    assert!(copied > 0, "{} has a tree of FRR 8.4.4", from.display());
}

fn give_to(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        std::fs::read_dir(path).unwrap().flatten().for_each(|entry| give_to(&entry.path(), user));
    }
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
    command.args(["--exact", "after_a_panic", "--nocapture"]).current_dir(scene.folder.0.path());
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

/// A pull that is killed leaves nothing that a later pull or a run takes for a tree, and prune clears it away.
#[test]
fn after_kill_9_of_a_pull() {
    let Some(scene) = Scene::set(&[]) else { return };
    let (source, cache) = (scene.folder.path("source"), scene.folder.path("cache"));
    copy_image(&CACHE, &source);
    let tree = std::fs::read_dir(source.join("trees")).unwrap().flatten().next().unwrap().path();
    let args = ["images", "pull", "frr:8.4.4", "--from", tree.to_str().unwrap()];
    let pull = || {
        let mut command = scene.command(&args);
        command.env("ROUTEPROOF_CACHE", &cache).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: Some(command.spawn().unwrap()), started: Instant::now() }
    };
    let list = || {
        let mut command = scene.command(&["images", "list", "--json"]);
        Said::from(command.env("ROUTEPROOF_CACHE", &cache).output().unwrap())
    };
    let mut killed = 0;
    for moment in [20, 60, 150, 300, 500, 800] {
        let running = pull();
        std::thread::sleep(Duration::from_millis(moment));
        running.signal(Signal::SIGKILL);
        let ended = running.end();
        killed += u32::from(ended.code.is_none());
        scene.assert_clean(TEARDOWN, "after a killed pull");
        for image in list().json().as_array().unwrap().iter().filter(|image| image["state"] == "cached") {
            let reload = Path::new(image["tree"].as_str().unwrap()).join("usr/lib/frr/frr-reload.py");
            assert!(reload.is_file(), "half a tree counts as cached: {image}");
        }
    }
    assert!(killed > 0, "every pull was over before it was killed");
    let said = pull().end();
    assert_eq!(said.code, Some(0), "{said}");
    let pruned =
        Said::from(scene.command(&["images", "prune"]).env("ROUTEPROOF_CACHE", &cache).output().unwrap());
    assert_eq!(pruned.code, Some(0), "{pruned}");
    let staged = std::fs::read_dir(cache.join("staging")).map_or(0, |staged| staged.count());
    assert_eq!(staged, 0, "what the killed pulls had begun is gone");
}

/// Moments in which something half-made could stay: most of them while labs are built, some later.
#[test]
fn after_kill_9_at_any_moment() {
    let kills: u32 = std::env::var("ROUTEPROOF_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let Some(scene) = Scene::set(&["learn-routes", "filtered-routes"]) else { return };
    let args = ["run", "learn-routes", "filtered-routes", "--only", "frr=8.4.4"];
    let mut seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    for number in 0..kills {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let longest = if number % 4 == 3 { 10_000 } else { 1_500 };
        let moment = Duration::from_millis(seed % longest);
        let running = scene.start(&args);
        std::thread::sleep(moment.saturating_sub(running.started.elapsed()));
        running.signal(Signal::SIGKILL);
        drop(running);
        scene.assert_clean(TEARDOWN, &format!("after kill -9 at {moment:?} (kill {number})"));
    }
    // What the killed ones left in the run directory is in nobody's way.
    let said = scene.start(&args).end();
    assert_eq!(said.code, Some(0), "{said}");
    scene.assert_clean(Duration::ZERO, "at the end");
    println!("{kills} kills, nothing left");
}
