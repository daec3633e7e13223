//! What an invocation could leave on the host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A moment of the host, as far as a lab could have changed it. Other people's labs may come and go meanwhile: a process
/// is ours if its mounts, its working folder or its environment name our temporary folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// pid -> command line, of ours only.
    pub processes: BTreeMap<i32, String>,
    /// Namespaces (net, pid, mnt, user, ipc, uts) that only our processes are in.
    pub namespaces: BTreeSet<String>,
    /// Network interfaces of this network namespace.
    pub links: BTreeSet<String>,
    /// This mount namespace's mounts; named network namespaces are among them.
    pub mounts: BTreeSet<String>,
    /// Entries of the places in which a program could leave something: TMPDIR, HOME, /run, /dev/shm, the cache.
    pub files: BTreeSet<PathBuf>,
}

impl Host {
    /// `folder` is the invocation's working folder; it has its TMPDIR and its HOME in it.
    pub fn now(folder: &Path, cache: &Path) -> Host {
        let mut host = Host { links: names(Path::new("/sys/class/net")), ..Host::default() };
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        // Without the mount's own numbers.
        host.mounts = mounts.lines().map(|l| l.split(' ').skip(2).collect::<Vec<_>>().join(" ")).collect();
        for place in [folder.join("tmp"), folder.join("home"), "/run/netns".into(), "/dev/shm".into()] {
            host.files.extend(below(&place));
        }
        for part in ["trees", "refs", "staging"] {
            host.files.extend(below(&cache.join(part)));
        }
        host.look_for_processes(&folder.to_string_lossy());
        host
    }

    fn look_for_processes(&mut self, folder: &str) {
        let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
        for name in names(Path::new("/proc")) {
            let Ok(pid) = name.parse::<i32>() else { continue };
            let proc = Path::new("/proc").join(&name);
            let is_ours = pid != std::process::id() as i32 && names_folder(&proc, folder);
            if is_ours {
                let command = fs::read_to_string(proc.join("cmdline")).unwrap_or_default().replace('\0', " ");
                self.processes.insert(pid, command);
            }
            for kind in ["net", "pid", "mnt", "user", "ipc", "uts"] {
                if let Ok(namespace) = fs::read_link(proc.join("ns").join(kind)) {
                    let namespace = namespace.to_string_lossy().into_owned();
                    if is_ours {
                        ours.insert(namespace)
                    } else {
                        others.insert(namespace)
                    };
                }
            }
        }
        self.namespaces = ours.difference(&others).cloned().collect();
    }

    /// What is in `self` and was not there before.
    fn left_over(&self, before: &Host) -> Vec<String> {
        let mut left = Vec::new();
        let new = |pid: &&i32| !before.processes.contains_key(pid);
        left.extend(
            self.processes.keys().filter(new).map(|pid| format!("process {pid}: {}", self.processes[pid])),
        );
        let sets = [
            ("namespace", &self.namespaces, &before.namespaces),
            ("link", &self.links, &before.links),
            ("mount", &self.mounts, &before.mounts),
        ];
        for (what, after, before) in sets {
            left.extend(after.difference(before).map(|one| format!("{what} {one}")));
        }
        left.extend(self.files.difference(&before.files).map(|file| format!("file {}", file.display())));
        left
    }
}

/// Waits until nothing is left of what has come since `before`, for at most `grace`.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "a kernel that tears down namespaces sends no event")]
pub fn assert_clean(before: &Host, folder: &Path, cache: &Path, grace: Duration, when: &str) {
    let end = Instant::now() + grace;
    loop {
        let left = Host::now(folder, cache).left_over(before);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "left on the host {when}:\n  {}", left.join("\n  "));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let of_main_thread = text.split_whitespace().filter_map(|word| word.parse().ok());
    // A runtime's threads have children of their own.
    let threads =
        names(&PathBuf::from(format!("/proc/{pid}/task"))).into_iter().filter(|t| *t != pid.to_string());
    let of_threads = threads.flat_map(|thread| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<i32>>()
    });
    of_main_thread.chain(of_threads).collect()
}

fn names_folder(proc: &Path, folder: &str) -> bool {
    let text = |name: &str| {
        fs::read(proc.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    };
    fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd.to_string_lossy().starts_with(folder))
        || text("environ").contains(folder)
        || text("mountinfo").contains(folder)
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The entries of a folder, and theirs; not deeper, a root filesystem is large. With their change times: a write counts.
fn below(dir: &Path) -> Vec<PathBuf> {
    let list =
        |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let first = list(dir);
    let second = first.iter().filter(|path| path.is_dir() && !path.is_symlink()).flat_map(|path| list(path));
    let dated = |path: &PathBuf| match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => format!("{} of {}", path.display(), meta.ctime()).into(),
        _ => path.clone(),
    };
    let second: Vec<PathBuf> = second.collect();
    first.iter().chain(&second).map(dated).collect()
}
