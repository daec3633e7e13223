//! One connection of a supervisor's client.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use futures::future::join_all;
use nix::sys::signal::Signal;
use routeproof_model::diag::Source;
use routeproof_model::fact::Inspection;
use routeproof_model::frr::SessionState;
use routeproof_model::topology::{self, Role};

use super::channel::{Channel, in_file};
use super::folder::State;
use super::protocol::{Answer, Ask, Command, LabStatus, NodeStatus, Order, SCHEMA, Sessions};
use super::refusal::Refusal;
use super::{beside, snapshot};
use crate::lab::{self, LabError, Process, Stdio};
use crate::observe;
use crate::run::{self, Booted, Node};

/// A daemon that does not answer for this long is stuck, which is what the status then says.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What the answers are about.
pub(super) struct About<'a> {
    pub booted: &'a Booted,
    pub order: &'a Order,
    pub state: &'a State,
    pub since: Instant,
}

/// How a connection ended.
pub(super) enum Asked {
    Answered,
    /// The lab is to end. Who asked waits for the lock.
    Down,
}

pub(super) async fn connection(channel: Channel, about: &About<'_>) -> io::Result<Asked> {
    let Some((ask, fds)) = channel.receive::<Ask>().await? else { return Ok(Asked::Answered) };
    match ask {
        Ask::Down => return Ok(Asked::Down),
        Ask::Status => {
            let status = in_file(&status(about).await)?;
            channel.send(&Answer::Status, &[status.as_fd()]).await?;
        }
        Ask::Snapshot => {
            let snapshot = in_file(&snapshot::take(about).await)?;
            channel.send(&Answer::Snapshot, &[snapshot.as_fd()]).await?;
        }
        Ask::Inspect { node } => match find(about, &node) {
            Err(answer) => channel.send(&answer, &[]).await?,
            Ok((node, _)) => match inspect(node).await {
                Ok(inspection) => {
                    let inspection = in_file(&inspection)?;
                    channel.send(&Answer::Inspected, &[inspection.as_fd()]).await?;
                }
                Err(what) => channel.send(&Answer::Failed { what }, &[]).await?,
            },
        },
        Ask::Expect { step, judge } => expect(&channel, about, &step, judge).await?,
        Ask::Exec { node, command, .. } => match find(about, &node) {
            Err(answer) => channel.send(&answer, &[]).await?,
            Ok((node, written)) => exec(&channel, node, written, &command, fds).await?,
        },
        Ask::Signal(_) | Ask::Resize(_) => {
            channel.send(&Answer::Failed { what: "no command runs".to_string() }, &[]).await?
        }
    }
    Ok(Asked::Answered)
}

/// A node by its name or alias.
fn find<'a>(about: &'a About<'_>, name: &str) -> Result<(&'a Node, &'a topology::Node), Answer> {
    let topology = &about.order.run.topology;
    let nodes = topology.nodes.iter().filter(|n| n.role != Role::Bridge);
    let known = || nodes.map(|n| n.name.clone()).collect();
    let Some(written) = topology.find(name) else { return Err(Answer::NoNode { known: known() }) };
    match about.booted.nodes.get(&written.name) {
        Some(node) => Ok((node, written)),
        None => Err(Answer::Bridge),
    }
}

async fn expect(channel: &Channel, about: &About<'_>, step: &str, judge: bool) -> io::Result<()> {
    match run::looking(&Source::new("expectation", step), &about.order.run.topology) {
        Err(mistake) => {
            let text = mistake.render(false);
            let refusal = Refusal { code: 2, text, hints: Vec::new(), rendered: true };
            channel.send(&Answer::Mistake(refusal), &[]).await
        }
        Ok(_) if !judge => channel.send(&Answer::Understood, &[]).await,
        Ok(step) => {
            let judged = in_file(&run::judge(about.booted, &step, about.order.run.tightest_timer_ms).await)?;
            channel.send(&Answer::Judged, &[judged.as_fd()]).await
        }
    }
}

/// Every table of the node's kernel, read anew, and what is known beside them.
async fn inspect(node: &Node) -> Result<Inspection, String> {
    let socket = node.handle.netlink().await.map_err(|e| line(&e))?;
    let read = tokio::task::spawn_blocking(move || observe::dump_all(socket)).await;
    let failed = |why: &dyn std::fmt::Display| format!("cannot read the kernel of node {}: {why}", node.name);
    let read = read.map_err(|e| failed(&e))?.map_err(|e| {
        let cause = std::error::Error::source(&e).map(|c| format!(": {c}")).unwrap_or_default();
        failed(&format!("{e}{cause}"))
    })?;
    Ok(read.beside(beside::take(node).await))
}

