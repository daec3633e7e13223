//! The process that owns a kept lab.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::socket::{SockType, getsockopt, sockopt};
use nix::sys::wait::waitpid;
use routeproof_model::event::{Event, EventKind, RunId};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};

use super::channel::{Channel, read_file};
use super::error::KeepError;
use super::folder::{Held, State, States};
use super::guest::in_guest;
use super::kept::{Door, Kept};
use super::protocol::{Order, Report};
use super::refusal::Refusal;
use crate::event::{EventBus, Events};
use crate::lab::register;
use crate::run::{self, Backing, BootOptions, RunError};
use crate::rundir::RunDir;

/// How long the kernel may take to remove a lab that was given up.
const REMOVAL: Duration = Duration::from_secs(10);

/// Boots the lab that comes over the socket `fd`, keeps it until it is told to end, and ends it. The number is the
/// process's exit code.
pub async fn supervise(fd: RawFd) -> u8 {
    let Some(socket) = adopt(fd) else {
        eprintln!("routeproof starts this command itself, for the labs of `routeproof up`");
        return 2;
    };
    let kept = async {
        let channel = Arc::new(Channel::new(socket)?);
        let Some(((), fds)) = channel.receive::<()>().await? else { return Ok(()) };
        let [order, marker] = <[OwnedFd; 2]>::try_from(fds).map_err(|_| io::ErrorKind::InvalidData)?;
        let order: Order = read_file(order)?;
        let directory = RunDir::from_marker(order.directory.clone(), marker);
        if let Err(refusal) = keep(order, &directory, channel.clone()).await {
            eprintln!("supervisor: {}", refusal.text);
            // If it has gone, the log tells.
            let _ = channel.send(&Report::Failed(refusal), &[]).await;
        }
        Ok::<_, io::Error>(())
    };
    match kept.await {
        Ok(()) => 0,
        Err(e) => {
            eprintln!("supervisor: {e}");
            3
        }
    }
}

/// Takes over the socket that `up` left for us, if it is one.
fn adopt(fd: RawFd) -> Option<OwnedFd> {
    if fd < 3 {
        return None;
    }
    // SAFETY: the number is only looked at before the descriptor is known to be open; what `up` left open for us, nobody
    // else in this process owns.
    let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    let kind = getsockopt(&socket, sockopt::SockType).ok()?;
    nix::fcntl::fcntl(socket, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: as above.
    (kind == SockType::SeqPacket).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

async fn keep(order: Order, directory: &RunDir, channel: Arc<Channel>) -> Result<(), Refusal> {
    let id = RunId { scenario: order.name.clone(), ..RunId::default() };
    let refused = |e: RunError| Refusal::new(e, false);
    let record = |e: io::Error| refused(RunError::Record(e));
    let folder = directory.run(0, &id).map_err(|e| record(io::Error::other(e)))?;
    let plan = serde_json::to_vec_pretty(&order.run).map_err(|e| record(e.into()))?;
    std::fs::write(directory.plan(), plan).map_err(record)?;
    let state = State {
        name: order.name.clone(),
        pid: std::process::id(),
        topology: order.topology.clone(),
        guest: order.kernel.clone(),
        directory: folder.path().to_path_buf(),
        started_s: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_secs()),
    };
    let states = States::of_user().map_err(refusal)?;
    let (held, listener) = states.hold(&state).await.map_err(refusal)?;
    let events = events(directory, channel.clone()).map_err(refused);
    let kept = async {
        let listener = register(listener, Interest::READABLE).map_err(record)?;
        let bus = events?;
        let (events, folder) = (bus.events(), folder.path());
        let kept = Kept { order, state };
        let kept = match kept.order.kernel {
            None => on_host(kept, folder, &events, listener, channel).await,
            Some(_) => in_guest(kept, folder, &events, listener, channel).await,
        };
        bus.finish();
        kept
    };
    let kept = kept.await;
    ended(folder.path(), held).await;
    kept
}

fn refusal(error: KeepError) -> Refusal {
    let code = if error.blame() == super::error::Blame::User { 2 } else { 3 };
    let cause = std::error::Error::source(&error).map(|c| format!(": {c}")).unwrap_or_default();
    Refusal { code, hints: error.hints(), text: format!("{error}{cause}"), rendered: false }
}

/// The log, and what `up` hears of it.
fn events(directory: &RunDir, up: Arc<Channel>) -> Result<EventBus, RunError> {
    let mut bus = EventBus::new();
    bus.add_log(&directory.events()).map_err(RunError::Record)?;
    bus.add_sink("up", move |event: &Event, _: &str| {
        match &event.kind {
            EventKind::LabPhase { phase, duration_us } => {
                up.try_send(&Report::Phase { name: phase.clone(), duration_us: *duration_us });
            }
            EventKind::Warning { message } => up.try_send(&Report::Warning(message.clone())),
            _ => {}
        }
        Ok(())
    });
    Ok(bus)
}

async fn on_host(
    kept: Kept,
    folder: &Path,
    events: &Events,
    listener: AsyncFd<OwnedFd>,
    channel: Arc<Channel>,
) -> Result<(), Refusal> {
    let (trees, _) = kept.images().await.map_err(|e| Refusal::new(e, false))?;
    let roots = run::roots(&trees);
    let options = BootOptions { folder, roots: &roots, tap: false, backing: &Backing::Rendered };
    kept.keep_here(&options, events, Door::Socket(listener), channel, told()).await
}

/// Resolves at a signal.
pub(super) async fn told() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Waits until nothing of the lab is left, then lets go of its name.
async fn ended(folder: &Path, held: Held) {
    let children =
        tokio::task::spawn_blocking(|| while matches!(waitpid(None, None), Ok(_) | Err(Errno::EINTR)) {});
    if tokio::time::timeout(REMOVAL, children).await.is_err() {
        eprintln!("supervisor: the lab's processes do not end");
    }
    // There only if the boot was given up.
    let _ = std::fs::remove_dir(folder.join("lab"));
    if let Err(e) = held.remove() {
        eprintln!("supervisor: {e}");
    }
}
