#![allow(clippy::unwrap_used)]

use insta::assert_snapshot;
use proptest::prelude::*;

use crate::diag::{Diagnostic, Source};
use crate::topology::{Lab, LabLink, Outside, lab, load, parse};

fn source(text: &str) -> Source {
    Source::new("/lab/one.clab.yml", text)
}

fn try_read(text: &str) -> Result<Lab, Diagnostic> {
    lab(&parse(&source(text))?, &source(text))
}

fn read(text: &str) -> Lab {
    try_read(text).unwrap_or_else(|e| panic!("{}", e.render(false)))
}

fn error(text: &str) -> String {
    try_read(text).expect_err("must be refused").render(false)
}

fn show(link: &LabLink) -> String {
    let ends: Vec<_> = link.ends.iter().map(|e| format!("{}:{}", e.node, e.interface)).collect();
    let outside = match &link.outside {
        Some(Outside::Interface(name)) => format!(" -> {name}"),
        Some(Outside::Tunnel { remote, vni }) => format!(" -> {remote} vni {vni}"),
        None => String::new(),
    };
    format!("{} {}{outside}", link.kind.word(), ends.join(" "))
}

const EVERY_LINK: &str = r#"
name: every-link
topology:
  kinds:
    nokia_srlinux: {image: srl, type: ixr-d2l}
  nodes:
    srl1: {kind: nokia_srlinux, group: spine}
    r1: {kind: Linux, image: "quay.io/frrouting/frr:10.3"}
    sw: {kind: ovs-bridge}
    "br0|r1": {kind: bridge}
  links:
    - endpoints: ["srl1:e1-1", "r1:eth1"]
      ipv4: [10.0.0.1/31, ""]
    - type: brief
      endpoints: ["srl1:ethernet-1/2", "sw:srl1"]
    - endpoints: ["r1:eth3", "host:tap0"]
    - endpoints: ["mgmt-net:r1", "r1:eth4"]
    - endpoints: ["r1:eth5", "macvlan:enp0s3"]
    - type: veth
      mtu: 1500
      endpoints:
        - {node: srl1, interface: e1-3, mac: "02:00:00:00:00:01", ipv6: "2001:db8::1/64"}
        - {node: r1, interface: eth6, vars: {area: 0}}
    - {type: veth-stitch, endpoints: [{node: srl1, interface: e1-4}, {node: r1, interface: eth7}]}
    - {type: host, endpoint: {node: r1, interface: eth8}, host-interface: tap1, labels: {a: b}}
    - {type: mgmt-net, endpoint: {node: r1, interface: eth9}, host-interface: m9}
    - {type: macvlan, endpoint: {node: r1, interface: eth10}, host-interface: enp0s4, mode: vepa}
    - {type: vxlan, endpoint: {node: r1, interface: eth11}, remote: 10.0.0.9, vni: 100, dst-port: 4789}
    - {type: vxlan-stitch, endpoint: {node: r1, interface: eth12}, remote: 10.0.0.9, vni: 101, udp-port: 4789}
    - {type: dummy, endpoint: {node: r1, interface: eth13}}
    - endpoints: ["br0|r1:p1", "srl1:e1-5"]
"#;

