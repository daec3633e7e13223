//! Bridges, veth pairs and addresses, by rtnetlink, in batches: many requests in one send, then their acknowledgements.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::sys::socket::{
    AddressFamily as Domain, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

use super::spec::{LabSpec, LinkEnd};

/// Acknowledgements wait in the socket's receive buffer; this many surely fit.
const BATCH: usize = 64;

/// A node as the wiring needs it: its network namespace, and an rtnetlink socket that was opened inside.
pub struct Wired {
    pub netns: OwnedFd,
    pub socket: OwnedFd,
}

/// An rtnetlink socket of the caller's network namespace.
pub fn open_route_socket() -> io::Result<OwnedFd> {
    Ok(socket(Domain::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?)
}

/// What is to be done, said in words for the error.
struct Change {
    what: String,
    message: RouteNetlinkMessage,
    flags: u16,
}

/// Builds all segments and links of a lab. Interfaces get the indexes 2, 3, ... in the order of the links.
pub fn build(spec: &LabSpec, nodes: &[Wired]) -> Result<(), (String, io::Error)> {
    let own = open_route_socket().map_err(|e| ("open a netlink socket".to_string(), e))?;
    let bridge_index = |bridge: usize| 2 + bridge as u32;
    let mut local: Vec<Change> = vec![up("lo of the lab", 1)];
    local.extend(spec.bridges.iter().enumerate().map(|(i, name)| add_bridge(name, bridge_index(i))));

    let mut next = vec![2u32; nodes.len()];
    let mut next_port = bridge_index(spec.bridges.len());
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
                    follow.push(enslave(&name, next_port - 1, bridge_index(*bridge)));
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

fn up(what: &str, index: u32) -> Change {
    let message = RouteNetlinkMessage::SetLink(set_up(index));
    Change { what: format!("bring up {what}"), message, flags: 0 }
}

fn enslave(what: &str, index: u32, bridge: u32) -> Change {
    let mut message = set_up(index);
    message.attributes.push(LinkAttribute::Controller(bridge));
    Change { what: format!("plug in {what}"), message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

fn set_up(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
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

fn add_address(what: String, index: u32, address: IpNet) -> Change {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = address.prefix_len();
    message.header.family = match address.addr() {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    // Duplicate address detection would keep an IPv6 address tentative for a second (RFC 4862, section 5.4).
    if address.addr().is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
    }
    message.attributes.push(AddressAttribute::Address(address.addr()));
    message.attributes.push(AddressAttribute::Local(address.addr()));
    create(what, RouteNetlinkMessage::NewAddress(message))
}

fn create(what: String, message: RouteNetlinkMessage) -> Change {
    Change { what, message, flags: NLM_F_CREATE | NLM_F_EXCL }
}

fn apply(socket: &OwnedFd, changes: &[Change]) -> Result<(), (String, io::Error)> {
    for (batch, changes) in changes.chunks(BATCH).enumerate() {
        let first = batch * BATCH;
        let mut bytes = Vec::new();
        for (offset, change) in changes.iter().enumerate() {
            append(&mut bytes, change, (first + offset) as u32);
        }
        send(socket.as_raw_fd(), &bytes, MsgFlags::empty())
            .map_err(|e| ("send to the kernel".to_string(), e.into()))?;
        read_acknowledgements(socket, changes, first as u32)?;
    }
    Ok(())
}

fn append(bytes: &mut Vec<u8>, change: &Change, sequence: u32) {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK | change.flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(change.message.clone()));
    message.finalize();
    let start = bytes.len();
    bytes.resize(start + message.buffer_len().next_multiple_of(4), 0);
    message.serialize(&mut bytes[start..]);
}

fn read_acknowledgements(
    socket: &OwnedFd,
    changes: &[Change],
    first: u32,
) -> Result<(), (String, io::Error)> {
    let mut waiting = changes.len();
    let mut buffer = vec![0u8; 64 * 1024];
    while waiting > 0 {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())
            .map_err(|e| ("read the kernel's answer".to_string(), e.into()))?;
        let mut rest = &buffer[..length];
        // struct nlmsghdr, then for NLMSG_ERROR an int: 0 acknowledges, otherwise a negative errno.
        while rest.len() >= 20 {
            let word = |at: usize| u32::from_ne_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
            let (size, sequence, code) = (word(0) as usize, word(8), word(16) as i32);
            if code != 0 {
                let what = changes.get((sequence - first) as usize).map_or("change a link", |c| &c.what);
                return Err((what.to_string(), io::Error::from_raw_os_error(-code)));
            }
            waiting -= 1;
            rest = &rest[size.next_multiple_of(4).min(rest.len())..];
        }
    }
    Ok(())
}
