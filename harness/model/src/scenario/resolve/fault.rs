//! `fault` steps: what they name must exist.

use super::{Resolver, key};
use crate::diag::{Diagnostic, Seg};
use crate::scenario::fault::Fault;
use crate::topology::Role;

/// The daemons that FRR may have.
const DAEMONS: [&str; 15] = [
    "bfdd", "bgpd", "fabricd", "isisd", "ldpd", "mgmtd", "ospf6d", "ospfd", "pathd", "pimd", "ripd",
    "ripngd", "staticd", "vrrpd", "zebra",
];

impl Resolver<'_> {
    pub(super) fn fault(&self, fault: &Fault, at: &[Seg]) -> Result<(), Diagnostic> {
        let field = |name: &str| [at, &[key(fault.word()), key(name)]].concat();
        self.any_node(fault.node(), &field("node"))?;
        match fault {
            Fault::RestartRouter { node } => self
                .router(node, &field("node"))
                .map_err(|error| error.hint("`restart-speaker` restarts the FRR of a cluster node")),
            Fault::Withdraw { node, .. } | Fault::Announce { node, .. } => self.router(node, &field("node")),
            Fault::Link { node, interface, .. }
            | Fault::DeleteInterface { node, interface }
            | Fault::AddAddress { node, interface, .. }
            | Fault::RemoveAddress { node, interface, .. } => {
                self.interface(node, interface, &field("interface"))
            }
            Fault::Netem { node, interface, loss, delay } => {
                self.interface(node, interface, &field("interface"))?;
                let refuse = |name: &str, why: String| Err(self.source.error_at(&field(name), why));
                match (loss, delay) {
                    (Some(loss), _) if !is_share(loss) => {
                        refuse("loss", format!("`{loss}` is not a share such as 5%"))
                    }
                    (_, Some(delay)) if humantime::parse_duration(delay).is_err() => {
                        refuse("delay", format!("`{delay}` is not a duration such as 20ms"))
                    }
                    _ => Ok(()),
                }
            }
            Fault::Unplug { node, interface } | Fault::PlugIn { node, interface } => {
                self.interface(node, interface, &field("interface"))?;
                match self.topology.bridge_port(node, interface) {
                    Some(_) => Ok(()),
                    None => {
                        let what = format!("`{node}:{interface}` is not plugged into a bridge");
                        let error = self.source.error_at(&field("interface"), what);
                        Err(error.hint("`link` takes the interface itself down"))
                    }
                }
            }
            Fault::Exec { command, undo, .. } => {
                let written = [("command", command), ("undo", undo)];
                written.into_iter().try_for_each(|(name, argv)| self.argv(name, argv, &field(name)))
            }
            Fault::ResetSession { peer, .. } => self.peer(peer, &field("peer")),
            Fault::KillDaemon { daemon, .. }
            | Fault::StopDaemon { daemon, .. }
            | Fault::PauseDaemon { daemon, .. }
            | Fault::ResumeDaemon { daemon, .. }
            | Fault::RestartDaemon { daemon, .. } => match DAEMONS.contains(&daemon.as_str()) {
                true => Ok(()),
                false => Err(self.unknown(&field("daemon"), "daemon", daemon, DAEMONS.to_vec())),
            },
            Fault::Configure { lines, .. } => match lines.is_empty() {
                true => Err(self.source.error_at(&field("lines"), "`configure` needs at least one line")),
                false => Ok(()),
            },
        }
    }

    fn argv(&self, name: &str, argv: &[String], at: &[Seg]) -> Result<(), Diagnostic> {
        match argv {
            [] if name == "command" => Err(self.source.error_at(at, "`command` is empty")),
            [] => Ok(()),
            [program, ..] if program.contains(char::is_whitespace) => {
                let what = format!("`{program}` is no program: each word is an item of the list");
                let hint = "a shell's line is `[sh, -c, \"...\"]`";
                Err(self.source.error_at(at, what).hint(hint))
            }
            _ => Ok(()),
        }
    }

    fn router(&self, node: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        match self.topology.find(node).is_some_and(|n| n.role == Role::Gateway) {
            true => Ok(()),
            false => Err(self.source.error_at(at, format!("`{node}` is not a router of the topology"))),
        }
    }
}

/// `5%`, at most all of it.
fn is_share(text: &str) -> bool {
    let number = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    number.is_some_and(|number| (0.0..=100.0).contains(&number))
}
