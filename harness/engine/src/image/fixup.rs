//! What maintainer scripts would have done to a tree, and what a lab expects of it.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::rooted::{Rooted, remove};

/// Folders that every tree has, with their modes.
const FOLDERS: [(&str, u32); 13] = [
    ("etc/frr", 0o750),
    ("run", 0o755),
    ("run/frr", 0o755),
    ("var/lib/frr", 0o755),
    ("var/log/frr", 0o755),
    ("var/tmp/frr", 0o755),
    ("tmp", 0o1777),
    ("root", 0o700),
    ("proc", 0o755),
    ("sys", 0o755),
    ("dev", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
];

/// `/bin` and its like are links into `/usr` in every supported suite; made before anything is unpacked.
pub(super) fn merge_usr(tree: &Rooted) -> io::Result<()> {
    for name in ["bin", "sbin", "lib", "lib64"] {
        tree.make_dir(&format!("usr/{name}"))?;
        let link = tree.place(Path::new(name))?;
        remove(&link)?;
        symlink(format!("usr/{name}"), link)?;
    }
    Ok(())
}

/// Users, folders and links of a tree unpacked from Debian packages.
pub(super) fn finish_debian(tree: &Rooted) -> io::Result<()> {
    tree.write("etc/passwd", 0o644, &passwd("daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n", shell(tree)))?;
    tree.write("etc/group", 0o644, &group("daemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n"))?;
    // dash's and mawk's links are made by update-alternatives and diversions.
    link_if_missing(tree, "usr/bin/sh", "dash")?;
    link_if_missing(tree, "usr/bin/awk", "mawk")?;
    link_python(tree)?;
    finish_any(tree)
}

/// Users, folders and links of a tree from elsewhere; what it has already stays, except that FRR is root.
pub(super) fn finish_imported(tree: &Rooted) -> io::Result<()> {
    let old = |path| tree.resolve(path).and_then(fs::read_to_string).unwrap_or_default();
    tree.write("etc/passwd", 0o644, &passwd(&old("etc/passwd"), shell(tree)))?;
    tree.write("etc/group", 0o644, &group(&old("etc/group")))?;
    finish_any(tree)
}

fn finish_any(tree: &Rooted) -> io::Result<()> {
    for (path, mode) in FOLDERS {
        let dir = tree.make_dir(path)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(mode))?;
    }
    // Some packages ship a folder below /var/run; installed systems have had a link there since long.
    let run = tree.place(Path::new("var/run"))?;
    match fs::symlink_metadata(&run) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(&run)?,
        _ => {}
    }
    if fs::symlink_metadata(&run).is_err() {
        symlink("/run", &run)?;
    }
    tree.write("etc/hosts", 0o644, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")?;
    tree.write(
        "etc/nsswitch.conf",
        0o644,
        "passwd: files\ngroup: files\nhosts: files\nprotocols: files\nservices: files\n",
    )?;
    tree.write("etc/frr/vtysh.conf", 0o640, "service integrated-vtysh-config\n")?;
    // The lab writes the node's configuration; the packages' sample would be read as one.
    remove(&tree.place(Path::new("etc/frr/frr.conf"))?)?;
    if !tree.resolve("etc/frr/daemons")?.exists() {
        tree.write("etc/frr/daemons", 0o640, "zebra=yes\nbgpd=yes\n")?;
    }
    // Debian's file asks pam_rootok first; elsewhere the default might lock root out of vtysh.
    if tree.resolve("etc/pam.d")?.is_dir() || tree.resolve("etc/pam.conf")?.exists() {
        tree.write(
            "etc/pam.d/frr",
            0o644,
            "auth sufficient pam_rootok.so\naccount sufficient pam_rootok.so\n",
        )?;
    }
    open_up(&tree.resolve("")?)
}

