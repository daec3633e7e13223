//! Paths that a topology names: nothing may lie outside the topology's folder. Judged by the text alone; the engine
//! checks symbolic links when it opens them.

use std::path::{Component, Path, PathBuf};

use super::types::Bind;

/// Why a path or bind is refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) why: String,
    pub(super) instead: &'static str,
}

fn refused<T>(why: impl Into<String>, instead: &'static str) -> Result<T, Refused> {
    Err(Refused { why: why.into(), instead })
}

const MOVE_IN: &str =
    "copy what the node needs into the topology's folder and write the path relative to the topology file";

/// `written` below `dir`, without `.` and `..`.
pub(super) fn inside(dir: &Path, written: &str) -> Result<PathBuf, Refused> {
    if let Some((scheme, _)) = written.split_once("://") {
        return refused(format!("files from `{scheme}://` are not supported yet"), MOVE_IN);
    }
    if written.starts_with('~') || written.contains('\0') || written.is_empty() {
        return refused(format!("`{written}` lies outside the topology's folder"), MOVE_IN);
    }
    let written_path = Path::new(written);
    let relative = match written_path.strip_prefix(dir) {
        Ok(below) if written_path.is_absolute() => below,
        _ => written_path,
    };
    let mut inner = PathBuf::new();
    for part in relative.components() {
        let stays = match part {
            Component::Normal(name) => {
                inner.push(name);
                true
            }
            Component::CurDir => true,
            Component::ParentDir => inner.pop(),
            Component::RootDir | Component::Prefix(_) => false,
        };
        if !stays {
            return refused(format!("`{written}` lies outside the topology's folder"), MOVE_IN);
        }
    }
    Ok(dir.join(inner))
}

/// `HOST:NODE[:OPTIONS]`.
pub(super) fn bind(dir: &Path, written: &str) -> Result<Bind, Refused> {
    const FORM: &str = "write `path/beside/the/topology:/path/in/the/node`, with `:ro` for read-only";
    let parts: Vec<&str> = written.split(':').collect();
    let (host, node, options) = match parts.as_slice() {
        _ if written.contains("://") => (written, "/", ""),
        [host, node] => (*host, *node, ""),
        [host, node, options] => (*host, *node, *options),
        _ => return refused(format!("`{written}` is not a bind"), FORM),
    };
    let host = inside(dir, host)?;
    if !node.starts_with('/') || Path::new(node).components().any(|c| c == Component::ParentDir) {
        return refused(format!("`{node}` is not an absolute path in the node"), FORM);
    }
    if Path::new(node).components().eq([Component::RootDir]) {
        return refused("a bind cannot replace the node's whole file system", FORM);
    }
    let mut read_only = false;
    for option in options.split(',').filter(|o| !o.is_empty()) {
        match option {
            "ro" => read_only = true,
            // SELinux labels and macOS caching have no meaning for a mount of ours.
            "rw" | "z" | "Z" | "cached" | "delegated" | "consistent" => {}
            _ => {
                return refused(
                    format!("the bind option `{option}` is not supported yet"),
                    "`ro` and `rw` are",
                );
            }
        }
    }
    Ok(Bind { host, node: Path::new(node).components().collect(), read_only })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_folder() {
        let dir = Path::new("/lab");
        for (written, at) in [
            ("gw1/frr.conf", "/lab/gw1/frr.conf"),
            ("./a/../b//c", "/lab/b/c"),
            (".", "/lab/"),
            ("/lab/x", "/lab/x"),
            ("..a/b", "/lab/..a/b"),
        ] {
            assert_eq!(inside(dir, written), Ok(PathBuf::from(at)), "{written}");
        }
        for out in
            ["../x", "a/../../x", "/etc/passwd", "/lab/../etc", "/labs/x", "~/x", "", "a\0b", "https://x/y"]
        {
            inside(dir, out).expect_err(out);
        }
        assert_eq!(inside(Path::new(""), "a"), Ok("a".into()));
        inside(Path::new(""), "/a").expect_err("absolute");
        inside(Path::new("up/.."), "../a").expect_err("above");
    }

    #[test]
    fn binds() {
        let dir = Path::new("/lab");
        let read = bind(dir, "daemons:/etc/frr/daemons:ro").expect("fine");
        assert_eq!(
            read,
            Bind { host: "/lab/daemons".into(), node: "/etc/frr/daemons".into(), read_only: true }
        );
        assert_eq!(bind(dir, "d:/x/:rw,z").expect("fine").node, Path::new("/x"));
        for bad in [
            "x",
            "x:y",
            "a:/b:c:d",
            "x:/a/../b",
            "x:/b:rslave",
            ":/b",
            "/var/run/docker.sock:/s",
            "s3://x:/y",
        ] {
            bind(dir, bad).expect_err(bad);
        }
    }
}
