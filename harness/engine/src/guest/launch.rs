//! Starting a guest and holding on to it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Socket;
use std::path::{Path, PathBuf};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::process::Child;

use super::command_line;
use super::cpu::Seat;
use super::entry::KEEPER;
use super::error::GuestError;
use super::jail;
use super::kernel::{Kernel, PROGRAM};
use super::order::{End, Jailed, Launch, Order};
use crate::lab::{register, wire};

/// What the guest kernel prints, in the run's folder.
pub const CONSOLE: &str = "console.log";

/// Of the console, in an error.
const LAST_LINES: usize = 12;

/// What every boot of Debian's kernels prints, whatever happens afterwards.
const NOISE: [&str; 5] =
    ["SELinux: ", "Failed to initialize ubd device 0", "mmapper_init", "Warning: tempdir ", "reboot: "];

/// A guest that runs. Dropping it ends it.
pub struct Running {
    control: AsyncFd<OwnedFd>,
    keeper: Child,
    scratch: PathBuf,
    /// The lab's mount point, which the guest made.
    lab: PathBuf,
    console: PathBuf,
}

/// Boots `kernel` with an order that lies in its folder. Gives the channel, too: the guest powers itself off when it is
/// closed. Call it within a tokio runtime.
pub fn start(
    kernel: &Kernel,
    seat: Option<&Seat>,
    order: &Order,
) -> Result<(Running, UnixStream), GuestError> {
    let folder = &order.folder;
    let failed = |what| move |source| GuestError::Start { what, source };
    let scratch = folder.join("guest");
    fs::create_dir_all(&scratch).map_err(failed("make a folder"))?;
    let console = folder.join(CONSOLE);
    let log = File::create(&console).map_err(failed("create console.log"))?;
    // By its own path, which the guest sees, too.
    let init = std::env::current_exe().map_err(failed("find this binary"))?;
    // MiB. What is not touched is not taken.
    let memory = match order.task.planned() {
        Some(run) => 512 + 64 * run.topology.nodes.len() as u64,
        None => 256,
    };
    let arguments = |host: &str, scratch: &Path| {
        let args = command_line::arguments(Path::new(host), &init, folder, scratch, memory);
        args.ok_or_else(|| GuestError::Path(folder.clone()))
    };
    let jailed = match &kernel.tree {
        Some(tree) => {
            let args = arguments(jail::HOST, Path::new(jail::SCRATCH))?;
            Some(Jailed { tree: tree.path.clone(), program: PathBuf::from("/").join(PROGRAM), args })
        }
        None => None,
    };
    let (program, cpu) = (kernel.program.clone(), seat.map(|seat| seat.cpu));
    let args = arguments("/", &scratch)?;
    let launch = Launch { program, args, jailed, scratch: scratch.clone(), memory, cpu };

    let (ours, theirs) = wire::pair().map_err(failed("create a socket pair"))?;
    let (channel, guests_end) = Socket::pair().map_err(failed("create a socket pair"))?;
    let keeper = crate::exec::self_again("routeproof-guest", KEEPER, theirs, log)
        .map_err(failed("start the keeper"))?;
    wire::send(ours.as_fd(), &launch, &[guests_end.as_fd()])
        .map_err(failed("tell the keeper what to start"))?;
    drop(guests_end);
    let prepare = || {
        channel.set_nonblocking(true)?;
        Ok::<_, io::Error>((UnixStream::from_std(channel)?, register(ours, Interest::READABLE)?))
    };
    let (channel, control) = prepare().map_err(failed("listen to the sockets"))?;
    Ok((Running { control, keeper, scratch, console, lab: folder.join("lab") }, channel))
}

impl Running {
    /// How the kernel ended, once it has; `None` if the keeper was killed.
    pub async fn end(&self) -> Option<End> {
        let heard = self.control.async_io(Interest::READABLE, |fd| wire::recv::<End>(fd.as_fd())).await;
        heard.ok().flatten().map(|(end, _)| end)
    }

    /// Ends the guest if it has not ended (close the channel first), and waits until nothing is left of it.
    pub async fn finish(mut self) {
        drop(self.control);
        let _ = self.keeper.wait().await;
        // Empty here, unless the keeper of a kernel without namespaces was killed.
        let _ = fs::remove_dir(&self.scratch);
        // There only if the guest had no time to end its lab.
        let _ = fs::remove_dir(&self.lab);
    }

    /// The last lines of the console that mean something.
    pub fn last_lines(&self) -> Vec<String> {
        let text = fs::read(&self.console).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> =
            text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !is_noise(line)).collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(ToString::to_string).collect()
    }
}

/// What every boot prints, and what a panic prints after the words that say why: its stack.
fn is_noise(line: &str) -> bool {
    let stack = line.starts_with(" [<")
        || ["Stack:", "Call Trace:", "Modules linked in:"].iter().any(|title| line.starts_with(title))
        || line.split_whitespace().all(|word| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit()));
    stack || NOISE.iter().any(|noise| line.starts_with(noise))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_panic_the_words_are_left() {
        let console = "mmapper_init - find_iomem failed\nuserspace - ptrace set fp regs failed, errno = 14\n\
                       Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\nStack:\n \
                       606944ba 607e7fcd 77c8bb90 6067bb96\nCall Trace:\n [<606944ba>] ? _printk+0x0/0x94\n";
        let left: Vec<&str> = console.lines().filter(|line| !is_noise(line)).collect();
        let words = [
            "userspace - ptrace set fp regs failed, errno = 14",
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
        ];
        assert_eq!(left, words);
    }
}