/// `python3` names the one interpreter that is there; `python3.11` and its like are the packages' names for it.
fn link_python(tree: &Rooted) -> io::Result<()> {
    let dir = tree.resolve("usr/bin")?;
    let mut found: Vec<String> = fs::read_dir(dir)?
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.strip_prefix("python3.").is_some_and(|v| v.bytes().all(|b| b.is_ascii_digit())))
        .collect();
    found.sort();
    match found.last() {
        Some(python) => link_if_missing(tree, "usr/bin/python3", python),
        None => Ok(()),
    }
}

fn link_if_missing(tree: &Rooted, link: &str, target: &str) -> io::Result<()> {
    if tree.resolve(link)?.exists() {
        return Ok(());
    }
    let place = tree.place(Path::new(link))?;
    remove(&place)?;
    symlink(target, place)
}

fn shell(tree: &Rooted) -> &'static str {
    if tree.resolve("bin/bash").is_ok_and(|p| p.exists()) { "/bin/bash" } else { "/bin/sh" }
}

/// FRR is root: a lab in a user namespace may have one mapped id, and the daemons insist on a user by this name.
/// Root's line comes first, so that id 0 keeps its name.
fn passwd(others: &str, shell: &str) -> String {
    let mut text = format!("root:x:0:0:root:/root:{shell}\nfrr:x:0:0:FRR:/run/frr:/usr/sbin/nologin\n");
    push_others(&mut text, others, &["root", "frr"]);
    text
}

fn group(others: &str) -> String {
    let mut text = "root:x:0:\nfrr:x:0:\nfrrvty:x:0:frr\n".to_owned();
    push_others(&mut text, others, &["root", "frr", "frrvty"]);
    text
}

fn push_others(text: &mut String, others: &str, without: &[&str]) {
    let name = |line: &str| line.split(':').next().unwrap_or("").to_owned();
    for line in others.lines().filter(|l| !l.trim().is_empty() && !without.contains(&name(l).as_str())) {
        text.push_str(line);
        text.push('\n');
    }
}

/// Everything can be read and written by its owner, so that an ordinary user's lab can use and prune can remove it.
fn open_up(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?; // Does not follow links.
        if meta.is_symlink() {
            continue;
        }
        let mode = meta.permissions().mode();
        let wanted = mode | if meta.is_dir() { 0o700 } else { 0o600 };
        if mode != wanted {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(wanted))?;
        }
        if meta.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frr_becomes_root_and_others_stay() {
        let old = "root:x:0:0:root:/root:/bin/ash\nfrr:x:100:101:Linux User,,,:/var/run/frr:/sbin/nologin\nbin:x:1:1:bin:/bin:/sbin/nologin\n";
        insta::assert_snapshot!(passwd(old, "/bin/sh"), @r"
        root:x:0:0:root:/root:/bin/sh
        frr:x:0:0:FRR:/run/frr:/usr/sbin/nologin
        bin:x:1:1:bin:/bin:/sbin/nologin
        ");
        insta::assert_snapshot!(group("root:x:0:root\nfrr:x:101:\nfrrvty:x:102:frr\nbin:x:1:\n"), @r"
        root:x:0:
        frr:x:0:
        frrvty:x:0:frr
        bin:x:1:
        ");
    }

    #[test]
    fn an_imported_tree_gets_what_a_lab_needs() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Rooted::new(dir.path());
        tree.write("etc/frr/frr.conf", 0o600, "router bgp 1\n").unwrap();
        tree.write("etc/frr/daemons", 0o640, "ospfd=yes\n").unwrap();
        finish_imported(&tree).unwrap();
        let read = |p: &str| fs::read_to_string(dir.path().join(p)).unwrap();
        assert!(!dir.path().join("etc/frr/frr.conf").exists());
        assert_eq!(read("etc/frr/daemons"), "ospfd=yes\n");
        assert!(read("etc/passwd").contains("frr:x:0:0:"));
        assert_eq!(fs::metadata(dir.path().join("etc/frr")).unwrap().permissions().mode() & 0o777, 0o750);
    }
}
