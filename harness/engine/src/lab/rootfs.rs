//! A node's root: an overlay over a shared read-only tree, with its own /proc, /sys and a shared /dev.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, mkdir, pivot_root};

use super::spec::NodeSpec;

type Failure = (String, io::Error);

/// For file systems that hold neither programs nor devices.
const QUIET: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

fn at<T, E: Into<io::Error>>(result: Result<T, E>, what: impl FnOnce() -> String) -> Result<T, Failure> {
    result.map_err(|e| (what(), e.into()))
}

fn mount_at(
    source: &str,
    target: &Path,
    kind: Option<&str>,
    flags: MsFlags,
    data: Option<&str>,
) -> Result<(), Failure> {
    at(mount(Some(source), target, kind, flags, data), || {
        format!("mount {} on {}", kind.unwrap_or(source), target.display())
    })
}

/// Cuts the lab's mounts off from the host's and covers `mount_point` with a tmpfs that dies with the lab.
pub fn prepare_lab(mount_point: &Path) -> Result<(), Failure> {
    at(mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>), || {
        "make mounts private".to_string()
    })?;
    mount_at(
        "routeproof",
        mount_point,
        Some("tmpfs"),
        MsFlags::MS_NODEV | MsFlags::MS_NOSUID,
        Some("mode=0755"),
    )?;
    prepare_devices(&mount_point.join(".dev"))
}

/// The device nodes that programs expect, bound from the host: a user namespace may not make its own.
fn prepare_devices(dev: &Path) -> Result<(), Failure> {
    at(mkdir(dev, Mode::from_bits_truncate(0o755)), || format!("create {}", dev.display()))?;
    mount_at("dev", dev, Some("tmpfs"), MsFlags::MS_NOSUID, Some("mode=0755"))?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let (host, target) = (format!("/dev/{name}"), dev.join(name));
        at(fs::File::create(&target), || format!("create {}", target.display()))?;
        mount_at(&host, &target, None, MsFlags::MS_BIND, None)?;
    }
    for (name, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        at(symlink(to, dev.join(name)), || format!("link /dev/{name}"))?;
    }
    for name in ["shm", "pts"] {
        at(fs::create_dir(dev.join(name)), || format!("create /dev/{name}"))?;
    }
    Ok(())
}

/// Builds the node's root below the lab's tmpfs and returns it. The caller is in the node's own namespaces.
pub fn build(mount_point: &Path, node: &NodeSpec) -> Result<PathBuf, Failure> {
    let base = mount_point.join(&node.name);
    let (upper, work, root) = (base.join("upper"), base.join("work"), base.join("root"));
    for dir in [&base, &upper, &work, &root] {
        at(mkdir(dir, Mode::from_bits_truncate(0o755)), || format!("create {}", dir.display()))?;
    }
    let privileged = nix::unistd::geteuid().is_root() && !in_user_namespace();
    let data = format!(
        "lowerdir={},upperdir={},workdir={}{}",
        escape(&node.tree),
        escape(&upper),
        escape(&work),
        if privileged { "" } else { ",userxattr" }
    );
    mount_at("overlay", &root, Some("overlay"), MsFlags::empty(), Some(&data))?;
    for name in ["proc", "sys", "dev", "tmp", "run"] {
        let dir = root.join(name);
        if !dir.is_dir() {
            at(fs::create_dir_all(&dir), || format!("create {}", dir.display()))?;
        }
    }
    mount_at("proc", &root.join("proc"), Some("proc"), QUIET, None)?;
    // Only `ip` on very old trees and humans look into /sys; some containers forbid the mount.
    let _ = mount_at("sysfs", &root.join("sys"), Some("sysfs"), QUIET.union(MsFlags::MS_RDONLY), None);
    let dev = mount_point.join(".dev");
    mount_at(&dev.to_string_lossy(), &root.join("dev"), None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
    Ok(root)
}

/// Closes the parts of /proc through which real root could change the host: uid 0 may write there without any
/// capability. Network sysctls belong to the node and stay writable. What runs in a node lacks CAP_SYS_ADMIN (see
/// `confine`) and cannot undo these mounts.
pub fn close_proc(mount_point: &Path, node: &NodeSpec, root: &Path) -> Result<(), Failure> {
    let proc = root.join("proc");
    let (net, aside) = (proc.join("sys/net"), mount_point.join(&node.name).join("sysctl-net"));
    at(mkdir(&aside, Mode::from_bits_truncate(0o755)), || format!("create {}", aside.display()))?;
    bind(&net, &aside)?;
    for name in ["sys", "bus", "fs", "irq", "sysrq-trigger"] {
        let path = proc.join(name);
        if path.exists() {
            bind(&path, &path)?;
            let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | QUIET;
            mount_at("proc", &path, None, flags, None)?;
        }
    }
    bind(&aside, &net)
}

fn bind(from: &Path, to: &Path) -> Result<(), Failure> {
    mount_at(&from.to_string_lossy(), to, None, MsFlags::MS_BIND, None)
}

/// Makes `root` the root of this process's mount namespace and forgets the old one.
pub fn enter(root: &Path) -> Result<(), Failure> {
    at(chdir(root), || format!("enter {}", root.display()))?;
    // pivot_root(2), notes: with the same path twice the old root lands on top of the new one and is then detached.
    at(pivot_root(".", "."), || "pivot_root".to_string())?;
    at(umount2(".", MntFlags::MNT_DETACH), || "detach the host's file systems".to_string())?;
    at(chdir("/"), || "enter the new root".to_string())
}

/// Writes sysctls through the node's own /proc, before the node has any link.
pub fn write_sysctls(root: &Path, sysctls: &[(String, String)]) -> Result<(), Failure> {
    for (name, value) in sysctls {
        let path = root.join("proc/sys").join(name.replace('.', "/"));
        at(fs::write(&path, value), || format!("set sysctl {name}={value}"))?;
    }
    Ok(())
}

/// Overlayfs splits its options at commas and lower folders at colons; a backslash protects both.
fn escape(path: &Path) -> String {
    let mut out = String::new();
    for c in path.to_string_lossy().chars() {
        if matches!(c, ',' | ':' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Whether ids are mapped: the initial user namespace maps the whole range onto itself (user_namespaces(7)).
fn in_user_namespace() -> bool {
    fs::read_to_string("/proc/self/uid_map")
        .map(|map| map.split_whitespace().collect::<Vec<_>>() != ["0", "0", "4294967295"])
        .unwrap_or(true)
}
