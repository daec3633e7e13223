//! The process that owns a kept lab.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::stream::{FuturesUnordered, StreamExt};
use nix::errno::Errno;
use nix::sys::socket::{SockFlag, SockType, accept4, getsockopt, sockopt};
use nix::sys::wait::waitpid;
use routeproof_model::event::{Event, EventKind, RunId};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};

use super::answer::{self, About, Asked};
use super::channel::{Channel, read_file};
use super::error::KeepError;
use super::folder::{Held, State, States};
use super::protocol::{Order, Refusal, Report};
use crate::event::EventBus;
use crate::image::{self, Quiet, Tree};
use crate::lab::register;
use crate::observe::now;
use crate::run::{self, BootOptions, Booted, Reached, RunError};
use crate::rundir::RunDir;

type Trees = BTreeMap<String, Tree>;

/// How long the kernel may take to remove a lab that was given up.
const REMOVAL: Duration = Duration::from_secs(10);

/// Boots the lab that comes over the socket `fd`, keeps it until it is told to end, and ends it. `describe` says what a
/// user sees of an error. The number is the process's exit code.
pub async fn supervise(fd: RawFd, describe: impl Fn(RunError) -> Refusal) -> u8 {
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
        if let Err(refusal) = keep(&order, &directory, channel.clone(), &describe).await {
            channel.send(&Report::Failed(refusal), &[]).await?;
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

async fn keep(
    order: &Order,
    directory: &RunDir,
    channel: Arc<Channel>,
    describe: &impl Fn(RunError) -> Refusal,
) -> Result<(), Refusal> {
    let id = RunId {
        scenario: order.name.clone(),
        requirements: Vec::new(),
        axes: Vec::new(),
        expected: Default::default(),
    };
    let record = |e: io::Error| describe(RunError::Record(e));
    let folder = directory.run(0, &id).map_err(|e| record(io::Error::other(e)))?;
    let plan = serde_json::to_vec_pretty(&order.run).map_err(|e| record(e.into()))?;
    std::fs::write(directory.plan(), plan).map_err(record)?;
    let state = State {
        name: order.name.clone(),
        pid: std::process::id(),
        topology: order.topology.clone(),
        directory: folder.path().to_path_buf(),
        started_s: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_secs()),
    };
    let states = States::of_user().map_err(refusal)?;
    let (held, listener) = states.hold(&state).await.map_err(refusal)?;
    let kept = async {
        let booted = boot(order, directory, folder.path(), &channel).await;
        // The trees are in use as long as they are held here.
        let Some((booted, _trees)) = booted.map_err(describe)? else { return Ok(()) };
        // The user's folder may go away while the lab lives.
        let _ = std::env::set_current_dir("/");
        hold(booted, order, &state, listener, channel).await.map_err(record)
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

/// The lab, or `None` if `up` has gone meanwhile.
async fn boot(
    order: &Order,
    directory: &RunDir,
    folder: &std::path::Path,
    channel: &Arc<Channel>,
) -> Result<Option<(Booted, Trees)>, RunError> {
    let mut bus = EventBus::new();
    bus.add_log(&directory.events()).map_err(RunError::Record)?;
    let reports = channel.clone();
    bus.add_sink("up", move |event: &Event, _: &str| {
        match &event.kind {
            EventKind::LabPhase { phase, duration_us } => {
                reports.try_send(&Report::Phase { name: phase.clone(), duration_us: *duration_us });
            }
            EventKind::Warning { message } => reports.try_send(&Report::Warning(message.clone())),
            _ => {}
        }
        Ok(())
    });
    let routers = order.run.routers.values().map(|router| router.image.clone()).collect();
    let cache =
        image::Options { cache_dir: Some(order.cache.clone()), offline: true, routers, ..Default::default() };
    let trees = run::trees(order.run.images.values(), &run::store(cache)?, &Quiet).await?;
    let options = BootOptions { folder, roots: &run::roots(&trees), tap: !order.until.routes.is_empty() };
    let events = bus.events();
    let booted = run::boot_unless(channel.closed(), &order.run, &options, &events).await;
    bus.finish();
    Ok(booted?.map(|booted| (booted, trees)))
}

/// Serves until the lab is to end, or has ended by itself; then ends it.
async fn hold(
    mut booted: Booted,
    order: &Order,
    state: &State,
    listener: OwnedFd,
    channel: Arc<Channel>,
) -> io::Result<()> {
    let listener = register(listener, Interest::READABLE)?;
    let taps = booted.take_taps();
    let about = About { booted: &booted, order, state, since: Instant::now() };
    let _ = channel.send(&Report::Ready { at: now() }, &[]).await;
    let await_up = async {
        let mut reached = Reached::default();
        let done = tokio::select! {
            done = run::reach(&booted, taps, &order.until, &mut reached) => done,
            () = channel.closed() => return false,
        };
        let unmet = done.err().map(|e| e.to_string());
        channel.send(&Report::Done { reached, unmet }, &[]).await.is_ok()
    };
    {
        let serving = serve(&listener, &about);
        tokio::pin!(serving);
        let go_on = tokio::select! {
            go_on = await_up => go_on,
            () = &mut serving => false,
        };
        drop(channel);
        if go_on {
            serving.await;
        }
    }
    drop(listener);
    booted.record_final_state().await;
    booted.shutdown().await.map_err(io::Error::other)
}

/// Answers connections until one of them, a signal, or the lab's own end says that it is over.
async fn serve(listener: &AsyncFd<OwnedFd>, about: &About<'_>) {
    let mut connections = FuturesUnordered::new();
    let over = over(about.booted);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return,
            accepted = accept(listener) => match accepted {
                Ok(channel) => connections.push(answer::connection(channel, about)),
                // Out of descriptors, for instance: the lab lives on.
                Err(e) => eprintln!("supervisor: cannot accept a connection: {e}"),
            },
            Some(asked) = connections.next() => match asked {
                Ok(Asked::Answered) => {}
                Ok(Asked::Down) => return,
                Err(e) => eprintln!("supervisor: a client's connection: {e}"),
            },
        }
    }
}

async fn accept(listener: &AsyncFd<OwnedFd>) -> io::Result<Channel> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let accept = |fd: &OwnedFd| {
        let raw = accept4(fd.as_raw_fd(), flags)?;
        // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(raw) })
    };
    Channel::new(listener.async_io(Interest::READABLE, accept).await?)
}

/// Resolves at a signal, or when the lab's init has died: without it there is no lab. A node's death is only noted.
async fn over(booted: &Booted) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = booted.lab.ended() => eprintln!("supervisor: the lab has died"),
    }
}

/// Waits until nothing of the lab is left, then lets go of its name.
async fn ended(folder: &std::path::Path, held: Held) {
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
