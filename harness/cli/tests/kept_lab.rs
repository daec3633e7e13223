//! T1: the commands of kept labs, driven as a user does. Pulls FRR 8.4.4 when it is not cached.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(
    clippy::disallowed_methods,
    reason = "the commands under test are processes, and their ends are awaited"
)]

#[path = "support/user.rs"]
mod user;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use user::{ROOT, User, eventually, family, kill, runs, text, with_input};

fn learn_routes(file: &str) -> String {
    format!("{ROOT}/scenarios/learn-routes/manifests/{file}.yaml")
}

#[test]
fn a_lab_from_up_to_down() {
    let user = User::new();
    let (extras, peers) = (learn_routes("extras"), learn_routes("peers"));
    let until = ["--until-route", "172.16.1.0/24", "--until-sessions", "--json"];
    let up: Value =
        serde_json::from_str(&user.up(&[&["-m", &extras, "-m", &peers], &until[..]].concat())).unwrap();
    assert_eq!(up["name"], "one-gateway");
    let first = up["first_route_ms"].as_f64().unwrap();
    assert!(first > 0.0 && first <= up["last_route_ms"].as_f64().unwrap(), "{up}");
    assert!(up["phases"].as_array().unwrap().len() >= 4, "{up}");

    let inspection: Value = serde_json::from_str(&user.ok(&["inspect", "worker", "--json"])).unwrap();
    let learnt = inspection["routes"].as_array().unwrap().iter();
    let learnt = learnt.filter(|r| r["prefix"] == "172.16.1.0/24" && r["protocol"] == "bgp").count();
    assert_eq!(learnt, 1, "{inspection}");
    let labs: Value = serde_json::from_str(&user.ok(&["inspect", "--json"])).unwrap();
    assert_eq!(labs[0]["nodes"][0]["sessions"], serde_json::json!({ "total": 2, "established": 2 }));
    assert!(user.ok(&["inspect"]).contains("2 of 2 Established"));

    let echoed = with_input(user.command(&["exec", "gw1", "--", "cat"]), "from outside\n");
    assert_eq!(text(&echoed.stdout), "from outside\n");
    let environment =
        ["exec", "worker", "-e", "A=b c", "-w", "/etc", "--", "sh", "-c", "echo $A; pwd; hostname"];
    assert_eq!(user.ok(&environment), "b c\n/etc\nk8s-worker\n");
    let exit = |code, argv: &[&str]| user.fails(code, &[&["exec", "gw1", "--"], argv].concat());
    exit(7, &["sh", "-c", "exit 7"]);
    exit(137, &["sh", "-c", "kill -9 $$"]);
    assert!(exit(127, &["no-such-program"]).contains("no-such-program"));
    exit(126, &["/etc/passwd"]);
    assert!(user.fails(2, &["exec", "gw2", "--", "true"]).contains("did you mean `gw1`?"));
    assert!(user.fails(2, &["shell", "gw1"]).contains("not a terminal"));

    let topology = format!("{ROOT}/topologies/one-gateway.clab.yml");
    assert!(user.fails(2, &["up", &topology]).contains("routeproof down one-gateway"));
    let supervisor = user.supervisor("one-gateway");
    let family = family(supervisor);
    assert!(family.len() > 5, "{family:?}");
    user.ok(&["down"]);
    let lab = |pid: &&i32| **pid != supervisor;
    assert!(!family.iter().filter(lab).any(runs), "down returns when everything is gone");
    eventually("the supervisor is gone, too", || !runs(&supervisor));
    assert_eq!((user.left(), user.mount_points()), (0, 0));
    assert!(user.fails(2, &["down"]).contains("no lab is up"));
    user.ok(&["down", "--all"]);
}

#[test]
fn two_labs_side_by_side() {
    let user = User::new();
    user.up(&["--name", "red"]);
    user.up(&["--name", "blue"]);
    assert!(user.fails(2, &["exec", "gw1", "--", "true"]).contains("blue, red"));
    user.ok(&["exec", "--lab", "red", "gw1", "--", "touch", "/tmp/red"]);
    user.fails(1, &["exec", "--lab", "blue", "gw1", "--", "test", "-e", "/tmp/red"]);
    user.ok(&["down", "red"]);
    user.ok(&["exec", "gw1", "--", "true"]);
    user.ok(&["down", "--all"]);
    assert_eq!((user.left(), user.mount_points()), (0, 0));
}

