//! The wiring of a lab: bridges, veth pairs and addresses.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use routeproof_model::topology::{Interface, InterfaceKind};

use super::devices::{self, Maker};
use super::rtnl::{Change, add_address, apply, create, move_to, open_route_socket, plug_in, up};
use super::spec::{BridgeSpec, InterfaceSpec, LabSpec, Laid, LinkEnd, LinkSpec, NodeSpec};

/// A node as the wiring needs it: its network namespace, and an rtnetlink socket that was opened inside.
#[derive(Debug)]
pub struct Wired {
    pub netns: OwnedFd,
    pub socket: OwnedFd,
}

/// Builds all segments and links of a lab, and what nodes declare besides. Links' ends get the indexes 2, 3, ... in the order
/// of the links (of containers, much higher ones); declared interfaces follow.
///
/// `nodes` may have one more than the description: the patch.
pub fn build(spec: &LabSpec, nodes: &[Wired]) -> Result<(), (String, io::Error)> {
    let own = open_route_socket().map_err(|e| ("open a netlink socket".to_string(), e))?;
    let netns = File::open("/proc/self/ns/net").map_err(|e| ("open the lab's namespace".to_string(), e))?;
    let (nodes, patch) = nodes.split_at(spec.nodes.len());
    let mut wiring = Wiring::new(spec, netns.as_raw_fd());
    spec.links.iter().for_each(|link| wiring.cable(link, nodes));
    patch.iter().try_for_each(|patch| apply(&patch.socket, &wiring.fetched))?;
    apply(&own, &wiring.switches())?;
    for (index, node) in nodes.iter().enumerate() {
        apply(&node.socket, &wiring.inside(index))?;
    }
    Ok(())
}

/// The changes that wire a lab, as they come together link by link.
struct Wiring<'a> {
    spec: &'a LabSpec,
    /// The lab's own namespace.
    netns: RawFd,
    /// In the patch: ends that are fetched from there.
    fetched: Vec<Change>,
    /// In the lab's own namespace: bridges, cables, ports.
    local: Vec<Change>,
    /// The ports of each bridge, with their indexes.
    ports: Vec<Vec<(String, u32)>>,
    next_port: u32,
    /// The ends in each node, with their indexes and what they get last: their addresses.
    ends: Vec<Vec<(String, u32)>>,
    ups: Vec<Vec<Change>>,
    addresses: Vec<Vec<Change>>,
}