#[test]
fn every_type_of_link() {
    let lab = read(EVERY_LINK);
    let links: Vec<_> = lab.links.iter().map(show).collect();
    assert_snapshot!(links.join("\n"), @r#"
    veth srl1:e1-1 r1:eth1
    veth srl1:ethernet-1/2 sw:srl1
    host r1:eth3 -> tap0
    mgmt-net r1:eth4 -> r1
    macvlan r1:eth5 -> enp0s3
    veth srl1:e1-3 r1:eth6
    veth-stitch srl1:e1-4 r1:eth7
    host r1:eth8 -> tap1
    mgmt-net r1:eth9 -> m9
    macvlan r1:eth10 -> enp0s4
    vxlan r1:eth11 -> 10.0.0.9 vni 100
    vxlan-stitch r1:eth12 -> 10.0.0.9 vni 101
    dummy r1:eth13
    veth br0|r1:p1 srl1:e1-5
    "#);
    let nodes: Vec<_> = lab.nodes.iter().map(|n| format!("{} {} {}", n.name, n.kind, n.part)).collect();
    assert_snapshot!(nodes.join("\n"), @r#"
    srl1 nokia_srlinux router
    r1 linux gateway
    sw ovs-bridge bridge
    br0|r1 bridge bridge
    "#);
    assert_eq!(lab.links[0].ends[0].ipv4.unwrap().to_string(), "10.0.0.1/31");
    assert_eq!(lab.nodes[0].type_.as_deref(), Some("ixr-d2l"));
}

#[test]
fn mistakes_of_links() {
    let linked = |link: &str| {
        let nodes = "a: {kind: ceos}, b: {kind: bridge}, c: {kind: bridge}";
        format!("name: t\ntopology:\n  nodes: {{{nodes}}}\n  links:\n  - {link}\n")
    };
    assert_snapshot!(error(&linked("{type: dummy, endpoint: {node: a, interface: e1}, vni: 5}")), @r#"
    error: `vni` does not belong to a dummy link
     --> /lab/one.clab.yml:5:55
      |
    5 |   - {type: dummy, endpoint: {node: a, interface: e1}, vni: 5}
      |                                                       ^^^
      |
    help: such a link has endpoint, ipv4, ipv6
    "#);
    assert_snapshot!(error(&linked("{type: vxlan, endpoint: {node: a, interface: e1}, remote: 10.0.0.1}")), @r#"
    error: a vxlan link needs `vni`
     --> /lab/one.clab.yml:5:5
      |
    5 |   - {type: vxlan, endpoint: {node: a, interface: e1}, remote: 10.0.0.1}
      |     ^
    "#);
    assert_snapshot!(error(&linked("{type: mcvlan, endpoint: {node: a, interface: e1}}")), @r#"
    error: unknown link type `mcvlan`
     --> /lab/one.clab.yml:5:12
      |
    5 |   - {type: mcvlan, endpoint: {node: a, interface: e1}}
      |            ^^^^^^
      |
    help: did you mean `macvlan`?
    help: the types are veth, veth-stitch, host, mgmt-net, macvlan, vxlan, vxlan-stitch, dummy
    "#);
    assert_snapshot!(error(&linked("endpoints: [a:e1, 'd:e1']")), @r#"
    error: there is no node `d`
     --> /lab/one.clab.yml:5:23
      |
    5 |   - endpoints: [a:e1, 'd:e1']
      |                       ^^^^^^
    "#);
    assert_snapshot!(error(&linked("endpoints: [a:e1, a:e1]")), @r#"
    error: the interface a:e1 already has a link (line 5)
     --> /lab/one.clab.yml:5:23
      |
    5 |   - endpoints: [a:e1, a:e1]
      |                       ^^^^
      |
    help: an interface is the end of one link
    "#);
    let shared = read(&linked("endpoints: [a:e1, b:p1]\n  - endpoints: [a:e2, c:p1]"));
    assert_snapshot!(shared.warnings[0].render(false), @r#"
    warning: the interface host:p1 already has a link (line 5)
     --> /lab/one.clab.yml:6:23
      |
    6 |   - endpoints: [a:e2, c:p1]
      |                       ^^^^
      |
    help: an interface is the end of one link
    help: bridges and `host` share the host's interfaces; the embedded lab does not mind
    "#);
}

#[test]
fn a_nodes_interface_is_not_the_hosts() {
    let links = "    - endpoints: ['a:eth1', 'b:eth1']\n    - endpoints: ['a:tap0', 'host:eth1']\n    - endpoints: ['b:tap1', 'host:tap0']\n";
    let lab = read(&format!(
        "name: t\ntopology:\n  defaults: {{kind: ceos}}\n  nodes: {{a: , b: }}\n  links:\n{links}"
    ));
    assert_eq!((lab.links.len(), lab.warnings.len()), (3, 0));
}

#[test]
fn magic_words_name_the_lab_and_the_node() {
    let lab = read(
        "name: one\ntopology:\n  defaults: {kind: linux, exec: [ping -c1 __clabNodeName__, ls __clabNodeDir__ __clabDir__ __clabLabName__]}\n  nodes: {a: }\n",
    );
    assert_eq!(lab.nodes[0].exec[0], ["ping", "-c1", "a"]);
    assert_eq!(lab.nodes[0].exec[1], ["ls", "/lab/clab-one/a", "/lab/clab-one", "clab-one"]);
}

fn waiting(a: &str, b: &str) -> String {
    format!(
        "name: t\ntopology:\n  defaults: {{kind: linux, image: x}}\n  nodes:\n    a: {{stages: {a}}}\n    b: {{stages: {b}}}\n"
    )
}

#[test]
fn who_waits_for_whom() {
    let lab = read(&waiting(
        "{create: {wait-for: [{node: b, stage: healthy}]}}",
        "{exit: {exec: [{command: date, target: host}]}}",
    ));
    let wait = &lab.nodes[0].wait_for[0];
    assert_eq!((wait.stage.as_str(), wait.node.as_str(), wait.reached.as_str()), ("create", "b", "healthy"));
    let early = waiting("{configure: {wait-for: [{node: b, stage: create-links}]}}", "{}");
    load(&source(&early)).expect("boots: links come before all commands");
    assert_snapshot!(error(&waiting("{create: {wait-for: [{node: b, stage: ready}]}}", "{}")), @r#"
    error: `ready` is none of create, create-links, configure, healthy, exit
     --> /lab/one.clab.yml:5:55
      |
    5 |     a: {stages: {create: {wait-for: [{node: b, stage: ready}]}}}
      |                                                       ^^^^^
      |
    help: did you mean `create`?
    "#);
    assert_snapshot!(error(&waiting("{create: {wait-for: [{node: c, stage: exit}]}}", "{}")), @r#"
    error: there is no node `c`
     --> /lab/one.clab.yml:5:45
      |
    5 |     a: {stages: {create: {wait-for: [{node: c, stage: exit}]}}}
      |                                             ^
    "#);
}

#[test]
fn nodes_that_wait_for_each_other() {
    let on = |node: &str, own: &str, stage: &str| {
        format!("{{{own}: {{wait-for: [{{node: {node}, stage: {stage}}}]}}}}")
    };
    read(&waiting(&on("b", "configure", "create"), &on("a", "configure", "create")));
    assert_snapshot!(error(&waiting(&on("b", "create", "create"), &on("a", "create", "create"))), @r#"
    error: `b` waits for `a`, which waits for `b`
     --> /lab/one.clab.yml:6:45
      |
    6 |     b: {stages: {create: {wait-for: [{node: a, stage: create}]}}}
      |                                             ^
      |
    help: neither would ever start
    "#);
    // `a` leaves `create-links` only after `create`, in which it waits for `b`.
    error(&waiting(&on("b", "create", "create"), &on("a", "create", "create-links")));
    error(&waiting(&on("a", "create", "create"), "{}"));
}

#[test]
fn a_vendors_router_is_understood_and_said_to_need_containerlab() {
    let text =
        "name: t\ntopology:\n  nodes:\n    s: {kind: nokia_srlinux, image: 'ghcr.io/nokia/srlinux:24.10'}\n";
    read(text);
    let refusal = load(&source(text)).unwrap_err();
    assert!(refusal.unsupported);
    assert_snapshot!(refusal.render(false), @r#"
    error: the kind `nokia_srlinux` is a vendor router or appliance, which the embedded lab cannot run
     --> /lab/one.clab.yml:4:15
      |
    4 |     s: {kind: nokia_srlinux, image: 'ghcr.io/nokia/srlinux:24.10'}
      |               ^^^^^^^^^^^^^
      |
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    help: the node `s` needs Docker, containerlab and the image ghcr.io/nokia/srlinux:24.10; `check`,
          `plan` and `graph` understand it
    help: with a label `routeproof.intent: FILE`, scenarios run it by `--backend containerlab`; see
          docs/gateways.md
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What the embedded lab takes is a valid containerlab file, with the same nodes and links.
    #[test]
    fn what_boots_is_valid(at in 0..EVERY_LINK.len(), drop in 0usize..40, insert in "[ -~\n]{0,12}") {
        let mut text = EVERY_LINK.replace("nokia_srlinux", "linux").replace("ovs-bridge", "bridge");
        let end = (at + drop).min(text.len());
        if text.is_char_boundary(at.min(end)) && text.is_char_boundary(end) {
            text.replace_range(at.min(end)..end, &insert);
        }
        let seen = try_read(&text);
        if let Ok(topology) = load(&source(&text)) {
            let seen = seen.unwrap();
            prop_assert_eq!(topology.links.len(), seen.links.len());
            prop_assert!(topology.nodes.iter().all(|n| seen.nodes.iter().any(|m| m.name == n.name)));
        }
    }
}