#[test]
fn a_killed_supervisor_leaves_only_names() {
    let user = User::new();
    user.up(&[]);
    let supervisor = user.supervisor("one-gateway");
    let family = family(supervisor);
    kill(supervisor, nix::sys::signal::Signal::SIGKILL);
    eventually("the kernel ends the lab", || !family.iter().any(runs));
    assert!(user.fails(2, &["exec", "gw1", "--", "true"]).contains("no lab is up"));
    assert!(text(&user.run(&["inspect"]).stderr).contains("routeproof sweep"));
    assert!(user.state("one-gateway").exists());

    let would: Value = serde_json::from_str(&user.ok(&["sweep", "--dry-run", "--json"])).unwrap();
    let swept: Value = serde_json::from_str(&user.ok(&["sweep", "--json"])).unwrap();
    assert_eq!(would["removed"], swept["removed"]);
    assert_eq!(swept["removed"]["labs"], serde_json::json!(["one-gateway"]));
    assert_eq!((user.left(), user.mount_points()), (0, 0));
    assert_eq!(user.ok(&["sweep"]), "nothing to sweep\n");
}

#[test]
fn a_dead_labs_name_is_free_and_a_living_lab_is_not_swept() {
    let user = User::new();
    user.up(&[]);
    let supervisor = user.supervisor("one-gateway");
    kill(supervisor, nix::sys::signal::Signal::SIGKILL);
    eventually("the supervisor is gone", || !runs(&supervisor));
    user.up(&[]);
    user.ok(&["sweep"]);
    user.ok(&["exec", "gw1", "--", "true"]);
}

#[test]
fn a_command_ends_with_its_client() {
    let user = User::new();
    // As from a shell's background, which ignores SIGINT: what runs in the lab must not.
    let mut up = Command::new("env");
    up.args(["--ignore-signal=INT", env!("CARGO_BIN_EXE_routeproof"), "up", "--frr", "8.4.4"]);
    up.arg(format!("{ROOT}/topologies/one-gateway.clab.yml"));
    up.current_dir(user.home.path()).env("XDG_RUNTIME_DIR", user.home.path()).stdin(Stdio::null());
    assert!(up.output().unwrap().status.success());
    let asleep = || {
        let script = "cat /proc/[0-9]*/comm 2>/dev/null; true";
        user.ok(&["exec", "gw1", "--", "sh", "-c", script]).lines().any(|comm| comm == "sleep")
    };
    let mut client = user.command(&["exec", "gw1", "--", "sleep", "1000"]).spawn().unwrap();
    eventually("the command runs", asleep);
    client.kill().unwrap();
    client.wait().unwrap();
    eventually("the command is killed", || !asleep());

    let mut client = user.command(&["exec", "gw1", "--", "sleep", "1000"]).spawn().unwrap();
    eventually("the command runs", asleep);
    kill(i32::try_from(client.id()).unwrap(), nix::sys::signal::Signal::SIGINT);
    assert_eq!(client.wait().unwrap().code(), Some(130));
}

