//! Guest kernels as a user meets them: what is refused, what a panic looks like, and that nothing is left whoever dies.
//!
//! Most needs Debian's User-Mode Linux kernel in the cache or a mirror; `ROUTEPROOF_REQUIRE=uml` makes its absence a failure.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::disallowed_methods, reason = "these tests start the binary, wait for a moment, and kill it")]

#[path = "support/host.rs"]
mod host;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host::{Host, assert_clean, children};
use insta::assert_snapshot;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use routeproof_engine::preflight::skip_test;
use support::{Folder, Said};

/// A guest that nobody waited for powers itself off, or is killed.
const TEARDOWN: Duration = Duration::from_secs(8);
const RUN: [&str; 6] = ["run", "learn-routes", "--only", "frr=8.4.4", "--kernel", "uml"];

/// Whether there is a guest kernel and an FRR for it. They are pulled first: a pull is not what these tests are about.
fn guests() -> bool {
    let pulled = Folder::empty().routeproof(&["images", "pull", "frr:8.4.4", "uml:6.1"]);
    if pulled.code != Some(0) {
        skip_test("uml", &pulled.to_string());
    }
    pulled.code == Some(0)
}

fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let xdg = || set("XDG_CACHE_HOME").map(|xdg| xdg.join("routeproof"));
    let home = || set("HOME").map(|home| home.join(".cache/routeproof"));
    set("ROUTEPROOF_CACHE").or_else(xdg).or_else(home).expect("a HOME")
}

/// A run on a guest kernel that has come to its first step.
struct Scene {
    folder: Folder,
    before: Host,
    child: Option<Child>,
}

impl Scene {
    fn start() -> Scene {
        Scene::start_with(|command| command)
    }

    /// Starts what `wrap` makes of the command.
    fn start_with(wrap: impl Fn(Command) -> Command) -> Scene {
        let folder = Folder::with(&["learn-routes"]);
        std::fs::create_dir(folder.path("tmp")).unwrap();
        let before = Host::now(folder.0.path(), &cache());
        let mut command = folder.command(&RUN);
        command.arg("--run-dir").arg(folder.path("runs"));
        let mut command = wrap(command);
        command.current_dir(folder.0.path()).stdin(Stdio::null());
        command.env("TMPDIR", folder.path("tmp")).env("ROUTEPROOF_CACHE", cache());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let scene = Scene { folder, before, child: Some(child) };
        // Its boot is work for a processor, which others may keep busy.
        let end = Instant::now() + Duration::from_secs(180);
        let events = scene.folder.path("runs/latest/events.jsonl");
        while !std::fs::read_to_string(&events).is_ok_and(|log| log.contains("step-started")) {
            assert!(Instant::now() < end, "no step began");
            std::thread::sleep(Duration::from_millis(20));
        }
        scene
    }

    fn harness(&self) -> i32 {
        self.child.as_ref().unwrap().id() as i32
    }

    /// The process of the family that executes this program.
    fn kernel(&self) -> i32 {
        let of = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let mut family = children(self.harness());
        while let Some(pid) = family.pop() {
            // Or a copy of it in memory, fitted to this processor.
            if of(pid).to_string_lossy().contains("linux.uml") {
                return pid;
            }
            family.extend(children(pid));
        }
        panic!("no guest kernel runs");
    }

    fn keeper(&self) -> i32 {
        children(self.harness())[0]
    }

    fn end(&mut self) -> Said {
        self.child.take().unwrap().wait_with_output().unwrap().into()
    }

