//! Changes of links and addresses by rtnetlink, in batches: many requests in one send, then their acknowledgements.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    AfSpecBridge, BridgeFlag, BridgeVlanInfo, BridgeVlanInfoFlags, InfoKind, LinkAttribute, LinkFlags,
    LinkInfo, LinkMessage,
};
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::sys::socket::{
    AddressFamily as Domain, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

/// Acknowledgements wait in the socket's receive buffer; this many surely fit.
const BATCH: usize = 64;

/// An rtnetlink socket of the caller's network namespace.
pub fn open_route_socket() -> io::Result<OwnedFd> {
    Ok(socket(Domain::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?)
}

/// What is to be done, said in words for the error.
pub struct Change {
    pub what: String,
    pub message: RouteNetlinkMessage,
    pub flags: u16,
}

pub fn up(what: &str, index: u32) -> Change {
    let message = RouteNetlinkMessage::SetLink(set_up(index));
    Change { what: format!("bring up {what}"), message, flags: 0 }
}

pub fn down(what: &str, index: u32) -> Change {
    let mut message = set_up(index);
    message.header.flags = LinkFlags::empty();
    Change { what: format!("bring down {what}"), message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

/// Takes a port out of its bridge; the port stays up, so that its other end keeps its carrier.
pub fn unplug(what: &str, index: u32) -> Change {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::Controller(0));
    Change { what: format!("unplug {what}"), message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

pub fn plug_in(what: &str, index: u32, bridge: u32) -> Change {
    let mut message = set_up(index);
    message.attributes.push(LinkAttribute::Controller(bridge));
    Change { what: format!("plug in {what}"), message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

/// Moves a link to the namespace of a descriptor, where it has this index. It goes down by that.
/// The attribute IFLA_NEW_IFINDEX is known since Linux 5.13 (eeb85a14ee34, "net: Allow to specify ifindex when device is moved to another
/// namespace").
pub fn move_to(what: &str, name: &str, netns: RawFd, index: u32) -> Change {
    let mut message = LinkMessage::default();
    message.attributes.extend([
        LinkAttribute::IfName(name.to_string()),
        LinkAttribute::NetNsFd(netns),
        LinkAttribute::NewIfIndex(index as i32),
    ]);
    Change { what: format!("fetch {what}"), message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

/// A link of a kind, as a question: a kernel without the kind says EOPNOTSUPP, one with it may miss other attributes.
pub fn probe_kind(kind: InfoKind) -> Change {
    let mut message = LinkMessage::default();
    // A name for each kind: a link that an earlier question made must not answer this one (EEXIST).
    message.attributes.push(LinkAttribute::IfName(format!("p-{kind}")));
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]));
    create("create a link".to_string(), RouteNetlinkMessage::NewLink(message))
}

/// A bridge, and a VLAN for it; a kernel whose bridges know no VLANs says EOPNOTSUPP to the latter.
pub fn probe_vlan_filtering() -> Vec<Change> {
    const INDEX: u32 = 999_999;
    let Change { what, mut message, flags } = probe_kind(InfoKind::Bridge);
    if let RouteNetlinkMessage::NewLink(bridge) = &mut message {
        bridge.header.index = INDEX;
    }
    let vlan = BridgeVlanInfo { flags: BridgeVlanInfoFlags::empty(), vid: 100 };
    let own = AfSpecBridge::Flags(BridgeFlag::LowerDev);
    let mut port = LinkMessage::default();
    port.header.interface_family = AddressFamily::Bridge;
    port.header.index = INDEX;
    port.attributes.push(LinkAttribute::AfSpecBridge(vec![own, AfSpecBridge::VlanInfo(vlan)]));
    let add =
        Change { what: "add a VLAN".to_string(), message: RouteNetlinkMessage::SetLink(port), flags: 0 };
    vec![Change { what, message, flags }, add]
}

/// A queueing discipline on `lo`, likewise; a kernel without it says ENOENT.
pub fn probe_qdisc(kind: &str) -> Change {
    let mut message = TcMessage::with_index(1);
    message.header.parent = TcHandle::ROOT;
    message.attributes.push(TcAttribute::Kind(kind.to_string()));
    create("create a queueing discipline".to_string(), RouteNetlinkMessage::NewQueueDiscipline(message))
}

pub fn delete(what: &str, index: u32) -> Change {
    let mut message = LinkMessage::default();
    message.header.index = index;
    Change { what: format!("delete {what}"), message: RouteNetlinkMessage::DelLink(message), flags: 0 }
}

pub fn set_up(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

/// Errors with EEXIST if the interface has the address already.
pub fn add_address(what: String, index: u32, address: IpNet) -> Change {
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

pub fn delete_address(what: String, index: u32, address: IpNet) -> Change {
    let Change { message, .. } = add_address(String::new(), index, address);
    let message = match message {
        RouteNetlinkMessage::NewAddress(message) => RouteNetlinkMessage::DelAddress(message),
        other => other,
    };
    Change { what, message, flags: 0 }
}

pub fn create(what: String, message: RouteNetlinkMessage) -> Change {
    Change { what, message, flags: NLM_F_CREATE | NLM_F_EXCL }
}

pub fn apply(socket: &OwnedFd, changes: &[Change]) -> Result<(), (String, io::Error)> {
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
