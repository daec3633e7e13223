//! RTM_NEWROUTE and RTM_DELROUTE.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHop, RouteNextHopFlags, RouteVia,
};
use routeproof_model::fact::{NextHop, Route, names};

use super::{DeviceNames, text};

/// A route; none for multicast routing, MPLS, and (unless `answers`) results of lookups that the kernel cached.
pub(super) fn decode(
    payload: &[u8],
    device: DeviceNames<'_>,
    answers: bool,
) -> Result<Option<Route>, String> {
    let message = RouteMessage::parse(payload).map_err(text)?;
    let header = &message.header;
    let unspecified: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return Ok(None),
    };
    if header.flags.contains(RouteFlags::Cloned) && !answers {
        return Ok(None);
    }
    let mut route = Route {
        table: header.table.into(),
        protocol: names::protocol(header.protocol.into()).into_owned(),
        kind: names::route_kind(header.kind.into()).into_owned(),
        scope: names::scope(header.scope.into()).into_owned(),
        tos: header.tos,
        ..Route::default()
    };
    let flags = RouteNextHopFlags::from_bits_retain(header.flags.bits() as u8);
    let mut single = hop(flags, 1);
    let mut multipath = BTreeSet::new();
    let (mut destination, mut source) = (unspecified, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => destination = ip(to).unwrap_or(destination),
            RouteAttribute::Source(from) => source = ip(from),
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::PrefSource(source) => route.prefsrc = ip(source),
            RouteAttribute::NhId(id) => route.nhid = Some(*id),
            RouteAttribute::MultiPath(hops) => {
                multipath = NextHop::set(hops.iter().map(|hop| multipath_hop(hop, device)));
            }
            other => add_way(&mut single, other, device),
        }
    }
    route.prefix = net(destination, header.destination_prefix_length)?;
    route.source = source.map(|source| net(source, header.source_prefix_length)).transpose()?;
    if single.gateway.is_some() || single.device.is_some() {
        multipath.insert(single);
    }
    route.nexthops = multipath;
    Ok(Some(route))
}

fn multipath_hop(message: &RouteNextHop, device: DeviceNames<'_>) -> NextHop {
    let mut hop = hop(message.flags, u16::from(message.hops) + 1);
    hop.device = (message.interface_index != 0).then(|| device(message.interface_index));
    message.attributes.iter().for_each(|attribute| add_way(&mut hop, attribute, device));
    hop
}

fn hop(flags: RouteNextHopFlags, weight: u16) -> NextHop {
    NextHop {
        weight,
        onlink: flags.contains(RouteNextHopFlags::Onlink),
        dead: flags.contains(RouteNextHopFlags::Dead),
        linkdown: flags.contains(RouteNextHopFlags::Linkdown),
        ..NextHop::default()
    }
}

fn add_way(hop: &mut NextHop, attribute: &RouteAttribute, device: DeviceNames<'_>) {
    match attribute {
        RouteAttribute::Gateway(gateway) => hop.gateway = ip(gateway),
        // RTA_VIA: a next hop of another family, as in IPv4 over IPv6 (RFC 8950).
        RouteAttribute::Via(RouteVia::Inet(gateway)) => hop.gateway = Some((*gateway).into()),
        RouteAttribute::Via(RouteVia::Inet6(gateway)) => hop.gateway = Some((*gateway).into()),
        RouteAttribute::Oif(index) => hop.device = Some(device(*index)),
        _ => {}
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn net(address: IpAddr, length: u8) -> Result<IpNet, String> {
    let net =
        IpNet::new(address, length).map_err(|_| format!("{address} with a prefix length of {length}"))?;
    Ok(net.trunc())
}
