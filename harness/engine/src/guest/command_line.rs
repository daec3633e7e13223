//! The guest kernel's command line.

use std::path::Path;

use super::entry::{GUEST, HOST_ROOT};

/// The number of the descriptor that is the guest's first serial line.
pub const CHANNEL_FD: i32 = 3;

/// What `linux.uml` gets: the host's file system, which it finds at `host`, as a read-only root, `init` as its first process, which finds its order in
/// `folder`. The console goes to standard error. See Documentation/virt/uml/user_mode_linux_howto_v2.rst.
///
/// `None` if a path cannot be written: the kernel's parser knows quotation marks and no way to write one (lib/cmdline.c).
pub fn arguments(
    host: &Path,
    init: &Path,
    folder: &Path,
    scratch: &Path,
    memory_mib: u64,
) -> Option<Vec<String>> {
    let plain = |path: &Path| {
        let text = path.to_str()?;
        (!text.contains('"') && !text.contains(char::is_control)).then(|| text.to_string())
    };
    let (init, folder, scratch, host) = (plain(init)?, plain(folder)?, plain(scratch)?, plain(host)?);
    let fixed = [
        "root=/dev/root",
        "rootfstype=hostfs",
        "ro",
        // Its messages below warnings would hide the last ones before a panic.
        "quiet",
        "con=null",
        "ssl=null",
        "con0=null,fd:2",
        // A panic ends the process, a reboot too.
        "noreboot",
        "panic=-1",
        // Kernels from 6.16 on then trap system calls without ptrace, which takes half the time; older ones do not know it.
        "seccomp=auto",
    ];
    let mut arguments: Vec<String> = fixed.map(str::to_string).to_vec();
    arguments.push(format!("rootflags={host}"));
    arguments.push(format!("mem={memory_mib}M"));
    arguments.push(format!("ssl0=fd:{CHANNEL_FD}"));
    arguments.push(format!("uml_dir={scratch}"));
    arguments.push(format!("init=\"{init}\""));
    // Words that the kernel does not know become the environment of init.
    arguments.push(format!("{GUEST}=\"{folder}\""));
    arguments.push(format!("{HOST_ROOT}={host}"));
    Some(arguments)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_and_those_that_cannot_be_are_refused() {
        let at = |folder: &str| {
            arguments(Path::new("/host"), Path::new("/my tests/bin"), Path::new(folder), Path::new("/s"), 512)
        };
        let words = at("/run s/000").unwrap();
        insta::assert_snapshot!(words[10..].join("\n"), @r#"
        rootflags=/host
        mem=512M
        ssl0=fd:3
        uml_dir=/s
        init="/my tests/bin"
        ROUTEPROOF_GUEST="/run s/000"
        ROUTEPROOF_HOST_ROOT=/host
        "#);
        assert!(at("/a\"b").is_none() && at("/a\nb").is_none());
    }
}
