//! What becomes of the keys that the embedded lab does not use: a warning where ignoring them cannot change what the lab
//! shows, an error where it could.

use super::file::NodeFile;
use super::layers::Layer;
use super::stages::Stages;
use super::words::words;
use crate::diag::{Diagnostic, Seg, Source};

type IsSet = fn(&NodeFile) -> bool;

/// Keys about containers, images, limits and management access: harmless to ignore.
const NO_EFFECT: [(&str, IsSet, &str); 32] = [
    ("cmd", |n| keeps_alive(n.cmd.as_deref()), "a node lives as long as its lab"),
    (
        "stages",
        |n| n.stages.as_ref().is_some_and(Stages::hold_anyway),
        "every node and link is there before the first `exec` line runs",
    ),
    ("type", |n| n.type_.is_some(), "it selects a vendor's hardware variant"),
    ("license", |n| n.license.is_some(), "no node here needs a licence"),
    ("position", |n| n.position.is_some(), "it places the node in a drawing"),
    ("image-pull-policy", |n| n.image_pull_policy.is_some(), "images are cached by content"),
    ("restart-policy", |n| n.restart_policy.is_some(), "a daemon that stops is reported, not restarted"),
    (
        "enforce-startup-config",
        |n| n.enforce_startup_config.is_some(),
        "every lab starts from its startup configs",
    ),
    ("suppress-startup-config", |n| n.suppress_startup_config.is_some(), "no startup config is generated"),
    ("auto-remove", |n| n.auto_remove.is_some(), "a lab leaves nothing behind"),
    ("config", |n| n.config.is_some(), "it feeds containerlab's template engine"),
    ("cap-add", |n| n.cap_add.is_some(), "a node may do what it likes inside the lab"),
    ("privileged", |n| n.privileged.is_some(), "a node may do what it likes inside the lab"),
    ("cgroupns-mode", |n| n.cgroupns_mode.is_some(), "there is no container"),
    ("cgroup-parent", |n| n.cgroup_parent.is_some(), "there is no container"),
    ("pid-mode", |n| n.pid_mode.is_some(), "there is no container"),
    ("security-opts", |n| n.security_opts.is_some(), "there is no container"),
    ("shm-size", |n| n.shm_size.is_some(), "there is no container"),
    ("ports", |n| n.ports.as_ref().is_some_and(|p| !p.is_empty()), "a lab publishes nothing to the host"),
    ("mgmt-ipv4", |n| n.mgmt_ipv4.is_some(), "there is no management network"),
    ("mgmt-ipv6", |n| n.mgmt_ipv6.is_some(), "there is no management network"),
    ("aliases", |n| n.aliases.is_some(), "there is no management network to resolve names in"),
    ("dns", |n| n.dns.is_some(), "there is no way out of the lab"),
    ("runtime", |n| n.runtime.is_some(), "there is no container"),
    ("cpu", |n| n.cpu.is_some(), "nodes share the machine without limits"),
    ("cpu-set", |n| n.cpu_set.is_some(), "nodes share the machine without limits"),
    ("memory", |n| n.memory.is_some(), "nodes share the machine without limits"),
    ("extras", |n| n.extras.is_some(), "it holds options of kinds that run in containers"),
    ("certificate", |n| n.certificate.is_some(), "no node here asks for a certificate"),
    ("healthcheck", |n| n.healthcheck.is_some(), "scenarios wait for states instead"),
    (
        "credentials",
        |n| n.credentials.is_some() || n.username.is_some() || n.password.is_some(),
        "nobody logs in",
    ),
    ("link-apply-mode", |n| n.link_apply_mode.is_some(), "a lab is made anew each time"),
];

