//! What a routing daemon does to the kernel, as fast as netlink allows.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use nix::sys::socket::{MsgFlags, recv, send};

const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Requests in one datagram: what FRR's zebra puts together at most is more, the kernel does not mind.
const BATCH: u32 = 100;

/// Installs routes over a request socket of its own.
pub struct Router {
    socket: OwnedFd,
    device: u32,
}

/// A veth pair whose near end is 192.0.2.1/24.
#[allow(clippy::disallowed_methods, reason = "prepares the namespace with `ip`, outside of any lab")]
pub fn furnish() {
    // Addresses that turn up by themselves would be counted.
    std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
    std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
    let lines = [
        "link set lo up",
        "link add eth1 type veth peer name far1",
        "link set far1 up",
        "link set eth1 up",
        "addr add 192.0.2.1/24 dev eth1",
    ];
    for line in lines {
        assert!(Command::new("ip").args(line.split(' ')).status().unwrap().success(), "ip {line}");
    }
}

impl Router {
    pub fn new() -> Router {
        let device = nix::net::if_::if_nametoindex("eth1").unwrap();
        Router { socket: super::netlink(), device }
    }

    /// The `n`th prefix: a /24 from 20.0.0.0 on.
    pub fn prefix(n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(20, 0, 0, 0)) + (n << 8))
    }

    /// Adds or deletes one route and waits for the kernel's word.
    pub fn one(&self, n: u32, add: bool) {
        self.exchange(&self.request(n, add, true));
    }

    /// Adds or deletes the first `count` routes.
    pub fn all(&self, count: u32, add: bool) {
        for first in (0..count).step_by(BATCH as usize) {
            let end = count.min(first + BATCH);
            let batch: Vec<u8> = (first..end).flat_map(|n| self.request(n, add, n + 1 == end)).collect();
            self.exchange(&batch);
        }
    }

    fn exchange(&self, requests: &[u8]) {
        send(self.socket.as_raw_fd(), requests, MsgFlags::empty()).unwrap();
        let mut answer = [0; 4096];
        let length = recv(self.socket.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer[..length]).unwrap();
        let NetlinkPayload::Error(acknowledgement) = answer.payload else { panic!("{answer:?}") };
        assert_eq!(acknowledgement.code, None, "the kernel refused");
    }

    fn request(&self, n: u32, add: bool, acknowledge: bool) -> Vec<u8> {
        let header = RouteHeader {
            address_family: netlink_packet_route::AddressFamily::Inet,
            destination_prefix_length: 24,
            table: RouteHeader::RT_TABLE_MAIN,
            protocol: RouteProtocol::Other(186),
            scope: RouteScope::Universe,
            kind: RouteType::Unicast,
            ..RouteHeader::default()
        };
        let mut message = RouteMessage::default();
        message.header = header;
        message.attributes = vec![
            RouteAttribute::Destination(RouteAddress::Inet(Self::prefix(n))),
            RouteAttribute::Priority(20),
            RouteAttribute::Gateway(RouteAddress::Inet(GATEWAY)),
            RouteAttribute::Oif(self.device),
        ];
        let message = match add {
            true => RouteNetlinkMessage::NewRoute(message),
            false => RouteNetlinkMessage::DelRoute(message),
        };
        let mut packet = NetlinkMessage::from(message);
        let how = if add { NLM_F_CREATE | NLM_F_EXCL } else { 0 };
        packet.header.flags = NLM_F_REQUEST | how | if acknowledge { NLM_F_ACK } else { 0 };
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        bytes
    }
}
