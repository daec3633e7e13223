//! `routeproof inspect NODE`: everything that a node's kernel holds.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use routeproof_model::fact::{Address, Inspection, Link, Neighbour, NexthopObject, Route, Rule, names};

/// The inspection as tables, one section after the other; an empty section says so.
pub fn tables(inspection: &Inspection) -> String {
    let mut text = inspection.daemons.as_ref().map(super::sessions::sections).unwrap_or_default();
    text.push_str(&super::beside::sections(inspection));
    text.push_str(&section("LINKS", links(&inspection.links)));
    text.push_str(&section("ADDRESSES", addresses(&inspection.addresses)));
    text.push_str(&section("NEIGHBOURS", neighbours(&inspection.neighbours)));
    text.push_str(&section("RULES", rules(&inspection.rules)));
    text.push_str(&section("NEXT-HOP OBJECTS", nexthops(&inspection.nexthops)));
    for (number, routes) in by_table(&inspection.routes) {
        let title = format!("ROUTES of table {}", table_name(number, &inspection.links));
        text.push_str(&section(&title, routes_of(&routes)));
    }
    if !inspection.undecoded.is_empty() {
        text.push_str("NOT DECODED, and so missing above\n");
        inspection.undecoded.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text.trim_end().to_owned() + "\n"
}

/// The inspection for programs: `routeproof/inspection/v1`.
///
/// # Errors
/// Never in practice: every value of an inspection has a JSON form.
pub fn json(inspection: &Inspection) -> serde_json::Result<String> {
    serde_json::to_string_pretty(inspection).map(|text| text + "\n")
}

fn links(links: &[Link]) -> Option<Table> {
    let name = |index: u32| links.iter().find(|link| link.index == index).map(|link| link.name.clone());
    rows(
        ["index", "name", "kind", "state", "mtu", "mac", "lower or peer", "master"],
        links.iter().map(|link| {
            let peer = match (link.peer, link.peer_netns) {
                (Some(index), Some(netns)) => Some(format!("if{index} in netns {netns}")),
                (Some(index), None) => name(index).or(Some(format!("if{index}"))),
                (None, _) => None,
            };
            [
                link.index.to_string(),
                link.name.clone(),
                kind(link),
                state(link).to_owned(),
                link.mtu.to_string(),
                or_dash(link.mac.clone()),
                or_dash(peer),
                or_dash(link.master.map(|index| name(index).unwrap_or(format!("if{index}")))),
            ]
        }),
    )
}

fn kind(link: &Link) -> String {
    match (link.vrf_table, link.vlan) {
        (Some(table), _) => format!("{} table {table}", link.kind),
        (None, Some(id)) => format!("{} {id}", link.kind),
        (None, None) => link.kind.clone(),
    }
}

fn state(link: &Link) -> &'static str {
    match (link.up, link.carrier) {
        (true, true) => "up",
        (true, false) => "no carrier",
        (false, _) => "down",
    }
}

fn addresses(addresses: &[Address]) -> Option<Table> {
    rows(
        ["device", "address", "peer", "scope", "flags"],
        addresses.iter().map(|address| {
            [
                address.device.clone(),
                address.address.to_string(),
                or_dash(address.peer.map(|peer| peer.to_string())),
                address.scope.clone(),
                words([
                    (address.secondary, "secondary"),
                    (address.tentative, "tentative"),
                    (address.dadfailed, "dadfailed"),
                    (address.deprecated, "deprecated"),
                ]),
            ]
        }),
    )
}

/// Entries that need no resolution (multicast, loopback) are left out, as `ip neighbour` does; the JSON has them.
fn neighbours(neighbours: &[Neighbour]) -> Option<Table> {
    rows(
        ["device", "address", "mac", "state", "flags"],
        neighbours.iter().filter(|neighbour| neighbour.state != "noarp").map(|neighbour| {
            [
                neighbour.device.clone(),
                neighbour.address.to_string(),
                or_dash(neighbour.mac.clone()),
                neighbour.state.clone(),
                words([(neighbour.router, "router"), (neighbour.proxy, "proxy")]),
            ]
        }),
    )
}

fn rules(rules: &[Rule]) -> Option<Table> {
    rows(
        ["family", "priority", "selector", "action", "protocol"],
        rules.iter().map(|rule| {
            [
                if rule.ipv6 { "IPv6" } else { "IPv4" }.to_owned(),
                rule.priority.to_string(),
                selector(rule),
                action(rule),
                rule.protocol.clone(),
            ]
        }),
    )
}

