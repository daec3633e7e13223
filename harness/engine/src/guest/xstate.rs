//! Guest kernels up to 6.12 on processors that have more state than they know of.
//!
//! Such a kernel gives its processes their floating point registers back by `PTRACE_SETREGSET` with `NT_X86_XSTATE` and a
//! length that was fixed when it was built: 2696 bytes, the state up to AVX-512 and protection keys. The host's kernel wants
//! the length of all state that the processor has (arch/x86/kernel/fpu/regset.c, `xstateregs_set`), with AMX 11008 bytes, and
//! answers EFAULT, whereupon the guest panics as it starts its first process. The length is put right in a copy in memory. What is read
//! beyond the guest's buffer means nothing: a header at its start says which state is there, and the guest has only what it was
//! given in the buffer.

use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// `mov edi, PTRACE_SETREGSET`, which one place in the kernel does.
const SETREGSET: [u8; 5] = [0xbf, 0x05, 0x42, 0, 0];

/// The length in kernels whose length is fixed (arch/x86/include/asm/ptrace.h of 6.1, `FP_SIZE`), bytes.
const FIXED: u32 = 2696;

/// How far before that instruction the length is written, bytes.
const BEFORE: usize = 32;

/// A copy of the kernel with the host's length, if it needs one.
pub fn mended(program: &Path) -> io::Result<Option<OwnedFd>> {
    let host = host();
    if host <= FIXED {
        return Ok(None);
    }
    let mut kernel = fs::read(program)?;
    let Some(at) = length(&kernel) else { return Ok(None) };
    kernel[at..at + 4].copy_from_slice(&host.to_le_bytes());
    let copy = memfd_create(c"linux.uml", MFdFlags::MFD_CLOEXEC)?;
    let mut file = fs::File::from(copy);
    file.write_all(&kernel)?;
    Ok(Some(file.into()))
}

/// Where the kernel has the length, if it has one and it is fixed.
fn length(kernel: &[u8]) -> Option<usize> {
    let found: Vec<usize> = memchr::memmem::find_iter(kernel, &SETREGSET).collect();
    let [call] = found[..] else { return None };
    let start = call.saturating_sub(BEFORE);
    let found: Vec<usize> = memchr::memmem::find_iter(&kernel[start..call], &FIXED.to_le_bytes()).collect();
    match found[..] {
        [at] => Some(start + at),
        _ => None,
    }
}

/// The size of a processor's state with all features that the host's kernel has switched on, bytes (Intel SDM, CPUID leaf 0DH).
#[cfg(target_arch = "x86_64")]
#[allow(unused_unsafe, reason = "these functions are safe in newer releases of Rust only")]
fn host() -> u32 {
    use std::arch::x86_64::{__cpuid_count, __get_cpuid_max};
    // SAFETY: every x86-64 processor has CPUID.
    let (leaves, _) = unsafe { __get_cpuid_max(0) };
    // SAFETY: as above, and it has this leaf.
    if leaves >= 0xd { unsafe { __cpuid_count(0xd, 0) }.ebx } else { 0 }
}

#[cfg(not(target_arch = "x86_64"))]
fn host() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 6.1 has it: `mov QWORD PTR [rbp-8], 2696`, then the request.
    const FIXED_LENGTH: [u8; 15] =
        [0x48, 0xc7, 0x45, 0xf8, 0x88, 0x0a, 0, 0, 0xbf, 0x05, 0x42, 0, 0, 0x31, 0xc0];

    #[test]
    fn a_fixed_length_is_found_where_it_belongs_to_the_request() {
        // The same number elsewhere is something else.
        let kernel = [&FIXED.to_le_bytes(), &[0x90; 64][..], &FIXED_LENGTH].concat();
        assert_eq!(length(&kernel), Some(4 + 64 + 4));
    }

    #[test]
    fn what_is_not_told_apart_for_sure_is_left_alone() {
        let twice = [FIXED_LENGTH, FIXED_LENGTH].concat();
        let measured = [&[0x90; 64][..], &SETREGSET].concat();
        let ambiguous = [&FIXED.to_le_bytes()[..], &FIXED_LENGTH].concat();
        for kernel in [&twice[..], &measured, &ambiguous, &SETREGSET, &[]] {
            assert_eq!(length(kernel), None);
        }
    }
}
