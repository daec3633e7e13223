//! Mistakes in containerlab files. `check` takes them by themselves, too.

use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::{TOPOLOGY, folder};

/// What `check TOPOLOGY` says after one edit.
#[track_caller]
fn check_after(from: &str, to: &str) -> String {
    let folder = folder();
    folder.edit(TOPOLOGY, from, to);
    folder.without_images(&["check", TOPOLOGY]).to_string()
}

#[test]
fn a_good_one() {
    let folder = folder();
    let said =
        folder.routeproof(&["check", TOPOLOGY, "learn-routes", "scenarios/learn-routes/scenario.yaml"]);
    assert_snapshot!(format!("{said}\n{}", said.stdout), @r"
    exit 0

    ok    topologies/one-gateway.clab.yml
    ok    learn-routes
    ok    scenarios/learn-routes/scenario.yaml
    ");
}

#[test]
fn unknown_field() {
    assert_snapshot!(check_after("      binds:", "      bind:"), @r"
    exit 2
    error: unknown field `bind`
      --> topologies/one-gateway.clab.yml:23:7
       |
    23 |       bind:
       |       ^^^^
       |
    help: did you mean `binds`?
    help: known here: kind, group, image, exec, binds, env, startup-config, labels, sysctls, hostname,
          cmd, entrypoint, user, network-mode, startup-delay, env-files, volumes, tmpfs, devices, stages,
          components, type, license, position, image-pull-policy, restart-policy, enforce-startup-config,
          suppress-startup-config, auto-remove, config, cap-add, privileged, cgroupns-mode, cgroup-parent,
          pid-mode, security-opts, shm-size, ports, mgmt-ipv4, mgmt-ipv6, runtime, cpu, cpu-set, memory,
          extras, dns, certificate, healthcheck, credentials, username, password, aliases, link-apply-mode
    ");
}

#[test]
fn a_field_that_is_not_supported_yet() {
    assert_snapshot!(check_after("      binds:", "      cpu: 2\n      binds:"), @r"
    exit 0
    warning: topologies/one-gateway.clab.yml:23:7: `cpu` has no effect in the embedded lab: nodes share the machine without limits
    ");
}

#[test]
fn unknown_kind() {
    assert_snapshot!(check_after("kind: linux", "kind: linus"), @r"
    exit 2
    error: unknown kind `linus`
      --> topologies/one-gateway.clab.yml:21:13
       |
    21 |       kind: linus
       |             ^^^^^
       |
    help: did you mean `linux`?
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    ");
}

#[test]
fn a_link_to_an_unknown_node() {
    assert_snapshot!(check_after("\"gw1:eth1\"", "\"gw2:eth1\""), @r#"
    exit 2
    error: there is no node `gw2`
      --> topologies/one-gateway.clab.yml:30:38
       |
    30 |     - endpoints: ["k8s-worker:eth1", "gw2:eth1"]
       |                                      ^^^^^^^^^^
       |
    help: did you mean `gw1`?
    "#);
}

#[test]
fn an_interface_that_is_used_twice() {
    let twice = "    - endpoints: [\"k8s-worker:eth1\", \"gw1:eth1\"]\n    - endpoints: [\"k8s-worker:eth1\", \"gw1:eth2\"]";
    assert_snapshot!(check_after("    - endpoints: [\"k8s-worker:eth1\", \"gw1:eth1\"]", twice), @r#"
    exit 2
    error: the interface k8s-worker:eth1 already has a link (line 30)
      --> topologies/one-gateway.clab.yml:31:19
       |
    31 |     - endpoints: ["k8s-worker:eth1", "gw1:eth2"]
       |                   ^^^^^^^^^^^^^^^^^
       |
    help: an interface is the end of one link
    "#);
}

#[test]
fn duplicate_address() {
    assert_snapshot!(check_after("192.168.1.5/24 dev", "192.168.1.10/24 dev"), @r"
    exit 2
    error: 192.168.1.10 on gw1:eth1 is already the address of k8s-worker:eth1 (line 18)
      --> topologies/one-gateway.clab.yml:27:11
       |
    27 |         - ip address add 192.168.1.10/24 dev eth1
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: give each interface an address of its own
    ");
}

#[test]
fn an_image_name_of_nonsense() {
    assert_snapshot!(check_after("quay.io/frrouting/frr:8.4.4", "\"my router (new)\""), @r#"
    exit 2
    error: `my router (new)` is not an image name
      --> topologies/one-gateway.clab.yml:22:14
       |
    22 |       image: "my router (new)"
       |              ^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_missing_image() {
    assert_snapshot!(check_after("quay.io/frrouting/frr:8.4.4", "quay.io/frrouting/frr:9.9.9"), @r#"
    exit 2
    error: `frr:9.9.9` is neither an FRR version that comes from Debian nor an imported image
      --> topologies/one-gateway.clab.yml:22:14
       |
    22 |       image: quay.io/frrouting/frr:9.9.9
       |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: known images: frr:7.5.1, frr:8.4.4, frr:10.3
    help: any other FRR: `routeproof images pull frr:VERSION --from FOLDER-OR-ARCHIVE`
    "#);
}

#[test]
fn a_missing_bind() {
    assert_snapshot!(check_after("one-gateway/gw1/frr.conf:", "one-gateway/gw1/frr.cnf:"), @r"
    exit 2
    error: node `gw1`: topologies/one-gateway/gw1/frr.cnf cannot be read: No such file or directory (os error 2)
      --> topologies/one-gateway.clab.yml:25:11
       |
    25 |         - one-gateway/gw1/frr.cnf:/etc/frr/frr.conf
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_bind_that_leaves_the_folder() {
    assert_snapshot!(check_after("one-gateway/gw1/frr.conf:", "../scenarios/learn-routes/scenario.yaml:"), @r#"
    exit 0
    warning: the embedded lab cannot boot this: `../scenarios/learn-routes/scenario.yaml` lies outside the topology's folder
      --> topologies/one-gateway.clab.yml:25:11
       |
    25 |         - ../scenarios/learn-routes/scenario.yaml:/etc/frr/frr.conf
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    "#);
    assert_snapshot!(check_after("one-gateway/gw1/frr.conf:", "/etc/passwd:"), @r#"
    exit 0
    warning: the embedded lab cannot boot this: `/etc/passwd` lies outside the topology's folder
      --> topologies/one-gateway.clab.yml:25:11
       |
    25 |         - /etc/passwd:/etc/frr/frr.conf
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    "#);
}

#[test]
fn a_bind_that_leaves_the_folder_by_a_link() {
    let folder = folder();
    std::fs::remove_file(folder.path("topologies/one-gateway/gw1/frr.conf")).unwrap();
    symlink("/etc/passwd", folder.path("topologies/one-gateway/gw1/frr.conf")).unwrap();
    assert_snapshot!(folder.routeproof(&["check", TOPOLOGY]), @r#"
    exit 0
    warning: the embedded lab cannot boot this: node `gw1`: topologies/one-gateway/gw1/frr.conf leads out of the topology's folder
      --> topologies/one-gateway.clab.yml:25:11
       |
    25 |         - one-gateway/gw1/frr.conf:/etc/frr/frr.conf
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: a topology may only read files of its own folder
    "#);
}

#[test]
fn missing_file() {
    let folder = folder();
    assert_snapshot!(folder.routeproof(&["check", "topologies/none.clab.yml"]), @r"
    exit 2
    error: cannot read topologies/none.clab.yml: No such file or directory (os error 2)
    ");
}

const VENDORS: &str = "name: v\ntopology:\n  nodes:\n    srl1: {kind: nokia_srlinux, image: 'srlinux:24'}\n    h1: {kind: linux, image: '${HOST_IMAGE:=alpine}'}\n  links:\n    - endpoints: ['srl1:e1-1', 'h1:eth1']\n    - endpoints: ['h1:eth2', 'host:tap0']\n";

#[test]
fn what_only_containerlab_boots_is_no_mistake() {
    let folder = folder();
    folder.write("topologies/v.clab.yml", VENDORS);
    let check = folder.without_images(&["check", "topologies/v.clab.yml"]);
    assert_snapshot!(check, @r#"
    exit 0
    warning: the embedded lab cannot boot this: the kind `nokia_srlinux` is a vendor router or appliance, which the embedded lab cannot run
     --> topologies/v.clab.yml:4:18
      |
    4 |     srl1: {kind: nokia_srlinux, image: 'srlinux:24'}
      |                  ^^^^^^^^^^^^^
      |
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    help: the node `srl1` needs Docker, containerlab and the image srlinux:24; `check`, `plan` and `graph`
          understand it
    help: with a label `routeproof.intent: FILE`, scenarios run it by `--backend containerlab`; see
          docs/gateways.md
    "#);
    let strict = folder.without_images(&["check", "--deny-warnings", "topologies/v.clab.yml"]);
    assert!(strict.to_string().starts_with("exit 2"), "{strict}");
    let plan = folder.without_images(&["plan", "topologies/v.clab.yml"]);
    assert_snapshot!(plan.stdout, @r#"
    v: 2 nodes, 2 links
      srl1  router (nokia_srlinux)  srlinux:24
      h1    client  alpine
      srl1:e1-1 -- h1:eth1
      h1:eth2 -- host:tap0
    "#);
    let graph = folder.without_images(&["graph", "topologies/v.clab.yml", "--format", "mermaid"]);
    assert!(graph.to_string().starts_with("exit 0") && graph.stdout.contains("nokia_srlinux"), "{graph}");
    let up = folder.without_images(&["up", "topologies/v.clab.yml"]);
    assert_snapshot!(up, @r#"
    exit 2
    error: the kind `nokia_srlinux` is a vendor router or appliance, which the embedded lab cannot run
     --> topologies/v.clab.yml:4:18
      |
    4 |     srl1: {kind: nokia_srlinux, image: 'srlinux:24'}
      |                  ^^^^^^^^^^^^^
      |
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    help: the node `srl1` needs Docker, containerlab and the image srlinux:24; `check`, `plan` and `graph`
          understand it
    help: with a label `routeproof.intent: FILE`, scenarios run it by `--backend containerlab`; see
          docs/gateways.md
    "#);
}

const VENDOR_WITH_INTENT: &str = "name: v\ntopology:\n  nodes:\n    k8s: {kind: k8s-kind}\n    k8s-worker: {kind: ext-container}\n    gw1:\n      kind: nokia_srlinux\n      image: ghcr.io/nokia/srlinux:25.3.1\n      labels: {routeproof.intent: v/gw1.intent.yaml}\n  links:\n    - endpoints: ['k8s-worker:eth1', 'gw1:e1-1']\n";

/// A vendor's router with an intent is for containers: embedded, its runs are skipped, and never pass.
#[test]
fn a_vendors_router_with_an_intent_is_for_containers() {
    let folder = folder();
    folder.write("topologies/v.clab.yml", VENDOR_WITH_INTENT);
    folder.write(
        "topologies/v/gw1.intent.yaml",
        "router-id: 192.168.1.5\nasn: 64512\npeers: [{address: 192.168.1.10, asn: 64513}]\n",
    );
    let scenario = "name: s\nabout: a router of containerlab's\ntopology: ../../topologies/v.clab.yml\nmetallb: {version: v0.13.10, mode: frr}\nsteps: [{expect: {session: {node: worker, peer: gw1}}, within: 1s}]\n";
    folder.write("scenarios/s/scenario.yaml", scenario);
    assert_snapshot!(folder.without_images(&["check", "topologies/v.clab.yml"]), @"
    exit 0
    warning: topologies/v.clab.yml: embedded labs cannot boot `gw1`: `--backend containerlab` runs its router
    ");
    let run = folder.without_images(&["run", "scenarios/s"]);
    assert!(run.to_string().starts_with("exit 4"), "{run}");
    assert!(run.to_string().contains("`--backend containerlab` runs it"), "{run}");
}

#[test]
fn a_drawing_of_no_known_kind() {
    let folder = folder();
    assert_snapshot!(folder.without_images(&["graph", TOPOLOGY, "-o", "x.png"]), @r#"
    exit 2
    error: nothing is drawn as `.png`
    hint: name the file *.svg or *.mmd, or say --format svg or --format mermaid
    "#);
    assert_snapshot!(folder.without_images(&["graph", TOPOLOGY, "-o", "no/such/x.svg"]), @r#"
    exit 2
    error: cannot write the drawing to no/such/x.svg: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_template() {
    let folder = folder();
    folder.write("topologies/t.clab.gotmpl", "name: t\ntopology:\n  nodes:\n{{ range .n }}\n");
    assert_snapshot!(folder.without_images(&["check", "topologies/t.clab.gotmpl"]), @r#"
    exit 2
    error: this is a Go template, which is not rendered here
     --> topologies/t.clab.gotmpl:4:1
      |
    4 | {{ range .n }}
      | ^
      |
    help: render it to a plain file first: containerlab's `--export-rendered FILE` writes one
    "#);
}
