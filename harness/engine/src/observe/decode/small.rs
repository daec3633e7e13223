//! Addresses, neighbours and rules.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use routeproof_model::fact::{Address, Neighbour, Rule, names};

use super::{DeviceNames, mac, text};

pub(super) fn address(payload: &[u8], device: DeviceNames<'_>) -> Result<Option<Address>, String> {
    let message = AddressMessage::parse(payload).map_err(text)?;
    let header = &message.header;
    if !is_ip(header.family) {
        return Ok(None);
    }
    let mut flags = AddressFlags::from_bits_retain(header.flags.bits().into());
    let (mut local, mut other) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => other = Some(*ip),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    // IFA_ADDRESS is the other end of a point-to-point address, and otherwise the address itself.
    let own = local.or(other).ok_or("an address message without an address")?;
    Ok(Some(Address {
        device: device(header.index),
        address: net(own, header.prefix_len)?,
        peer: other.filter(|other| *other != own),
        scope: names::scope(header.scope.into()).into_owned(),
        secondary: flags.contains(AddressFlags::Secondary),
        tentative: flags.contains(AddressFlags::Tentative),
        dadfailed: flags.contains(AddressFlags::Dadfailed),
        deprecated: flags.contains(AddressFlags::Deprecated),
    }))
}

/// A neighbour; none for an entry of a bridge's forwarding table.
pub(super) fn neighbour(payload: &[u8], device: DeviceNames<'_>) -> Result<Option<Neighbour>, String> {
    let message = NeighbourMessage::parse(payload).map_err(text)?;
    let header = &message.header;
    if !is_ip(header.family) {
        return Ok(None);
    }
    let (mut address, mut lladdr) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => address = Some(IpAddr::from(*ip)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => address = Some(IpAddr::from(*ip)),
            NeighbourAttribute::LinkLayerAddress(bytes) => lladdr = mac(bytes),
            _ => {}
        }
    }
    Ok(Some(Neighbour {
        device: device(header.ifindex),
        address: address.ok_or("a neighbour message without an address")?,
        mac: lladdr,
        state: match header.state {
            NeighbourState::Other(bits) => format!("{bits:#x}"),
            state => state.to_string(),
        },
        router: header.flags.contains(NeighbourFlags::Router),
        proxy: header.flags.contains(NeighbourFlags::Proxy),
    }))
}

/// A rule; none for a rule of multicast routing.
pub(super) fn rule(payload: &[u8]) -> Result<Option<Rule>, String> {
    let message = RuleMessage::parse(payload).map_err(text)?;
    let header = &message.header;
    if !is_ip(header.family) {
        return Ok(None);
    }
    let mut rule = Rule {
        ipv6: header.family == AddressFamily::Inet6,
        action: action(header.action),
        table: header.table.into(),
        tos: header.tos,
        not: header.flags.contains(RuleFlags::Invert),
        protocol: names::protocol(0).into_owned(),
        ..Rule::default()
    };
    for attribute in message.attributes {
        match attribute {
            RuleAttribute::Source(ip) => rule.from = Some(net(ip, header.src_len)?),
            RuleAttribute::Destination(ip) => rule.to = Some(net(ip, header.dst_len)?),
            other => add_selector(&mut rule, other),
        }
    }
    Ok(Some(rule))
}

fn add_selector(rule: &mut Rule, attribute: RuleAttribute) {
    match attribute {
        RuleAttribute::Priority(priority) => rule.priority = priority,
        RuleAttribute::Table(table) => rule.table = table,
        RuleAttribute::Iifname(name) => rule.iif = Some(name),
        RuleAttribute::Oifname(name) => rule.oif = Some(name),
        RuleAttribute::FwMark(mark) => rule.fwmark = Some(mark),
        RuleAttribute::FwMask(mask) => rule.fwmask = Some(mask),
        RuleAttribute::L3MDev(yes) => rule.l3mdev = yes,
        RuleAttribute::Goto(priority) => rule.goto = Some(priority),
        RuleAttribute::UidRange(range) => rule.uids = Some((range.start, range.end)),
        RuleAttribute::IpProtocol(protocol) => rule.ip_protocol = u8::try_from(i32::from(protocol)).ok(),
        RuleAttribute::SourcePortRange(ports) => rule.source_ports = Some((ports.start, ports.end)),
        RuleAttribute::DestinationPortRange(ports) => rule.destination_ports = Some((ports.start, ports.end)),
        // The kernel says "none" as -1.
        RuleAttribute::SuppressPrefixLen(length) => {
            rule.suppress_prefixlen = (length != u32::MAX).then_some(length);
        }
        RuleAttribute::Protocol(protocol) => rule.protocol = names::protocol(protocol.into()).into_owned(),
        _ => {}
    }
}

fn action(action: RuleAction) -> String {
    match action {
        RuleAction::Unspec => "unspec".to_owned(),
        RuleAction::ToTable => "table".to_owned(),
        RuleAction::Goto => "goto".to_owned(),
        RuleAction::Nop => "nop".to_owned(),
        RuleAction::Blackhole => "blackhole".to_owned(),
        RuleAction::Unreachable => "unreachable".to_owned(),
        RuleAction::Prohibit => "prohibit".to_owned(),
        other => u8::from(other).to_string(),
    }
}

fn is_ip(family: AddressFamily) -> bool {
    matches!(family, AddressFamily::Inet | AddressFamily::Inet6)
}

fn net(address: IpAddr, length: u8) -> Result<IpNet, String> {
    IpNet::new(address, length).map_err(|_| format!("{address} with a prefix length of {length}"))
}
