//! What breaks on purpose, and how it is mended again.

mod daemon;
pub(super) mod link;
mod router;

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;
use routeproof_model::event::EventKind;
use routeproof_model::fact::Mono;
use routeproof_model::recording::Line;
use routeproof_model::scenario::{Fault, LinkState};

use super::boot::Booted;
use super::error::RunError;
use super::expect::{behind, node};
use super::gateway;
use super::node::{Node, must_run};
use crate::event::Events;
use crate::lab::Command;
use crate::observe::now;

/// A command that takes longer waits for something that does not come.
const EXEC: Duration = Duration::from_secs(60);

/// The faults that are in force, so that they can be undone before anybody looks for causes.
#[derive(Debug, Default)]
pub struct Faults {
    /// What undoes each, the latest last.
    inverses: Vec<Fault>,
    /// The addresses of interfaces that went down: the kernel forgets those of IPv6 (addrconf_ifdown).
    addresses: BTreeMap<(String, String), Vec<IpNet>>,
}

impl Faults {
    /// Does it. Gives the moment at which it began to act.
    pub async fn inject(
        &mut self,
        booted: &mut Booted,
        step: usize,
        fault: &Fault,
    ) -> Result<Mono, RunError> {
        let at = self.perform(booted, fault).await?;
        // What the next step sees is not older than the fault. A listener that is lost shows there.
        let _ = behind(node(booted, fault.node())?).await;
        booted.recorder.write(&Line::Fault { step, at, name: fault.name() });
        match self.inverses.iter().position(|inverse| inverse == fault) {
            Some(undone) => drop(self.inverses.remove(undone)),
            None => self.inverses.extend(fault.inverse()),
        }
        Ok(at)
    }

    /// Undoes what is still in force. What cannot be undone (its node died) is said, and changes no verdict.
    pub async fn undo(&mut self, booted: &mut Booted, events: &Events) {
        while let Some(inverse) = self.inverses.pop() {
            if let Err(e) = self.perform(booted, &inverse).await {
                let message = format!("cannot undo a fault ({}): {}", inverse.name(), e.line());
                events.send(EventKind::Warning { message });
            }
        }
    }

    async fn perform(&mut self, booted: &mut Booted, fault: &Fault) -> Result<Mono, RunError> {
        let name = node(booted, fault.node())?.name.clone();
        match fault {
            Fault::Link { interface, state, .. } => {
                let key = (name.clone(), interface.clone());
                match state {
                    LinkState::Down => {
                        let (at, had) = link::down(node(booted, &name)?, interface).await?;
                        self.addresses.insert(key, had);
                        Ok(at)
                    }
                    LinkState::Up => {
                        let had = self.addresses.remove(&key).unwrap_or_default();
                        link::up(node(booted, &name)?, interface, &had).await
                    }
                }
            }
            Fault::DeleteInterface { interface, .. } => link::delete(node(booted, &name)?, interface).await,
            Fault::AddAddress { interface, address, .. } => {
                link::add_address(node(booted, &name)?, interface, *address).await
            }
            Fault::RemoveAddress { interface, address, .. } => {
                link::remove_address(node(booted, &name)?, interface, *address).await
            }
            Fault::Unplug { interface, .. } => link::unplug(booted, &name, interface).await,
            Fault::PlugIn { interface, .. } => link::plug_in(booted, &name, interface).await,
            Fault::Netem { interface, loss, delay, .. } => {
                link::netem(node(booted, &name)?, interface, loss.as_deref(), delay.as_deref()).await
            }
            Fault::Exec { command, .. } => exec(node(booted, &name)?, command).await,
            Fault::RestartRouter { .. } => {
                let at = now();
                gateway::restart(router::of(booted, &name)?).await?;
                Ok(at)
            }
            Fault::Withdraw { prefix, .. } => router::withdraw(router::of(booted, &name)?, *prefix).await,
            Fault::Announce { prefix, .. } => router::announce(router::of(booted, &name)?, *prefix).await,
            Fault::Configure { lines, .. } => router::configure(node(booted, &name)?, lines).await,
            Fault::ResetSession { peer, .. } => router::reset_session(booted, &name, peer).await,
            Fault::KillDaemon { daemon, .. } => daemon::kill(router::of(booted, &name)?, daemon).await,
            Fault::StopDaemon { daemon, .. } => daemon::stop(router::of(booted, &name)?, daemon).await,
            Fault::PauseDaemon { daemon, .. } => daemon::pause(router::of(booted, &name)?, daemon).await,
            Fault::ResumeDaemon { daemon, .. } => daemon::resume(router::of(booted, &name)?, daemon).await,
            Fault::RestartDaemon { daemon, .. } => daemon::restart(router::of(booted, &name)?, daemon).await,
        }
    }
}

/// Runs it to its end. Errors: it fails, with what it said.
async fn exec(node: &Node, argv: &[String]) -> Result<Mono, RunError> {
    let command = Command::new(argv);
    let at = now();
    match tokio::time::timeout(EXEC, must_run(&node.handle, &command)).await {
        Ok(ended) => ended.map(|_| at),
        Err(_) => Err(RunError::Exec {
            node: node.name.clone(),
            command: command.line(),
            exit: format!("still runs after {} s", EXEC.as_secs()),
            output: "a fault must end by itself; `sh -c '... &'` leaves one running".to_string(),
        }),
    }
}