impl<'a> Wiring<'a> {
    fn new(spec: &'a LabSpec, netns: RawFd) -> Wiring<'a> {
        let bridges = spec.bridges.iter().enumerate();
        let mut local: Vec<Change> = vec![up("lo of the lab", 1)];
        local.extend(bridges.map(|(i, bridge)| add_bridge(bridge, spec.bridge_index(i))));
        let lo = |node: &NodeSpec| vec![up(&format!("lo of {}", node.name), 1)];
        Wiring {
            spec,
            netns,
            fetched: Vec::new(),
            local,
            ports: vec![Vec::new(); spec.bridges.len()],
            next_port: spec.bridge_index(spec.bridges.len()),
            ends: vec![vec![("lo".to_string(), 1)]; spec.nodes.len()],
            ups: spec.nodes.iter().map(lo).collect(),
            addresses: spec.nodes.iter().map(|_| Vec::new()).collect(),
        }
    }

    fn cable(&mut self, link: &LinkSpec, nodes: &[Wired]) {
        // A veth peer cannot be created up or enslaved (ENOTCONN): that follows, once both ends exist.
        let mut follow = Vec::new();
        match &link.laid {
            Laid::Here => {
                let ends = link.ends.iter().map(|end| self.made(end, nodes, &mut follow)).collect();
                let names = link.ends.each_ref().map(|e| end_name(self.spec, e));
                self.local.push(add_veth(names, ends, link.mtu));
            }
            Laid::Patched { there, name } => {
                self.fetch(&link.ends[1 - there], link.mtu, name, nodes, &mut follow)
            }
            Laid::There => {}
        }
        self.local.extend(follow);
    }

    fn made(&mut self, end: &LinkEnd, nodes: &[Wired], follow: &mut Vec<Change>) -> LinkMessage {
        match end {
            LinkEnd::Bridge { bridge, port } => self.port(*bridge, port, follow),
            LinkEnd::Node { node, interface } => {
                let netns = nodes[*node].netns.as_raw_fd();
                self.end(*node, interface, netns)
            }
        }
    }

    /// The end of a link that is there already: it is moved, and then gets its name and the rest.
    fn fetch(
        &mut self,
        end: &LinkEnd,
        mtu: Option<u32>,
        name: &str,
        nodes: &[Wired],
        follow: &mut Vec<Change>,
    ) {
        let what = end_name(self.spec, end);
        let mut message = self.made(end, nodes, follow);
        let netns = message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::NetNsFd(netns) => Some(*netns),
            _ => None,
        });
        message.attributes.retain(|attribute| !matches!(attribute, LinkAttribute::NetNsFd(_)));
        message.attributes.extend(mtu.map(LinkAttribute::Mtu));
        self.fetched.push(move_to(&what, name, netns.unwrap_or(self.netns), message.header.index));
        let furnish =
            Change { what: format!("name {what}"), message: RouteNetlinkMessage::SetLink(message), flags: 0 };
        match end {
            LinkEnd::Bridge { .. } => self.local.push(furnish),
            // One that is up cannot be named.
            LinkEnd::Node { node, .. } => self.ups[*node].insert(0, furnish),
        }
    }

    fn port(&mut self, bridge: usize, port: &str, follow: &mut Vec<Change>) -> LinkMessage {
        let (index, of) = (self.next_port, &self.spec.bridges[bridge]);
        self.next_port += 1;
        self.ports[bridge].push((port.to_string(), index));
        // A bond takes no port that is up.
        if !in_bond(&of.interfaces, port) {
            follow.push(plug_in(&format!("{}:{port}", of.name), index, self.spec.bridge_index(bridge)));
        }
        link_message(index, port, None)
    }

    fn end(&mut self, node: usize, interface: &InterfaceSpec, netns: RawFd) -> LinkMessage {
        let index = self.spec.first_index() + self.ends[node].len() as u32;
        self.ends[node].push((interface.name.clone(), index));
        let spec = &self.spec.nodes[node];
        let name = format!("{}:{}", spec.name, interface.name);
        if !in_bond(&spec.interfaces, &interface.name) {
            self.ups[node].push(up(&name, index));
        }
        let addresses = interface.addresses.iter();
        self.addresses[node].extend(addresses.map(|a| add_address(format!("give {a} to {name}"), index, *a)));
        let mut message = link_message(index, &interface.name, Some(netns));
        message.attributes.extend(interface.mac.map(|mac| LinkAttribute::Address(mac.to_vec())));
        message
    }

    /// Everything in the lab's own namespace.
    fn switches(&mut self) -> Vec<Change> {
        let mut changes = std::mem::take(&mut self.local);
        let mut next = self.next_port;
        for (i, bridge) in self.spec.bridges.iter().enumerate() {
            let there =
                self.ports[i].iter().cloned().chain([(bridge.name.clone(), self.spec.bridge_index(i))]);
            let mut maker = Maker::new(&bridge.name, there, next);
            changes.extend(maker.make(&bridge.interfaces));
            changes.extend(maker.furnish(&bridge.interfaces));
            next += bridge.interfaces.len() as u32;
        }
        changes
    }

    /// Everything in a node.
    fn inside(&mut self, node: usize) -> Vec<Change> {
        let spec = &self.spec.nodes[node];
        let there = std::mem::take(&mut self.ends[node]);
        let next = self.spec.first_index() + there.len() as u32;
        let mut maker = Maker::new(&spec.name, there, next);
        let mut changes = std::mem::take(&mut self.ups[node]);
        changes.extend(maker.make(&spec.interfaces));
        changes.extend(std::mem::take(&mut self.addresses[node]));
        changes.extend(maker.furnish(&spec.interfaces));
        changes
    }
}

/// Whether an interface is a member of a bond.
fn in_bond(declared: &[Interface], name: &str) -> bool {
    let bonds = declared.iter().filter_map(|i| match &i.kind {
        InterfaceKind::Bond(bond) => Some(&bond.members),
        _ => None,
    });
    bonds.flatten().any(|member| member == name)
}

fn end_name(spec: &LabSpec, end: &LinkEnd) -> String {
    match end {
        LinkEnd::Node { node, interface } => format!("{}:{}", spec.nodes[*node].name, interface.name),
        LinkEnd::Bridge { bridge, port } => format!("{}:{port}", spec.bridges[*bridge].name),
    }
}

fn link_message(index: u32, name: &str, netns: Option<RawFd>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::IfName(name.to_string()));
    message.attributes.extend(netns.map(LinkAttribute::NetNsFd));
    message
}

fn add_bridge(bridge: &BridgeSpec, index: u32) -> Change {
    let name = &bridge.name;
    let mut message = link_message(index, name, None);
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    let is_aware = bridge
        .interfaces
        .iter()
        .any(|i| i.name == *name && i.kind == InterfaceKind::Bridge { vlan_aware: true });
    let data = devices::bridge(is_aware).map(LinkInfo::Data);
    let info = [LinkInfo::Kind(InfoKind::Bridge)].into_iter().chain(data);
    message.attributes.push(LinkAttribute::LinkInfo(info.collect()));
    create(format!("create bridge {name}"), RouteNetlinkMessage::NewLink(message))
}

fn add_veth(names: [String; 2], ends: Vec<LinkMessage>, mtu: Option<u32>) -> Change {
    let mut ends = ends.into_iter().map(|mut end| {
        end.attributes.extend(mtu.map(LinkAttribute::Mtu));
        end
    });
    // A link has two ends by its type; the defaults are never used.
    let (mut message, peer) = (ends.next().unwrap_or_default(), ends.next().unwrap_or_default());
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));
    let [a, b] = names;
    create(format!("create the link {a} <-> {b}"), RouteNetlinkMessage::NewLink(message))
}
