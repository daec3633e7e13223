//! The run directory: where an invocation leaves its plan, events, results, configurations and logs.
//!
//! ```text
//! routeproof-runs/
//!   .gitignore            "*", when we made the folder
//!   latest                symbolic link to the newest run directory, best effort
//!   20260131T120102Z-4711/
//!     .routeproof-run     the marker: locked while the invocation lives; only marked directories are ever pruned
//!     plan.json  events.jsonl  result.json  summary.md  topology-one-gateway.svg
//!     000-frr-ordering-7.5.1-after-permit-all-ipv4/
//!       observations.jsonl
//!       nodes/worker/frr.conf.1  nodes/worker/logs/bgpd.log
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use routeproof_model::event::RunId;

/// Where run directories go unless `--run-dir` names another folder.
pub const DEFAULT_PARENT: &str = "routeproof-runs";
/// How many run directories are kept, the new one included.
pub const KEEP: usize = 20;

const MARKER: &str = ".routeproof-run";
const LATEST: &str = "latest";
/// Longest name that we make of users' words; a file name may have 255 bytes.
const MAX_NAME: usize = 120;

/// A run directory could not be made or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct RunDirError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn tried(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunDirError {
    let path = path.to_owned();
    move |source| RunDirError { action, path, source }
}

/// The directory of one invocation. It is safe from pruning as long as this value lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _marker: File,
}

impl RunDir {
    /// Makes a new directory below `parent`, which is created when it is missing, and prunes older ones down to
    /// [`KEEP`]. Invocations that start in the same second, also in several pid namespaces, get different ones.
    pub fn create_in(parent: &Path) -> Result<RunDir, RunDirError> {
        RunDir::create_keeping(parent, KEEP)
    }

    /// [`RunDir::create_in`], pruning down to `keep`.
    pub fn create_keeping(parent: &Path, keep: usize) -> Result<RunDir, RunDirError> {
        RunDir::create(parent, SystemTime::now(), keep)
    }

    fn create(parent: &Path, now: SystemTime, keep: usize) -> Result<RunDir, RunDirError> {
        make_parent(parent)?;
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let name = format!("{}-{}", utc_stamp(seconds), std::process::id());
        let path = make_unique(parent, &name)?;
        let marker = path.join(MARKER);
        let lock = || {
            // Locked before it has its name: a marker that anyone can find unlocked belongs to an ended invocation.
            let unnamed = path.join(format!("{MARKER}.new"));
            let mut file = File::create_new(&unnamed)?;
            file.lock()?;
            writeln!(file, "routeproof {} made this directory and prunes it", env!("CARGO_PKG_VERSION"))?;
            fs::rename(&unnamed, &marker)?;
            Ok(file)
        };
        let dir = RunDir { _marker: lock().map_err(tried("write", &marker))?, path };
        point_latest(parent, &dir.path);
        prune(parent, keep);
        Ok(dir)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The locked marker: whoever holds a copy of the descriptor keeps the directory from being pruned.
    pub fn marker(&self) -> BorrowedFd<'_> {
        self._marker.as_fd()
    }

    /// The directory again, in a process that was handed its marker.
    pub fn from_marker(path: PathBuf, marker: OwnedFd) -> RunDir {
        RunDir { path, _marker: marker.into() }
    }

    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    pub fn result(&self) -> PathBuf {
        self.path.join("result.json")
    }

    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.md")
    }

    /// The drawing of a topology.
    pub fn drawing(&self, topology: &str) -> PathBuf {
        drawing_in(&self.path, topology)
    }

    /// Makes the folder of one run; `index` is its number in the plan, the same as in events.
    pub fn run(&self, index: usize, id: &RunId) -> Result<RunFolder, RunDirError> {
        let words = std::iter::once(&id.scenario).chain(id.axes.iter().map(|(_, value)| value));
        let words: Vec<&str> = words.map(String::as_str).collect();
        let relative = PathBuf::from(format!("{index:03}-{}", slug(&words.join("-"))));
        let path = self.path.join(&relative);
        fs::create_dir(&path).map_err(tried("create", &path))?;
        Ok(RunFolder { path, relative })
    }
}

/// [`RunDir::drawing`], of a run directory that another invocation made.
pub fn drawing_in(directory: &Path, topology: &str) -> PathBuf {
    directory.join(format!("topology-{}.svg", slug(topology)))
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    relative: PathBuf,
}

impl RunFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Relative to the run directory: what events and results say.
    pub fn relative(&self) -> &Path {
        &self.relative
    }

    pub fn observations(&self) -> PathBuf {
        self.path.join("observations.jsonl")
    }

    /// Makes the folder of another try of the run, beside this one; the first try is number 1.
    pub fn again(&self, number: u32) -> Result<RunFolder, RunDirError> {
        let beside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!("-try{number}"));
            PathBuf::from(name)
        };
        let folder = RunFolder { path: beside(&self.path), relative: beside(&self.relative) };
        fs::create_dir(&folder.path).map_err(tried("create", &folder.path))?;
        Ok(folder)
    }

    /// Makes the folder of a node, with its `logs`; it may exist.
    pub fn node(&self, name: &str) -> Result<NodeFolder, RunDirError> {
        let inner = Path::new("nodes").join(slug(name));
        let path = self.path.join(&inner);
        let logs = path.join("logs");
        fs::create_dir_all(&logs).map_err(tried("create", &logs))?;
        Ok(NodeFolder { path, relative: self.relative.join(inner) })
    }
}

