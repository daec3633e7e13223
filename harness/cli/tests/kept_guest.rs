//! T2: labs that `up` keeps in a guest kernel, driven as a user does. As on the host, and nothing is left whoever dies.
//!
//! Needs Debian's User-Mode Linux kernel and FRR 8.4.4 in the cache or a mirror; `ROUTEPROOF_REQUIRE=uml` makes their absence a
//! failure.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(
    clippy::disallowed_methods,
    reason = "the commands under test are processes, and their ends are awaited"
)]

#[path = "support/terminal.rs"]
mod terminal;
#[path = "support/user.rs"]
mod user;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::Signal;
use routeproof_engine::preflight::skip_test;
use serde_json::Value;
use terminal::Terminal;
use user::{ROOT, User, eventually, family, kill, parent, runs, text, with_input};

/// Two hosts and a cable: what is quick to boot.
const PAIR: &str = "
name: pair
topology:
  nodes:
    a: { kind: linux, image: 'frr:8.4.4', labels: { routeproof.role: client } }
    b: { kind: linux, image: 'frr:8.4.4', labels: { routeproof.role: client } }
  links:
    - endpoints: ['a:eth1', 'b:eth1']
";

/// A user, if there is a guest kernel and an FRR for it.
fn user() -> Option<User> {
    let user = User::new();
    let pulled = user.run(&["images", "pull", "frr:8.4.4", "uml:6.1"]);
    if pulled.status.success() {
        return Some(user);
    }
    skip_test("uml", &text(&pulled.stderr));
    None
}

fn up_pair(user: &User) -> PathBuf {
    fs::write(user.home.path().join("pair.clab.yml"), PAIR).unwrap();
    let up = user.ok(&["up", "pair.clab.yml", "--frr", "8.4.4", "--kernel", "uml", "--json"]);
    let up: Value = serde_json::from_str(&up).unwrap();
    let directory = user.home.path().join(up["directory"].as_str().unwrap());
    let entries = fs::read_dir(directory).unwrap().flatten();
    entries.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap()
}

/// Everything of this user's labs: what has one of the user's folders in its environment or its mounts is in the family.
#[track_caller]
fn assert_nothing_left(family: &BTreeSet<i32>, folder: &Path) {
    eventually("every process has ended", || !family.iter().any(runs));
    for gone in ["guest", "guest.json", "lab"] {
        assert!(!folder.join(gone).exists(), "{gone} is left");
    }
}

#[test]
fn a_lab_in_a_guest_is_a_lab() {
    let Some(user) = user() else { return };
    let [extras, peers] =
        ["extras", "peers"].map(|file| format!("{ROOT}/scenarios/learn-routes/manifests/{file}.yaml"));
    let until = ["--until-route", "172.16.1.0/24", "--until-sessions", "--kernel", "uml", "--json"];
    let up = user.up(&[&["-m", &extras, "-m", &peers], &until[..]].concat());
    let up: Value = serde_json::from_str(&up).unwrap();
    // The guest's clock is another; these are times of ours.
    let (ready, first) = (up["ready_ms"].as_f64().unwrap(), up["first_route_ms"].as_f64().unwrap());
    assert!(ready > 500.0 && first > 500.0 && first < 120_000.0, "{up}");
    assert!(up["phases"][0]["name"].as_str().unwrap().starts_with("guest kernel 6.1"), "{up}");

    let inspection: Value = serde_json::from_str(&user.ok(&["inspect", "worker", "--json"])).unwrap();
    let learnt = inspection["routes"].as_array().unwrap().iter();
    assert_eq!(learnt.filter(|r| r["prefix"] == "172.16.1.0/24" && r["protocol"] == "bgp").count(), 1);
    let labs = user.ok(&["inspect"]);
    assert!(labs.contains("on the guest kernel uml:6.1") && labs.contains("2 of 2 Established"), "{labs}");
    let learnt = "route: { node: worker, prefix: 172.16.1.0/24, via: [gw1], proto: bgp }";
    assert!(user.ok(&["expect", learnt]).starts_with("passed"));
    assert!(user.ok(&["record", "worker"]).contains("peer: 192.168.1.5, state: established"));

    streams(&user);
    a_terminal(&user);
    a_client_that_dies(&user);

    let supervisor = user.supervisor("one-gateway");
    let family = family(supervisor);
    user.ok(&["down"]);
    eventually("every process has ended", || !family.iter().any(runs));
    assert_eq!((user.left(), user.mount_points()), (0, 0));
}

