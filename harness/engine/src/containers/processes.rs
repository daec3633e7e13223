//! Processes of this machine, as /proc tells of them: the way from a pod's program to its namespaces needs no container runtime.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::error::ContainerError;

/// A network namespace: the inode of /proc/PID/ns/net (namespaces(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetNs(u64);

impl NetNs {
    /// Of a process.
    ///
    /// # Errors
    /// There is none of that pid here.
    pub fn of(name: &str, pid: i32) -> Result<NetNs, ContainerError> {
        let found = fs::metadata(format!("/proc/{pid}/ns/net"));
        found.map(|meta| NetNs(meta.ino())).map_err(|_| ContainerError::Elsewhere { name: name.to_string(), pid })
    }
}

/// A program that runs in a node's network namespace, in namespaces of its own otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    pub pid: i32,
    /// Field 22 of /proc/PID/stat: with it, another process of the same number is told apart.
    started: u64,
}

impl Program {
    /// The processes of that name (the first 15 bytes of it, comm in proc(5)) in a network namespace, oldest first.
    pub fn all(netns: NetNs, comm: &str) -> Vec<Program> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut found: Vec<Program> = pids
            .filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim_end() == comm))
            .filter(|pid| NetNs::of("", *pid).is_ok_and(|of| of == netns))
            .filter_map(|pid| Some(Program { pid, started: started(pid)? }))
            .collect();
        found.sort_by_key(|program| (program.started, program.pid));
        found
    }

    /// Whether it has begun after the other.
    pub fn is_newer_than(&self, other: &Program) -> bool {
        (self.started, self.pid) > (other.started, other.pid)
    }

    pub fn is_alive(&self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

/// When a process began, unless it has ended.
pub fn started(pid: i32) -> Option<u64> {
    routeproof_model::real::LabName::start_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_its_name() {
        let own = std::process::id() as i32;
        let comm = fs::read_to_string("/proc/self/comm").unwrap();
        let netns = NetNs::of("here", own).unwrap();
        let found = Program::all(netns, comm.trim_end());
        let this = found.iter().find(|program| program.pid == own).unwrap();
        assert!(this.is_alive());
        assert!(!Program { started: this.started + 1, ..*this }.is_alive());
        assert!(NetNs::of("x", -1).is_err());
    }
}
