//! What the host must allow, and what to do where it does not.

mod docker;

pub use docker::docker;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use netlink_packet_route::link::InfoKind;

use crate::cluster::{CAPABILITY, Found, Programs};
use crate::guest::{self, KernelSource};
use crate::image::{Quiet, Store};
use crate::lab::{Lab, LabSpec, rtnl};
use crate::run::RunError;

/// Something that a scenario may need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Capability {
    pub name: String,
    pub present: bool,
    /// What was found, or what is missing.
    pub detail: String,
    pub hints: Vec<String>,
}

/// Looks for everything that routeproof knows to use.
pub async fn probe() -> Vec<Capability> {
    let mut found = kernel().await;
    found.push(docker().await);
    found.push(program(
        "kind",
        "kind.sigs.k8s.io/docs/user/quick-start: one binary, or `go install sigs.k8s.io/kind@latest`",
    ));
    found.push(program(
        "containerlab",
        "only for vendors' routers with `--backend containerlab`; containerlab.dev/install: packages for Debian and Fedora, or one binary",
    ));
    found
}

/// Only what the kernel has: namespaces, links, queueing disciplines.
pub async fn kernel() -> Vec<Capability> {
    kernel_in(&std::env::temp_dir()).await
}

/// What a guest kernel is good for, by booting it; it is not pulled for that.
pub async fn guest(source: &KernelSource, store: &Store) -> Capability {
    let name = source.name();
    if !source.is_here(store) {
        let hint = format!("`routeproof images pull {name}`; a run that needs it does that by itself");
        return capability(GUEST, Err((format!("{name} is not in the cache"), vec![hint])));
    }
    let found = in_a_guest(source, store)
        .await
        .map_err(|e| (format!("{name} does not work here: {}", e.line()), e.hints()));
    let found = found.map(|capabilities| {
        let names = |present| {
            let fitting = capabilities.iter().filter(|c| c.present == present).map(|c| c.name.as_str());
            fitting.collect::<Vec<_>>().join(", ")
        };
        match names(false).as_str() {
            "" => format!("{name} boots and has {}", names(true)),
            lacks => format!("{name} boots and has {}; it lacks {lacks}", names(true)),
        }
    });
    capability(GUEST, found)
}

/// Whether there are programs for labs with real speakers.
pub fn cluster_programs(programs: &Programs) -> Capability {
    let hint = "`ci/cluster-programs` in routeproof's repository builds them; it needs Go and a module proxy";
    match programs.releases() {
        Err(missing) => capability(CAPABILITY, Err((missing.to_string(), vec![hint.to_string()]))),
        Ok(found) => {
            let detail =
                format!("of MetalLB {}", found.iter().filter_map(modes).collect::<Vec<_>>().join(", "));
            let lacks = found.into_iter().flat_map(|release| release.modes);
            let hints =
                lacks.filter_map(|(mode, missing)| Some(format!("in mode {}: {}", mode.name(), missing?)));
            Capability { hints: hints.collect(), ..capability(CAPABILITY, Ok(detail)) }
        }
    }
}

/// A release with the modes that can be run.
fn modes(found: &Found) -> Option<String> {
    let whole = found.modes.iter().filter(|(_, missing)| missing.is_none());
    let names: Vec<&str> = whole.map(|(mode, _)| mode.name()).collect();
    (!names.is_empty()).then(|| format!("{} ({})", found.version, names.join(", ")))
}

/// What a guest kernel has, by booting it; it is pulled if need be.
///
/// # Errors
/// It cannot be had, or does not come up.
pub async fn in_a_guest(source: &KernelSource, store: &Store) -> Result<Vec<Capability>, RunError> {
    let kernel = source.obtain(store, &Quiet).await?;
    Ok(guest::probe(&kernel).await?)
}

/// Those that are needed and not there.
pub(crate) fn missing<'a>(needs: &BTreeSet<String>, found: &'a [Capability]) -> Vec<&'a Capability> {
    found.iter().filter(|c| !c.present && needs.contains(&c.name)).collect()
}

/// Boots an empty lab, the only honest test, and asks the kernel in it for what scenarios may need. For a moment there is a
/// folder in `parent`.
pub(crate) async fn kernel_in(parent: &Path) -> Vec<Capability> {
    let (found, features) = match empty_lab(parent).await {
        Ok((lab, _folder)) => {
            let features = kernel_features(&lab);
            lab.shutdown().await;
            let who = if nix::unistd::geteuid().is_root() { "as root" } else { "as an ordinary user" };
            (Ok(format!("labs can be booted {who}")), features)
        }
        Err((detail, hints)) => {
            let unknown = |name: &str| {
                capability(name, Err(("no lab, no answer of the kernel".to_string(), Vec::new())))
            };
            let names = features().map(|(name, _)| name).into_iter().chain([NFTABLES, SERVICES]);
            (Err((detail, hints)), names.map(unknown).collect())
        }
    };
    [capability("namespaces", found)].into_iter().chain(features).collect()
}