fn selector(rule: &Rule) -> String {
    let ports =
        |(first, last): (u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let mut words = Vec::new();
    words.extend(rule.not.then(|| "not".to_owned()));
    words.push(format!("from {}", rule.from.map_or("all".to_owned(), |from| from.to_string())));
    words.extend(rule.to.map(|to| format!("to {to}")));
    words.extend(rule.iif.as_ref().map(|iif| format!("iif {iif}")));
    words.extend(rule.oif.as_ref().map(|oif| format!("oif {oif}")));
    words.extend(rule.fwmark.map(|mark| match rule.fwmask {
        Some(mask) if mask != u32::MAX => format!("fwmark {mark:#x}/{mask:#x}"),
        _ => format!("fwmark {mark:#x}"),
    }));
    words.extend((rule.tos != 0).then(|| format!("tos {:#x}", rule.tos)));
    words.extend(rule.uids.map(|(first, last)| format!("uidrange {first}-{last}")));
    words.extend(rule.ip_protocol.map(|protocol| format!("ipproto {protocol}")));
    words.extend(rule.source_ports.map(|range| format!("sport {}", ports(range))));
    words.extend(rule.destination_ports.map(|range| format!("dport {}", ports(range))));
    words.join(" ")
}

fn action(rule: &Rule) -> String {
    let action = match (rule.action.as_str(), rule.goto) {
        _ if rule.l3mdev => "the VRF's table".to_owned(),
        ("table", _) => format!("table {}", names::table(rule.table)),
        ("goto", Some(priority)) => format!("goto {priority}"),
        (action, _) => action.to_owned(),
    };
    match rule.suppress_prefixlen {
        Some(length) => format!("{action} suppress_prefixlength {length}"),
        None => action,
    }
}

fn nexthops(objects: &[NexthopObject]) -> Option<Table> {
    rows(
        ["id", "next hop", "flags", "protocol"],
        objects.iter().map(|object| {
            let members =
                object.group.iter().map(|member| format!("id {} weight {}", member.id, member.weight));
            let mut way: Vec<String> = members.collect();
            if object.group.is_empty() {
                let gateway = object.gateway.map(|gateway| format!("via {gateway}"));
                let device = object.device.as_ref().map(|device| format!("dev {device}"));
                way = vec![gateway.into_iter().chain(device).collect::<Vec<_>>().join(" ")];
            }
            let flags = words([
                (object.blackhole, "blackhole"),
                (object.resilient, "resilient"),
                (object.fdb, "fdb"),
                (object.onlink, "onlink"),
                (object.dead, "dead"),
                (object.linkdown, "linkdown"),
            ]);
            [object.id.to_string(), or_dash(Some(way.join("\n"))), flags, object.protocol.clone()]
        }),
    )
}

fn by_table(routes: &[Route]) -> BTreeMap<u32, Vec<&Route>> {
    let mut tables: BTreeMap<u32, Vec<&Route>> = BTreeMap::new();
    for route in routes {
        tables.entry(route.table).or_default().push(route);
    }
    tables
}

fn table_name(number: u32, links: &[Link]) -> String {
    match links.iter().find(|link| link.vrf_table == Some(number)) {
        Some(vrf) => format!("{number} (VRF {})", vrf.name),
        None => names::table(number).into_owned(),
    }
}

fn routes_of(routes: &[&Route]) -> Option<Table> {
    rows(
        ["prefix", "type", "protocol", "metric", "next hops", "source", "object"],
        routes.iter().map(|route| {
            let hops: Vec<String> = route.nexthops.iter().map(ToString::to_string).collect();
            let from = route.source.map(|source| format!(" from {source}")).unwrap_or_default();
            let tos = if route.tos == 0 { String::new() } else { format!(" tos {:#x}", route.tos) };
            [
                format!("{}{from}{tos}", route.prefix),
                route.kind.clone(),
                route.protocol.clone(),
                route.metric.to_string(),
                or_dash(Some(hops.join("\n"))),
                or_dash(route.prefsrc.map(|source| source.to_string())),
                or_dash(route.nhid.map(|id| format!("nhid {id}"))),
            ]
        }),
    )
}

/// A table, or none when there is nothing to put in it.
pub(super) fn rows<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Option<Table> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    table.add_rows(rows);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    (table.row_count() > 0).then_some(table)
}

pub(super) fn section(title: &str, table: Option<Table>) -> String {
    let body = table.map_or("none".to_owned(), |table| table.trim_fmt());
    let lines: String = body.lines().map(|line| format!("  {}\n", line.trim_end())).collect();
    format!("{title}\n{lines}\n")
}

fn words<const N: usize>(flags: [(bool, &str); N]) -> String {
    let set: Vec<&str> = flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
    or_dash(Some(set.join(" ")))
}

