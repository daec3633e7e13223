//! What breaks, or is mended, on purpose.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::words::{interface_address, prefix};

/// A fault is undone after the last step, in the reverse order, if it has an [`inverse`](Fault::inverse) and no step has
/// undone it before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// SIGKILL to a daemon of FRR (`bgpd`, `zebra`, ...); nothing restarts it.
    KillDaemon { node: String, daemon: String },
    /// SIGTERM: the daemon says goodbye to its peers (unless graceful restart is on). Nothing restarts it.
    StopDaemon { node: String, daemon: String },
    /// SIGSTOP: the daemon hangs, its sockets stay open.
    PauseDaemon { node: String, daemon: String },
    /// SIGCONT.
    ResumeDaemon { node: String, daemon: String },
    /// SIGTERM unless it is down already; then it starts, and its node's configuration is loaded.
    RestartDaemon { node: String, daemon: String },
    /// A router's daemons stop (SIGTERM), start again and load their configuration.
    RestartRouter { node: String },
    /// An interface goes down, or up again with the addresses that it had.
    Link { node: String, interface: String, state: LinkState },
    /// The interface is gone for good, and so is the link's other end.
    DeleteInterface { node: String, interface: String },
    /// The bridge's port at which the interface's cable ends leaves the bridge: the node keeps its carrier and hears nothing.
    Unplug { node: String, interface: String },
    /// The port returns to the bridge.
    PlugIn { node: String, interface: String },
    AddAddress {
        node: String,
        interface: String,
        #[serde(deserialize_with = "interface_address")]
        address: IpNet,
    },
    RemoveAddress {
        node: String,
        interface: String,
        #[serde(deserialize_with = "interface_address")]
        address: IpNet,
    },
    /// An FRR gateway announces the prefix no longer (`no network PREFIX`).
    Withdraw {
        node: String,
        #[serde(deserialize_with = "prefix")]
        prefix: IpNet,
    },
    /// An FRR gateway announces the prefix (`network PREFIX`).
    Announce {
        node: String,
        #[serde(deserialize_with = "prefix")]
        prefix: IpNet,
    },
    /// Lines of FRR's configuration, as an operator would type them; one that FRR refuses breaks the run.
    Configure { node: String, lines: Vec<String> },
    /// `clear bgp PEER`: the session is torn down with a NOTIFICATION (RFC 4486, administrative reset).
    ResetSession { node: String, peer: String },
    /// What the interface sends is lost or late (tc-netem(8)); without either, no longer. A kernel without sch_netem makes
    /// the run `skipped`.
    Netem {
        node: String,
        interface: String,
        /// For instance `5%`.
        #[serde(default)]
        loss: Option<String>,
        /// For instance `20ms`.
        #[serde(default)]
        delay: Option<String>,
    },
    /// A command in the node's namespaces and root, as a hand would type it; one that does not end with 0 breaks the run.
    /// What follows measures from its start.
    Exec {
        node: String,
        /// The program and its arguments; no shell reads them.
        command: Vec<String>,
        /// The command that undoes it.
        #[serde(default)]
        undo: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    Up,
    Down,
}

impl LinkState {
    /// As `ip link set` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            LinkState::Up => "up",
            LinkState::Down => "down",
        }
    }
}