#[test]
fn a_boot_that_fails_leaves_nothing() {
    let user = User::new();
    let folder = user.home.path();
    let topology = fs::read_to_string(format!("{ROOT}/topologies/one-gateway.clab.yml")).unwrap();
    copy(&Path::new(ROOT).join("topologies/one-gateway/gw1"), &folder.join("one-gateway/gw1"));
    fs::write(folder.join("broken.clab.yml"), topology.replace("ip address add 192.168.1.5", "ip nonsense "))
        .unwrap();
    let stderr = user.fails(3, &["up", "broken.clab.yml", "--frr", "8.4.4"]);
    assert!(stderr.contains("node gw1: `ip nonsense"), "{stderr}");
    assert_eq!((user.left(), user.mount_points()), (0, 0));

    // Not reached is not broken: the lab stays, for a look at it.
    fs::write(folder.join("good.clab.yml"), topology).unwrap();
    let unmet =
        ["up", "good.clab.yml", "--frr", "8.4.4", "--until-route", "203.0.113.0/24", "--timeout", "1"];
    let stderr = user.fails(1, &unmet);
    assert!(stderr.contains("no route to 203.0.113.0/24"), "{stderr}");
    user.ok(&["down", "one-gateway"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().flatten() {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn a_recorded_lab_is_a_scenario_that_passes() {
    let user = User::new();
    let [peers, extras] = ["peers", "extras"].map(learn_routes);
    let until = ["--until-route", "172.16.1.0/24", "--until-route", "fc00:172:16:1::/64", "--until-sessions"];
    user.up(&[&["--manifest", &peers, "--manifest", &extras][..], &until].concat());
    user.ok(&["record", "--scenario", "--output", "base.yaml"]);
    user.ok(&["check", "base.yaml"]);
    user.ok(&["run", "base.yaml"]);
    let steps = user.ok(&["record", "worker"]);
    let route = "prefix: 172.16.1.0/24, via: [gw1], proto: bgp, metric: 20";
    for part in [route, "peer: 192.168.1.5, state: established", "rib-fib: { node: k8s-worker }"] {
        assert!(steps.contains(part), "{part}: {steps}");
    }
    // A hole planted under FRR is what the kernel does; only the agreement is gone. (What is deleted zebra puts back.)
    let hole = "ip route replace blackhole 172.16.1.0/24 proto bgp metric 20".split(' ');
    user.ok(&["exec", "worker", "--"].into_iter().chain(hole).collect::<Vec<_>>());
    let output = user.run(&["record"]);
    let (steps, said) = (text(&output.stdout), text(&output.stderr));
    let hole = "prefix: 172.16.1.0/24, proto: bgp, metric: 20, type: blackhole";
    assert!(steps.contains(hole) && !steps.contains("rib-fib"), "{steps}");
    assert!(said.contains("FRR and the kernel do not agree"), "{said}");
    assert!(user.fails(2, &["record", "wroker"]).contains("did you mean `worker`?"));
}

#[test]
fn a_lab_that_is_up_is_judged() {
    let user = User::new();
    let manifest = |file: &str| format!("{ROOT}/scenarios/learn-routes/manifests/{file}.yaml");
    user.up(&["--manifest", &manifest("peers"), "--manifest", &manifest("extras")]);
    let learnt = "route: { node: worker, prefix: 172.16.1.0/24, via: [gw1], proto: bgp }";
    let said = user.ok(&["expect", learnt, "session: { node: worker, peer: gw1 }", "--within", "20"]);
    assert!(said.starts_with("passed  worker has 172.16.1.0/24 via gw1"), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");

    let hole = "ip route replace blackhole 172.16.1.0/24 proto bgp metric 20";
    user.ok(&[&["exec", "worker", "--"], hole.split(' ').collect::<Vec<_>>().as_slice()].concat());
    let output = user.run(&["expect", learnt, "--within", "1s", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["schema"], &json["outcome"]), (&"routeproof/expect/v1".into(), &"failed".into()));
    assert!(json["expectations"][0]["message"].as_str().unwrap().contains("blackhole"), "{json:#}");
    let absent = "no-route: { node: worker, prefix: 172.16.77.0/24 }";
    let witness = ["--holds", "300ms", "--witness", "172.16.1.0/24"];
    let lost = user.run(&[&["expect", absent], witness.as_slice()].concat());
    assert_eq!(lost.status.code(), Some(3), "its witness is a blackhole: {}", text(&lost.stdout));

    let mistake = user.fails(2, &["expect", learnt, "route: { node: workr, prefix: 172.16.1.0/24 }"]);
    assert!(mistake.contains("did you mean `worker`?"), "{mistake}");
    let followed = user.fails(2, &["expect", "loss: { stream: s, at-most: 1s }"]);
    assert!(followed.contains("stream"), "{followed}");
}
