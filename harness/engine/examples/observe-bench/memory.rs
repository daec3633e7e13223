//! What a piece of work needs of memory at its peak, beyond what the process had.

/// Peak of the resident set, from `start` on.
pub struct Peak {
    before: u64,
}

impl Peak {
    pub fn start() -> Peak {
        // SAFETY: gives free memory of the heap back; no pointer changes.
        unsafe { libc::malloc_trim(0) };
        // proc_pid_clear_refs(5): resets the high-water mark.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        Peak { before: status("VmRSS:") }
    }

    /// KiB.
    pub fn growth(&self) -> f64 {
        status("VmHWM:").saturating_sub(self.before) as f64
    }
}

fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