pub(super) fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

    use routeproof_model::fact::{GroupMember, INSPECTION_SCHEMA, NextHop};

    use super::*;

    fn inspection() -> Inspection {
        let hop = |gateway: &str, device: &str, weight| NextHop {
            weight,
            ..NextHop::new(Some(gateway.parse().unwrap()), Some(device))
        };
        let route = |table, prefix: &str, hops: Vec<NextHop>| Route {
            table,
            prefix: prefix.parse().unwrap(),
            metric: 20,
            protocol: "bgp".to_owned(),
            kind: "unicast".to_owned(),
            scope: "global".to_owned(),
            nexthops: hops.into_iter().collect(),
            ..Route::default()
        };
        let veth = Link {
            index: 2,
            name: "eth1".to_owned(),
            kind: "veth".to_owned(),
            mac: Some("02:00:00:00:00:01".to_owned()),
            mtu: 1500,
            up: true,
            peer: Some(7),
            peer_netns: Some(0),
            master: Some(3),
            ..Link::default()
        };
        let red = Link {
            index: 3,
            name: "red".to_owned(),
            kind: "vrf".to_owned(),
            mtu: 65575,
            up: true,
            ..Link::default()
        };
        Inspection {
            forwarding: None,
            services: Vec::new(),
            rib_fib: None,
            schema: INSPECTION_SCHEMA.to_owned(),
            links: vec![veth, Link { carrier: true, vrf_table: Some(100), ..red }],
            addresses: vec![Address {
                device: "eth1".to_owned(),
                address: "2001:db8::1/64".parse().unwrap(),
                peer: None,
                scope: "global".to_owned(),
                secondary: false,
                tentative: true,
                dadfailed: false,
                deprecated: false,
            }],
            neighbours: Vec::new(),
            rules: vec![Rule {
                priority: 900,
                action: "table".to_owned(),
                table: 254,
                not: true,
                from: Some("192.0.2.0/24".parse().unwrap()),
                fwmark: Some(16),
                fwmask: Some(255),
                protocol: "static".to_owned(),
                ..Rule::default()
            }],
            nexthops: vec![
                NexthopObject {
                    id: 1,
                    gateway: Some("192.0.2.2".parse().unwrap()),
                    device: Some("eth1".to_owned()),
                    protocol: "zebra".to_owned(),
                    ..NexthopObject::default()
                },
                NexthopObject {
                    id: 10,
                    group: vec![GroupMember { id: 1, weight: 1 }, GroupMember { id: 2, weight: 3 }],
                    resilient: true,
                    protocol: "zebra".to_owned(),
                    ..NexthopObject::default()
                },
            ],
            routes: vec![
                Route { kind: "blackhole".to_owned(), ..route(100, "203.0.113.0/24", vec![]) },
                Route {
                    nhid: Some(10),
                    ..route(
                        254,
                        "172.16.1.0/24",
                        vec![hop("192.0.2.2", "eth1", 1), hop("198.51.100.2", "eth2", 3)],
                    )
                },
                route(254, "172.16.2.0/24", vec![NextHop { linkdown: true, ..hop("fe80::5", "eth1", 1) }]),
            ],
            undecoded: vec!["netlink message type 24: too short".to_owned()],
            daemons: None,
        }
    }

    #[test]
    fn an_inspection_reads_like_this() {
        insta::assert_snapshot!(tables(&inspection()), @r"
        LINKS
          index  name  kind           state       mtu    mac                lower or peer   master
          2      eth1  veth           no carrier  1500   02:00:00:00:00:01  if7 in netns 0  red
          3      red   vrf table 100  up          65575  -                  -               -

        ADDRESSES
          device  address         peer  scope   flags
          eth1    2001:db8::1/64  -     global  tentative

        NEIGHBOURS
          none

        RULES
          family  priority  selector                                action      protocol
          IPv4    900       not from 192.0.2.0/24 fwmark 0x10/0xff  table main  static

        NEXT-HOP OBJECTS
          id  next hop                flags      protocol
          1   via 192.0.2.2 dev eth1  -          zebra
          10  id 1 weight 1           resilient  zebra
              id 2 weight 3

        ROUTES of table 100 (VRF red)
          prefix          type       protocol  metric  next hops  source  object
          203.0.113.0/24  blackhole  bgp       20      -          -       -

        ROUTES of table main
          prefix         type     protocol  metric  next hops                               source  object
          172.16.1.0/24  unicast  bgp       20      via 192.0.2.2 dev eth1 weight 1         -       nhid 10
                                                    via 198.51.100.2 dev eth2 weight 3
          172.16.2.0/24  unicast  bgp       20      via fe80::5 dev eth1 weight 1 linkdown  -       -

        NOT DECODED, and so missing above
          netlink message type 24: too short
        ");
    }

    #[test]
    fn the_json_names_its_schema_and_reads_back() {
        let text = json(&inspection()).unwrap();
        assert!(text.starts_with("{\n  \"schema\": \"routeproof/inspection/v1\""), "{text}");
        assert_eq!(serde_json::from_str::<Inspection>(&text).unwrap(), inspection());
    }
}
