//! Names in a scenario file, checked against the topology and the axes, with near names for the wrong ones.

use std::path::PathBuf;

use ipnet::IpNet;

use super::Resolver;
use crate::diag::{Diagnostic, Seg, nearest};
use crate::fact::names::Word;
use crate::scenario::axes::{AxisValues, substitute};
use crate::topology::{Devices, Role};
use crate::yaml;

impl Resolver<'_> {
    pub(super) fn unknown(&self, at: &[Seg], what: &str, name: &str, known: Vec<&str>) -> Diagnostic {
        let error = self.source.error_at(at, format!("unknown {what} `{name}`"));
        let error = match nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        if known.is_empty() { error } else { error.hint(format!("known: {}", known.join(", "))) }
    }

    pub(super) fn path(&self, text: &str, axes: &AxisValues, at: &[Seg]) -> Result<PathBuf, Diagnostic> {
        let names = || axes.iter().map(|(name, _)| name.as_str()).collect();
        let text = substitute(text, axes).map_err(|axis| self.unknown(at, "axis", &axis, names()))?;
        Ok(self.dir.join(text))
    }

    pub(super) fn prefix(&self, text: &str, axes: &AxisValues, at: &[Seg]) -> Result<IpNet, Diagnostic> {
        let names = || axes.iter().map(|(name, _)| name.as_str()).collect();
        let text = substitute(text, axes).map_err(|axis| self.unknown(at, "axis", &axis, names()))?;
        let net: IpNet = text.parse().map_err(|_| {
            let error = self.source.error_at(at, format!("`{text}` is not a prefix"));
            error.hint("an address with a length, for instance 172.16.1.0/24 or fc00:1::/64")
        })?;
        match net.trunc() {
            whole if whole == net => Ok(net),
            whole => Err(self.source.error_at(at, format!("`{text}` is an address in the prefix {whole}"))),
        }
    }

    /// A word that the kernel's routes may have, if one is given.
    pub(super) fn kernel_word(&self, word: Option<&String>, of: Word, at: &[Seg]) -> Result<(), Diagnostic> {
        let what = match of {
            Word::Protocol => "protocol",
            Word::Kind => "type of route",
            Word::Scope => "scope",
        };
        match word.filter(|word| !of.has(word)) {
            None => Ok(()),
            Some(unknown) => Err(self.unknown(at, what, unknown, of.names())),
        }
    }

    /// A list that is written, but has nothing in it, looks as if it said something.
    pub(super) fn not_empty<T>(&self, list: &[T], at: &[Seg], hint: &str) -> Result<(), Diagnostic> {
        let written = || yaml::documents(self.source).ok().and_then(|all| all.first()?.items(at));
        if !list.is_empty() || written().is_none() {
            return Ok(());
        }
        let error = self.source.error_at(at, "an empty list says nothing: without it any will do");
        Err(error.hint(hint))
    }

    pub(super) fn any_node(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        if self.topology.find(name).is_some() {
            return Ok(());
        }
        let known = self.topology.nodes.iter().map(|n| n.alias.as_deref().unwrap_or(&n.name)).collect();
        Err(self.unknown(at, "node", name, known))
    }

    pub(super) fn cluster_node(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        self.any_node(name, at)?;
        match self.topology.find(name) {
            Some(node) if node.role == Role::ClusterNode => Ok(()),
            _ => Err(self
                .source
                .error_at(at, format!("`{name}` is not a cluster node: MetalLB does not run there"))),
        }
    }

    /// A node that runs a routing daemon.
    pub(super) fn routing_node(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        self.any_node(name, at)?;
        match self.topology.find(name) {
            Some(node) if matches!(node.role, Role::ClusterNode | Role::Gateway) => Ok(()),
            _ => Err(self.source.error_at(at, format!("`{name}` is neither a cluster node nor a gateway"))),
        }
    }

    pub(super) fn peer(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        if name.parse::<std::net::IpAddr>().is_ok() { Ok(()) } else { self.any_node(name, at) }
    }

    /// Gateways, each a node or an address.
    pub(super) fn gateways(&self, via: &[String], at: &[Seg]) -> Result<(), Diagnostic> {
        let mut each = via.iter().enumerate();
        each.try_for_each(|(i, via)| self.peer(via, &[at, &[Seg::Index(i)]].concat()))
    }

    /// The weight of a next hop: RTA_MULTIPATH has eight bits for a weight less one.
    pub(super) fn weight(&self, weight: u16, at: &[Seg]) -> Result<(), Diagnostic> {
        match (1..=256).contains(&weight) {
            true => Ok(()),
            false => {
                let why = format!("{weight} is not a weight: the kernel knows 1 to 256");
                Err(self.source.error_at(at, why))
            }
        }
    }

    /// An interface of a node: a link of the topology ends there, or an `exec` line of the node makes it.
    pub(super) fn interface(&self, node: &str, interface: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        let name = self.topology.find(node).map(|n| n.name.as_str());
        let ends = self.topology.links.iter().flat_map(|link| &link.endpoints);
        let of_node = ends.filter(|end| Some(self.topology.nodes[end.node].name.as_str()) == name);
        let devices = self.topology.find(node).map(|n| Devices::of(&n.lines())).unwrap_or_default();
        let known: Vec<&str> = of_node.map(|end| end.interface.as_str()).chain(devices.made()).collect();
        if known.contains(&interface) {
            return Ok(());
        }
        Err(self.unknown(at, &format!("interface of `{node}`:"), interface, known))
    }
}
