#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use proptest::prelude::*;
use routeproof_model::fact::Change;

use super::{change, envelopes};

const RECORDED: &str = include_str!("recorded.txt");

fn recorded() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let lines = RECORDED.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (name, datagram) = line.split_once(' ').unwrap();
        (name, hex::decode(datagram).unwrap())
    })
}

fn device(index: u32) -> String {
    format!("if{index}")
}

#[test]
fn recorded_messages_become_facts() {
    let mut facts = String::new();
    for (name, datagram) in recorded() {
        for message in envelopes(&datagram) {
            let change = change(&message.unwrap(), &device).unwrap().unwrap();
            facts.push_str(&format!("{name}: {}\n", serde_json::to_string(&change).unwrap()));
        }
    }
    insta::assert_snapshot!(facts, @r#"
    address: {"new":{"address":{"device":"if11","address":"192.0.2.1/24","peer":null,"scope":"global","secondary":false,"tentative":false,"dadfailed":false,"deprecated":false}}}
    address6: {"new":{"address":{"device":"if11","address":"2001:db8:1::1/64","peer":null,"scope":"global","secondary":false,"tentative":false,"dadfailed":false,"deprecated":false}}}
    multipath: {"new":{"route":{"table":254,"prefix":"203.0.113.0/24","metric":20,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":null,"nexthops":[{"gateway":"192.0.2.2","device":"if11","weight":1,"onlink":false},{"gateway":"198.51.100.2","device":"if12","weight":3,"onlink":false}]}}}
    replace: {"replace":{"route":{"table":254,"prefix":"203.0.113.0/24","metric":20,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":null,"nexthops":[{"gateway":"198.51.100.2","device":"if12","weight":1,"onlink":false}]}}}
    via6: {"new":{"route":{"table":254,"prefix":"203.0.114.0/24","metric":0,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":null,"nexthops":[{"gateway":"fe80::2","device":"if11","weight":1,"onlink":false}]}}}
    multipath6: {"new":{"route":{"table":254,"prefix":"2001:db8:9::/48","metric":20,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":null,"nexthops":[{"gateway":"2001:db8:1::2","device":"if11","weight":1,"onlink":false},{"gateway":"fe80::2","device":"if12","weight":4,"onlink":false}]}}}
    append6: {"append":{"route":{"table":254,"prefix":"2001:db8:9::/48","metric":20,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":null,"nexthops":[{"gateway":"2001:db8:1::2","device":"if11","weight":1,"onlink":false},{"gateway":"2001:db8:2::9","device":"if12","weight":1,"onlink":false},{"gateway":"fe80::2","device":"if12","weight":4,"onlink":false}]}}}
    del6one: {"del":{"route":{"table":254,"prefix":"2001:db8:9::/48","metric":20,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":null,"nexthops":[{"gateway":"2001:db8:1::2","device":"if11","weight":1,"onlink":false}]}}}
    blackhole: {"new":{"route":{"table":1000,"prefix":"203.0.115.0/24","metric":0,"protocol":"static","kind":"blackhole","scope":"global","prefsrc":null,"nhid":null,"nexthops":[]}}}
    nexthop: {"new":{"nexthop":{"id":1,"gateway":"192.0.2.2","device":"if11","onlink":false,"dead":false,"linkdown":false,"blackhole":false,"group":[],"resilient":false,"buckets":null,"fdb":false,"protocol":"zebra","scope":"link"}}}
    nexthop6: {"new":{"nexthop":{"id":3,"gateway":"2001:db8:1::2","device":"if11","onlink":true,"dead":false,"linkdown":false,"blackhole":false,"group":[],"resilient":false,"buckets":null,"fdb":false,"protocol":"zebra","scope":"link"}}}
    hole: {"new":{"nexthop":{"id":4,"gateway":null,"device":null,"onlink":false,"dead":false,"linkdown":false,"blackhole":true,"group":[],"resilient":false,"buckets":null,"fdb":false,"protocol":"unspec","scope":"global"}}}
    group: {"new":{"nexthop":{"id":10,"gateway":null,"device":null,"onlink":false,"dead":false,"linkdown":false,"blackhole":false,"group":[{"id":1,"weight":1},{"id":2,"weight":7}],"resilient":false,"buckets":null,"fdb":false,"protocol":"zebra","scope":"global"}}}
    nhid: {"new":{"route":{"table":254,"prefix":"203.0.117.0/24","metric":0,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":10,"nexthops":[{"gateway":"192.0.2.2","device":"if11","weight":1,"onlink":false},{"gateway":"198.51.100.2","device":"if12","weight":7,"onlink":false}]}}}
    resilient: {"new":{"nexthop":{"id":11,"gateway":null,"device":null,"onlink":false,"dead":false,"linkdown":false,"blackhole":false,"group":[{"id":1,"weight":1},{"id":2,"weight":200}],"resilient":true,"buckets":8,"fdb":false,"protocol":"zebra","scope":"global"}}}
    rule: {"new":{"rule":{"ipv6":false,"priority":900,"action":"table","table":1000,"from":"192.0.2.0/24","to":null,"iif":"eth1","oif":null,"fwmark":16,"fwmask":255,"tos":0,"not":true,"l3mdev":false,"goto":null,"uids":null,"ip_protocol":null,"source_ports":null,"destination_ports":null,"suppress_prefixlen":null,"protocol":"unspec"}}}
    ruledel: {"del":{"rule":{"ipv6":false,"priority":900,"action":"table","table":1000,"from":"192.0.2.0/24","to":null,"iif":"eth1","oif":null,"fwmark":16,"fwmask":255,"tos":0,"not":true,"l3mdev":false,"goto":null,"uids":null,"ip_protocol":null,"source_ports":null,"destination_ports":null,"suppress_prefixlen":null,"protocol":"unspec"}}}
    neigh: {"new":{"neighbour":{"device":"if11","address":"192.0.2.9","mac":"02:00:00:00:00:09","state":"permanent","router":false,"proxy":false}}}
    link: {"new":{"link":{"index":12,"name":"eth2","kind":"veth","mac":"2e:de:e7:2c:f8:ff","mtu":1500,"up":false,"carrier":false,"operstate":"down","master":null,"peer":22,"peer_netns":null,"vrf_table":null,"vlan":null}}}
    "#);
}

#[test]
fn a_message_cut_short_is_an_error_that_names_its_type() {
    let (_, datagram) = recorded().find(|(name, _)| *name == "nexthop").unwrap();
    let mut cut = datagram[..datagram.len() - 4].to_vec();
    cut[0] -= 4;
    let message = envelopes(&cut).next().unwrap().unwrap();
    let gap = change(&message, &device).unwrap_err();
    insta::assert_snapshot!(serde_json::to_string(&gap).unwrap(), @r#"{"undecodable":{"message_type":104,"error":"buffer has length: 4, but the NLA is 8 bytes"}}"#);
}

#[test]
fn a_bridge_port_is_no_link_and_its_forwarding_entries_are_no_neighbours() {
    for name in ["link", "neigh"] {
        let (_, mut datagram) = recorded().find(|(known, _)| *known == name).unwrap();
        datagram[16] = 7; // AF_BRIDGE
        let message = envelopes(&datagram).next().unwrap().unwrap();
        assert_eq!(change(&message, &device), Ok(None), "{name}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        kind in prop::sample::select(vec![16u16, 17, 20, 21, 24, 25, 28, 29, 32, 33, 104, 105]),
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let message = super::Envelope { message_type: kind, flags: 0, sequence: 0, payload: &payload };
        let _: Result<Option<Change>, _> = change(&message, &device);
        envelopes(&payload).for_each(drop);
    }

    #[test]
    fn damaged_messages_never_panic(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let all: Vec<_> = recorded().collect();
        let (_, mut datagram) = all[which.index(all.len())].clone();
        for (at, byte) in damage {
            let at = at.index(datagram.len());
            datagram[at] = byte;
        }
        datagram.truncate(cut.index(datagram.len()) + 1);
        for message in envelopes(&datagram).flatten() {
            let _: Result<Option<Change>, _> = change(&message, &device);
        }
    }
}
