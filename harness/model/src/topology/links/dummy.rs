//! Links of `type: dummy`: an interface that leads nowhere. It is one of its node's declared interfaces.

use super::{Cabling, End, join};
use crate::diag::{Diagnostic, Seg};
use crate::topology::file::LinkFile;
use crate::topology::interfaces;
use crate::topology::types::{Endpoint, Role};

impl Cabling<'_> {
    pub(super) fn dummy(&mut self, link: &LinkFile, at: &[Seg]) -> Result<(), Diagnostic> {
        let Some(full) = &link.endpoint else {
            let error = self.source.error_at(at, "a dummy link needs an `endpoint`");
            return Err(error.hint("`endpoint: {node: a, interface: dummy0}`"));
        };
        if full.vars.is_some() {
            self.warnings.note(
                "vars",
                "it feeds containerlab's template engine",
                join(&join(at, "endpoint"), "vars"),
            );
        }
        let mut end = self.full(full, join(at, "endpoint"));
        self.link_addresses("ipv4", link.ipv4.as_deref(), at, std::slice::from_mut(&mut end), |end| {
            &mut end.ipv4
        })?;
        self.link_addresses("ipv6", link.ipv6.as_deref(), at, std::slice::from_mut(&mut end), |end| {
            &mut end.ipv6
        })?;
        let Endpoint { node, interface, mac, ipv4, ipv6 } = self.of_a_node(&end)?;
        let addresses = ipv4.map(Into::into).into_iter().chain(ipv6.map(Into::into)).collect();
        let mtu = self.mtu(link, at)?;
        self.dummies.push((node, interfaces::End { name: interface, is_dummy: true, addresses, mtu, mac }));
        Ok(())
    }

    fn of_a_node(&mut self, end: &End<'_>) -> Result<Endpoint, Diagnostic> {
        let found = self.endpoint(end)?;
        match self.nodes[found.node].role {
            Role::Bridge => {
                let message = format!("`{}` is a bridge, which has no use for a dummy", end.node);
                Err(self.source.error_at(&end.node_at, message))
            }
            _ => Ok(found),
        }
    }
}
