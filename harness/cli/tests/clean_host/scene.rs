//! An invocation and its surroundings.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{Host, assert_clean, children};
use crate::support::{Folder, Said, labs};

/// A lab whose end nobody waited for: the kernel needs a moment.
pub const TEARDOWN: Duration = Duration::from_secs(5);
pub const RUN: [&str; 6] = ["run", "learn-routes", "--only", "frr=8.4.4", "--report", "json=result.json"];

/// The cache that the binary would use, warm: a pull is not what these tests are about.
pub static CACHE: LazyLock<PathBuf> = LazyLock::new(|| {
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
pub struct Scene {
    pub folder: Folder,
    pub before: Host,
}

impl Scene {
    /// `None` where no lab can be booted.
    pub fn set(scenarios: &[&str]) -> Option<Scene> {
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

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.folder.command(args);
        if args[0] == "run" {
            // An absolute path, so that what a lab mounts can be told by it.
            command.arg("--run-dir").arg(self.folder.path("runs"));
        }
        command.env("TMPDIR", self.folder.path("tmp")).env("HOME", self.folder.path("home"));
        command.env("ROUTEPROOF_CACHE", &*CACHE);
        command
    }

    pub fn start(&self, args: &[&str]) -> Running {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child: Some(child), started: Instant::now() }
    }

    #[track_caller]
    pub fn assert_clean(&self, grace: Duration, when: &str) {
        assert_clean(&self.before, self.folder.0.path(), &CACHE, grace, when);
    }

    /// Waits until the only run has begun its step of this number, from 0.
    #[track_caller]
    pub fn wait_for_step(&self, number: usize) {
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
    pub fn verdict(&self) -> (String, String) {
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(self.folder.path("result.json")).unwrap()).unwrap();
        let text = |key: &str| json["runs"][0][key].as_str().unwrap_or_default().to_string();
        (text("outcome"), text("reason"))
    }
}

/// A started invocation; killed if a test panics.
pub struct Running {
    pub child: Option<Child>,
    pub started: Instant,
}

impl Running {
    pub fn pid(&self) -> i32 {
        self.child.as_ref().unwrap().id() as i32
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub fn end(mut self) -> Said {
        self.child.take().unwrap().wait_with_output().unwrap().into()
    }

    /// Waits until a lab's two nodes stand and have started daemons; gives the lab's init and the nodes' agents.
    #[track_caller]
    pub fn lab(&self) -> (i32, Vec<i32>) {
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

/// One image of a cache: what its name means, and the trees.
pub fn copy_image(from: &Path, to: &Path) {
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
