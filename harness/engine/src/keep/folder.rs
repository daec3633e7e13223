//! State folders: which labs are kept, and which of them live.
//!
//! ```text
//! $XDG_RUNTIME_DIR/routeproof/     or /tmp/routeproof-UID/; mode 0700
//!   one-gateway/
//!     lock         flocked by the supervisor as long as it lives: the only proof of life
//!     state.json   for people and `inspect`
//!     socket       where the supervisor answers
//! ```
//! A folder gets its name by one rename when its lock is already held, and a dead one is removed with its lock held:
//! whatever is found without a held lock is dead.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::error::{KeepError, tried};
use crate::wait::{self, Probe};

const LOCK: &str = "lock";
const STATE: &str = "state.json";
const SOCKET: &str = "socket";
/// Somebody who looks whether a lab lives holds its lock for a moment.
const LOOKED_AT: Duration = Duration::from_millis(300);

/// What a supervisor writes down about itself. Only for display: pids are used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub name: String,
    pub pid: u32,
    pub topology: PathBuf,
    /// The guest kernel that the lab is in, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// The run folder: logs, configurations, observations.
    pub directory: PathBuf,
    /// Seconds since 1970.
    pub started_s: u64,
}

/// The folder that holds all state folders of this user.
#[derive(Clone, Debug)]
pub struct States {
    path: PathBuf,
}

/// A state folder that was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub name: String,
    pub path: PathBuf,
    pub alive: bool,
    /// `None` when it cannot be read, which a killed start leaves.
    pub state: Option<State>,
}

/// A state folder of ours: it counts as alive until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    lock: File,
}

impl States {
    /// # Errors
    /// When the folder exists and others may write to it.
    pub fn of_user() -> Result<States, KeepError> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let states = States { path: base(runtime.as_deref()) };
        match fs::symlink_metadata(&states.path) {
            Ok(_) => states.check()?,
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(tried("look at", &states.path)(e)),
        }
        Ok(states)
    }

    /// Where the state folders are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder that anybody else could have made, or can write to, is not trusted.
    fn check(&self) -> Result<(), KeepError> {
        let meta = fs::symlink_metadata(&self.path).map_err(tried("look at", &self.path))?;
        let uid = geteuid().as_raw();
        let why = match &meta {
            meta if !meta.is_dir() => "it is no folder".to_string(),
            meta if meta.uid() != uid => format!("it belongs to user {}, we are user {uid}", meta.uid()),
            meta if meta.mode() & 0o077 != 0 => format!("its mode is {:o}, not 700", meta.mode() & 0o777),
            _ => return Ok(()),
        };
        Err(KeepError::NotOurs { path: self.path.clone(), why })
    }

    /// All state folders, in the order of their names.
    pub fn list(&self) -> Result<Vec<Found>, KeepError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(tried("list", &self.path)(e)),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        Ok(names.iter().filter_map(|name| self.find(name)).collect())
    }

    pub fn find(&self, name: &str) -> Option<Found> {
        check_name(name).ok()?;
        let path = self.path.join(name);
        fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_dir)?;
        let state = fs::read(path.join(STATE)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Some(Found { name: name.to_string(), alive: is_held(&path), path, state })
    }

    /// Makes the state folder of a new lab and holds it. What a dead lab of that name left is removed.
    pub(super) async fn hold(&self, state: &State) -> Result<(Held, OwnedFd), KeepError> {
        check_name(&state.name)?;
        match DirBuilder::new().mode(0o700).recursive(true).create(&self.path) {
            Ok(()) => self.check()?,
            Err(e) => return Err(tried("create", &self.path)(e)),
        }
        let unnamed = self.path.join(format!(".{}-{}", state.name, std::process::id()));
        let path = self.path.join(&state.name);
        let made = self.prepare(&unnamed, state);
        let placed = match made {
            Ok(made) => place(&unnamed, &path, &state.name).await.map(|()| made),
            Err(e) => Err(e),
        };
        match placed {
            Ok((lock, listener)) => Ok((Held { path, lock }, listener)),
            Err(e) => {
                let _ = fs::remove_dir_all(&unnamed);
                Err(e)
            }
        }
    }

    fn prepare(&self, folder: &Path, state: &State) -> Result<(File, OwnedFd), KeepError> {
        // Of a start with our pid that was killed.
        let _ = fs::remove_dir_all(folder);
        DirBuilder::new().mode(0o700).create(folder).map_err(tried("create", folder))?;
        let fill = || {
            let lock = File::create_new(folder.join(LOCK))?;
            lock.lock()?;
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(STATE))?;
            serde_json::to_writer_pretty(&mut file, state)?;
            file.write_all(b"\n")?;
            let listener = seqpacket()?;
            with_short_path(folder, |address| Ok(bind(listener.as_raw_fd(), address)?))?;
            listen(&listener, Backlog::new(64)?)?;
            Ok((lock, listener))
        };
        fill().map_err(tried("fill", folder))
    }
}

