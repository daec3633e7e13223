#![allow(clippy::unwrap_used)]

use insta::assert_snapshot;
use proptest::prelude::*;

use crate::diag::Source;
use crate::topology::{Topology, load};

mod mistakes;

fn source(text: &str) -> Source {
    Source::new("/lab/one.clab.yml", text)
}

fn read(text: &str) -> Topology {
    load(&source(text)).unwrap_or_else(|e| panic!("{}", e.render(false)))
}

/// A file whose node `r1` (eth1, eth2, eth3) declares `interfaces`; eth1 to eth3 lead to the bridge `sw`, which declares `ports`.
fn file(interfaces: &str, ports: &str) -> String {
    let label = |text: &str| match text.is_empty() {
        true => String::new(),
        false => {
            let indented: String = text.lines().map(|line| format!("          {line}\n")).collect();
            format!("      labels:\n        routeproof.interfaces: |\n{indented}")
        }
    };
    let (r1, sw) = (label(interfaces), label(ports));
    let links: String = (1..=3).map(|i| format!("    - endpoints: ['r1:eth{i}', 'sw:p{i}']\n")).collect();
    format!(
        "name: t\ntopology:\n  nodes:\n    r1:\n      kind: linux\n      image: alpine\n{r1}    sw:\n      kind: bridge\n{sw}  links:\n{links}"
    )
}

const EVERYTHING: &str = "\
bond0.100: { type: vlan, parent: bond0, id: 100, vrf: red, addresses: [10.1.0.1/24, 'fd00:1::1/64'] }
bond0: { type: bond, mode: 802.3ad, members: [eth1, eth2], miimon: 50ms, lacp-rate: fast, hash-policy: layer3+4 }
red: { type: vrf, table: 100, addresses: [192.0.2.1/32], rules: [{ priority: 500, from: 10.9.0.0/16, iif: eth3 }] }
eth3: { vrf: red, mtu: 1400, netem: { delay: 20ms, jitter: 2ms, loss: 0.5%, rate: 10mbit } }
d0: { type: dummy, mac: '02:00:00:00:00:07' }
mv0: { type: macvlan, parent: d0, mode: private }
br0: { type: bridge, members: [vx10, d1], tagged: [10] }
vx10: { type: vxlan, id: 10, remote: 10.1.0.2, local: 10.1.0.1, tagged: [10], untagged: 20 }
d1: { type: dummy, untagged: 10 }
lo: { addresses: ['fd00::1/128'] }";

