//! Loading what a lab may need: there is no modprobe in the guest that knew where the modules are.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// In this order; those that they depend on come first. What is built in, or not there, is passed over.
const LINKS: [&str; 16] = [
    "ipv6",
    "overlay",
    "veth",
    "bridge",
    "8021q",
    "vrf",
    "bonding",
    "dummy",
    "macvlan",
    "vxlan",
    "team",
    "sch_netem",
    "sch_tbf",
    "sch_htb",
    "sch_prio",
    "af_packet",
];

/// What plays kube-proxy, or a topology's own `nft`. They take longer than all others together.
const FILTERS: [&str; 13] = [
    "nf_tables",
    "nft_chain_nat",
    "nft_masq",
    "nft_ct",
    "iptable_nat",
    "iptable_raw",
    "ip6table_nat",
    "ip6table_raw",
    "xt_nat",
    "xt_MASQUERADE",
    "xt_mark",
    "xt_multiport",
    "xt_statistic",
];

/// Loads the modules of the running kernel from `folder`, which has a folder for each release.
pub fn load(folder: &Path, release: &str, filters: bool) -> Result<(), (String, io::Error)> {
    let folder = folder.join(release);
    let dep = folder.join("modules.dep");
    let text = fs::read_to_string(&dep).map_err(|e| (format!("read {}", dep.display()), e))?;
    for module in order(&text, filters) {
        let path = folder.join(&module);
        insert(&path).map_err(|e| (format!("load {}", path.display()), e))?;
    }
    Ok(())
}

/// The files of the wanted modules, each after those that it depends on. See modules.dep(5).
fn order(dep: &str, filters: bool) -> Vec<String> {
    let lines = dep.lines().filter_map(|line| line.split_once(':'));
    let depends: BTreeMap<&str, Vec<&str>> =
        lines.clone().map(|(file, needs)| (file, needs.split_whitespace().collect())).collect();
    let by_name: BTreeMap<String, &str> = lines.map(|(file, _)| (name(file), file)).collect();
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    let wanted = LINKS.iter().chain(FILTERS.iter().filter(|_| filters));
    for file in wanted.filter_map(|wanted| by_name.get(*wanted)) {
        // The list has all that is needed, directly or not, the deepest last.
        let needs = depends.get(file).into_iter().flatten().rev();
        for file in needs.chain([file]) {
            if seen.insert(*file) {
                files.push((*file).to_string());
            }
        }
    }
    files
}

/// `kernel/net/8021q/8021q.ko` is `8021q`; file names have `-` where names may have `_`.
fn name(file: &str) -> String {
    let base = file.rsplit('/').next().unwrap_or(file);
    base.split(".ko").next().unwrap_or(base).replace('-', "_")
}

fn insert(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // SAFETY: finit_module(2) reads the descriptor, which is open, and an empty string of parameters.
    let done = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    match done {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            e if e.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            e => Err(e),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_those_that_it_needs_and_once() {
        let dep = "kernel/net/802/garp.ko: kernel/net/802/stp.ko\nkernel/net/802/stp.ko:\n\
                   kernel/net/8021q/8021q.ko: kernel/net/802/garp.ko kernel/net/802/stp.ko\n\
                   kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko\nkernel/x/nft-ct.ko:\n";
        assert_eq!(
            order(dep, true),
            [
                "kernel/net/802/stp.ko",
                "kernel/net/bridge/bridge.ko",
                "kernel/net/802/garp.ko",
                "kernel/net/8021q/8021q.ko",
                "kernel/x/nft-ct.ko"
            ]
        );
    }
}
