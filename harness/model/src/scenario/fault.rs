//! What breaks, or is mended, on purpose.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// SIGKILL to a daemon of FRR (`bgpd`, `zebra`, ...); nothing restarts it.
    KillDaemon { node: String, daemon: String },
    /// A router's daemons stop (SIGTERM), start again and load their configuration.
    RestartRouter { node: String },
    /// An interface goes down, or up again.
    Link { node: String, interface: String, state: LinkState },
    /// `clear bgp PEER`: the session is torn down with a NOTIFICATION (RFC 4486, administrative reset).
    ResetSession { node: String, peer: String },
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
            Fault::RestartRouter { .. } => "restart-router",
            Fault::Link { .. } => "link",
            Fault::ResetSession { .. } => "reset-session",
        }
    }

    pub fn node(&self) -> &str {
        match self {
            Fault::KillDaemon { node, .. }
            | Fault::RestartRouter { node }
            | Fault::Link { node, .. }
            | Fault::ResetSession { node, .. } => node,
        }
    }
}
