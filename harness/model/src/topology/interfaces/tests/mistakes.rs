//! Mistakes in `routeproof.interfaces`, each at its place in the file.

use insta::assert_snapshot;

use super::{file, source};
use crate::topology::{lab, load, parse};

/// `line:column: message (first hint)`.
fn mistake(interfaces: &str, ports: &str) -> String {
    let source = source(&file(interfaces, ports));
    let error = load(&source).expect_err(interfaces);
    let also = lab(&parse(&source).unwrap(), &source).expect_err(interfaces);
    assert_eq!(error.to_string(), also.to_string(), "both readings say the same");
    let said = error.to_string().replace("/lab/one.clab.yml:", "");
    let hint = error.hints.first().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{said}{hint}")
}

fn all(wrong: &[&str]) -> String {
    wrong.iter().map(|text| mistake(text, "")).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_user_sees() {
    let text = file("eth1.100: { type: vlan, parent: eth1, id: 5000 }", "");
    assert_snapshot!(load(&source(&text)).unwrap_err().render(false), @r"
    error: a VLAN id lies between 1 and 4094, not at 5000
     --> /lab/one.clab.yml:9:53
      |
    9 |           eth1.100: { type: vlan, parent: eth1, id: 5000 }
      |                                                     ^^^^
    ");
}

#[test]
fn of_one_interface() {
    let wrong = [
        "red: { type: vrf, table: 100",
        "red: { type: vrf, tabel: 100 }",
        "red: { type: vrf }",
        "red: { type: vrf, table: 254 }",
        "red: { type: vrf, table: 5000000000 }",
        "red: { type: vfr, table: 100 }",
        "red: { type: vrf, table: 100, id: 5 }",
        "red: { type: vrf, table: 9, rules: [{ priority: 5 }] }",
        "red: { type: vrf, table: 9, rules: [{ priority: 5, from: 10.0.0.0/8, to: 'fd00::/8' }] }",
        "eth9: { addresses: [10.0.0.1/24] }",
        "eth1: { type: dummy }",
        "eth1: { id: 5 }",
        "a-name-that-is-too-long: { type: dummy }",
        "eth1:5: { type: dummy }",
        "eth1: { addresses: [10.0.0.1/24, 10.0.0.300/24] }",
        "eth1: { mtu: 20 }",
        "eth1: { mtu: 1000, addresses: ['fd00::1/64'] }",
        "eth1: { mac: '01:00:00:00:00:00' }",
        "eth1: { netem: { loss: 5 } }",
        "eth1: { netem: {} }",
        "v: { type: vlan, parent: eth1 }",
        "v: { type: vlan, id: 5 }",
        "v: { type: vlan, parent: eth1, id: 0 }",
        "b: { type: bond, members: [eth1] }",
        "b: { type: bond, mode: active-backup }",
        "b: { type: bond, mode: lacp, members: [eth1] }",
        "b: { type: bond, mode: active-backup, lacp-rate: fast, members: [eth1] }",
        "b: { type: bond, mode: 802.3ad, lacp-rate: quick, members: [eth1] }",
        "b: { type: bond, mode: active-backup, members: [eth1], primary: eth2 }",
        "b: { type: bond, mode: active-backup, members: [eth1], miimon: 0ms }",
        "x: { type: vxlan, id: 20000000, remote: 10.0.0.1 }",
        "x: { type: vxlan, id: 2 }",
        "x: { type: vxlan, id: 2, remote: 239.1.1.1 }",
        "x: { type: vxlan, id: 2, remote: 10.0.0.1, local: 'fd00::1' }",
        "m: { type: macvlan, parent: eth1, mode: brige }",
        "eth1: { untagged: 4095 }",
        "eth1: { tagged: [5, 6, 5] }",
    ];
    assert_snapshot!(all(&wrong), @r"
    8:9: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
    9:29: unknown field `tabel` (did you mean `table`?)
    9:11: the vrf `red` has no `table` (`table: 100`)
    9:36: table 254 is the kernel's own (`main`)
    9:36: a table's number has 32 bits; 5000000000 is more
    9:24: unknown type of interface `vfr` (the types are vlan, vrf, bond, bridge, dummy, macvlan, vxlan)
    9:41: `id` does not belong to vrf (it belongs to vlan, vxlan)
    9:47: this rule takes every packet (say which: `from`, `to` or `iif`)
    9:47: 10.0.0.0/8 and fd00::/8 are not of one family
    9:11: `r1` has no interface `eth9` (did you mean `eth3`?)
    9:25: `eth1` is there already, so it cannot be made as dummy (give the new interface a name of its own)
    9:19: `id` does not belong to an interface without a type (it belongs to vlan, vxlan)
    9:11: the interface name `a-name-that-is-too-long` has 23 characters; Linux allows 15
    9:11: `eth1:5` cannot be the name of a link's interface
    9:44: `10.0.0.300/24` is not an address with a prefix length (such as `10.0.0.1/24` or `2001:db8::1/64`)
    9:24: an MTU lies between 68 and 65535 bytes, not at 20
    9:24: IPv6 needs an MTU of 1280 bytes (RFC 8200, section 5)
    9:24: `01:00:00:00:00:00` is not the MAC address of one interface (such as `02:00:00:00:00:01`)
    9:34: `5` is not a share such as 0.5%
    9:19: this impairs nothing: `delay`, `jitter`, `loss` or `rate`
    9:11: the vlan `v` has no `id` (`id: 100`)
    9:11: the vlan `v` has no `parent` (`parent: eth1`)
    9:46: a VLAN id lies between 1 and 4094, not at 0
    9:11: the bond `b` has no `mode` (the modes are balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb)
    9:11: the bond `b` has no members (`members: [eth1, eth2]`)
    9:34: unknown mode `lacp` (known here: balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb)
    9:49: a bond of mode active-backup has no `lacp-rate`
    9:54: `quick` is neither `slow` nor `fast`
    9:75: `eth2` is not a member of `b` (did you mean `eth1`?)
    9:74: `0ms` is not a time between 1ms and 1m (such as `50ms`)
    9:33: a VXLAN network identifier has 24 bits; 20000000 is more than 16777215
    9:11: the vxlan `x` has no `remote` (`remote: 10.0.0.2`)
    9:44: a multicast group needs the `parent` that it is reached by
    9:61: fd00::1 and 10.0.0.1 are not of one family
    9:51: unknown mode `brige` (did you mean `bridge`?)
    9:29: a VLAN id lies between 1 and 4094, not at 4095
    9:34: the port has VLAN 5 twice
    ");
}

#[test]
fn between_interfaces() {
    let wrong = [
        "eth1: { vrf: red }",
        "eth1: { vrf: eth2 }\neth2: {}",
        "red: { type: vrf, table: 1 }\nblue: { type: vrf, table: 2, vrf: red }",
        "red: { type: vrf, table: 1 }\nblue: { type: vrf, table: 1 }",
        "v: { type: vlan, parent: eth7, id: 5 }",
        "v: { type: vlan, parent: v, id: 5 }",
        "red: { type: vrf, table: 1 }\nv: { type: vlan, parent: red, id: 5 }",
        "v: { type: vlan, parent: eth1, id: 5 }\nw: { type: vlan, parent: eth1, id: 5 }",
        "v: { type: vlan, parent: w, id: 5 }\nw: { type: vlan, parent: v, id: 6 }",
        "v: { type: vlan, parent: eth1, id: 5, mtu: 1500 }\neth1: { mtu: 1400 }",
        "x: { type: vxlan, id: 2, remote: 10.0.0.1 }\ny: { type: vxlan, id: 2, remote: 10.0.0.2 }",
        "b: { type: bond, mode: balance-rr, members: [eth1, eth7] }",
        "b: { type: bond, mode: balance-rr, members: [eth1, eth1] }",
        "b: { type: bond, mode: balance-rr, members: [eth1] }\nc: { type: bond, mode: balance-rr, members: [eth1] }",
        "b: { type: bond, mode: balance-rr, members: [eth1] }\neth1: { addresses: [10.0.0.1/24] }",
        "red: { type: vrf, table: 1 }\nb: { type: bond, mode: balance-rr, members: [eth1] }\neth1: { vrf: red }",
        "b: { type: bond, mode: balance-rr, members: [eth1] }\nv: { type: vlan, parent: eth1, id: 5 }",
        "b: { type: bond, mode: balance-rr, members: [v] }\nv: { type: vlan, parent: b, id: 5 }",
        "eth1: { tagged: [5] }",
        "b: { type: bridge, members: [eth1, eth2] }\neth1: { tagged: [5] }",
    ];
    assert_snapshot!(all(&wrong), @r"
    9:24: there is no VRF `red` (`red: { type: vrf, table: 100 }` makes it)
    9:24: `eth2` is no VRF
    10:45: `blue` is a VRF; it cannot be in another
    10:37: table 1 is already the table of the VRF `red` (each VRF has a table of its own)
    9:36: `r1` has no interface `eth7` (did you mean `eth3`?)
    9:36: `v` cannot be its own parent
    10:36: `red` is a VRF, which carries no frames (`vrf: red` puts the interface into it)
    10:46: VLAN 5 of `eth1` is already `v`
    9:11: `v` would be on top of itself (its parents and masters lead back to it)
    9:54: 1500 is more than the 1400 bytes of `eth1`
    10:33: network 2 is already `x`
    9:62: `r1` has no interface `eth7` (did you mean `eth3`?)
    9:62: `eth1` is a member twice
    10:56: `eth1` already belongs to `b`
    9:56: `eth1` is a member of `b`, so it cannot have an address (give the address to `b`)
    10:56: `eth1` already belongs to `red` (`vrf: red` belongs to `b`, which carries what its members get)
    10:36: `eth1` is a member of `b` (`parent: b`)
    9:11: `b` would be on top of itself (its parents and masters lead back to it)
    9:19: `eth1` is no port of a bridge (a VLAN's own interface is `type: vlan`)
    9:11: the port `eth2` of `b` has no VLAN, and others have (nothing would pass it: `untagged: 100`, or `tagged: [100, 200]` for a trunk)
    ");
}

#[test]
fn of_a_bridge_and_its_ports() {
    let wrong = [
        "p9: { tagged: [5] }",
        "p1: { tagged: [5] }",
        "p1: { addresses: [10.0.0.1/24] }",
        "red: { type: vrf, table: 5 }",
        "lag: { type: bond, mode: 802.3ad, members: [p1, p2], tagged: [5] }",
    ];
    assert_snapshot!(wrong.map(|ports| mistake("", ports)).join("\n"), @r"
    11:11: `sw` has no interface `p9` (a link ends there, or it is made by a `type`: bond)
    11:11: the port `p2` of `sw` has no VLAN, and others have (nothing would pass it: `untagged: 100`, or `tagged: [100, 200]` for a trunk)
    11:17: `sw` is a bridge; its ports have no `addresses`
    11:24: `sw` is a bridge: it has ports and bonds of ports, and no vrf
    11:11: the port `p3` of `sw` has no VLAN, and others have (nothing would pass it: `untagged: 100`, or `tagged: [100, 200]` for a trunk)
    ");
}

#[test]
fn a_text_that_does_not_stand_there_line_by_line_is_pointed_at_as_a_whole() {
    let text = file("eth1: { vrf: red }", "")
        .replace("interfaces: |\n          eth1: { vrf: red }", "interfaces: 'eth1: { vrf: red }'");
    assert_snapshot!(load(&source(&text)).unwrap_err().to_string(), @"/lab/one.clab.yml:8:9: there is no VRF `red`");
    let text = text.replace("'eth1: { vrf: red }'", "17");
    assert_snapshot!(load(&source(&text)).unwrap_err().to_string(), @"/lab/one.clab.yml:8:9: expected a mapping (`key: value` lines), found the number 17");
}

#[test]
fn a_misspelt_label_is_not_ignored() {
    let text = file("eth1: {}", "").replace("routeproof.interfaces", "routeproof.interface");
    let error = load(&source(&text)).unwrap_err();
    assert_snapshot!(error.to_string(), @"/lab/one.clab.yml:8:9: unknown label `routeproof.interface`");
    assert_eq!(error.hints[0], "did you mean `routeproof.interfaces`?");
}

/// Bridges, their ports and bonds of ports: the kernel has one set of names for them.
#[test]
fn bonds_of_ports_share_a_namespace_with_all_ports() {
    let lag = |name: &str, port: &str| {
        format!(
            "      labels:\n        routeproof.interfaces: '{name}: {{type: bond, mode: balance-xor, members: [{port}]}}'\n"
        )
    };
    let two = |first: &str, second: &str| {
        let (first, second) = (lag(first, "p1"), lag(second, "p2"));
        format!(
            "name: t\ntopology:\n  nodes:\n    a: {{kind: linux, image: x}}\n    s1:\n      kind: bridge\n{first}    s2:\n      \
             kind: bridge\n{second}  links:\n    - endpoints: ['a:eth1', 's1:p1']\n    - endpoints: ['a:eth2', 's2:p2']\n"
        )
    };
    assert!(load(&source(&two("lag1", "lag2"))).is_ok());
    let wrong = |first: &str, second: &str| load(&source(&two(first, second))).unwrap_err().to_string();
    assert_snapshot!(wrong("lag", "lag"), @"/lab/one.clab.yml:12:9: a bridge has a port lag already (line 8)");
    assert_snapshot!(wrong("p2", "lag"), @"/lab/one.clab.yml:8:9: a bridge has a port p2 already (line 15)");
    assert_snapshot!(wrong("s2", "lag"), @"/lab/one.clab.yml:8:9: a bridge has a port s2 already (line 10)");
}
