//! Mistakes in fields, types, names and kinds, as the user sees them.

use insta::assert_snapshot;

use super::{error, lab, linked};

#[test]
fn unknown_fields() {
    assert_snapshot!(error("name: t\ntopolgy: {}\n"), @r#"
    error: unknown field `topolgy`
     --> /lab/one.clab.yml:2:1
      |
    2 | topolgy: {}
      | ^^^^^^^
      |
    help: did you mean `topology`?
    help: known here: name, prefix, mgmt, settings, debug, topology
    "#);
    assert_snapshot!(error(&lab("nodes:\n  a:\n    kind: linux\n    imge: alpine")), @r#"
    error: unknown field `imge`
     --> /lab/one.clab.yml:6:7
      |
    6 |       imge: alpine
      |       ^^^^
      |
    help: did you mean `image`?
    help: known here: kind, group, image, exec, binds, env, startup-config, labels, sysctls, hostname,
          cmd, entrypoint, user, network-mode, startup-delay, env-files, volumes, tmpfs, devices, stages,
          components, type, license, position, image-pull-policy, restart-policy, enforce-startup-config,
          suppress-startup-config, auto-remove, config, cap-add, privileged, cgroupns-mode, cgroup-parent,
          pid-mode, security-opts, shm-size, ports, mgmt-ipv4, mgmt-ipv6, runtime, cpu, cpu-set, memory,
          extras, dns, certificate, healthcheck, credentials, username, password, aliases, link-apply-mode
    "#);
    assert_snapshot!(error(&linked("- endpoint: {node: a, interface: eth1}")), @r#"
    error: `endpoint` does not belong to a veth link
     --> /lab/one.clab.yml:6:5
      |
    6 |   - endpoint: {node: a, interface: eth1}
      |     ^^^^^^^^
      |
    help: a link joins two `endpoints`
    "#);
    assert_snapshot!(error(&linked("- endpints: [a:eth1, b:eth1]")), @r#"
    error: unknown field `endpints`
     --> /lab/one.clab.yml:6:5
      |
    6 |   - endpints: [a:eth1, b:eth1]
      |     ^^^^^^^^
      |
    help: did you mean `endpoints`?
    help: known here: type, endpoints, mtu, ipv4, ipv6, vars, labels, endpoint, host-interface, mode,
          remote, vni, dst-port, src-port, udp-port, parent-interface
    "#);
    assert_snapshot!(error(&linked("- type: veth\n  endpoints:\n  - {node: a, iface: eth1}")), @r#"
    error: unknown field `iface`
     --> /lab/one.clab.yml:8:17
      |
    8 |     - {node: a, iface: eth1}
      |                 ^^^^^
      |
    help: known here: node, interface, mac, ipv4, ipv6, vars
    "#);
}

#[test]
fn wrong_types() {
    assert_snapshot!(error(&lab("nodes:\n  a: {kind: linux, image: alpine, exec: ip addr}")), @r#"
    error: expected a list, found the text `ip addr`
     --> /lab/one.clab.yml:4:43
      |
    4 |     a: {kind: linux, image: alpine, exec: ip addr}
      |                                           ^^^^^^^
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, [b, eth1]]")), @r#"
    error: expected `node:interface`, or a mapping with `node` and `interface`, found a list
     --> /lab/one.clab.yml:6:25
      |
    6 |   - endpoints: [a:eth1, [b, eth1]]
      |                         ^
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1]\n  mtu: big")), @r#"
    error: expected a whole number from 0 to 4294967295, found the text `big`
     --> /lab/one.clab.yml:7:10
      |
    7 |     mtu: big
      |          ^^^
    "#);
    assert_snapshot!(error("name: t\n"), @r#"
    error: the field `topology` is missing
     --> /lab/one.clab.yml:1:1
      |
    1 | name: t
      | ^^^^
    "#);
    assert_snapshot!(error(&lab("nodes: [a, b]")), @r#"
    error: expected a mapping (`key: value` lines), found a list
     --> /lab/one.clab.yml:3:10
      |
    3 |   nodes: [a, b]
      |          ^
    "#);
}

#[test]
fn names() {
    assert_snapshot!(error("name: my lab\ntopology: {nodes: {a: }}\n"), @r#"
    error: `my lab` is not a lab's name
     --> /lab/one.clab.yml:1:7
      |
    1 | name: my lab
      |       ^^^^^^
      |
    help: a name has up to 63 letters, digits, `-`, `.` and `_`, and starts with a letter or digit
    "#);
    assert_snapshot!(error("topology: {nodes: {a: }}\n"), @r#"
    error: the field `name` is missing
     --> /lab/one.clab.yml:1:1
      |
    1 | topology: {nodes: {a: }}
      | ^^^^^^^^
    "#);
    assert_snapshot!(error(&lab("nodes: {'a b': {kind: linux}}")), @r#"
    error: `a b` is not a node's name
     --> /lab/one.clab.yml:3:11
      |
    3 |   nodes: {'a b': {kind: linux}}
      |           ^^^^^
      |
    help: a name has up to 63 letters, digits, `-`, `.` and `_`, and starts with a letter or digit
    "#);
    assert_snapshot!(error(&lab("nodes: {'br|a': {kind: bridge}}")), @r"
    error: `br|a` is a bridge inside another node, which is written otherwise here
     --> /lab/one.clab.yml:3:11
      |
    3 |   nodes: {'br|a': {kind: bridge}}
      |           ^^^^^^
      |
    help: declare it in that node's label `routeproof.interfaces`: `br0: { type: bridge, members: [eth1]
          }`
    ");
    assert_snapshot!(error(&lab("nodes:\n  a: {kind: linux}\n  b: {kind: linux}\n  a: {kind: bridge}")), @r#"
    error: `a` is here twice; the first is on line 4
     --> /lab/one.clab.yml:6:5
      |
    6 |     a: {kind: bridge}
      |     ^
      |
    help: keep one of them: a later one would silently replace the earlier
    "#);
    assert_snapshot!(error(&lab("nodes: {}")), @r#"
    error: the topology has no nodes
     --> /lab/one.clab.yml:3:3
      |
    3 |   nodes: {}
      |   ^^^^^
      |
    help: add them under `topology: nodes:`
    "#);
    assert_snapshot!(error(&lab("nodes: {a: {kind: linux, image: alpine, hostname: a_b!}}")), @r#"
    error: `a_b!` is not a host name
     --> /lab/one.clab.yml:3:53
      |
    3 |   nodes: {a: {kind: linux, image: alpine, hostname: a_b!}}
      |                                                     ^^^^
      |
    help: a name has up to 63 letters, digits, `-`, `.` and `_`, and starts with a letter or digit
    "#);
}

#[test]
fn templates() {
    assert_snapshot!(error(&lab("nodes: {'{{ .name }}': {kind: linux}}")), @r#"
    error: this is a Go template, which is not rendered here
     --> /lab/one.clab.yml:3:12
      |
    3 |   nodes: {'{{ .name }}': {kind: linux}}
      |            ^
      |
    help: render it to a plain file first: containerlab's `--export-rendered FILE` writes one
    "#);
    assert_snapshot!(error(&lab("nodes:\n  {{- range .nodes }}\n  a: {kind: linux}")), @r#"
    error: this is a Go template, which is not rendered here
     --> /lab/one.clab.yml:4:5
      |
    4 |     {{- range .nodes }}
      |     ^
      |
    help: render it to a plain file first: containerlab's `--export-rendered FILE` writes one
    "#);
}

#[test]
fn kinds_and_groups() {
    assert_snapshot!(error(&lab("nodes: {a: {image: alpine}}")), @r#"
    error: the node `a` has no kind
     --> /lab/one.clab.yml:3:11
      |
    3 |   nodes: {a: {image: alpine}}
      |           ^
      |
    help: add `kind: linux` to the node, its group or the defaults
    "#);
    assert_snapshot!(error(&lab("nodes: {a: {kind: linx}}")), @r#"
    error: unknown kind `linx`
     --> /lab/one.clab.yml:3:21
      |
    3 |   nodes: {a: {kind: linx}}
      |                     ^^^^
      |
    help: did you mean `linux`?
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    "#);
    assert_snapshot!(error(&lab("nodes: {a: {kind: nokia_srlinux}}")), @r#"
    error: the kind `nokia_srlinux` is a vendor router or appliance, which the embedded lab cannot run
     --> /lab/one.clab.yml:3:21
      |
    3 |   nodes: {a: {kind: nokia_srlinux}}
      |                     ^^^^^^^^^^^^^
      |
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    help: the node `a` needs Docker and containerlab; `check`, `plan` and `graph` understand it
    help: with a label `routeproof.intent: FILE`, scenarios run it by `--backend containerlab`; see
          docs/gateways.md
    "#);
    assert_snapshot!(error(&lab("nodes: {a: {kind: host}}")), @r#"
    error: the kind `host` uses the host's network, which a lab never touches
     --> /lab/one.clab.yml:3:21
      |
    3 |   nodes: {a: {kind: host}}
      |                     ^^^^
      |
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    help: the node `a` needs Docker and containerlab; `check`, `plan` and `graph` understand it
    "#);
    assert_snapshot!(error(&lab("kinds: {linus: {image: alpine}}\nnodes: {a: {kind: linux, image: x}}")), @r#"
    error: unknown kind `linus`
     --> /lab/one.clab.yml:3:11
      |
    3 |   kinds: {linus: {image: alpine}}
      |           ^^^^^
      |
    help: did you mean `linux`?
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    "#);
    assert_snapshot!(error(&lab("groups: {routers: {image: frr}}\nnodes: {a: {kind: linux, group: router}}")), @r#"
    error: the node `a` has no image
     --> /lab/one.clab.yml:4:11
      |
    4 |   nodes: {a: {kind: linux, group: router}}
      |           ^
      |
    help: add `image: quay.io/frrouting/frr:10.3`, or another, to the node, its kind or the defaults
    "#);
}