fn failed(error: &LabError) -> Answer {
    Answer::Failed { what: line(error) }
}

fn line(error: &LabError) -> String {
    let cause = std::error::Error::source(error).map(|c| format!(": {c}")).unwrap_or_default();
    format!("{error}{cause}")
}

async fn exec(
    channel: &Channel,
    node: &Node,
    written: &topology::Node,
    command: &Command,
    fds: Vec<OwnedFd>,
) -> io::Result<()> {
    let Ok([stdin, stdout, stderr]) = <[OwnedFd; 3]>::try_from(fds) else {
        return channel.send(&Answer::Failed { what: "three descriptors expected".to_string() }, &[]).await;
    };
    if let Some(folder) = &command.folder
        && let Err(e) = node.handle.list(folder).await
    {
        // A missing folder would look like a missing program: execve(2) and chdir(2) both say ENOENT.
        return channel.send(&Answer::NotStarted { code: 126, why: line(&e) }, &[]).await;
    }
    let mut asked = lab::Command::new(command.argv.iter().cloned()).envs(&written.env).envs(&command.env);
    asked.terminal = command.terminal;
    asked.cwd = command.folder.clone().unwrap_or(asked.cwd);
    let mut process = match node.handle.spawn(&asked, Stdio { stdin, stdout, stderr }).await {
        Ok(process) => process,
        Err(e) => return channel.send(&not_started(&e), &[]).await,
    };
    let pid = process.pid;
    channel.send(&Answer::Started, &[]).await?;
    tokio::select! {
        exit = process.wait() => {
            let answer = match exit {
                Some(exit) => Answer::Exited { code: exit.shell_code() },
                None => Answer::Failed { what: format!("node {} has died", node.name) },
            };
            channel.send(&answer, &[]).await
        }
        () = signals(channel, node, pid) => kill(node, &process).await,
    }
}

fn not_started(error: &LabError) -> Answer {
    let code = match error {
        LabError::Node { source, .. } => match source.raw_os_error() {
            Some(libc::ENOENT) => 127,
            Some(libc::EACCES | libc::ENOEXEC | libc::ENOTDIR | libc::EISDIR) => 126,
            _ => return failed(error),
        },
        _ => return failed(error),
    };
    Answer::NotStarted { code, why: line(error) }
}

/// Passes signals on until the client is gone.
async fn signals(channel: &Channel, node: &Node, pid: i32) {
    while let Ok(Some((ask, _))) = channel.receive::<Ask>().await {
        if let Ask::Signal(number) = ask
            && let Ok(signal) = Signal::try_from(number)
        {
            // It may have ended in this moment.
            let _ = node.handle.kill(pid, signal, true).await;
        }
    }
}

/// Nobody waits for the command any more: it and what it started end.
async fn kill(node: &Node, process: &Process) -> io::Result<()> {
    if process.ended().is_none() {
        let _ = node.handle.kill(process.pid, Signal::SIGKILL, true).await;
    }
    Ok(())
}

async fn status(about: &About<'_>) -> LabStatus {
    let run = &about.order.run;
    let node = async |written: &topology::Node| {
        let (state, sessions) = match about.booted.nodes.get(&written.name) {
            None => ("running".to_string(), None),
            Some(node) => state(node).await,
        };
        NodeStatus {
            name: written.name.clone(),
            alias: written.alias.clone(),
            role: written.role,
            image: run.images.get(&written.name).cloned(),
            state,
            sessions,
        }
    };
    LabStatus {
        schema: SCHEMA.to_string(),
        name: about.state.name.clone(),
        topology: about.state.topology.clone(),
        guest: about.state.guest.clone(),
        directory: about.state.directory.clone(),
        pid: about.state.pid,
        uptime_s: about.since.elapsed().as_secs(),
        nodes: join_all(run.topology.nodes.iter().map(node)).await,
    }
}

async fn state(node: &Node) -> (String, Option<Sessions>) {
    // The cheapest question that needs the node's agent.
    if let Err(e) = node.handle.list("/run").await {
        return (line(&e), None);
    }
    if let Err(e) = node.check_alive() {
        return (e.line(), None);
    }
    if !node.speaks_bgp() {
        return ("running".to_string(), None);
    }
    match tokio::time::timeout(PATIENCE, node.sessions()).await {
        Err(_) => (format!("the router has not answered for {} s", PATIENCE.as_secs()), None),
        Ok(Ok(sessions)) => {
            let established = sessions.iter().filter(|s| s.state == SessionState::Established).count();
            ("running".to_string(), Some(Sessions { total: sessions.len(), established }))
        }
        Ok(Err(e)) => (e.line(), None),
    }
}
