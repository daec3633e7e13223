//! What the host must allow, and what to do where it does not.

use std::fs;

use serde::Serialize;

use crate::lab::{Lab, LabSpec};

/// Something that a scenario may need.
#[derive(Clone, Debug, Serialize)]
pub struct Capability {
    pub name: String,
    pub present: bool,
    /// What was found, or what is missing.
    pub detail: String,
    pub hints: Vec<String>,
}

/// Looks for everything that routeproof knows to use.
pub async fn probe() -> Vec<Capability> {
    let mut found = vec![namespaces().await];
    found.extend(["docker", "kind", "containerlab"].map(program));
    found
}

/// Boots an empty lab: the only honest test.
async fn namespaces() -> Capability {
    let name = "namespaces".to_string();
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(e) => {
            return Capability {
                name,
                present: false,
                detail: format!("no temporary folder: {e}"),
                hints: Vec::new(),
            };
        }
    };
    let spec = LabSpec { mount_point: folder.path().join("lab"), ..LabSpec::default() };
    match Lab::boot(spec, &folder.path().join("lab.log")).await {
        Ok(lab) => {
            lab.shutdown().await;
            let who = if nix::unistd::geteuid().is_root() { "as root" } else { "as an ordinary user" };
            Capability { name, present: true, detail: format!("labs can be booted {who}"), hints: Vec::new() }
        }
        Err(e) => {
            let cause = std::error::Error::source(&e).map(|c| format!(": {c}")).unwrap_or_default();
            Capability { name, present: false, detail: format!("{e}{cause}"), hints: e.hints() }
        }
    }
}

/// For a test that cannot run here: says so on stderr, past the test harness, which hides what passing tests print.
///
/// # Panics
/// If the environment variable `ROUTEPROOF_REQUIRE` (`namespaces`, ..., separated by commas) demands the capability.
pub fn skip_test(capability: &str, reason: &str) {
    use std::io::Write;
    let required = std::env::var("ROUTEPROOF_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|name| name == capability), "{capability} is required: {reason}");
    // A closed stderr is nobody's loss.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {capability}: {reason}");
}

/// A program on PATH. What needs it is not built yet; the probe says what a later backend would find.
fn program(name: &str) -> Capability {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    Capability {
        name: name.to_string(),
        present: found.is_some(),
        detail: found.map_or_else(|| "not on PATH".to_string(), |file| file.display().to_string()),
        hints: Vec::new(),
    }
}

/// Why namespaces may be refused here, read from the kernel's own switches.
pub fn namespace_hints() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).ok().map(|v| v.trim().to_string());
    // For root, too: namespaces(7), "The /proc/sys/user directory".
    let used_up = ["user", "mnt", "pid", "net", "uts", "ipc"]
        .map(|kind| format!("user.max_{kind}_namespaces"))
        .into_iter()
        .filter(|name| read(&format!("/proc/sys/{}", name.replace('.', "/"))).as_deref() == Some("0"));
    let mut hints: Vec<String> = used_up
        .map(|name| format!("{name} is 0: `sudo sysctl {name}=10000`, or run as root of the host"))
        .collect();
    if nix::unistd::geteuid().is_root() {
        if hints.is_empty() {
            hints.push(
                "root lacks CAP_SYS_ADMIN here (a container, for instance): run it with `--privileged`, or with \
                 `--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined`"
                    .to_string(),
            );
        }
        return hints;
    }
    if read("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        hints.push(
            "kernel.unprivileged_userns_clone is 0: `sudo sysctl kernel.unprivileged_userns_clone=1`, or run as root"
                .to_string(),
        );
    }
    if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        hints.push(
            "Ubuntu's AppArmor forbids user namespaces to ordinary programs: \
             `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root"
                .to_string(),
        );
    }
    if hints.is_empty() {
        hints.push(
            "this user may not create namespaces here (a container's seccomp profile, for instance): run as root, \
             or allow user namespaces"
                .to_string(),
        );
    }
    hints
}