fn capability(name: &str, found: Result<String, (String, Vec<String>)>) -> Capability {
    let present = found.is_ok();
    let (detail, hints) = found.map_or_else(|missing| missing, |detail| (detail, Vec::new()));
    Capability { name: name.to_string(), present, detail, hints }
}

async fn empty_lab(parent: &Path) -> Result<(Lab, tempfile::TempDir), (String, Vec<String>)> {
    let folder =
        tempfile::tempdir_in(parent).map_err(|e| (format!("no temporary folder: {e}"), Vec::new()))?;
    let spec = LabSpec { mount_point: folder.path().join("lab"), ..LabSpec::default() };
    match Lab::boot(spec, &folder.path().join("lab.log")).await {
        Ok(lab) => Ok((lab, folder)),
        Err(e) => {
            let cause = std::error::Error::source(&e).map(|c| format!(": {c}")).unwrap_or_default();
            Err((format!("{e}{cause}"), e.hints()))
        }
    }
}

/// A guest kernel.
pub const GUEST: &str = "uml";

/// Rules of topologies' own `nft`.
const NFTABLES: &str = "nftables";

/// Translation of addresses, which plays kube-proxy: by nf_tables, or by ip_tables.
const SERVICES: &str = "services";

/// Parts of the kernel that may be left out of it, or not be loaded.
fn features() -> [(&'static str, Vec<rtnl::Change>); 8] {
    let kind = |kind| vec![rtnl::probe_kind(kind)];
    [
        ("vrf", kind(InfoKind::Vrf)),
        ("vlan", kind(InfoKind::Vlan)),
        ("vlan-filtering", rtnl::probe_vlan_filtering()),
        ("bond", kind(InfoKind::Bond)),
        ("dummy", kind(InfoKind::Dummy)),
        ("macvlan", kind(InfoKind::MacVlan)),
        ("vxlan", kind(InfoKind::Vxlan)),
        ("netem", vec![rtnl::probe_qdisc("netem")]),
    ]
}

fn kernel_features(lab: &Lab) -> Vec<Capability> {
    let ask = |(name, changes): (&str, Vec<rtnl::Change>)| {
        let missing = match lab.try_changes(&changes) {
            Ok(()) => None,
            // Links and queueing disciplines have a word each for "I do not know this kind".
            Err(e) if matches!(e.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOENT)) => Some(e),
            // It knows the kind, and misses an attribute.
            Err(_) => None,
        };
        match missing {
            None => capability(name, Ok("the kernel has it".to_string())),
            Some(e) => {
                let hint = match name {
                    "vlan-filtering" => "the kernel's option is BRIDGE_VLAN_FILTERING".to_string(),
                    _ => format!("`sudo modprobe {}`, if this kernel has it as a module", module(name)),
                };
                capability(name, Err((format!("the kernel does not have it: {e}"), vec![hint])))
            }
        }
    };
    let hint = |module: &str| format!("`sudo modprobe {module}`, if this kernel has it as a module");
    let tables = lab.try_table();
    let services = match (&tables, lab.try_translation()) {
        (Ok(()), _) => Ok("the kernel has it, by nf_tables".to_string()),
        (Err(_), Ok(())) => Ok("the kernel has it, by ip_tables".to_string()),
        (Err(nft), Err(ip)) => {
            let why = format!("the kernel has neither nf_tables ({nft}) nor ip_tables ({ip})");
            Err((why, vec![hint(module(NFTABLES)), hint("iptable_nat")]))
        }
    };
    let tables = tables.map(|()| "the kernel has it".to_string());
    let tables =
        tables.map_err(|e| (format!("the kernel does not have it: {e}"), vec![hint(module(NFTABLES))]));
    let others = [capability(NFTABLES, tables), capability(SERVICES, services)];
    features().into_iter().map(ask).chain(others).collect()
}

fn module(feature: &str) -> &str {
    match feature {
        "vlan" => "8021q",
        "bond" => "bonding",
        "netem" => "sch_netem",
        NFTABLES => "nf_tables",
        other => other,
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
fn program(name: &str, source: &str) -> Capability {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    let missing = || ("not on PATH".to_string(), vec![source.to_string()]);
    capability(name, found.map(|file| file.display().to_string()).ok_or_else(missing))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this, a probe that nothing answers rightly would look like a poor kernel.
    #[tokio::test]
    async fn a_kernel_says_what_it_has_and_what_not() {
        let (lab, _folder) = match empty_lab(&std::env::temp_dir()).await {
            Ok(booted) => booted,
            Err((detail, _)) => return skip_test("namespaces", &detail),
        };
        let code = |change| lab.try_changes(&[change]).err().and_then(|e| e.raw_os_error());
        assert_eq!(code(rtnl::probe_kind(InfoKind::Bridge)), None);
        assert_eq!(code(rtnl::probe_kind(InfoKind::Other("nonsense".into()))), Some(libc::EOPNOTSUPP));
        assert_eq!(code(rtnl::probe_qdisc("nonsense")), Some(libc::ENOENT));
        assert_ne!(code(rtnl::probe_qdisc("pfifo_fast")), Some(libc::ENOENT));
        lab.shutdown().await;
    }
}
