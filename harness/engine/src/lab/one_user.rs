//! For daemons that give up root: a lab may have one user only, and no say about groups (user_namespaces(7)).

use std::io;

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xC000_00B7;

/// Offsets in `struct seccomp_data` (linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// Lets setgroups(2) succeed and do nothing, for this process and its children: they are in no group, and stay so. A kernel without
/// seccomp has it fail as before. Async-signal-safe, for use between fork and exec; needs CAP_SYS_ADMIN in the user namespace.
pub fn without_groups() -> io::Result<()> {
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let unless = |value, skip| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skip, value);
    let end = |value| step(libc::BPF_RET | libc::BPF_K, 0, 0, value);
    let mut filter = [
        load(ARCHITECTURE),
        unless(ARCH, 3),
        load(NUMBER),
        unless(libc::SYS_setgroups as u32, 1),
        // The error number 0: success.
        end(libc::SECCOMP_RET_ERRNO),
        end(libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which lives until the call returns.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    match io::Error::last_os_error() {
        _ if set == 0 => Ok(()),
        error if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        error => Err(error),
    }
}

fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}
