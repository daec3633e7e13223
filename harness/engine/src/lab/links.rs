//! The wiring of a lab: bridges, veth pairs and addresses.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::rtnl::{Change, add_address, apply, create, open_route_socket, plug_in, up};
use super::spec::{LabSpec, LinkEnd};

/// A node as the wiring needs it: its network namespace, and an rtnetlink socket that was opened inside.
pub struct Wired {
    pub netns: OwnedFd,
    pub socket: OwnedFd,
}

/// Builds all segments and links of a lab. Interfaces get the indexes 2, 3, ... in the order of the links.
pub fn build(spec: &LabSpec, nodes: &[Wired]) -> Result<(), (String, io::Error)> {
    let own = open_route_socket().map_err(|e| ("open a netlink socket".to_string(), e))?;
    let mut local: Vec<Change> = vec![up("lo of the lab", 1)];
    local.extend(spec.bridges.iter().enumerate().map(|(i, name)| add_bridge(name, spec.bridge_index(i))));

    let mut next = vec![2u32; nodes.len()];
    let mut next_port = spec.bridge_index(spec.bridges.len());
    let mut inside: Vec<Vec<Change>> =
        (0..nodes.len()).map(|i| vec![up(&format!("lo of {}", spec.nodes[i].name), 1)]).collect();
    for link in &spec.links {
        // A veth peer cannot be created up or enslaved (ENOTCONN): that follows, once both ends exist.
        let mut follow = Vec::new();
        let mut ends = Vec::new();
        for end in &link.ends {
            let name = end_name(spec, end);
            ends.push(match end {
                LinkEnd::Bridge { bridge, port } => {
                    next_port += 1;
                    follow.push(plug_in(&name, next_port - 1, spec.bridge_index(*bridge)));
                    link_message(next_port - 1, port, None)
                }
                LinkEnd::Node { node, interface } => {
                    let index = next[*node];
                    next[*node] += 1;
                    inside[*node].push(up(&name, index));
                    let addresses = interface.addresses.iter();
                    inside[*node]
                        .extend(addresses.map(|a| add_address(format!("give {a} to {name}"), index, *a)));
                    let mut message =
                        link_message(index, &interface.name, Some(nodes[*node].netns.as_raw_fd()));
                    message.attributes.extend(interface.mac.map(|mac| LinkAttribute::Address(mac.to_vec())));
                    message
                }
            });
        }
        local.push(add_veth(link.ends.each_ref().map(|e| end_name(spec, e)), ends, link.mtu));
        local.extend(follow);
    }
    apply(&own, &local)?;
    for (node, changes) in nodes.iter().zip(&inside) {
        apply(&node.socket, changes)?;
    }
    Ok(())
}

fn end_name(spec: &LabSpec, end: &LinkEnd) -> String {
    match end {
        LinkEnd::Node { node, interface } => format!("{}:{}", spec.nodes[*node].name, interface.name),
        LinkEnd::Bridge { bridge, port } => format!("{}:{port}", spec.bridges[*bridge]),
    }
}

fn link_message(index: u32, name: &str, netns: Option<RawFd>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::IfName(name.to_string()));
    message.attributes.extend(netns.map(LinkAttribute::NetNsFd));
    message
}

fn add_bridge(name: &str, index: u32) -> Change {
    let mut message = link_message(index, name, None);
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
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
