//! Mistakes in links and addresses, as the user sees them.

use insta::assert_snapshot;

use super::{error, lab, linked};
use crate::diag::Source;
use crate::topology::load;

#[test]
fn ends_of_links() {
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, gw2:eth1]")), @r#"
    error: there is no node `gw2`
     --> /lab/one.clab.yml:6:25
      |
    6 |   - endpoints: [a:eth1, gw2:eth1]
      |                         ^^^^^^^^
      |
    help: did you mean `gw1`?
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1]")), @r#"
    error: a link has two endpoints, this one has 1
     --> /lab/one.clab.yml:6:5
      |
    6 |   - endpoints: [a:eth1]
      |     ^^^^^^^^^
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1, gw1:eth1]")), @r#"
    error: a link has two endpoints, this one has 3
     --> /lab/one.clab.yml:6:5
      |
    6 |   - endpoints: [a:eth1, b:eth1, gw1:eth1]
      |     ^^^^^^^^^
      |
    help: for a segment that more than two share, add a node of `kind: bridge` and link each to it
    "#);
    assert_snapshot!(error(&linked("- mtu: 1500")), @r#"
    error: a link needs two endpoints
     --> /lab/one.clab.yml:6:5
      |
    6 |   - mtu: 1500
      |     ^^^
      |
    help: `endpoints: ["a:eth1", "b:eth1"]`
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b]")), @r#"
    error: `b` is not an endpoint
     --> /lab/one.clab.yml:6:25
      |
    6 |   - endpoints: [a:eth1, b]
      |                         ^
      |
    help: write `node:interface`
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n- endpoints: [gw1:eth1, a:eth1]")), @r#"
    error: the interface a:eth1 already has a link (line 6)
     --> /lab/one.clab.yml:7:27
      |
    7 |   - endpoints: [gw1:eth1, a:eth1]
      |                           ^^^^^^
      |
    help: an interface is the end of one link
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, a:eth1]")), @r#"
    error: the interface a:eth1 already has a link (line 6)
     --> /lab/one.clab.yml:6:25
      |
    6 |   - endpoints: [a:eth1, a:eth1]
      |                         ^^^^^^
      |
    help: an interface is the end of one link
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, host:eth1]")), @r#"
    error: a link to `host` leaves the lab
     --> /lab/one.clab.yml:6:25
      |
    6 |   - endpoints: [a:eth1, host:eth1]
      |                         ^^^^^^^^^
      |
    help: a lab is closed: its links join its own nodes, by `type: veth` or without a type
    "#);
    let cluster = "nodes: {k: {kind: k8s-kind}, k-worker: {kind: ext-container}, b: {kind: bridge}}\nlinks:\n- endpoints: ";
    assert_snapshot!(error(&lab(&format!("{cluster} [k:eth1, b:x]"))), @r#"
    error: `k` is a whole cluster; link to one of its nodes
     --> /lab/one.clab.yml:5:18
      |
    5 |   - endpoints:  [k:eth1, b:x]
      |                  ^^^^^^
      |
    help: its nodes here are k-worker
    "#);
    assert_snapshot!(error(&lab(&format!("{cluster} [worker:eth1, b:x]"))), @r#"
    error: there is no node `worker`
     --> /lab/one.clab.yml:5:18
      |
    5 |   - endpoints:  [worker:eth1, b:x]
      |                  ^^^^^^^^^^^
      |
    help: did you mean `k-worker`?
    "#);
    assert_snapshot!(error(&lab("nodes: {k: {kind: k8s-kind}, b: {kind: bridge}}\nlinks: [{endpoints: [k:eth1, b:x]}]")), @r#"
    error: `k` is a whole cluster; link to one of its nodes
     --> /lab/one.clab.yml:4:24
      |
    4 |   links: [{endpoints: [k:eth1, b:x]}]
      |                        ^^^^^^
      |
    help: add its nodes as `kind: ext-container`, such as `k-worker`
    "#);
}

#[test]
fn interface_names() {
    assert_snapshot!(error(&linked("- endpoints: [a:ethernet-number-1, b:eth1]")), @r#"
    error: the interface name `ethernet-number-1` has 17 characters; Linux allows 15
     --> /lab/one.clab.yml:6:17
      |
    6 |   - endpoints: [a:ethernet-number-1, b:eth1]
      |                 ^^^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, 'b:eth1/1']")), @r#"
    error: `eth1/1` cannot be the name of a link's interface
     --> /lab/one.clab.yml:6:25
      |
    6 |   - endpoints: [a:eth1, 'b:eth1/1']
      |                         ^^^^^^^^^^
      |
    help: such as `eth1`
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth0, b:eth1]")), @r#"
    error: `eth0` belongs to the management network in containerlab
     --> /lab/one.clab.yml:6:17
      |
    6 |   - endpoints: [a:eth0, b:eth1]
      |                 ^^^^^^
      |
    help: count links from `eth1`, so that the topology works on every backend
    "#);
}

#[test]
fn link_types() {
    assert_snapshot!(error(&linked("- type: macvlan\n  endpoint: {node: a, interface: eth1}")), @r#"
    error: a link of type `macvlan` leaves the lab
     --> /lab/one.clab.yml:6:11
      |
    6 |   - type: macvlan
      |           ^^^^^^^
      |
    help: a lab is closed: its links join its own nodes, by `type: veth` or without a type
    "#);
    assert_snapshot!(error(&linked("- type: dummy\n  endpoints: [a:eth1, b:eth1]")), @r#"
    error: `endpoints` does not belong to a dummy link
     --> /lab/one.clab.yml:7:5
      |
    7 |     endpoints: [a:eth1, b:eth1]
      |     ^^^^^^^^^
      |
    help: it has one end: `endpoint`
    "#);
    assert_snapshot!(error(&linked("- type: vth\n  endpoints: [a:eth1, b:eth1]")), @r#"
    error: unknown link type `vth`
     --> /lab/one.clab.yml:6:11
      |
    6 |   - type: vth
      |           ^^^
      |
    help: did you mean `veth`?
    help: supported: `veth`, `dummy`, or no type for `endpoints: ["a:eth1", "b:eth1"]`
    "#);
    assert_snapshot!(error(&linked("- type: veth\n  endpoints: [a:eth1, b:eth1]")), @r#"
    error: with `type: veth` an endpoint is a mapping
     --> /lab/one.clab.yml:7:17
      |
    7 |     endpoints: [a:eth1, b:eth1]
      |                 ^^^^^^
      |
    help: `- {node: a, interface: eth1}`, or leave out the type
    "#);
    assert_snapshot!(error(&linked("- endpoints: [{node: a, interface: eth1}, b:eth1]")), @r#"
    error: an endpoint with fields needs `type: veth` in its link
     --> /lab/one.clab.yml:6:17
      |
    6 |   - endpoints: [{node: a, interface: eth1}, b:eth1]
      |                 ^
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n  vni: 100")), @r#"
    error: `vni` does not belong to a veth link
     --> /lab/one.clab.yml:7:5
      |
    7 |     vni: 100
      |     ^^^
      |
    help: a link joins two `endpoints`
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n  mtu: 20")), @r#"
    error: an MTU lies between 68 and 65535 bytes, not at 20
     --> /lab/one.clab.yml:7:10
      |
    7 |     mtu: 20
      |          ^^
    "#);
}

#[test]
fn addresses() {
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n  ipv4: [10.0.0.1]")), @r#"
    error: `10.0.0.1` is not an IPv4 address with a prefix length
     --> /lab/one.clab.yml:7:12
      |
    7 |     ipv4: [10.0.0.1]
      |            ^^^^^^^^
      |
    help: such as `10.0.0.1/24`
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n  ipv6: [10.0.0.1/24]")), @r#"
    error: `10.0.0.1/24` is not an IPv6 address with a prefix length
     --> /lab/one.clab.yml:7:12
      |
    7 |     ipv6: [10.0.0.1/24]
      |            ^^^^^^^^^^^
      |
    help: such as `2001:db8::1/64`
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n  ipv4: [10.0.0.1/24, 10.0.0.2/24, 10.0.0.3/24]")), @r#"
    error: a link has two ends, but `ipv4` has 3
     --> /lab/one.clab.yml:7:5
      |
    7 |     ipv4: [10.0.0.1/24, 10.0.0.2/24, 10.0.0.3/24]
      |     ^^^^
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n  ipv4: [10.0.0.1/24, 10.0.0.1/24]")), @r#"
    error: 10.0.0.1 on b:eth1 is already the address of a:eth1 (line 7)
     --> /lab/one.clab.yml:7:25
      |
    7 |     ipv4: [10.0.0.1/24, 10.0.0.1/24]
      |                         ^^^^^^^^^^^
      |
    help: give each interface an address of its own
    "#);
    let full = |rest: &str| {
        linked(&format!(
            "- type: veth\n  ipv4: [10.0.0.1/24]\n  endpoints:\n  - {{node: a, interface: eth1, {rest}}}\n  - {{node: b, interface: eth1}}"
        ))
    };
    assert_snapshot!(error(&full("ipv4: 10.0.0.2/24")), @r#"
    error: this end already has an `ipv4` of its own
     --> /lab/one.clab.yml:7:12
      |
    7 |     ipv4: [10.0.0.1/24]
      |            ^^^^^^^^^^^
    "#);
    assert_snapshot!(error(&full("mac: '02:00'")), @r#"
    error: `02:00` is not a MAC address
     --> /lab/one.clab.yml:9:39
      |
    9 |     - {node: a, interface: eth1, mac: '02:00'}
      |                                       ^^^^^^^
      |
    help: such as `02:00:00:00:00:01`
    "#);
    assert_snapshot!(error(&full("mac: 'ff:ff:ff:ff:ff:ff'")), @r#"
    error: `ff:ff:ff:ff:ff:ff` is not the MAC address of one interface
     --> /lab/one.clab.yml:9:39
      |
    9 |     - {node: a, interface: eth1, mac: 'ff:ff:ff:ff:ff:ff'}
      |                                       ^^^^^^^^^^^^^^^^^^^
    "#);
    let bridge = "nodes: {a: {kind: linux, image: x}, s: {kind: bridge}}\nlinks:\n- endpoints: [a:eth1, s:a]\n  ipv4: ['', 10.0.0.1/24]";
    assert_snapshot!(error(&lab(bridge)), @r#"
    error: `s` is a bridge; its ports have no addresses
     --> /lab/one.clab.yml:6:16
      |
    6 |     ipv4: ['', 10.0.0.1/24]
      |                ^^^^^^^^^^^
    "#);
}

#[test]
fn duplicate_addresses_across_links_and_exec_lines() {
    assert_snapshot!(error(&lab("
nodes:
  gw1:
    kind: frr
    image: frr
    exec:
      - ip addr add 10.0.0.1/24 dev eth1
  gw2:
    kind: frr
    image: frr
    exec:
      - ip link set eth1 up
      - sh -c 'ip address replace dev eth1 10.0.0.1/24'
links:
  - endpoints: [gw1:eth1, gw2:eth1]
")), @r#"
    error: 10.0.0.1 on gw2:eth1 is already the address of gw1:eth1 (line 9)
      --> /lab/one.clab.yml:15:11
       |
    15 |         - sh -c 'ip address replace dev eth1 10.0.0.1/24'
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: give each interface an address of its own
    "#);
    assert_snapshot!(error(&lab("
nodes:
  gw1: {kind: frr, image: frr}
  gw2: {kind: frr, image: frr, exec: ['ip -6 a a 2001:db8::1/64 dev eth1']}
links:
  - endpoints: [gw1:eth1, gw2:eth1]
    ipv6: ['2001:db8:0:0::1/64']
")), @r#"
    error: 2001:db8::1 on gw2:eth1 is already the address of gw1:eth1 (line 9)
     --> /lab/one.clab.yml:6:41
      |
    6 |     gw2: {kind: frr, image: frr, exec: ['ip -6 a a 2001:db8::1/64 dev eth1']}
      |                                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    help: give each interface an address of its own
    "#);
}

/// Two gateways' interfaces towards `a`, each in a VRF of `a`, and what stands behind them.
fn in_vrfs(second: &str) -> String {
    lab(&format!(
        "
nodes:
  a:
    kind: frr
    image: frr
    exec:
      - ip link add red type vrf table 10
      - ip link add blue type vrf table 20
      - ip link set eth1 master red
      - ip link set eth2 master {second}
      - ip addr add 10.0.0.1/24 dev eth1
      - ip addr add 10.0.0.1/24 dev eth2
  b:
    kind: frr
    image: frr
    exec: [ip addr add 10.0.0.2/24 dev eth1]
  c:
    kind: frr
    image: frr
    exec: [ip addr add 10.0.0.2/24 dev eth1]
  switch: {{ kind: bridge }}
links:
  - endpoints: [a:eth1, b:eth1]
  - endpoints: [a:eth2, switch:a]
  - endpoints: [c:eth1, switch:c]
"
    ))
}

#[test]
fn two_vrfs_and_what_is_behind_them_may_have_an_address_twice() {
    load(&Source::new("/lab/one.clab.yml", in_vrfs("blue"))).unwrap();
    assert_snapshot!(error(&in_vrfs("red")), @r#"
    error: 10.0.0.1 on a:eth2 is already the address of a:eth1 (line 13)
      --> /lab/one.clab.yml:14:11
       |
    14 |         - ip addr add 10.0.0.1/24 dev eth2
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: give each interface an address of its own
    "#);
}

#[test]
fn ports_of_two_bridges_share_a_namespace() {
    let text = lab("
nodes:
  a: { kind: frr, image: frr }
  one: { kind: bridge }
  two: { kind: bridge }
links:
  - endpoints: [a:eth1, one:a]
  - endpoints: [a:eth2, two:a]
");
    assert_snapshot!(error(&text), @r#"
    error: a bridge has a port a already (line 9)
      --> /lab/one.clab.yml:10:27
       |
    10 |     - endpoints: [a:eth2, two:a]
       |                           ^^^^^
       |
    help: ports of all bridges are in one namespace, as on a host: each needs a name of its own
    "#);
}