impl Fault {
    /// The word that a scenario file uses.
    pub fn word(&self) -> &'static str {
        match self {
            Fault::KillDaemon { .. } => "kill-daemon",
            Fault::StopDaemon { .. } => "stop-daemon",
            Fault::PauseDaemon { .. } => "pause-daemon",
            Fault::ResumeDaemon { .. } => "resume-daemon",
            Fault::RestartDaemon { .. } => "restart-daemon",
            Fault::RestartRouter { .. } => "restart-router",
            Fault::Link { .. } => "link",
            Fault::DeleteInterface { .. } => "delete-interface",
            Fault::Unplug { .. } => "unplug",
            Fault::PlugIn { .. } => "plug-in",
            Fault::AddAddress { .. } => "add-address",
            Fault::RemoveAddress { .. } => "remove-address",
            Fault::Withdraw { .. } => "withdraw",
            Fault::Announce { .. } => "announce",
            Fault::Configure { .. } => "configure",
            Fault::ResetSession { .. } => "reset-session",
            Fault::Netem { .. } => "netem",
            Fault::Exec { .. } => "exec",
        }
    }

    pub fn node(&self) -> &str {
        match self {
            Fault::KillDaemon { node, .. }
            | Fault::StopDaemon { node, .. }
            | Fault::PauseDaemon { node, .. }
            | Fault::ResumeDaemon { node, .. }
            | Fault::RestartDaemon { node, .. }
            | Fault::RestartRouter { node }
            | Fault::Link { node, .. }
            | Fault::DeleteInterface { node, .. }
            | Fault::Unplug { node, .. }
            | Fault::PlugIn { node, .. }
            | Fault::AddAddress { node, .. }
            | Fault::RemoveAddress { node, .. }
            | Fault::Withdraw { node, .. }
            | Fault::Announce { node, .. }
            | Fault::Configure { node, .. }
            | Fault::ResetSession { node, .. }
            | Fault::Netem { node, .. }
            | Fault::Exec { node, .. } => node,
        }
    }

    /// What undoes it; `None` where nothing does, or nothing needs to.
    pub fn inverse(&self) -> Option<Fault> {
        let fault = self.clone();
        match fault {
            Fault::KillDaemon { node, daemon } | Fault::StopDaemon { node, daemon } => {
                Some(Fault::RestartDaemon { node, daemon })
            }
            Fault::PauseDaemon { node, daemon } => Some(Fault::ResumeDaemon { node, daemon }),
            Fault::Link { node, interface, state: LinkState::Down } => {
                Some(Fault::Link { node, interface, state: LinkState::Up })
            }
            Fault::Unplug { node, interface } => Some(Fault::PlugIn { node, interface }),
            Fault::AddAddress { node, interface, address } => {
                Some(Fault::RemoveAddress { node, interface, address })
            }
            Fault::RemoveAddress { node, interface, address } => {
                Some(Fault::AddAddress { node, interface, address })
            }
            Fault::Withdraw { node, prefix } => Some(Fault::Announce { node, prefix }),
            Fault::Announce { node, prefix } => Some(Fault::Withdraw { node, prefix }),
            Fault::Netem { loss: None, delay: None, .. } => None,
            Fault::Netem { node, interface, .. } => {
                Some(Fault::Netem { node, interface, loss: None, delay: None })
            }
            Fault::Exec { undo, .. } if undo.is_empty() => None,
            Fault::Exec { node, undo, .. } => Some(Fault::Exec { node, command: undo, undo: Vec::new() }),
            Fault::Link { .. }
            | Fault::ResumeDaemon { .. }
            | Fault::RestartDaemon { .. }
            | Fault::RestartRouter { .. }
            | Fault::DeleteInterface { .. }
            | Fault::PlugIn { .. }
            | Fault::Configure { .. }
            | Fault::ResetSession { .. } => None,
        }
    }

    /// In one line, for people.
    pub fn name(&self) -> String {
        match self {
            Fault::KillDaemon { node, daemon } => format!("kill {daemon} of {node}"),
            Fault::StopDaemon { node, daemon } => format!("stop {daemon} of {node}"),
            Fault::PauseDaemon { node, daemon } => format!("pause {daemon} of {node}"),
            Fault::ResumeDaemon { node, daemon } => format!("resume {daemon} of {node}"),
            Fault::RestartDaemon { node, daemon } => format!("restart {daemon} of {node}"),
            Fault::RestartRouter { node } => format!("restart router {node}"),
            Fault::Link { node, interface, state } => format!("{node}:{interface} goes {}", state.as_str()),
            Fault::DeleteInterface { node, interface } => format!("delete {node}:{interface}"),
            Fault::Unplug { node, interface } => format!("unplug {node}:{interface}"),
            Fault::PlugIn { node, interface } => format!("plug in {node}:{interface}"),
            Fault::AddAddress { node, interface, address } => format!("add {address} to {node}:{interface}"),
            Fault::RemoveAddress { node, interface, address } => {
                format!("remove {address} from {node}:{interface}")
            }
            Fault::Withdraw { node, prefix } => format!("{node} withdraws {prefix}"),
            Fault::Announce { node, prefix } => format!("{node} announces {prefix}"),
            Fault::Configure { node, lines } => format!("configure {node}: {}", lines.join("; ")),
            Fault::ResetSession { node, peer } => format!("reset session {node} -> {peer}"),
            Fault::Netem { node, interface, loss, delay } => {
                let words =
                    [loss.as_ref().map(|l| format!("{l} lost")), delay.as_ref().map(|d| format!("{d} late"))];
                let words: Vec<String> = words.into_iter().flatten().collect();
                let what = if words.is_empty() { "no impairment".to_string() } else { words.join(", ") };
                format!("{node}:{interface}: {what}")
            }
            Fault::Exec { node, command, .. } => format!("{node} runs {}", command.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undone_is_as_before() {
        let down = Fault::Link { node: "n".into(), interface: "eth1".into(), state: LinkState::Down };
        let up = down.inverse().unwrap();
        insta::assert_snapshot!(format!("{} | {}", down.name(), up.name()), @"n:eth1 goes down | n:eth1 goes up");
        assert_eq!(up.inverse(), None, "what mends is not undone");
        let prefix = "10.0.0.0/24".parse().unwrap();
        let withdraw = Fault::Withdraw { node: "gw1".into(), prefix };
        assert_eq!(withdraw.inverse().and_then(|f| f.inverse()), Some(withdraw));
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect();
        let exec =
            |command, undo| Fault::Exec { node: "n".into(), command: words(command), undo: words(undo) };
        let planted = exec("ip route add blackhole 10.0.0.0/24", "ip route del blackhole 10.0.0.0/24");
        assert_eq!(planted.inverse(), Some(exec("ip route del blackhole 10.0.0.0/24", "")));
        assert_eq!(exec("true", "").inverse(), None);
    }

    #[test]
    fn the_word_is_the_one_of_the_file() {
        let all = [
            Fault::RestartRouter { node: "n".into() },
            Fault::PlugIn { node: "n".into(), interface: "e".into() },
            Fault::Netem { node: "n".into(), interface: "e".into(), loss: None, delay: None },
            Fault::Configure { node: "n".into(), lines: Vec::new() },
            Fault::Exec { node: "n".into(), command: Vec::new(), undo: Vec::new() },
        ];
        for fault in all {
            let written = serde_json::to_value(&fault).unwrap();
            assert_eq!(written.as_object().unwrap().keys().next().unwrap(), fault.word());
        }
    }
}