fn streams(user: &User) {
    let exec = |argv: &[&str]| user.run(&[&["exec", "gw1", "--"], argv].concat());
    let said = exec(&["sh", "-c", "uname -r; echo apart >&2; exit 7"]);
    assert_eq!(said.status.code(), Some(7));
    assert!(text(&said.stdout).starts_with("6.1.") && text(&said.stderr) == "apart\n", "{said:?}");
    assert_eq!(exec(&["sh", "-c", "kill -9 $$"]).status.code(), Some(137));
    assert_eq!(exec(&["no-such-program"]).status.code(), Some(127));
    assert_eq!(exec(&["/etc/passwd"]).status.code(), Some(126));
    // More than the guest's terminal, any window and any pipe holds, there and back.
    let much = "0123456789abcde\n".repeat(20_000);
    let echoed = with_input(user.command(&["exec", "gw1", "--", "cat"]), &much);
    assert!(text(&echoed.stdout) == much, "{} bytes came back", echoed.stdout.len());
    // Who does not read all of it is not waited for, nor is who does not write all.
    let some = with_input(user.command(&["exec", "gw1", "--", "head", "-c", "5"]), &much);
    assert_eq!((text(&some.stdout).as_str(), some.status.code()), ("01234", Some(0)));
    let background = exec(&["sh", "-c", "sleep 1000 & echo started"]);
    assert_eq!(text(&background.stdout), "started\n");
}

fn a_terminal(user: &User) {
    let command = ["exec", "--tty", "gw1", "--", "sh", "-c", "stty size; exec bash --norc -i"];
    let mut terminal = Terminal::start(user.command(&command), (33, 77));
    terminal.shows("33 77");
    terminal.resize((40, 100));
    // The size travels by itself: what is asked too early is asked again.
    terminal.types_until("stty size\n", "40 100");
    // What it prints says that it is in the foreground by now. No shell in between: dash loses a signal just before it starts a command.
    terminal.types("cat /proc/version -\n");
    terminal.shows("Linux version");
    terminal.types("\u{3}");
    terminal.shows("^C");
    terminal.types("\necho the code is $?\n");
    terminal.shows("the code is 130");
    terminal.types("exit 5\n");
    assert_eq!(terminal.end(), Some(5));
    let mut shell = Terminal::start(user.command(&["shell", "gw1"]), (24, 80));
    shell.shows("gw1:/# ");
    shell.types("exit 3\n");
    assert_eq!(shell.end(), Some(3));
}

fn a_client_that_dies(user: &User) {
    let asleep = || {
        let script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '";
        user.ok(&["exec", "gw1", "--", "sh", "-c", script]).contains("sleep 2222")
    };
    let start = || user.command(&["exec", "gw1", "--", "sleep", "2222"]).spawn().unwrap();
    let mut client = start();
    eventually("the command runs", asleep);
    client.kill().unwrap();
    client.wait().unwrap();
    eventually("the command is killed", || !asleep());
    let mut client = start();
    eventually("the command runs", asleep);
    kill(i32::try_from(client.id()).unwrap(), Signal::SIGINT);
    assert_eq!(client.wait().unwrap().code(), Some(130));
}

#[test]
fn a_killed_supervisor_takes_its_guest_along() {
    let Some(user) = user() else { return };
    let folder = up_pair(&user);
    let supervisor = user.supervisor("pair");
    let family = family(supervisor);
    assert!(family.len() > 4, "{family:?}");
    kill(supervisor, Signal::SIGKILL);
    assert_nothing_left(&family, &folder);
    assert!(user.fails(2, &["exec", "a", "--", "true"]).contains("no lab is up"));
    assert!(text(&user.run(&["down", "pair"]).stderr).contains("was dead already"));
    assert_eq!(user.left(), 0);
}

/// The guest's kernel. Its programs are processes of the same executable below it, whose pids may be smaller.
fn kernel(family: &BTreeSet<i32>) -> i32 {
    let is_kernel = |pid: i32| {
        let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        exe.to_string_lossy().contains("linux.uml")
    };
    let uppermost = |pid: &&i32| is_kernel(**pid) && parent(**pid).is_some_and(|parent| !is_kernel(parent));
    *family.iter().find(uppermost).unwrap()
}

#[test]
fn a_killed_guest_ends_its_lab() {
    let Some(user) = user() else { return };
    let folder = up_pair(&user);
    let family = family(user.supervisor("pair"));
    let client = user.command(&["exec", "a", "--", "sleep", "1000"]).stderr(Stdio::piped()).spawn().unwrap();
    kill(kernel(&family), Signal::SIGKILL);
    let client = client.wait_with_output().unwrap();
    assert_eq!(client.status.code(), Some(3), "{}", text(&client.stderr));
    assert_nothing_left(&family, &folder);
    eventually("the name is free", || user.left() == 0);
    let log = fs::read_to_string(folder.parent().unwrap().join("supervisor.log")).unwrap();
    assert!(log.contains("the guest kernel was killed by signal 9"), "{log}");
}

#[test]
fn ctrl_c_while_the_guest_boots_leaves_nothing() {
    let Some(user) = user() else { return };
    fs::write(user.home.path().join("pair.clab.yml"), PAIR).unwrap();
    let arguments = ["up", "pair.clab.yml", "--frr", "8.4.4", "--kernel", "uml"];
    let mut up = user.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
    eventually("the supervisor runs", || user.state("pair").exists());
    let family = family(user.supervisor("pair"));
    kill(i32::try_from(up.id()).unwrap(), Signal::SIGINT);
    assert_eq!(up.wait().unwrap().code(), Some(130));
    eventually("every process has ended", || !family.iter().any(runs));
    assert_eq!((user.left(), user.mount_points()), (0, 0));
}
