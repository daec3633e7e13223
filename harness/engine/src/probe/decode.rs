//! Frames into packets. The types of etherparse stay in here.

use std::net::IpAddr;

use etherparse::icmpv4::{TYPE_ECHO_REPLY, TYPE_ECHO_REQUEST};
use etherparse::icmpv6::{TYPE_ECHO_REPLY as TYPE6_ECHO_REPLY, TYPE_ECHO_REQUEST as TYPE6_ECHO_REQUEST};
use etherparse::{Icmpv6Slice, LaxNetSlice, LaxSlicedPacket, LinkSlice, TransportSlice};
use routeproof_model::fact::{Direction, Mac, Transport};

/// What a frame says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded<'a> {
    pub from_mac: Option<Mac>,
    pub to_mac: Option<Mac>,
    pub vlan: Option<u16>,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub hop_limit: u8,
    pub transport: Transport,
    /// As much as was captured.
    pub payload: &'a [u8],
}

/// linux/if_arp.h: the interface's frames have an Ethernet header.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_NONE: u16 = 0xfffe;

/// Reads a frame, which may be cut off; `None` for what is not IP (ARP, LLDP, ...) or has no whole IP header.
pub(super) fn frame(bytes: &[u8], hardware: u16) -> Option<Decoded<'_>> {
    let ethernet = matches!(hardware, ARPHRD_ETHER | ARPHRD_LOOPBACK);
    let packet = if ethernet {
        LaxSlicedPacket::from_ethernet(bytes).ok()?
    } else {
        LaxSlicedPacket::from_ip(bytes).ok()?
    };
    let (from_mac, to_mac) = match &packet.link {
        Some(LinkSlice::Ethernet2(link)) => (Some(Mac(link.source())), Some(Mac(link.destination()))),
        _ => (None, None),
    };
    let (src, dst, hop_limit, payload, protocol) = match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let (src, dst) = (header.source_addr().into(), header.destination_addr().into());
            (src, dst, header.ttl(), ip.payload().payload, header.protocol().0)
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let (src, dst) = (header.source_addr().into(), header.destination_addr().into());
            (src, dst, header.hop_limit(), ip.payload().payload, ip.payload().ip_number.0)
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let vlan = packet.vlan_ids().first().map(|id| id.value());
    let (transport, payload) = match &packet.transport {
        Some(known) => transport(known).unwrap_or((Transport::Other { protocol }, payload)),
        None => (Transport::Other { protocol }, payload),
    };
    Some(Decoded { from_mac, to_mac, vlan, src, dst, hop_limit, transport, payload })
}

/// An IP packet without a link header.
pub(super) fn datagram(bytes: &[u8]) -> Option<Decoded<'_>> {
    frame(bytes, ARPHRD_NONE)
}

/// An ICMPv6 message without its IP header.
pub(super) fn icmpv6(bytes: &[u8]) -> Option<Transport> {
    let slice = Icmpv6Slice::from_slice(bytes).ok()?;
    transport(&TransportSlice::Icmpv6(slice)).map(|(known, _)| known)
}

fn transport<'a>(slice: &TransportSlice<'a>) -> Option<(Transport, &'a [u8])> {
    let echo = |request, [a, b, c, d]: [u8; 4]| Transport::Echo {
        request,
        id: u16::from_be_bytes([a, b]),
        sequence: u16::from_be_bytes([c, d]),
    };
    Some(match slice {
        TransportSlice::Udp(udp) => {
            let (sport, dport) = (udp.source_port(), udp.destination_port());
            (Transport::Udp { sport, dport }, udp.payload())
        }
        TransportSlice::Tcp(tcp) => {
            let (sport, dport) = (tcp.source_port(), tcp.destination_port());
            let (syn, rst, fin) = (tcp.syn(), tcp.rst(), tcp.fin());
            (Transport::Tcp { sport, dport, syn, rst, fin }, tcp.payload())
        }
        TransportSlice::Icmpv4(icmp) => {
            let known = match icmp.type_u8() {
                TYPE_ECHO_REQUEST => echo(true, icmp.bytes5to8()),
                TYPE_ECHO_REPLY => echo(false, icmp.bytes5to8()),
                kind => Transport::Icmp { kind, code: icmp.code_u8() },
            };
            (known, icmp.payload())
        }
        TransportSlice::Icmpv6(icmp) => {
            let known = match icmp.type_u8() {
                TYPE6_ECHO_REQUEST => echo(true, icmp.bytes5to8()),
                TYPE6_ECHO_REPLY => echo(false, icmp.bytes5to8()),
                kind => Transport::Icmp { kind, code: icmp.code_u8() },
            };
            (known, icmp.payload())
        }
        TransportSlice::Igmp(_) => return None,
    })
}

/// packet(7), sll_pkttype; `None` for what the kernel loops back to itself (PACKET_LOOPBACK and above).
pub(super) fn direction(kind: u8) -> Option<Direction> {
    Some(match kind {
        libc::PACKET_HOST => Direction::Host,
        libc::PACKET_BROADCAST => Direction::Broadcast,
        libc::PACKET_MULTICAST => Direction::Multicast,
        libc::PACKET_OTHERHOST => Direction::OtherHost,
        libc::PACKET_OUTGOING => Direction::Outgoing,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    use super::*;

    const A: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const B: [u8; 6] = [2, 0, 0, 0, 0, 2];

    #[test]
    fn udp_with_a_tag() {
        let builder = PacketBuilder::ethernet2(A, B)
            .single_vlan(etherparse::VlanId::try_new(100).unwrap())
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 7)
            .udp(1000, 2000);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, b"mark").unwrap();
        let expected = Decoded {
            from_mac: Some(Mac(A)),
            to_mac: Some(Mac(B)),
            vlan: Some(100),
            src: "10.0.0.1".parse().unwrap(),
            dst: "10.0.0.2".parse().unwrap(),
            hop_limit: 7,
            transport: Transport::Udp { sport: 1000, dport: 2000 },
            payload: b"mark",
        };
        assert_eq!(frame(&bytes, ARPHRD_ETHER), Some(expected));
    }

    #[test]
    fn icmpv6_without_a_link_header() {
        let builder = PacketBuilder::ipv6([1; 16], [2; 16], 64).icmpv6_echo_reply(77, 3);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &[9; 400]).unwrap();
        // Cut off, as a capture is.
        let decoded = frame(&bytes[..SHORT], 0xfffe).unwrap();
        assert_eq!(decoded.transport, Transport::Echo { request: false, id: 77, sequence: 3 });
        assert_eq!((decoded.to_mac, decoded.payload.len()), (None, SHORT - 48));
    }

    const SHORT: usize = 100;

    #[test]
    fn arp_is_no_packet_of_ours() {
        let mut bytes = [A, B].concat();
        bytes.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
        bytes.extend([0; 20]);
        assert_eq!(frame(&bytes, ARPHRD_ETHER), None);
    }

    proptest! {
        #[test]
        fn no_bytes_upset_it(bytes: Vec<u8>, ethernet: bool) {
            let _ = frame(&bytes, if ethernet { ARPHRD_ETHER } else { 0 });
        }
    }
}
