use insta::assert_snapshot;
use proptest::prelude::*;

use super::{lab, read, source};
use crate::cpu_time::spent;
use crate::topology::{Role, StartupConfig, load};

/// A cluster, two gateways with an address each way, a shared segment and a client, in every form that links have.
const CLUSTER: &str = r#"
name: two-gateways
prefix: ""
mgmt: {network: custom, ipv4-subnet: 172.30.0.0/24}
topology:
  defaults:
    kind: linux
  kinds:
    linux: &router
      image: quay.io/frrouting/frr:8.4.4
      binds:
        - daemons:/etc/frr/daemons:ro
      sysctls: {net.ipv4.ip_forward: 1}
  nodes:
    k8s: {kind: k8s-kind, image: "kindest/node:v1.30.0", startup-config: kind/cluster.yaml}
    k8s-control-plane: {kind: ext-container, exec: ["ip addr add 10.0.0.10/24 dev eth1"]}
    k8s-worker:
      kind: ext-container
      exec:
        - ip addr add dev eth1 10.0.0.11/24
        - ip -6 addr add 2001:db8::11/64 dev eth1
        - sh -c "ip addr add 172.16.0.1/32 dev lo"
    sw: {kind: bridge}
    gw1:
      startup-config: __clabNodeName__/frr.conf
      ports: ["179:179"]
      exec: ['ip addr add 172.16.0.1/32 dev lo']
    gw2:
      <<: *router
      memory: 1GB
      ports: ["180:179"]
    h1: {image: alpine:3.20, network-mode: none, cmd: sleep infinity, startup-delay: 0, user: root}
  links:
    - endpoints: ["k8s-control-plane:eth1", "sw:cp"]
    - endpoints: ["k8s-worker:eth1", "sw:worker"]
    - type: veth
      mtu: 1400
      endpoints:
        - {node: gw1, interface: eth1, mac: "02:00:00:00:00:01", ipv4: 10.0.0.1/24, ipv6: "2001:db8::1/64"}
        - {node: sw, interface: gw1}
    - endpoints: ["sw:gw2", "gw2:eth1"]
      ipv4: ["", 10.0.0.2/24]
    - endpoints: ["gw1:eth2", "h1:eth1"]
      ipv4: [10.1.0.1/24, 10.1.0.100/24]
      ipv6: ["fe80::1/64", "fe80::1/64"]
      vars: {a: 1}
"#;

