//! Declared interfaces over rtnetlink: what `routeproof_model::topology::commands` says in words, without `ip`.

mod kinds;
mod netem;
mod policy;

use std::collections::HashMap;

use netlink_packet_route::link::{
    AfSpecBridge, BridgeFlag, BridgeVlanInfo, BridgeVlanInfoFlags, InfoBond, InfoData, InfoKind,
    LinkAttribute, LinkInfo, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use routeproof_model::topology::{Bond, Interface, InterfaceKind, PortVlans};

pub(super) use kinds::bridge;

use super::rtnl::{Change, add_address, create, up};

/// Makes interfaces in one network namespace, where it knows each by its index.
pub(super) struct Maker<'a> {
    /// The node, for errors.
    owner: &'a str,
    indexes: HashMap<String, u32>,
    next: u32,
}

impl<'a> Maker<'a> {
    /// `there` are the interfaces that there are already; new ones get the indexes from `next` on.
    pub fn new(owner: &'a str, there: impl IntoIterator<Item = (String, u32)>, next: u32) -> Maker<'a> {
        Maker { owner, indexes: there.into_iter().collect(), next }
    }

    /// The devices, each up and where it belongs. Addresses come later: an interface that joins a VRF loses those of IPv6.
    pub fn make(&mut self, interfaces: &[Interface]) -> Vec<Change> {
        let mut changes = Vec::new();
        for interface in interfaces {
            let what = format!("{}:{}", self.owner, interface.name);
            let is_there = self.indexes.contains_key(&interface.name);
            if !is_there {
                self.indexes.insert(interface.name.clone(), self.next);
                self.next += 1;
            }
            let index = self.indexes[&interface.name];
            changes.extend(if is_there {
                adjusted(&what, index, interface)
            } else {
                self.new_link(&what, interface)
            });
            if let Some(master) = &interface.master {
                changes.push(join(&what, index, self.index(master), master));
            }
            if interface.master.is_some() || !is_there {
                changes.push(up(&what, index));
            }
            if let InterfaceKind::Vrf { table, rules } = &interface.kind {
                changes.extend(policy::end_of_table(&what, *table));
                changes.extend(rules.iter().flat_map(|rule| policy::rules(&what, rule, *table)));
            }
        }
        changes
    }

    /// What needs all devices to be there: addresses, VLANs of ports, impairments.
    pub fn furnish(&self, interfaces: &[Interface]) -> Vec<Change> {
        interfaces.iter().flat_map(|interface| self.furnished(interface)).collect()
    }

    fn furnished(&self, interface: &Interface) -> Vec<Change> {
        let (what, index) = (format!("{}:{}", self.owner, interface.name), self.index(&interface.name));
        let mut changes = Vec::new();
        if let InterfaceKind::Bond(Bond { primary: Some(primary), .. }) = &interface.kind {
            let data = InfoData::Bond(vec![InfoBond::Primary(self.index(primary))]);
            changes.push(reconfigured(
                format!("make {primary} the primary of {what}"),
                index,
                InfoKind::Bond,
                data,
            ));
        }
        let addresses = interface.addresses.iter();
        changes.extend(addresses.map(|a| add_address(format!("give {a} to {what}"), index, *a)));
        let of_itself = matches!(interface.kind, InterfaceKind::Bridge { .. });
        changes.extend(interface.vlans.iter().map(|vlans| port_vlans(&what, index, vlans, of_itself)));
        changes.extend(interface.netem.iter().map(|netem| netem::add(&what, index, netem)));
        changes
    }

    /// Everything that an interface names comes before it.
    fn index(&self, name: &str) -> u32 {
        self.indexes.get(name).copied().unwrap_or_default()
    }

    fn new_link(&self, what: &str, interface: &Interface) -> Option<Change> {
        let (kind, data) = kinds::info(&interface.kind, &|name| self.index(name))?;
        let mut message = LinkMessage::default();
        message.header.index = self.index(&interface.name);
        message.attributes.push(LinkAttribute::IfName(interface.name.clone()));
        let is_above = matches!(interface.kind, InterfaceKind::Vlan { .. } | InterfaceKind::Macvlan { .. });
        let parent = interface.parent().filter(|_| is_above);
        message.attributes.extend(parent.map(|parent| LinkAttribute::Link(self.index(parent))));
        message.attributes.extend(own_attributes(interface));
        let info = [Some(LinkInfo::Kind(kind)), data.map(LinkInfo::Data)];
        message.attributes.push(LinkAttribute::LinkInfo(info.into_iter().flatten().collect()));
        Some(create(format!("create {what}"), RouteNetlinkMessage::NewLink(message)))
    }
}

fn own_attributes(interface: &Interface) -> impl Iterator<Item = LinkAttribute> {
    let mac = interface.mac.map(|mac| LinkAttribute::Address(mac.to_vec()));
    interface.mtu.map(LinkAttribute::Mtu).into_iter().chain(mac)
}

/// An interface that is there, with its MTU and MAC address.
fn adjusted(what: &str, index: u32, interface: &Interface) -> Option<Change> {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.extend(own_attributes(interface));
    let is_changed = !message.attributes.is_empty();
    is_changed.then(|| Change {
        what: format!("set MTU or MAC address of {what}"),
        message: RouteNetlinkMessage::SetLink(message),
        flags: 0,
    })
}

/// By itself, before the interface is up: of a message with both, Linux 6.1 does that first, and then a bond does not take it.
fn join(what: &str, index: u32, master: u32, name: &str) -> Change {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::Controller(master));
    Change {
        what: format!("put {what} into {name}"),
        message: RouteNetlinkMessage::SetLink(message),
        flags: 0,
    }
}

/// A link's own options: RTM_NEWLINK without NLM_F_CREATE changes a link; RTM_SETLINK would ignore them.
fn reconfigured(what: String, index: u32, kind: InfoKind, data: InfoData) -> Change {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind), LinkInfo::Data(data)]));
    Change { what, message: RouteNetlinkMessage::NewLink(message), flags: 0 }
}

/// `of_itself`: the bridge's own port, by which its VLAN sub-interfaces are reached.
fn port_vlans(what: &str, index: u32, vlans: &PortVlans, of_itself: bool) -> Change {
    let tagged = vlans.tagged.iter().map(|vid| (*vid, BridgeVlanInfoFlags::empty()));
    let untagged = vlans.untagged.map(|vid| (vid, BridgeVlanInfoFlags::Pvid | BridgeVlanInfoFlags::Untagged));
    let infos = tagged.chain(untagged);
    let infos = infos.map(|(vid, flags)| AfSpecBridge::VlanInfo(BridgeVlanInfo { flags, vid }));
    let own = of_itself.then_some(AfSpecBridge::Flags(BridgeFlag::LowerDev));
    let mut message = LinkMessage::default();
    message.header.interface_family = AddressFamily::Bridge;
    message.header.index = index;
    message.attributes.push(LinkAttribute::AfSpecBridge(own.into_iter().chain(infos).collect()));
    Change {
        what: format!("give {what} its VLANs"),
        message: RouteNetlinkMessage::SetLink(message),
        flags: 0,
    }
}