fn lines(topology: &Topology, node: &str) -> String {
    let lines = topology.node(node).unwrap().lines();
    lines.iter().map(|argv| argv.join(" ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_as_commands() {
    let topology = read(&file(EVERYTHING, ""));
    assert_snapshot!(lines(&topology, "r1"), @r"
    ip link add red type vrf table 100
    ip link set dev red up
    ip route add unreachable default metric 4278198272 table 100
    ip -6 route add unreachable default metric 4278198272 table 100
    ip rule add priority 500 from 10.9.0.0/16 iif eth3 table 100
    ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0
    ip link set dev br0 up
    ip link add bond0 type bond mode 802.3ad miimon 50 lacp_rate fast xmit_hash_policy layer3+4
    ip link set dev bond0 up
    ip link set dev eth3 mtu 1400
    ip link set dev eth3 master red
    ip link set dev eth3 up
    ip link add d0 address 02:00:00:00:00:07 type dummy
    ip link set dev d0 up
    ip link add link d0 name mv0 type macvlan mode private
    ip link set dev mv0 up
    ip link add vx10 type vxlan id 10 remote 10.1.0.2 local 10.1.0.1 dstport 4789
    ip link set dev vx10 master br0
    ip link set dev vx10 up
    ip link add d1 type dummy
    ip link set dev d1 master br0
    ip link set dev d1 up
    ip link set dev eth1 down
    ip link set dev eth1 master bond0
    ip link set dev eth1 up
    ip link set dev eth2 down
    ip link set dev eth2 master bond0
    ip link set dev eth2 up
    ip link add link bond0 name bond0.100 type vlan id 100
    ip link set dev bond0.100 master red
    ip link set dev bond0.100 up
    ip address add 192.0.2.1/32 dev red
    bridge vlan add dev br0 vid 10 self
    tc qdisc add dev eth3 root netem delay 20ms 2ms loss 0.5% rate 10mbit
    bridge vlan add dev vx10 vid 10
    bridge vlan add dev vx10 vid 20 pvid untagged
    bridge vlan add dev d1 vid 10 pvid untagged
    ip address add fd00::1/128 dev lo nodad
    ip address add 10.1.0.1/24 dev bond0.100
    ip address add fd00:1::1/64 dev bond0.100 nodad
    ");
    let again: Topology = serde_json::from_value(serde_json::to_value(&topology).unwrap()).unwrap();
    assert_eq!(again.nodes[0].interfaces, topology.nodes[0].interfaces);
}

#[test]
fn a_bridge_with_vlans_and_a_bond_of_ports() {
    let ports = "\
lag: { type: bond, mode: 802.3ad, members: [p1, p2], system: '02:00:00:00:00:01', tagged: [100, 200] }
p3: { untagged: 100 }";
    let topology = read(&file("", ports));
    assert_snapshot!(lines(&topology, "sw"), @r"
    ip link set dev sw type bridge vlan_filtering 1 vlan_default_pvid 0
    ip link add lag type bond mode 802.3ad miimon 100 ad_actor_system 02:00:00:00:00:01
    ip link set dev lag master sw
    ip link set dev lag up
    ip link set dev p3 master sw
    ip link set dev p3 up
    ip link set dev p1 down
    ip link set dev p1 master lag
    ip link set dev p1 up
    ip link set dev p2 down
    ip link set dev p2 master lag
    ip link set dev p2 up
    bridge vlan add dev lag vid 100
    bridge vlan add dev lag vid 200
    bridge vlan add dev p3 vid 100 pvid untagged
    ");
    // Without a word about VLANs the bridge passes them all.
    let plain = read(&file("", "lag: { type: bond, mode: balance-xor, members: [p1, p2] }"));
    assert!(!lines(&plain, "sw").contains("vlan_filtering"));
}

#[test]
fn what_is_inherited_merges_by_name() {
    let text = r#"
name: t
topology:
  groups:
    segregated:
      labels:
        routeproof.interfaces: |
          red: { type: vrf, table: 100 }
          blue: { type: vrf, table: 200 }
  nodes:
    a: { kind: linux, image: alpine, group: segregated }
    b:
      kind: linux
      image: alpine
      group: segregated
      labels:
        routeproof.interfaces: |
          blue: { type: vrf, table: 201 }
          eth1: { vrf: blue }
  links:
    - endpoints: ["a:eth1", "b:eth1"]
"#;
    let topology = read(text);
    let tables = |node: &str| {
        let lines = lines(&topology, node);
        lines.lines().filter(|l| l.contains("type vrf")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(tables("a"), ["ip link add red type vrf table 100", "ip link add blue type vrf table 200"]);
    assert_eq!(tables("b"), ["ip link add red type vrf table 100", "ip link add blue type vrf table 201"]);
    assert!(lines(&topology, "b").contains("ip link set dev eth1 master blue"));
}

#[test]
fn one_address_in_two_vrfs_but_not_twice_in_one() {
    let of = |second: &str| {
        format!(
            "red: {{ type: vrf, table: 1 }}\nblue: {{ type: vrf, table: 2 }}\n\
             eth1: {{ vrf: red, addresses: [10.0.0.1/24] }}\neth2: {{ vrf: {second}, addresses: [10.0.0.1/24] }}"
        )
    };
    let topology = read(&file(&of("blue"), ""));
    assert_eq!(topology.addresses_of("r1").0.len(), 1);
    let error = load(&source(&file(&of("red"), ""))).unwrap_err();
    assert_snapshot!(error.to_string(), @"/lab/one.clab.yml:12:41: 10.0.0.1 on r1:eth2 is already the address of r1:eth1 (line 11)");
}

#[test]
fn links_of_type_dummy() {
    let text = r#"
name: t
topology:
  nodes:
    a:
      kind: linux
      image: alpine
      labels:
        routeproof.interfaces: |
          red: { type: vrf, table: 7 }
          d0: { vrf: red, addresses: [10.5.0.1/24] }
  links:
    - type: dummy
      endpoint: { node: a, interface: d0, ipv4: 10.4.0.1/24, mac: "02:00:00:00:00:09" }
      mtu: 1400
    - { type: dummy, endpoint: { node: a, interface: d1 } }
"#;
    let topology = read(text);
    assert_snapshot!(lines(&topology, "a"), @r"
    ip link add red type vrf table 7
    ip link set dev red up
    ip route add unreachable default metric 4278198272 table 7
    ip -6 route add unreachable default metric 4278198272 table 7
    ip link add d0 mtu 1400 address 02:00:00:00:00:09 type dummy
    ip link set dev d0 master red
    ip link set dev d0 up
    ip link add d1 type dummy
    ip link set dev d1 up
    ip address add 10.4.0.1/24 dev d0
    ip address add 10.5.0.1/24 dev d0
    ");
    assert_eq!(topology.addresses_of("a").0.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_labels_never_panic(at in 0..EVERYTHING.len(), length in 0usize..40, put in "[a-z0-9:{}\\[\\], .'-]{0,8}") {
        let end = (at + length).min(EVERYTHING.len());
        let damaged = format!("{}{put}{}", &EVERYTHING[..at], &EVERYTHING[end..]);
        if let Ok(topology) = load(&source(&file(&damaged, ""))) {
            lines(&topology, "r1");
        }
    }
}
