#![allow(clippy::unwrap_used)]

use insta::assert_snapshot;
use proptest::prelude::*;

use super::layout::{Layout, layout};
use super::{Drawing, mermaid, svg};
use crate::diag::Source;
use crate::topology::{Lab, lab, parse};

fn read(text: &str) -> Lab {
    let source = Source::new("/lab/one.clab.yml", text);
    lab(&parse(&source).unwrap(), &source).unwrap_or_else(|e| panic!("{}", e.render(false)))
}

/// A trunk with two VLANs, each a VRF on the gateway; a bond; a client behind; a link that leaves.
const SEGREGATED: &str = r#"
name: segregated
topology:
  nodes:
    k8s: {kind: k8s-kind}
    k8s-worker:
      kind: ext-container
      exec:
        - sh -c 'ip link add bond0 type bond mode 802.3ad; ip link set eth1 master bond0; ip link set eth2 master bond0'
        - ip link add link bond0 name bond0.100 type vlan id 100
        - ip addr add 10.1.0.10/24 dev bond0.100
    gw1:
      kind: linux
      image: quay.io/frrouting/frr:10.3
      exec:
        - ip link add red type vrf table 101
        - ip link add blue type vrf table 102
        - ip link add link eth1 name eth1.100 type vlan id 100
        - ip link set dev eth1.100 up master red
        - ip address add 10.1.0.1/24 dev eth1.100
        - vconfig add eth1 200
        - ip l s eth1.200 vrf blue
        - ip link set eth3 master red
        - ip address add 192.0.2.1/32 dev lo
    sw: {kind: bridge, exec: ["bridge vlan add dev p1 vid 100 pvid untagged"]}
    h1: {kind: linux, image: "alpine:3", exec: ["ip a a 10.9.0.2/24 dev eth1"]}
  links:
    - endpoints: ["k8s-worker:eth1", "sw:p1"]
    - endpoints: ["k8s-worker:eth2", "sw:p2"]
    - endpoints: ["sw:p3", "gw1:eth1"]
    - endpoints: ["gw1:eth3", "h1:eth1"]
      ipv4: [10.9.0.1/24, ""]
    - endpoints: ["gw1:eth9", "host:tap0"]
    - {type: dummy, endpoint: {node: h1, interface: d0}}
"#;

fn shown(drawing: &Drawing) -> String {
    let mut text = String::new();
    let mark = |vrf: Option<usize>| vrf.map(|v| format!(" <{}>", drawing.vrfs[v])).unwrap_or_default();
    for node in &drawing.boxes {
        text += &format!("{} ({})\n", node.title, node.subtitle);
        node.notes.iter().for_each(|line| text += &format!("  {}{}\n", line.text, mark(line.vrf)));
        for port in &node.ports {
            let lines: Vec<_> = port.lines.iter().map(|l| format!("{}{}", l.text, mark(l.vrf))).collect();
            text += &format!("  port {}{}: {}\n", port.name, mark(port.vrf), lines.join("; "));
        }
    }
    text
}

