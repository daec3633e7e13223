//! Interfaces that a topology declares: VLANs, VRFs, bonds, bridges, dummies, macvlans, VXLANs, and what links' ends get besides
//! (a VRF, addresses, an MTU, an impairment). containerlab's format has no words for them, so they stand in the label
//! `routeproof.interfaces`, which containerlab passes on and otherwise leaves alone.
//!
//! [`declared`] reads a node's label; [`commands`] says what `ip`, `bridge` and `tc` would do for it. The embedded lab does the
//! same over netlink. For people: `topologies/README.md`.

mod check;
mod commands;
mod file;
mod label;
mod netem;
mod order;
mod read;
mod types;

use ipnet::IpNet;

pub use commands::{UNREACHABLE_METRIC, commands};
pub(super) use label::{LABEL, Place};
pub use netem::Netem;
pub use types::{
    Bond, BondMode, HashPolicy, Interface, InterfaceKind, MacvlanMode, PortVlans, VrfRule, Vxlan,
};

use super::layers::Layers;
use crate::diag::{Diagnostic, Source};

/// A link's end, as its node's interfaces need it.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) name: String,
    /// A `type: dummy` link: the end is a device without a cable.
    pub(super) is_dummy: bool,
    /// What its link gives it.
    pub(super) addresses: Vec<IpNet>,
    pub(super) mtu: Option<u32>,
    pub(super) mac: Option<[u8; 6]>,
}

/// The node that a label is of.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) node: &'a str,
    /// Of `kind: bridge`: its interfaces are ports.
    pub(super) is_bridge: bool,
    pub(super) ends: &'a [End],
}

impl Ground<'_> {
    fn end(&self, name: &str) -> Option<&End> {
        self.ends.iter().find(|end| end.name == name)
    }
}

/// What a node declares, in the order in which it is made.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) interfaces: Vec<Interface>,
    /// Interface and address, and where they are written.
    pub(super) addresses: Vec<(String, IpNet, Place)>,
    /// Of a bridge: the bonds of its ports, which share the namespace of the lab with all other ports.
    pub(super) beside_ports: Vec<(String, Place)>,
}

/// The interfaces that a node declares: in its label, and by links of `type: dummy`.
/// Errors: the first mistake, at its place in the file.
pub(super) fn declared(
    source: &Source,
    layers: &Layers<'_>,
    ground: &Ground<'_>,
) -> Result<Declared, Diagnostic> {
    let entries = label::entries(source, layers, ground.is_bridge)?;
    let mut interfaces = Vec::new();
    let mut addresses = Vec::new();
    for entry in &entries {
        let interface = read::interface(entry, ground)?;
        let places = interface.addresses.iter().enumerate();
        let places = places.map(|(i, net)| (entry.name.clone(), *net, entry.place("addresses", Some(i))));
        addresses.extend(places);
        interfaces.push(interface);
    }
    let made = entries.iter().filter(|entry| ground.is_bridge && entry.fields.type_.is_some());
    let beside_ports = made.map(|entry| (entry.name.clone(), entry.place("", None))).collect();
    check::together(&entries, &mut interfaces, ground)?;
    dummies(&mut interfaces, ground);
    Ok(Declared { interfaces: order::ordered(interfaces), addresses, beside_ports })
}

/// Links of `type: dummy` are made as the others are.
fn dummies(interfaces: &mut Vec<Interface>, ground: &Ground<'_>) {
    for end in ground.ends.iter().filter(|end| end.is_dummy) {
        let index = interfaces.iter().position(|i| i.name == end.name).unwrap_or_else(|| {
            interfaces.push(Interface::new(&end.name, InterfaceKind::Dummy));
            interfaces.len() - 1
        });
        let interface = &mut interfaces[index];
        interface.addresses.splice(0..0, end.addresses.iter().copied());
        interface.mtu = interface.mtu.or(end.mtu);
        interface.mac = interface.mac.or(end.mac);
    }
}

#[cfg(test)]
mod tests;