    #[track_caller]
    fn assert_clean(&self, when: &str) {
        assert_clean(&self.before, self.folder.0.path(), &cache(), TEARDOWN, when);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn send(signal: Signal, pid: i32) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

#[test]
fn nothing_is_left_when_the_harness_is_killed() {
    if !guests() {
        return;
    }
    let mut scene = Scene::start();
    let during = Host::now(scene.folder.0.path(), &cache());
    assert!(during.processes.contains_key(&scene.kernel()), "the test sees what it looks for: {during:?}");
    send(Signal::SIGKILL, scene.harness());
    scene.end();
    scene.assert_clean("after SIGKILL of the harness");
    let of_run = std::fs::read_dir(scene.folder.path("runs/latest")).unwrap().flatten();
    let of_run = of_run.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
    for gone in ["guest", "guest.json", "lab"] {
        assert!(!of_run.join(gone).exists(), "{gone} is left");
    }
}

/// As in a container without privilege: there a guest is the only way to a lab, and the keeper has no pid namespace to end.
#[test]
fn without_namespaces_there_are_guests_and_nothing_is_left_of_them() {
    if !guests() {
        return;
    }
    let able = Command::new("unshare").args(["--user", "--map-root-user", "true"]).status();
    if !able.is_ok_and(|status| status.success()) {
        skip_test("unshare", "no user namespace in which others could be forbidden");
        return;
    }
    let mut scene = Scene::start_with(|inner| {
        let script = "echo 0 > /proc/sys/user/max_pid_namespaces && exec \"$0\" \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", script]).arg(inner.get_program());
        // `auto` is to find out.
        command.args(inner.get_args().filter(|word| *word != "--kernel" && *word != "uml"));
        command
    });
    scene.kernel();
    send(Signal::SIGKILL, scene.harness());
    scene.end();
    scene.assert_clean("after SIGKILL of the harness");
}

#[test]
fn a_killed_kernel_or_keeper_breaks_the_run_and_nothing_is_left() {
    if !guests() {
        return;
    }
    for (who, pid, reason) in [
        ("kernel", Scene::kernel as fn(&Scene) -> i32, "the guest kernel was killed by signal 9"),
        ("keeper", Scene::keeper, "the guest kernel and its keeper were killed"),
    ] {
        let mut scene = Scene::start();
        send(Signal::SIGKILL, pid(&scene));
        let said = scene.end();
        assert_eq!(said.code, Some(3), "{said}");
        assert!(said.stdout.contains(reason), "{}", said.stdout);
        scene.assert_clean(who);
    }
}

#[test]
fn ctrl_c_ends_the_guest_in_order() {
    if !guests() {
        return;
    }
    let mut scene = Scene::start();
    let asked = Instant::now();
    send(Signal::SIGINT, scene.harness());
    let said = scene.end();
    assert_eq!(said.code, Some(130), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    scene.assert_clean("after ctrl-C");
}

#[test]
fn a_panic_breaks_the_run_with_the_consoles_last_lines() {
    if !support::labs() {
        return;
    }
    // What a panic looks like from outside: words on the console, SIGABRT at once.
    let folder = Folder::with(&["learn-routes"]);
    folder.write("linux", "#!/bin/sh\necho 'Kernel panic - not syncing: VFS' >&2\nkill -ABRT $$\n");
    std::fs::set_permissions(folder.path("linux"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = folder.routeproof(&[&RUN[..], &["--uml-kernel", "./linux", "--json"]].concat());
    assert_eq!(said.code, Some(3), "{said}");
    let run = &said.json()["runs"][0];
    assert_eq!(run["outcome"], "broken");
    assert_snapshot!(run["reason"].as_str().unwrap(), @"the guest kernel panicked; its console's last lines: Kernel panic - not syncing: VFS");
}

#[test]
fn what_is_no_kernel_is_refused() {
    let folder = Folder::with(&["learn-routes"]);
    let _redacted = folder.redacted();
    let said = |args: &[&str]| folder.without_images(args);
    assert_snapshot!(said(&[&RUN[..], &["--uml-kernel", "uml:2.4"]].concat()), @r"
    exit 2
    error: `uml:2.4` is not the name of a User-Mode Linux kernel
    hint: known: uml:6.1, uml:6.12; that of any other suite of Debian: uml:@SUITE
    ");
    assert_snapshot!(said(&[&RUN[..], &["--offline"]].concat()), @r"
    exit 5
             1 run of 1 scenario
    error: uml:6.1 is not in the cache [FOLDER]/empty-cache and the network is switched off
    hint: run `routeproof images pull uml:6.1` with a network first
    ");
}
