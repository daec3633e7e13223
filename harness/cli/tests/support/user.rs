//! A user who keeps labs, and processes as they see them.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(
    clippy::disallowed_methods,
    reason = "the commands under test are processes, and their ends are awaited"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A user of their own: state folders and run directories in a temporary folder. Every lab ends with it.
pub struct User {
    pub home: tempfile::TempDir,
}

impl User {
    pub fn new() -> User {
        User { home: tempfile::tempdir().unwrap() }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_routeproof"));
        command.args(arguments).current_dir(self.home.path()).env("XDG_RUNTIME_DIR", self.home.path());
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Stdout of a command that must exit with 0.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Stderr of a command that must exit with `code`.
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        stderr
    }

    pub fn up(&self, more: &[&str]) -> String {
        let topology = format!("{ROOT}/topologies/one-gateway.clab.yml");
        self.ok(&[&["up", &topology, "--frr", "8.4.4"], more].concat())
    }

    pub fn state(&self, lab: &str) -> PathBuf {
        self.home.path().join("routeproof").join(lab)
    }

    pub fn supervisor(&self, lab: &str) -> i32 {
        let state: Value =
            serde_json::from_slice(&fs::read(self.state(lab).join("state.json")).unwrap()).unwrap();
        i32::try_from(state["pid"].as_i64().unwrap()).unwrap()
    }

    /// What is left in the folder of state folders.
    pub fn left(&self) -> usize {
        fs::read_dir(self.home.path().join("routeproof")).map_or(0, Iterator::count)
    }

    pub fn mount_points(&self) -> usize {
        let runs = fs::read_dir(self.home.path().join("routeproof-runs")).unwrap().flatten();
        let folders = runs.filter_map(|run| fs::read_dir(run.path()).ok()).flatten().flatten();
        folders.filter(|folder| folder.path().join("lab").exists()).count()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = self.command(&["down", "--all"]).output();
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Pids of a process and of everything below it.
pub fn family(pid: i32) -> BTreeSet<i32> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, parent(pid)?))
        })
        .collect();
    let mut family = BTreeSet::from([pid]);
    loop {
        let more: Vec<i32> = parents
            .iter()
            .filter(|(p, parent)| family.contains(parent) && !family.contains(p))
            .map(|(p, _)| *p)
            .collect();
        if more.is_empty() {
            return family;
        }
        family.extend(more);
    }
}

pub fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a process runs; a zombie, whose parent is slow, does not.
pub fn runs(pid: &i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with('Z'))
}

pub fn eventually(what: &str, check: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !check() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn kill(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

pub fn with_input(mut command: Command, input: &str) -> Output {
    let mut child: Child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_string());
    // On a thread, so that what comes back is read meanwhile. A command need not read all of it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}
