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
    assert_snapshot!(check_after("quay.io/frrouting/frr:8.4.4", "quay.io/frrouting/frr:9.9.9"), @r"
    exit 2
    error: `frr:9.9.9` is neither an FRR version that comes from Debian nor an imported image
      --> topologies/one-gateway.clab.yml:22:14
       |
    22 |       image: quay.io/frrouting/frr:9.9.9
       |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: known images: frr:7.5.1, frr:8.4.4, frr:10.3
    help: any other FRR: `routeproof images pull frr:VERSION --from FOLDER-OR-ARCHIVE`
    ");
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
    assert_snapshot!(check_after("one-gateway/gw1/frr.conf:", "../scenarios/learn-routes/scenario.yaml:"), @r"
    exit 2
    error: `../scenarios/learn-routes/scenario.yaml` lies outside the topology's folder
      --> topologies/one-gateway.clab.yml:25:11
       |
    25 |         - ../scenarios/learn-routes/scenario.yaml:/etc/frr/frr.conf
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    ");
    assert_snapshot!(check_after("one-gateway/gw1/frr.conf:", "/etc/passwd:"), @r"
    exit 2
    error: `/etc/passwd` lies outside the topology's folder
      --> topologies/one-gateway.clab.yml:25:11
       |
    25 |         - /etc/passwd:/etc/frr/frr.conf
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    ");
}

#[test]
fn a_bind_that_leaves_the_folder_by_a_link() {
    let folder = folder();
    std::fs::remove_file(folder.path("topologies/one-gateway/gw1/frr.conf")).unwrap();
    symlink("/etc/passwd", folder.path("topologies/one-gateway/gw1/frr.conf")).unwrap();
    assert_snapshot!(folder.routeproof(&["check", TOPOLOGY]), @r"
    exit 2
    error: node `gw1`: topologies/one-gateway/gw1/frr.conf leads out of the topology's folder
      --> topologies/one-gateway.clab.yml:25:11
       |
    25 |         - one-gateway/gw1/frr.conf:/etc/frr/frr.conf
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: a topology may only read files of its own folder
    ");
}

#[test]
fn missing_file() {
    let folder = folder();
    assert_snapshot!(folder.routeproof(&["check", "topologies/none.clab.yml"]), @r"
    exit 2
    error: cannot read topologies/none.clab.yml: No such file or directory (os error 2)
    ");
}
