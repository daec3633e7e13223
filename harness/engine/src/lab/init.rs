//! Pid 1 of a lab: builds the nodes and the wiring, then watches over them until the harness lets go.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use super::agent;
use super::clone::{Side, fork_into, lab_namespaces};
use super::links::{self, Wired};
use super::nftables;
use super::rootfs;
use super::rtnl;
use super::spec::{InitReport, LabSpec};
use super::wire;

type Failure = (String, io::Error);

struct Lab {
    pids: Vec<Pid>,
}

pub fn main(socket: OwnedFd) -> ! {
    let start = now_us();
    let lab = match prepare(socket.as_fd()) {
        Ok(spec) => {
            build(socket.as_fd(), &spec, start).map_err(|(what, error)| InitReport::failed(&what, &error))
        }
        Err((what, error)) => Err(InitReport::refused(&what, &error)),
    };
    let watched = |lab: Lab| serve(&socket, &lab).map_err(|(what, error)| InitReport::failed(&what, &error));
    let code = match lab.and_then(watched) {
        Ok(()) => 0,
        Err(report) => {
            let _ = wire::send(socket.as_fd(), &report, &[]);
            1
        }
    };
    std::process::exit(code)
}

/// What every lab needs, whatever is in it.
fn prepare(socket: BorrowedFd<'_>) -> Result<LabSpec, Failure> {
    let spec = receive_spec(socket)?;
    rootfs::prepare_lab(&spec.mount_point)?;
    Ok(spec)
}

fn build(socket: BorrowedFd<'_>, spec: &LabSpec, start: u64) -> Result<Lab, Failure> {
    if spec.joined {
        links::build(spec, &receive_members(socket, spec.nodes.len() + usize::from(spec.patch))?)?;
        let links_us = now_us() - start;
        report(socket, &[], InitReport::Ready { namespaces_us: 0, roots_us: 0, links_us })?;
        return Ok(Lab { pids: Vec::new() });
    }
    let mut pids = Vec::new();
    let mut hellos = Vec::new();
    let mut agents = Vec::new();
    for node in &spec.nodes {
        let (hello_ours, hello_theirs) = wire::pair().map_err(|e| ("create a socket pair".to_string(), e))?;
        let (agent_harness, agent_theirs) =
            wire::pair().map_err(|e| ("create a socket pair".to_string(), e))?;
        match fork_into(lab_namespaces())
            .map_err(|e| (format!("create the namespaces of {}", node.name), e))?
        {
            Side::Child => {
                let _ = prctl::set_pdeathsig(Signal::SIGKILL);
                // Only this node's sockets stay open here: another node's agent must see its own end of file.
                drop((hello_ours, agent_harness, hellos, agents));
                agent::main(&spec.mount_point, node, hello_theirs, agent_theirs)
            }
            Side::Parent(pid) => pids.push(pid),
        }
        hellos.push(hello_ours);
        agents.push(agent_harness);
    }
    let namespaces_us = now_us() - start;
    let wired = hellos
        .iter()
        .zip(&spec.nodes)
        .map(|(hello, node)| receive_hello(hello, &node.name))
        .collect::<Result<Vec<_>, _>>()?;
    let roots_us = now_us() - start;
    links::build(spec, &wired)?;
    let links_us = now_us() - start;
    report(socket, &agents, InitReport::Ready { namespaces_us, roots_us, links_us })?;
    Ok(Lab { pids })
}

fn receive_spec(socket: BorrowedFd<'_>) -> Result<LabSpec, Failure> {
    let what = || "read the lab's description".to_string();
    let gone = || (what(), io::Error::new(io::ErrorKind::UnexpectedEof, "the harness has gone"));
    let ((), mut fds) = wire::recv::<()>(socket).map_err(|e| (what(), e))?.ok_or_else(gone)?;
    let file = std::fs::File::from(fds.pop().ok_or_else(gone)?);
    serde_json::from_reader(io::BufReader::new(file)).map_err(|e| (what(), e.into()))
}

