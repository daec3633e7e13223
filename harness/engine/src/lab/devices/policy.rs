//! What belongs to a VRF besides its device: the end of its table, and rules that lead into it.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteProtocol, RouteType};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use routeproof_model::topology::{UNREACHABLE_METRIC, VrfRule};

use crate::lab::rtnl::{Change, create};

/// Unreachable default routes of both families: what a VRF's table does not know must not be looked up in the main table.
pub(super) fn end_of_table(what: &str, table: u32) -> impl Iterator<Item = Change> {
    [AddressFamily::Inet, AddressFamily::Inet6].into_iter().map(move |family| {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        // As `ip route add` writes it.
        message.header.protocol = RouteProtocol::Boot;
        message.header.kind = RouteType::Unreachable;
        message.attributes.push(RouteAttribute::Table(table));
        message.attributes.push(RouteAttribute::Priority(UNREACHABLE_METRIC));
        create(format!("end the table {table} of {what}"), RouteNetlinkMessage::NewRoute(message))
    })
}

/// A rule for each family that it is about.
pub(super) fn rules<'r>(what: &'r str, rule: &'r VrfRule, table: u32) -> impl Iterator<Item = Change> + 'r {
    rule.families().iter().map(move |is_ipv6| {
        let mut message = RuleMessage::default();
        message.header.family = if *is_ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        message.header.action = RuleAction::ToTable;
        let length = |net: Option<IpNet>| net.map_or(0, |net| net.prefix_len());
        message.header.src_len = length(rule.from);
        message.header.dst_len = length(rule.to);
        let address = |net: Option<IpNet>| net.map(|net| -> IpAddr { net.addr() });
        message.attributes.push(RuleAttribute::Priority(rule.priority));
        message.attributes.extend(address(rule.from).map(RuleAttribute::Source));
        message.attributes.extend(address(rule.to).map(RuleAttribute::Destination));
        message.attributes.extend(rule.iif.clone().map(RuleAttribute::Iifname));
        message.attributes.push(RuleAttribute::Table(table));
        message.attributes.push(RuleAttribute::Protocol(RouteProtocol::Boot));
        create(format!("add rule {} of {what}", rule.priority), RouteNetlinkMessage::NewRule(message))
    })
}