#[test]
fn what_a_drawing_shows() {
    assert_snapshot!(shown(&Drawing::of(&read(SEGREGATED))), @r#"
    k8s-worker (cluster node of k8s)
      bond0 bond 802.3ad: eth1 eth2
        bond0.100 vlan 100
          10.1.0.10/24
      port eth1: in bond0
      port eth2: in bond0
    gw1 (gateway frr:10.3)
      vrf red table 101 <red>
      vrf blue table 102 <blue>
      lo
        192.0.2.1/32
      port eth1: eth1.100 vlan 100 in red <red>;   10.1.0.1/24 <red>; eth1.200 vlan 200 in blue <blue>
      port eth3 <red>: 10.9.0.1/24 <red>; in red <red>
      port eth9: 
    sw (bridge)
      port p1: vlans 100 untagged
      port p2: 
      port p3: 
    h1 (client alpine:3)
      port eth1: 10.9.0.2/24
      port d0: dummy
    host (outside the lab)
      port tap0:
    "#);
}

/// The same lab by fields instead of `exec` lines, with a switch that knows VLANs and an impaired link.
const DECLARED: &str = r#"
name: declared
topology:
  nodes:
    k8s: {kind: k8s-kind}
    k8s-worker:
      kind: ext-container
      labels:
        routeproof.interfaces: |
          bond0: {type: bond, mode: 802.3ad, members: [eth1, eth2]}
          bond0.100: {type: vlan, parent: bond0, id: 100, addresses: [10.1.0.10/24]}
    sw:
      kind: bridge
      labels:
        routeproof.interfaces: |
          lag: {type: bond, mode: 802.3ad, members: [p1, p2], tagged: [100, 200]}
          p3: {untagged: 100}
    gw1:
      kind: linux
      image: quay.io/frrouting/frr:10.3
      labels:
        routeproof.interfaces: |
          red: {type: vrf, table: 101}
          eth1: {vrf: red, addresses: [10.1.0.1/24], netem: {delay: 20ms, loss: 1%}}
          lo: {addresses: [192.0.2.1/32]}
  links:
    - endpoints: ["k8s-worker:eth1", "sw:p1"]
    - endpoints: ["k8s-worker:eth2", "sw:p2"]
    - endpoints: ["sw:p3", "gw1:eth1"]
"#;

#[test]
fn what_is_declared_is_drawn() {
    assert_snapshot!(shown(&Drawing::of(&read(DECLARED))), @r"
    k8s-worker (cluster node of k8s)
      bond0 bond 802.3ad: eth1 eth2
        bond0.100 vlan 100
          10.1.0.10/24
      port eth1: in bond0
      port eth2: in bond0
    sw (bridge)
      lag bond 802.3ad: p1 p2 vlans 100, 200
      port p1: in lag
      port p2: in lag
      port p3: vlans 100 untagged
    gw1 (gateway frr:10.3)
      vrf red table 101 <red>
      lo
        192.0.2.1/32
      port eth1 <red>: 10.1.0.1/24 <red>; in red <red>; netem delay 20ms loss 1% <red>
    ");
}

#[test]
fn as_mermaid() {
    assert_snapshot!(mermaid(&Drawing::of(&read(SEGREGATED))), @r#"
    ---
    title: "segregated"
    ---
    flowchart TB
      n3("<b>h1</b><br/>client alpine:3<br/>d0<br/>dummy"):::client
      n4["<b>host</b><br/>outside the lab"]:::other
      n1["<b>gw1</b><br/>gateway frr:10.3<br/>vrf red table 101<br/>vrf blue table 102<br/>lo<br/>  192.0.2.1/32"]:::gateway
      n2(["<b>sw</b><br/>bridge"]):::other
      n0["<b>k8s-worker</b><br/>cluster node of k8s<br/>bond0 bond 802.3ad: eth1 eth2<br/>  bond0.100 vlan 100<br/>    10.1.0.10/24"]:::clusterNode
      n2 ---|"p1<br/>vlans 100 untagged<br/>to<br/>eth1<br/>in bond0"| n0
      n2 ---|"p2<br/>to<br/>eth2<br/>in bond0"| n0
      n1 ---|"eth1<br/>eth1.100 vlan 100 in red<br/>10.1.0.1/24<br/>eth1.200 vlan 200 in blue<br/>to<br/>p3"| n2
      n3 ---|"eth1<br/>10.9.0.2/24<br/>to<br/>eth3<br/>10.9.0.1/24<br/>in red"| n1
      n4 ---|"tap0<br/>to<br/>eth9"| n1
      classDef clusterNode stroke:#2f6fc4,stroke-width:2px
      classDef gateway stroke:#c46a12,stroke-width:2px
      classDef router stroke:#7a4fc0,stroke-width:2px
      classDef client stroke:#2f8f4a,stroke-width:2px
      classDef other stroke:#8a939f,stroke-dasharray:5 4
    "#);
}

/// Boxes are apart, and ports lie at an edge of their box.
fn is_tidy(layout: &Layout) -> Result<(), String> {
    for (i, a) in layout.boxes.iter().enumerate() {
        for b in &layout.boxes[..i] {
            let apart = a.x + a.width <= b.x + 0.1
                || b.x + b.width <= a.x + 0.1
                || a.y + a.height <= b.y + 0.1
                || b.y + b.height <= a.y + 0.1;
            if !apart {
                return Err(format!("{a:?} overlaps {b:?}"));
            }
        }
        let mut columns: Vec<_> = a.ports.iter().map(|p| (p.top, p.x, p.width)).collect();
        columns.sort_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).unwrap());
        let overlap = columns.windows(2).any(|w| w[0].0 == w[1].0 && w[0].1 + w[0].2 > w[1].1 + 0.1);
        let outside = columns.iter().any(|c| c.1 < a.x - 0.1 || c.1 + c.2 > a.x + a.width + 0.1);
        if overlap || outside || a.x < 0.0 || a.x + a.width > layout.width || a.y + a.height > layout.height {
            return Err(format!("{a:?}"));
        }
    }
    Ok(())
}

#[test]
fn gateways_stand_above_segments_above_cluster_nodes() {
    let drawing = Drawing::of(&read(SEGREGATED));
    let placed = layout(&drawing);
    is_tidy(&placed).unwrap();
    let y = |title: &str| placed.boxes[drawing.boxes.iter().position(|b| b.title == title).unwrap()].y;
    assert!(y("gw1") < y("sw") && y("sw") < y("k8s-worker"));
    assert!(y("h1") < y("gw1"), "a client behind the gateway is above it");
}

#[test]
fn the_svg_is_whole_and_always_the_same() {
    let drawing = Drawing::of(&read(&SEGREGATED.replace("segregated", "'<a&b>'")));
    let text = svg(&drawing);
    assert_eq!(text, svg(&drawing));
    for part in
        ["&lt;a&amp;b&gt;", "eth1.100 vlan 100 in red", "vrf red table 101", "prefers-color-scheme: dark"]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("NaN") && !text.contains("inf"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_lab_is_drawn_without_overlaps(
        links in proptest::collection::vec((0usize..14, 0usize..14), 0..40),
        kinds in proptest::collection::vec(prop::sample::select(vec!["linux", "bridge", "ceos", "frr"]), 14),
    ) {
        let nodes: String = kinds.iter().enumerate().map(|(i, k)| format!("    n{i}: {{kind: {k}}}\n")).collect();
        let ends = links.iter().enumerate().map(|(i, (a, b))| format!("    - endpoints: ['n{a}:a{i}', 'n{b}:b{i}']\n"));
        let lab = read(&format!("name: t\ntopology:\n  nodes:\n{nodes}  links:\n{}", ends.collect::<String>()));
        let drawing = Drawing::of(&lab);
        is_tidy(&layout(&drawing)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(svg(&drawing).matches("class=\"wire").count(), links.len());
    }
}