/// Nodes that are there already come from the harness, each with its network namespace and a netlink socket.
fn receive_members(socket: BorrowedFd<'_>, count: usize) -> Result<Vec<Wired>, Failure> {
    let what = || "get the lab's nodes".to_string();
    let gone = || (what(), io::Error::new(io::ErrorKind::UnexpectedEof, "the harness has gone"));
    let mut nodes = Vec::new();
    while nodes.len() < count {
        let ((), fds) = wire::recv::<()>(socket).map_err(|e| (what(), e))?.ok_or_else(gone)?;
        let mut fds = fds.into_iter();
        while let (Some(netns), Some(socket)) = (fds.next(), fds.next()) {
            nodes.push(Wired { netns, socket });
        }
    }
    Ok(nodes)
}

/// A node says hello when its root stands, with its network namespace and a netlink socket; or says what failed.
fn receive_hello(hello: &OwnedFd, node: &str) -> Result<Wired, Failure> {
    let died = || {
        (format!("start node {node}"), io::Error::new(io::ErrorKind::UnexpectedEof, "its first process died"))
    };
    let (failure, fds) = wire::recv::<Option<(String, Option<i32>)>>(hello.as_fd())
        .map_err(|e| (format!("start node {node}"), e))?
        .ok_or_else(died)?;
    if let Some((what, errno)) = failure {
        let error = errno.map_or_else(|| io::Error::other("see above"), io::Error::from_raw_os_error);
        return Err((format!("start node {node}: {what}"), error));
    }
    let mut fds = fds.into_iter();
    match (fds.next(), fds.next()) {
        (Some(netns), Some(socket)) => Ok(Wired { netns, socket }),
        _ => Err(died()),
    }
}

fn report(harness: BorrowedFd<'_>, agents: &[OwnedFd], ready: InitReport) -> Result<(), Failure> {
    let failed = |e| ("report to the harness".to_string(), e);
    for (chunk, fds) in agents.chunks(wire::MAX_FDS).enumerate() {
        let first = chunk * wire::MAX_FDS;
        wire::send(harness, &InitReport::Agents { first }, &wire::borrow(fds)).map_err(failed)?;
    }
    let segments = rtnl::open_route_socket().map_err(failed)?;
    // A kernel without netfilter has no such socket.
    let netfilter = nftables::open_netfilter_socket().ok();
    let internet = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
    let internet = internet.map_err(|e| failed(e.into()))?;
    let fds = [Some(&segments), Some(&internet), netfilter.as_ref()];
    let fds: Vec<_> = fds.into_iter().flatten().map(AsFd::as_fd).collect();
    wire::send(harness, &ready, &fds).map_err(failed)
}

/// Waits for the harness to close its end (the normal end of a lab), and reaps.
fn serve(socket: &OwnedFd, lab: &Lab) -> Result<(), Failure> {
    let failed = |e: nix::errno::Errno| ("watch over the nodes".to_string(), e.into());
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block().map_err(failed)?;
    let signals =
        SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(failed)?;
    loop {
        reap(socket, lab);
        let mut fds =
            [PollFd::new(socket.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(e) => return Err(failed(e)),
            Ok(_) => {}
        }
        let _ = signals.read_signal();
        let closed = fds[0]
            .revents()
            .is_some_and(|r| r.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR));
        // The harness sends nothing after the description: readable means closed.
        if closed {
            return Ok(());
        }
    }
}

fn reap(socket: &OwnedFd, lab: &Lab) {
    while let Ok(status) = waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG) {
        let (WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) = status else { return };
        if let Some(node) = lab.pids.iter().position(|p| *p == pid) {
            let _ = wire::send(socket.as_fd(), &InitReport::NodeDied { node }, &[]);
        }
    }
}

fn now_us() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |t| t.tv_sec() as u64 * 1_000_000 + t.tv_nsec() as u64 / 1_000)
}