/// Gives a prepared folder its name, unless a living lab has it.
async fn place(unnamed: &Path, path: &Path, name: &str) -> Result<(), KeepError> {
    let probe = async || match fs::rename(unnamed, path) {
        Ok(()) => Probe::Done(Ok(())),
        Err(e) if matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
            match remove_dead(path) {
                Ok(_) => Probe::NotYet("the name is taken".to_string()),
                Err(e) => Probe::Done(Err(e)),
            }
        }
        Err(e) => Probe::Done(Err(tried("name", path)(e))),
    };
    let placed =
        wait::until("the name is free", LOOKED_AT, Duration::from_millis(10), probe, wait::no_events);
    placed.await.unwrap_or_else(|_| Err(KeepError::Alive { name: name.to_string() }))
}

impl Held {
    /// Removes the folder. The lock stays held until this process is gone, for which `down` waits.
    pub fn remove(self) -> Result<(), KeepError> {
        let Held { path, lock } = self;
        std::mem::forget(lock);
        remove_files(&path)
    }

    /// Removes the folder and lets go of the lock: the lab is gone, this process stays.
    pub fn release(self) -> Result<(), KeepError> {
        remove_files(&self.path)
    }
}

impl Found {
    /// A connection to the supervisor.
    pub(super) fn connect(&self) -> io::Result<OwnedFd> {
        let socket = seqpacket()?;
        with_short_path(&self.path, |address| Ok(connect(socket.as_raw_fd(), address)?))?;
        Ok(socket)
    }

    /// The lock, once the supervisor has let go of it. Blocks its thread.
    pub(super) fn outlive(&self) {
        if let Ok(lock) = File::open(self.path.join(LOCK)) {
            let _ = lock.lock_shared();
        }
    }

    /// Whether a supervisor holds the folder now.
    pub fn lives(&self) -> bool {
        is_held(&self.path)
    }
}

impl Found {
    /// Removes what is left of the lab, if it is dead: the state folder, and the folder that the lab's own file system
    /// covered. Says whether there was something.
    pub(super) fn bury(&self) -> Result<bool, KeepError> {
        if !self.path.exists() || !remove_dead(&self.path)? {
            return Ok(false);
        }
        // rmdir(2) takes empty folders only.
        if let Some(state) = &self.state {
            for mount_point in ["lab", "guest"] {
                let _ = fs::remove_dir(state.directory.join(mount_point));
            }
        }
        Ok(true)
    }
}

/// Removes a state folder if nobody holds it, and says whether.
pub(super) fn remove_dead(path: &Path) -> Result<bool, KeepError> {
    let lock_path = path.join(LOCK);
    let lock = match File::open(&lock_path) {
        Ok(lock) => lock,
        // A removal that was cut short between the last file and the folder.
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Ok(fs::remove_dir(path).is_ok());
        }
        Err(e) => return Err(tried("open", &lock_path)(e)),
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(e)) => return Err(tried("lock", &lock_path)(e)),
    }
    // Another lab may have got the name between open and lock: then what we hold is no longer what is there.
    let inode = |meta: io::Result<fs::Metadata>| meta.map(|meta| (meta.dev(), meta.ino())).ok();
    if inode(lock.metadata()) != inode(fs::symlink_metadata(&lock_path)) {
        return Ok(false);
    }
    remove_files(path).map(|()| true)
}

fn remove_files(path: &Path) -> Result<(), KeepError> {
    for file in [SOCKET, STATE, LOCK] {
        match fs::remove_file(path.join(file)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(tried("remove", &path.join(file))(e)),
            _ => {}
        }
    }
    fs::remove_dir(path).map_err(tried("remove", path))
}

/// Unnamed folders of starts that were killed: those whose lock nobody holds.
pub(super) fn unnamed(states: &States) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(&states.path) else { return Vec::new() };
    let hidden = entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with('.'));
    // Without a lock it may be just being made.
    hidden.map(|e| e.path()).filter(|path| path.join(LOCK).exists() && !is_held(path)).collect()
}

fn is_held(path: &Path) -> bool {
    // Shared: lookers do not mistake each other for a supervisor.
    File::open(path.join(LOCK))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The XDG base directory specification asks for a folder that only the user can reach; without one, /tmp must do.
fn base(runtime: Option<&Path>) -> PathBuf {
    let uid = geteuid().as_raw();
    let ours = |path: &&Path| {
        path.is_absolute() && fs::metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == uid)
    };
    match runtime.filter(ours) {
        Some(path) => path.join("routeproof"),
        None => PathBuf::from(format!("/tmp/routeproof-{uid}")),
    }
}

/// A lab's name becomes a folder's name and a word of commands.
pub(super) fn check_name(name: &str) -> Result<(), KeepError> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let good = (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(harmless);
    if good { Ok(()) } else { Err(KeepError::Name { name: name.to_string() }) }
}

fn seqpacket() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?)
}

/// A socket's path has 107 bytes at most (unix(7)); through /proc it is short wherever the folder lies.
fn with_short_path<T>(folder: &Path, with: impl FnOnce(&UnixAddr) -> io::Result<T>) -> io::Result<T> {
    let folder = File::open(folder)?;
    let address = UnixAddr::new(&PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd())))?;
    with(&address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