/// The folder of one node of a run.
#[derive(Clone, Debug)]
pub struct NodeFolder {
    path: PathBuf,
    relative: PathBuf,
}

impl NodeFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log of a daemon or command: `logs/<name>.log`.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(format!("{}.log", slug(name)))
    }

    /// Saves a configuration as `frr.conf.<stage>` and gives its path relative to the run directory, as artifacts are named.
    pub fn save_conf(&self, stage: &str, text: &str) -> Result<PathBuf, RunDirError> {
        let name = format!("frr.conf.{}", slug(stage));
        let path = self.path.join(&name);
        fs::write(&path, text).map_err(tried("write", &path))?;
        Ok(self.relative.join(name))
    }
}

/// Makes `parent`; a folder that we made gets a `.gitignore`, one that the user had is left alone.
fn make_parent(parent: &Path) -> Result<(), RunDirError> {
    if let Some(above) = parent.parent().filter(|above| !above.as_os_str().is_empty()) {
        fs::create_dir_all(above).map_err(tried("create", above))?;
    }
    match fs::create_dir(parent) {
        Ok(()) => {
            let ignore = parent.join(".gitignore");
            fs::write(&ignore, "*\n").map_err(tried("write", &ignore))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && parent.is_dir() => Ok(()),
        Err(error) => Err(tried("create", parent)(error)),
    }
}

/// Making a directory is atomic, so the name is ours or taken.
fn make_unique(parent: &Path, name: &str) -> Result<PathBuf, RunDirError> {
    let mut path = parent.join(name);
    let mut attempt = 1;
    loop {
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < 1000 => {
                attempt += 1;
                path = parent.join(format!("{name}-{attempt}"));
            }
            Err(error) => return Err(tried("create", &path)(error)),
        }
    }
}

/// Points `latest` at a run directory by one rename. Nothing depends on it, so failures are not worth a word; a
/// file or folder of that name that is no link is not ours.
fn point_latest(parent: &Path, target: &Path) {
    let latest = parent.join(LATEST);
    let ours = fs::symlink_metadata(&latest).map_or(true, |meta| meta.is_symlink());
    let (Some(name), true) = (target.file_name(), ours) else { return };
    let temporary = parent.join(format!(".{LATEST}-{}", name.to_string_lossy()));
    if std::os::unix::fs::symlink(name, &temporary).is_ok() && fs::rename(&temporary, &latest).is_err() {
        let _ = fs::remove_file(&temporary);
    }
}

/// Our run directories below `parent` whose invocation has ended.
pub fn ended(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let ended = |path: &PathBuf| {
        let real = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
        // Shared, so that it keeps nobody from pruning.
        real && File::open(path.join(MARKER)).is_ok_and(|marker| marker.try_lock_shared().is_ok())
    };
    entries.flatten().map(|entry| entry.path()).filter(ended).collect()
}

/// Removes the oldest run directories beyond `keep`: only real directories that carry our marker and whose
/// invocation has ended. Best effort: what cannot be removed stays.
fn prune(parent: &Path, keep: usize) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let is_ours = |path: &PathBuf| {
        let is_dir = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
        is_dir && fs::symlink_metadata(path.join(MARKER)).is_ok_and(|meta| meta.is_file())
    };
    // Names start with the time and so sort by age.
    let mut ours: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_ours).collect();
    ours.sort();
    let surplus = ours.len().saturating_sub(keep);
    for path in &ours[..surplus] {
        let _ = remove_run(path);
    }
}

fn remove_run(path: &Path) -> io::Result<()> {
    let marker_path = path.join(MARKER);
    let marker = File::open(&marker_path)?;
    match marker.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // The marker goes last, so that a removal that is cut short is resumed the next time.
    for entry in fs::read_dir(path)?.flatten().filter(|entry| entry.path() != marker_path) {
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    fs::remove_file(&marker_path)?;
    fs::remove_dir(path)
}

/// Turns users' words into one harmless file name: other characters than letters, digits, `.`, `_` and `-` become `-`.
fn slug(words: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = words.chars().map(harmless).take(MAX_NAME).collect();
    // No `.` or `..`, no hidden files, no empty names.
    match name.trim_start_matches('.') {
        "" => "-".to_owned(),
        visible => visible.to_owned(),
    }
}

/// `20260131T120102Z`: ISO 8601's basic form, for seconds since 1970 in UTC.
fn utc_stamp(seconds: u64) -> String {
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// `2026-01-31 12:01:02 UTC`, for seconds since 1970 in UTC.
pub fn utc(seconds: u64) -> String {
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Days since 1970-01-01 as year, month and day of the Gregorian calendar.
fn civil_date(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
