//! `fault` steps: what they name must exist.

use super::{Resolver, key};
use crate::diag::{Diagnostic, Seg};
use crate::scenario::fault::Fault;
use crate::topology::Role;

impl Resolver<'_> {
    pub(super) fn fault(&self, fault: &Fault, at: &[Seg]) -> Result<(), Diagnostic> {
        let field = |name: &str| [at, &[key(fault.word()), key(name)]].concat();
        self.any_node(fault.node(), &field("node"))?;
        match fault {
            Fault::RestartRouter { node } => {
                if self.topology.find(node).is_some_and(|n| n.role == Role::Gateway) {
                    return Ok(());
                }
                let what = format!("`{node}` is not a router of the topology");
                let error = self.source.error_at(&field("node"), what);
                Err(error.hint("`restart-speaker` restarts the FRR of a cluster node"))
            }
            Fault::Link { node, interface, .. } => self.interface(node, interface, &field("interface")),
            Fault::ResetSession { peer, .. } => self.peer(peer, &field("peer")),
            Fault::KillDaemon { .. } => Ok(()),
        }
    }
}
