//! What a topology's commands may do in a node: everything that network configuration needs, and nothing that reaches out.

use std::io;

/// linux/capability.h, by number: chown, dac_override, dac_read_search, fowner, fsetid, kill, setgid, setuid, setpcap,
/// net_bind_service, net_broadcast, net_admin, net_raw, ipc_lock, ipc_owner, sys_chroot, sys_nice, setfcap. Missing on
/// purpose: sys_admin, sys_module, sys_rawio, sys_ptrace, sys_boot, sys_time, mknod, bpf and perfmon.
const KEPT: [u32; 18] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 18, 23, 31];

/// The highest capability number that any kernel may have; asking for more gives EINVAL.
const LAST: u32 = 63;

/// Drops all other capabilities from the bounding set, which is what uid 0 gets at the next execve (capabilities(7)).
/// Async-signal-safe, for use between fork and exec.
pub fn confine() -> io::Result<()> {
    keep_capabilities(&KEPT)
}

/// Drops all capabilities but these from the bounding set.
pub fn keep_capabilities(kept: &[u32]) -> io::Result<()> {
    for capability in (0..=LAST).filter(|c| !kept.contains(c)) {
        // SAFETY: prctl with these arguments touches nothing but this process's credentials.
        let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) };
        if dropped == -1 {
            let error = io::Error::last_os_error();
            // Beyond the kernel's last capability there is nothing to drop.
            return if error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) };
        }
    }
    Ok(())
}
