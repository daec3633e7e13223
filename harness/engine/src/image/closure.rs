//! Which packages an FRR tree is made of: what its programs need to run, not what Debian's installer needs.

use super::ImageRef;
use super::depends::{self, Clause};
use super::name::Kind;
use super::packages::{Index, Package};

/// What must work in a tree: the router (FRR with its reload script), the tools that topologies' `exec` lines and people use.
const FRR: &str = "frr, frr-pythontools, libpam-modules";
const TOOLS: &str = "iproute2, iputils-ping, nftables, procps, dash, bash, coreutils, grep, sed, mawk, findutils, hostname, \
                     base-files, netbase";

/// Taken as present although they are not: only maintainer scripts, services or documentation need them.
///
/// debconf, adduser, passwd, dpkg, perl: run by maintainer scripts, which never run here (`fixup` does their work).
/// systemd, init-system-helpers, sysvinit-utils, lsb-base, cron, logrotate: there is no init in a node.
/// tzdata, media-types, sensible-utils, readline-common, gcc-*-base: data and documentation that FRR does not read.
/// libpam-modules-bin, libpam-runtime, login: password helpers; a node has no log-in.
const NOT_NEEDED: [&str; 22] = [
    "adduser",
    "cdebconf",
    "cron",
    "cron-daemon",
    "debconf",
    "debconf-2.0",
    "debianutils",
    "dpkg",
    "init-system-helpers",
    "libpam-modules-bin",
    "libpam-runtime",
    "login",
    "logrotate",
    "lsb-base",
    "media-types",
    "passwd",
    "perl",
    "perl-base",
    "readline-common",
    "sensible-utils",
    "systemd",
    "tzdata",
];

/// Why no closure could be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClosureError {
    /// No package satisfies this, needed by that.
    Unsatisfied {
        clause: String,
        by: String,
    },
    Index(String),
}

/// Every package of a tree, sorted by name.
pub(super) fn closure_of(image: &ImageRef, index: &Index<'_>) -> Result<Vec<Package>, ClosureError> {
    match image.kind() {
        Kind::Frr => closure(index, &format!("{FRR}, {TOOLS}")),
        Kind::Router => closure(index, &format!("{}, {TOOLS}", image.package())),
        Kind::Kernel => closure(index, image.package()),
    }
}

fn closure(index: &Index<'_>, roots: &str) -> Result<Vec<Package>, ClosureError> {
    let roots = depends::parse(roots).map_err(ClosureError::Index)?;
    let mut open: Vec<(Clause, String)> = roots.into_iter().map(|c| (c, "routeproof".to_owned())).collect();
    let mut chosen: Vec<Package> = Vec::new();
    let mut next = 0;
    while next < open.len() {
        let (clause, by) = open[next].clone();
        next += 1;
        let satisfied = clause.0.iter().any(|d| not_needed(&d.name) || chosen.iter().any(|p| p.satisfies(d)));
        if satisfied {
            continue;
        }
        let package = first_satisfiable(index, &clause)?;
        let package = package.ok_or_else(|| ClosureError::Unsatisfied { clause: spell(&clause), by })?;
        open.extend(package.depends.iter().map(|c| (c.clone(), package.name.clone())));
        chosen.push(package);
    }
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(chosen)
}

fn first_satisfiable(index: &Index<'_>, clause: &Clause) -> Result<Option<Package>, ClosureError> {
    for dependency in &clause.0 {
        if let Some(package) = index.find(dependency).map_err(ClosureError::Index)? {
            return Ok(Some(package));
        }
    }
    Ok(None)
}

fn not_needed(name: &str) -> bool {
    NOT_NEEDED.contains(&name)
        || name == "sysvinit-utils"
        || (name.starts_with("gcc-") && name.ends_with("-base"))
}

fn spell(clause: &Clause) -> String {
    let names = clause.0.iter().map(|d| match &d.constraint {
        None => d.name.clone(),
        Some((op, version)) => format!("{} ({op:?} {version})", d.name),
    });
    names.collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(name: &str, version: &str, more: &str) -> String {
        let hash = "0".repeat(64);
        format!(
            "Package: {name}\nVersion: {version}\nFilename: pool/{name}.deb\nSize: 1\nSHA256: {hash}\n{more}\n"
        )
    }

    fn names(paragraphs: &[String], roots: &str) -> Result<Vec<String>, ClosureError> {
        let text = paragraphs.join("\n");
        let found = closure(&Index::new(&text), roots)?;
        Ok(found.iter().map(|p| format!("{} {}", p.name, p.version)).collect())
    }

    #[test]
    fn follows_both_fields_cycles_and_the_first_alternative_that_can_be() {
        let index = [
            paragraph("frr", "8.4", "Pre-Depends: adduser\nDepends: ip | old-ip, libc6 (>= 2.34)\n"),
            paragraph("old-ip", "1", ""),
            paragraph("libc6", "2.36", "Depends: libgcc\n"),
            paragraph("libgcc", "12", "Depends: libc6, gcc-12-base\n"),
        ];
        assert_eq!(names(&index, "frr").unwrap(), ["frr 8.4", "libc6 2.36", "libgcc 12", "old-ip 1"]);
    }

    #[test]
    fn provides_count_and_a_versioned_need_wants_a_versioned_provider() {
        let index =
            [paragraph("mawk", "1.3", "Provides: awk\n"), paragraph("t64", "5", "Provides: db (= 5.3), x\n")];
        assert_eq!(names(&index, "awk, db (>= 5)").unwrap(), ["mawk 1.3", "t64 5"]);
        assert!(names(&index, "awk (>= 1)").is_err());
        assert!(names(&index, "db (>= 6)").is_err());
    }

    #[test]
    fn newest_version_wins_and_a_hole_is_named() {
        let index = [paragraph("a", "1.9", ""), paragraph("a", "1.10", "Depends: hole\n")];
        let error = names(&index, "a").unwrap_err();
        assert_eq!(error, ClosureError::Unsatisfied { clause: "hole".into(), by: "a".into() });
    }
}