#[test]
fn a_cluster_with_gateways() {
    let topology = read(CLUSTER);
    let nodes: Vec<_> = topology.nodes.iter().map(|n| format!("{} = {}", n.name, n.role)).collect();
    assert_snapshot!(nodes.join("\n"), @r#"
    k8s-control-plane = cluster node
    k8s-worker = cluster node
    sw = bridge
    gw1 = gateway
    gw2 = gateway
    h1 = client
    "#);
    assert_eq!(topology.clusters.len(), 1);
    assert_eq!(topology.clusters[0].startup_config.as_deref(), Some("/lab/kind/cluster.yaml".as_ref()));
    assert_eq!(topology.find("worker").unwrap().name, "k8s-worker");
    assert_eq!(
        topology.find("gw1").unwrap().startup_config,
        Some(StartupConfig::File("/lab/gw1/frr.conf".into()))
    );
    let end = |e: &crate::topology::Endpoint| {
        format!("{}:{} {:?} {:?}", topology.nodes[e.node].name, e.interface, e.ipv4, e.ipv6)
    };
    let links: Vec<_> = topology
        .links
        .iter()
        .map(|l| format!("{} <-> {} mtu {:?}", end(&l.endpoints[0]), end(&l.endpoints[1]), l.mtu))
        .collect();
    assert_snapshot!(links.join("\n"), @r#"
    k8s-control-plane:eth1 None None <-> sw:cp None None mtu None
    k8s-worker:eth1 None None <-> sw:worker None None mtu None
    gw1:eth1 Some(10.0.0.1/24) Some(2001:db8::1/64) <-> sw:gw1 None None mtu Some(1400)
    sw:gw2 None None <-> gw2:eth1 Some(10.0.0.2/24) None mtu None
    gw1:eth2 Some(10.1.0.1/24) Some(fe80::1/64) <-> h1:eth1 Some(10.1.0.100/24) Some(fe80::1/64) mtu None
    "#);
    assert_eq!(topology.links[2].endpoints[0].mac, Some([2, 0, 0, 0, 0, 1]));
}

#[test]
fn addresses_come_from_links_and_exec_lines() {
    let topology = read(CLUSTER);
    let show = |name: &str| {
        let (v4, v6) = topology.addresses_of(name);
        format!("{name}: {v4:?} {v6:?}")
    };
    let shown = ["gw1", "gw2", "worker", "control-plane", "h1", "sw", "nobody"].map(show).join("\n");
    assert_snapshot!(shown, @r#"
    gw1: [10.0.0.1, 10.1.0.1, 172.16.0.1] [2001:db8::1, fe80::1]
    gw2: [10.0.0.2] []
    worker: [10.0.0.11, 172.16.0.1] [2001:db8::11]
    control-plane: [10.0.0.10] []
    h1: [10.1.0.100] [fe80::1]
    sw: [] []
    nobody: [] []
    "#);
    let owner = |ip: &str| topology.owner_of(ip.parse().unwrap()).map(|n| n.name.as_str());
    assert_eq!(owner("10.0.0.2"), Some("gw2"));
    assert_eq!(owner("2001:db8::11"), Some("k8s-worker"));
    assert_eq!(owner("10.0.0.99"), None);
}

#[test]
fn what_has_no_effect_is_said_once_each() {
    let warnings: Vec<_> = read(CLUSTER).warnings.iter().map(ToString::to_string).collect();
    assert_snapshot!(warnings.join("\n"), @r#"
    /lab/one.clab.yml:4:1: `mgmt` has no effect in the embedded lab: there is no management network
    /lab/one.clab.yml:3:1: `prefix` has no effect in the embedded lab: nodes have their own names; there are no containers to name
    /lab/one.clab.yml:26:7: `ports` has no effect in the embedded lab, here and in 1 more place: a lab publishes nothing to the host
    /lab/one.clab.yml:30:7: `memory` has no effect in the embedded lab: nodes share the machine without limits
    /lab/one.clab.yml:32:50: `cmd` has no effect in the embedded lab: a node lives as long as its lab
    /lab/one.clab.yml:46:7: `vars` has no effect in the embedded lab: it feeds containerlab's template engine
    "#);
    let shared = read(&lab("
kinds: {nokia_srlinux: {image: srl}}
groups: {g: {image: x}, h: }
nodes: {a: {kind: linux, image: alpine}, b: {kind: frr, image: mine}, c: {kind: k8s-kind}}
"));
    let warnings: Vec<_> = shared.warnings.iter().map(|w| w.render(false)).collect();
    assert_snapshot!(warnings.join("\n\n"), @r#"
    warning: no node is of the kind `nokia_srlinux`
     --> /lab/one.clab.yml:4:11
      |
    4 |   kinds: {nokia_srlinux: {image: srl}}
      |           ^^^^^^^^^^^^^

    warning: no node is in the group `g`
     --> /lab/one.clab.yml:5:12
      |
    5 |   groups: {g: {image: x}, h: }
      |            ^

    warning: no node is in the group `h`
     --> /lab/one.clab.yml:5:27
      |
    5 |   groups: {g: {image: x}, h: }
      |                           ^

    warning: the cluster `c` has no nodes in this topology
     --> /lab/one.clab.yml:6:73
      |
    6 |   nodes: {a: {kind: linux, image: alpine}, b: {kind: frr, image: mine}, c: {kind: k8s-kind}}
      |                                                                         ^
      |
    help: add them as `kind: ext-container`, such as `c-worker`
    "#);
    let drawn = read(&lab("nodes: {a: {kind: linux, image: alpine, group: hosts}}"));
    assert_snapshot!(drawn.warnings[0].to_string(), @r#"/lab/one.clab.yml:3:43: `group` has no effect in the embedded lab: there are no `groups` to inherit from; it only sorts drawings"#);
}

#[test]
fn roles_by_image_kind_and_label() {
    let topology = read(&lab("
nodes:
  a: {kind: linux, image: 'frrouting/frr:latest'}
  b: {kind: linux, image: 'host:5000/my-frr@sha256:00'}
  c: {kind: linux, image: 'frr/tools:frr'}
  d: {kind: frr, image: 'anything'}
  e: {kind: linux, image: 'bird', labels: {routeproof.role: gateway}}
  f: {kind: linux, labels: {routeproof.role: cluster-node}}
  g: {kind: ext-container, labels: {routeproof.role: cluster-node}}
  h: {kind: linux, image: 'frr', labels: {routeproof.role: client}}
"));
    let roles: Vec<Role> = topology.nodes.iter().map(|n| n.role).collect();
    let (gateway, client, cluster) = (Role::Gateway, Role::Client, Role::ClusterNode);
    assert_eq!(roles, [gateway, gateway, client, gateway, gateway, cluster, cluster, client]);
}

#[test]
fn an_alias_that_two_clusters_share_finds_nobody() {
    let topology = read(&lab("
nodes:
  k: {kind: k8s-kind}
  k-b: {kind: k8s-kind}
  k-worker: {kind: ext-container}
  k-b-worker: {kind: ext-container}
  k-b-control-plane: {kind: ext-container}
"));
    assert!(topology.find("worker").is_none());
    assert_eq!(topology.find("control-plane").unwrap().name, "k-b-control-plane");
    assert_eq!(topology.find("k-b-worker").unwrap().alias.as_deref(), Some("worker"));
}

#[test]
fn a_saved_topology_reads_back() {
    let topology = read(CLUSTER);
    let saved = serde_json::to_string(&topology).unwrap();
    let back: crate::topology::Topology = serde_json::from_str(&saved).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), saved);
}

#[test]
fn large_files_take_seconds_at_most() {
    let before = spent();
    let declares = |i: usize| {
        format!("d0: {{type: dummy, addresses: [10.{}.{}.1/24, 'fd00:{i}::1/64']}}", i / 256, i % 256)
    };
    let node = |i: usize| {
        let label = format!("routeproof.interfaces: \"{}\"", declares(i));
        format!("  n{i}: {{kind: linux, image: frr, ports: ['1:1'], labels: {{{label}}}}}\n")
    };
    let many: String = (0..4000).map(node).collect();
    let kinds: String = (0..4000).map(|i| format!("  vr-{i}: {{image: frr}}\n")).collect();
    let topology = read(&lab(&format!("kinds:\n{kinds}nodes:\n{many}")));
    assert_eq!((topology.nodes.len(), topology.warnings.len()), (4000, 4001));
    let line = format!("name: {{a: \"{}\", b: [}}", "x".repeat(1 << 20));
    assert!(load(&source(&line)).unwrap_err().render(false).len() < 1000);
    assert!((spent() - before).as_secs() < 8, "{:?}", spent() - before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever one breaks in a good file, there is a topology or an error with a place.
    #[test]
    fn damaged_files_never_panic(at in 0..CLUSTER.len(), drop in 0usize..40, insert in "[ -~\n]{0,12}") {
        let mut text = CLUSTER.to_owned();
        if text.is_char_boundary(at) {
            text.replace_range(at..(at + drop).min(CLUSTER.len()), &insert);
        }
        match load(&source(&text)) {
            Ok(topology) => prop_assert!(topology.links.iter().flat_map(|l| &l.endpoints).all(|e| e.node < topology.nodes.len())),
            Err(e) => prop_assert!(e.render(false).contains("/lab/one.clab.yml")),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(source) = crate::diag::Source::from_bytes("x", bytes) {
            let _ = load(&source);
        }
    }

    #[test]
    fn arbitrary_values_in_every_place_never_panic(key in prop::sample::select(vec![
        "kind", "group", "image", "exec", "binds", "env", "startup-config", "labels", "sysctls", "hostname", "cmd",
    ]), value in "\\PC{0,30}", list in any::<bool>()) {
        let quoted = serde_json::to_string(&value).unwrap();
        let value = if list { format!("[{quoted}]") } else { quoted };
        let _ = load(&source(&lab(&format!("nodes:\n  a: {{{key}: {value}}}\nlinks:\n- endpoints: {value}"))));
    }
}

#[test]
fn a_configuration_may_stand_in_the_file() {
    let text = lab(
        "nodes:\n  r1:\n    kind: frr\n    image: frr\n    startup-config: |\n      hostname __clabNodeName__\n      router bgp 1\n",
    );
    let StartupConfig::Text(config) = read(&text).nodes[0].startup_config.clone().unwrap() else {
        panic!("not the name of a file");
    };
    assert_eq!(config, "hostname r1\nrouter bgp 1\n");
}
