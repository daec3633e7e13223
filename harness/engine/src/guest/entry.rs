//! How a guest's processes come to run: as a lab's init does, this binary is executed again and a constructor takes over
//! before `main`, told by an explicit marker. (Pid 1 proves nothing: in a container the host's side has it, too.)

use std::ffi::OsStr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use super::{init, keeper};

/// "You are a guest's keeper", with the number of the control socket.
pub const KEEPER: &str = "ROUTEPROOF_GUEST_KEEPER";

/// "You are pid 1 of a guest kernel", with the run's folder. The kernel passes it on from its command line.
pub const GUEST: &str = "ROUTEPROOF_GUEST";

/// Where the guest's kernel, a process of the host, finds the host's root.
pub const HOST_ROOT: &str = "ROUTEPROOF_HOST_ROOT";

/// Set in the guest for labs' inits: they need no user namespace to be kept from the machine, because it is the guest.
const IN_GUEST: &str = "ROUTEPROOF_IN_GUEST";

#[ctor::ctor(unsafe)]
fn take_over() {
    if let Some(fd) = std::env::var_os(KEEPER).and_then(|v| v.to_str().and_then(|v| v.parse::<RawFd>().ok()))
    {
        // SAFETY: the harness that set the marker left this descriptor open for us and nobody else uses it.
        let control = unsafe { OwnedFd::from_raw_fd(fd) };
        std::process::exit(keeper::main(control));
    }
    if let Some(folder) = std::env::var_os(GUEST) {
        let host = std::env::var_os(HOST_ROOT).unwrap_or_else(|| "/".into());
        // Whatever this process starts is not pid 1 of a guest.
        replace_variable(GUEST, None);
        replace_variable(IN_GUEST, Some(OsStr::new("1")));
        // The host's /tmp is read-only here.
        replace_variable("TMPDIR", Some(OsStr::new("/dev/shm")));
        init::main(&PathBuf::from(folder), &PathBuf::from(host));
    }
}

/// Whether this process lives in a guest kernel of ours.
pub fn is_guest() -> bool {
    std::env::var_os(IN_GUEST).is_some()
}

fn replace_variable(name: &str, value: Option<&OsStr>) {
    // SAFETY: no other thread exists before `main`, and none of ours has been started.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}
