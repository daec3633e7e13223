//! Requests, byte by byte: strict checking wants each with its full family header and nothing more.

use super::decode::{RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETNEXTHOP, RTM_GETROUTE, RTM_GETRULE};
use super::lookup::RouteQuery;
use routeproof_model::fact::Kind;
use std::net::IpAddr;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;

const IFLA_EXT_MASK: u16 = 29;
/// Statistics are a third of a link's message and not looked at.
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

const RTM_F_LOOKUP_TABLE: u32 = 0x1000;
const RTM_F_FIB_MATCH: u32 = 0x2000;
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_IIF: u16 = 3;
const RTA_OIF: u16 = 4;
const RTA_MARK: u16 = 16;

pub(super) fn dump(kind: Kind, sequence: u32) -> Vec<u8> {
    let (message_type, header_len, family) = match kind {
        Kind::Links => (RTM_GETLINK, 16, libc::AF_UNSPEC),
        Kind::Addresses => (RTM_GETADDR, 8, libc::AF_UNSPEC),
        Kind::Neighbours => (RTM_GETNEIGH, 12, libc::AF_UNSPEC),
        Kind::Rules => (RTM_GETRULE, 12, libc::AF_UNSPEC),
        Kind::Nexthops => (RTM_GETNEXTHOP, 8, libc::AF_UNSPEC),
        Kind::Routes4 => (RTM_GETROUTE, 12, libc::AF_INET),
        Kind::Routes6 => (RTM_GETROUTE, 12, libc::AF_INET6),
    };
    let mut body = vec![0; header_len];
    body[0] = family as u8;
    if kind == Kind::Links {
        attribute(&mut body, IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
    }
    message(message_type, NLM_F_REQUEST | NLM_F_DUMP, sequence, &body)
}

pub(super) fn route_get(query: &RouteQuery, sequence: u32) -> Vec<u8> {
    let bits = |ip: IpAddr| if ip.is_ipv4() { 32 } else { 128 };
    // IPv6 always names the table, and strict checking refuses to be asked for it.
    let (family, table) =
        if query.to.is_ipv4() { (libc::AF_INET, RTM_F_LOOKUP_TABLE) } else { (libc::AF_INET6, 0) };
    let flags = table | if query.fib_match { RTM_F_FIB_MATCH } else { 0 };
    let mut body = vec![0; 12];
    body[0] = family as u8;
    body[1] = bits(query.to);
    body[2] = query.from.map_or(0, bits);
    body[8..].copy_from_slice(&flags.to_ne_bytes());
    address(&mut body, RTA_DST, query.to);
    if let Some(from) = query.from {
        address(&mut body, RTA_SRC, from);
    }
    for (kind, value) in [(RTA_IIF, query.iif), (RTA_OIF, query.oif), (RTA_MARK, query.mark)] {
        if let Some(value) = value {
            attribute(&mut body, kind, &value.to_ne_bytes());
        }
    }
    message(RTM_GETROUTE, NLM_F_REQUEST, sequence, &body)
}

fn message(message_type: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + body.len());
    bytes.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    bytes.extend_from_slice(&message_type.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&0u32.to_ne_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Appends a netlink attribute; every value here is a multiple of four bytes long, so none needs padding.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
}

fn address(body: &mut Vec<u8>, kind: u16, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => attribute(body, kind, &ip.octets()),
        IpAddr::V6(ip) => attribute(body, kind, &ip.octets()),
    }
}