/// Keys that change what a node is or does: ignoring them would make a different lab.
const REFUSED: [(&str, IsSet, &str); 12] = [
    (
        "cmd",
        |n| set(&n.cmd) && !keeps_alive(n.cmd.as_deref()),
        "start what the node needs with `exec`; it runs once the links are up",
    ),
    (
        "entrypoint",
        |n| set(&n.entrypoint),
        "start what the node needs with `exec`; it runs once the links are up",
    ),
    (
        "user",
        |n| set(&n.user) && !matches!(n.user.as_deref(), Some("root" | "0" | "0:0" | "root:root")),
        "leave it out: `exec` lines run as the lab's root",
    ),
    (
        "network-mode",
        |n| set(&n.network_mode) && n.network_mode.as_deref() != Some("none"),
        "leave it out: each node has a network of its own, and none may use the host's",
    ),
    (
        "startup-delay",
        |n| n.startup_delay.is_some_and(|seconds| seconds > 0),
        "order events with a scenario's steps, which wait for states instead of seconds",
    ),
    ("env-files", |n| n.env_files.is_some(), "write the variables under `env`"),
    ("volumes", |n| n.volumes.is_some(), "bind a folder beside the topology with `binds`"),
    (
        "tmpfs",
        |n| n.tmpfs.is_some(),
        "leave it out: whatever a node writes is in memory and gone with the lab",
    ),
    ("devices", |n| n.devices.is_some(), "the containerlab backend will be needed for host devices"),
    (
        "stages",
        |n| n.stages.as_ref().is_some_and(|stages| !stages.hold_anyway()),
        "order events with a scenario's steps; only waiting for `create` and `create-links` is the same here",
    ),
    ("components", |n| n.components.is_some(), "the containerlab backend will be needed for chassis routers"),
    (
        "env.__IMPORT_ENVS",
        |n| n.env.as_ref().is_some_and(|env| env.contains_key("__IMPORT_ENVS")),
        "write the variables under `env`; a lab must not depend on who runs it",
    ),
];

fn set(value: &Option<String>) -> bool {
    value.as_deref().is_some_and(|v| !v.is_empty())
}

/// Commands whose only purpose is that Docker does not stop the container: a shell without a script, `sleep`, `tail -f`.
fn keeps_alive(cmd: Option<&str>) -> bool {
    let words = words(cmd.unwrap_or_default()).unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let program = words.first().map_or("", |w| w.rsplit('/').next().unwrap_or(w));
    match (program, &words[words.len().min(1)..]) {
        ("sh" | "ash" | "bash" | "dash", []) | ("sleep", [_]) | ("tail", ["-f", "/dev/null"]) => true,
        ("sh" | "ash" | "bash" | "dash", ["-c", script]) => {
            script.strip_prefix("sleep ").is_some_and(|time| time.chars().all(|c| c.is_ascii_alphanumeric()))
        }
        _ => false,
    }
}

/// Refuses the first unsupported key of a layer; notes those without effect.
pub(super) fn check(source: &Source, layer: &Layer<'_>, warnings: &mut Warnings) -> Result<(), Diagnostic> {
    for (key, is_set, instead) in REFUSED {
        if is_set(layer.fields) {
            let path: Vec<Seg> = layer.at.iter().cloned().chain(key.split('.').map(Seg::from)).collect();
            return Err(source
                .error_at_key(&path, format!("`{key}` is not supported yet"))
                .hint(instead)
                .unsupported());
        }
    }
    for (key, is_set, reason) in NO_EFFECT {
        if is_set(layer.fields) {
            let written =
                if key == "credentials" && layer.fields.credentials.is_none() { "username" } else { key };
            warnings.note(written, reason, layer.path(written));
        }
    }
    Ok(())
}

/// Warnings, one per key however often it is written: nobody reads a hundred equal lines.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    noted: Vec<(String, String, Vec<Seg>, usize)>,
}

impl Warnings {
    pub(super) fn note(&mut self, key: &str, reason: &str, path: Vec<Seg>) {
        match self.noted.iter_mut().find(|(k, r, ..)| k == key && r == reason) {
            Some((.., more)) => *more += 1,
            None => self.noted.push((key.to_owned(), reason.to_owned(), path, 0)),
        }
    }

    pub(super) fn into_diagnostics(self, source: &Source) -> Vec<Diagnostic> {
        let diagnostic = |(key, reason, path, more): (String, String, Vec<Seg>, usize)| {
            let also = match more {
                0 => String::new(),
                1 => ", here and in 1 more place".to_owned(),
                _ => format!(", here and in {more} more places"),
            };
            source
                .error_at_key(&path, format!("`{key}` has no effect in the embedded lab{also}: {reason}"))
                .warning()
        };
        self.noted.into_iter().map(diagnostic).collect()
    }
}
