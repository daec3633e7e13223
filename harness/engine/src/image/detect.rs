//! What a root filesystem is: its machine and its FRR version, read from its files.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::ImageError;
use super::rooted::Rooted;

/// The host's architecture by Debian's name.
pub(super) fn host_arch() -> Result<&'static str, ImageError> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => Err(ImageError::Architecture {
            what: "FRR from Debian".into(),
            found: "amd64 or arm64".into(),
            host: other.into(),
        }),
    }
}

/// The daemons without which a folder is no FRR tree.
const MUST_HAVE: [&str; 2] = ["usr/lib/frr/zebra", "usr/lib/frr/bgpd"];

/// Refuses a tree without FRR's daemons or for another machine. `shown` is what the user called it.
pub(super) fn validate(tree: &Rooted, shown: &Path) -> Result<String, ImageError> {
    let host = host_arch()?;
    for daemon in MUST_HAVE {
        let path = tree.resolve(daemon).map_err(ImageError::io("read", shown))?;
        if !path.is_file() {
            return Err(ImageError::NotFrr { path: shown.to_owned(), reason: format!("it has no {daemon}") });
        }
        let found = elf_machine(&path).map_err(ImageError::io("read", &path))?;
        let not_elf =
            || ImageError::NotFrr { path: shown.to_owned(), reason: format!("its {daemon} is no program") };
        let found = found.ok_or_else(not_elf)?;
        if found != host {
            let what = format!("{} in {}", daemon, shown.display());
            return Err(ImageError::Architecture { what, found, host: host.to_owned() });
        }
    }
    Ok(host.to_owned())
}

/// The machine of an ELF file by Debian's name, `None` if it is no ELF file (see elf(5), `e_machine`).
fn elf_machine(path: &Path) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    File::open(path)?.take(20).read_to_end(&mut head)?;
    let [0x7f, b'E', b'L', b'F', class, order, .., lo, hi] = head[..] else { return Ok(None) };
    let machine = if order == 2 { u16::from_be_bytes([lo, hi]) } else { u16::from_le_bytes([lo, hi]) };
    Ok(Some(match (machine, class) {
        (62, 2) => "amd64".to_owned(),
        (183, _) => "arm64".to_owned(),
        (3, _) => "i386".to_owned(),
        (40, _) => "arm".to_owned(),
        (243, _) => "riscv64".to_owned(),
        (other, _) => format!("ELF machine {other}"),
    }))
}

/// The FRR version of a tree: from dpkg's or apk's database, else from the text in FRR's own library or daemon.
pub(super) fn frr_version(tree: &Rooted) -> Option<String> {
    dpkg_version(tree).or_else(|| apk_version(tree)).or_else(|| binary_version(tree))
}

fn read(tree: &Rooted, path: &str) -> Option<String> {
    let bytes = fs::read(tree.resolve(path).ok()?).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn dpkg_version(tree: &Rooted) -> Option<String> {
    let status = read(tree, "var/lib/dpkg/status")?;
    let paragraph = status.split("\n\n").find(|p| p.lines().any(|l| l == "Package: frr"))?;
    let version = paragraph.lines().find_map(|l| l.strip_prefix("Version: "))?;
    Some(version.parse::<debversion::Version>().ok()?.upstream_version)
}

/// apk's database has one-letter fields: `P:` the package, `V:` its version with a `-rN` of the packager.
fn apk_version(tree: &Rooted) -> Option<String> {
    let installed = read(tree, "lib/apk/db/installed").or_else(|| read(tree, "usr/lib/apk/db/installed"))?;
    let paragraph = installed.split("\n\n").find(|p| p.lines().any(|l| l == "P:frr"))?;
    let version = paragraph.lines().find_map(|l| l.strip_prefix("V:"))?;
    Some(version.rsplit_once("-r").map_or(version, |(v, _)| v).to_owned())
}

/// FRR's programs carry their version as a string of its own; the daemon's help text carries the same one.
fn binary_version(tree: &Rooted) -> Option<String> {
    let libraries = ["usr/lib/libfrr.so.0", "usr/local/lib/libfrr.so.0"].map(str::to_owned);
    let multiarch = ["x86_64", "aarch64"].map(|a| format!("usr/lib/{a}-linux-gnu/frr/libfrr.so.0"));
    let private = ["usr/lib/frr/libfrr.so.0", "usr/lib/frr/bgpd", "usr/lib/frr/zebra"].map(str::to_owned);
    libraries.into_iter().chain(multiarch).chain(private).find_map(|path| {
        let bytes = fs::read(tree.resolve(&path).ok()?).ok()?;
        version_among(bytes.split(|&b| b == 0))
    })
}

/// The first string that looks like an FRR release: `8.4.4`, `10.3`, `9.1-dev`, `7.5.1_git...`.
fn version_among<'a>(mut strings: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    strings.find_map(|s| {
        let text = std::str::from_utf8(s).ok().filter(|t| (3..=40).contains(&t.len()))?;
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let numbers: Vec<&str> = text[..end].split('.').collect();
        let all_numbers = numbers.iter().all(|n| !n.is_empty() && n.len() <= 3);
        // FRR's releases are 2.0 and up to some dozens; an address or a longer number is not one.
        let plausible =
            numbers.first().and_then(|n| n.parse().ok()).is_some_and(|n: u32| (2..=40).contains(&n));
        let tail_fits = end == text.len() || text[end..].starts_with(['-', '_', '~', '+']);
        (all_numbers && plausible && tail_fits && (2..=3).contains(&numbers.len())).then(|| text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Rooted) {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let tree = Rooted::new(dir.path());
        (dir, tree)
    }

    #[test]
    fn version_by_dpkg_apk_and_binary() {
        let dpkg = b"Package: bash\nVersion: 5\n\nPackage: frr\nStatus: x\nVersion: 8.4.4-1.1~deb12u2\n";
        let (_dir, t) = tree(&[("var/lib/dpkg/status", dpkg)]);
        assert_eq!(frr_version(&t).as_deref(), Some("8.4.4"));
        let (_dir, t) = tree(&[("lib/apk/db/installed", b"C:x\nP:frr\nV:9.1.0-r0\n\nP:musl\nV:1.2-r1\n")]);
        assert_eq!(frr_version(&t).as_deref(), Some("9.1.0"));
        let (_dir, t) =
            tree(&[("usr/lib/frr/bgpd", b"\x7fELF\x00127.0.0.1\x001.2\x00FRRouting\x0010.2.1\x00x")]);
        assert_eq!(frr_version(&t).as_deref(), Some("10.2.1"));
        assert_eq!(frr_version(&tree(&[]).1), None);
    }

    #[test]
    fn no_daemons_and_another_machine_are_refused() {
        let shown = Path::new("/srv/x");
        let error = validate(&tree(&[]).1, shown).unwrap_err();
        assert_eq!(error.to_string(), "/srv/x is not an FRR root filesystem: it has no usr/lib/frr/zebra");
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(18, 0);
        elf.extend([243, 0]);
        let (_dir, t) = tree(&[("usr/lib/frr/zebra", &elf), ("usr/lib/frr/bgpd", &elf)]);
        assert!(
            matches!(validate(&t, shown), Err(ImageError::Architecture { found, .. }) if found == "riscv64")
        );
    }
}
