//! What the host must allow, and what to do where it does not.

use std::fs;

/// Why namespaces may be refused here, read from the kernel's own switches.
pub fn namespace_hints() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).ok().map(|v| v.trim().to_string());
    let mut hints = Vec::new();
    if nix::unistd::geteuid().is_root() {
        hints.push(
            "root lacks CAP_SYS_ADMIN here (a container, for instance): run it with `--privileged`, or with \
             `--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined`"
                .to_string(),
        );
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
    if read("/proc/sys/user/max_user_namespaces").as_deref() == Some("0") {
        hints.push("user.max_user_namespaces is 0: `sudo sysctl user.max_user_namespaces=10000`, or run as root".to_string());
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
