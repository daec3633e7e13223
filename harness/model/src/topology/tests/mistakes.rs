//! Every mistake that a user can make in a topology, as the user sees it.

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
    assert_snapshot!(error(&linked("- endpoint: [a:eth1, b:eth1]")), @r#"
    error: `endpoint` does not belong to a veth link
     --> /lab/one.clab.yml:6:5
      |
    6 |   - endpoint: [a:eth1, b:eth1]
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
          remote, vni, dst-port, src-port
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
    assert_snapshot!(error(&lab("nodes: {'br|a': {kind: bridge}}")), @r#"
    error: `br|a` is a bridge inside another node, which is not supported yet
     --> /lab/one.clab.yml:3:11
      |
    3 |   nodes: {'br|a': {kind: bridge}}
      |           ^^^^^^
      |
    help: make it with `exec: [ip link add br0 type bridge]` in that node
    "#);
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
    help: the containerlab backend will be needed for it
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
    "#);
    assert_snapshot!(error(&lab("nodes: {a: {kind: host}}")), @r#"
    error: the kind `host` uses the host's network, which a lab never touches
     --> /lab/one.clab.yml:3:21
      |
    3 |   nodes: {a: {kind: host}}
      |                     ^^^^
      |
    help: the containerlab backend will be needed for it
    help: the embedded lab has linux, frr, bridge, k8s-kind, ext-container
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
    error: there is no group `router`
     --> /lab/one.clab.yml:4:35
      |
    4 |   nodes: {a: {kind: linux, group: router}}
      |                                   ^^^^^^
      |
    help: did you mean `routers`?
    help: the groups here are routers
    "#);
}

#[test]
fn images() {
    assert_snapshot!(error(&lab("nodes:\n  a: {kind: linux}")), @r#"
    error: the node `a` has no image
     --> /lab/one.clab.yml:4:5
      |
    4 |     a: {kind: linux}
      |     ^
      |
    help: add `image: quay.io/frrouting/frr:10.3`, or another, to the node, its kind or the defaults
    "#);
    assert_snapshot!(error(&lab("nodes:\n  a: {kind: linux, image: 'al pine'}")), @r#"
    error: `al pine` is not an image name
     --> /lab/one.clab.yml:4:29
      |
    4 |     a: {kind: linux, image: 'al pine'}
      |                             ^^^^^^^^^
    "#);
}

#[test]
fn roles() {
    let labelled = |kind: &str, role: &str| {
        error(&lab(&format!("nodes:\n  a: {{kind: {kind}, image: alpine, labels: {{routeproof.role: {role}}}}}")))
    };
    assert_snapshot!(labelled("linux", "gatway"), @r#"
    error: unknown role `gatway`
     --> /lab/one.clab.yml:4:63
      |
    4 |     a: {kind: linux, image: alpine, labels: {routeproof.role: gatway}}
      |                                                               ^^^^^^
      |
    help: did you mean `gateway`?
    help: the roles are cluster-node, gateway, client
    "#);
    assert_snapshot!(labelled("bridge", "gateway"), @r#"
    error: a bridge plays no role
     --> /lab/one.clab.yml:4:64
      |
    4 |     a: {kind: bridge, image: alpine, labels: {routeproof.role: gateway}}
      |                                                                ^^^^^^^
    "#);
    assert_snapshot!(labelled("ext-container", "gateway"), @r#"
    error: an ext-container has no image here, so it cannot be a gateway
     --> /lab/one.clab.yml:4:71
      |
    4 |     a: {kind: ext-container, image: alpine, labels: {routeproof.role: gateway}}
      |                                                                       ^^^^^^^
      |
    help: use `kind: linux` with an image
    "#);
    assert_snapshot!(error(&lab("nodes: {k8s: {kind: k8s-kind}, kind-worker: {kind: ext-container}}")), @r#"
    error: `kind-worker` is an ext-container, but of no k8s-kind cluster here
     --> /lab/one.clab.yml:3:34
      |
    3 |   nodes: {k8s: {kind: k8s-kind}, kind-worker: {kind: ext-container}}
      |                                  ^^^^^^^^^^^
      |
    help: a cluster's node is named after it: `k8s-worker`
    "#);
    assert_snapshot!(error(&lab("nodes: {kind-worker: {kind: ext-container}}")), @r#"
    error: `kind-worker` is an ext-container, but of no k8s-kind cluster here
     --> /lab/one.clab.yml:3:11
      |
    3 |   nodes: {kind-worker: {kind: ext-container}}
      |           ^^^^^^^^^^^
      |
    help: add a node of kind `k8s-kind`, or label this one `routeproof.role: cluster-node`
    "#);
    assert_snapshot!(error(&lab("nodes: {b: {kind: bridge, exec: [ip link]}}")), @r#"
    error: `b` is a bridge, not a node with a system: it has no `exec`
     --> /lab/one.clab.yml:3:29
      |
    3 |   nodes: {b: {kind: bridge, exec: [ip link]}}
      |                             ^^^^
    "#);
    assert_snapshot!(error(&lab("nodes: {k: {kind: k8s-kind, exec: [ip link]}}")), @r#"
    error: `k` is a whole cluster, which has no `exec`; its nodes may
     --> /lab/one.clab.yml:3:31
      |
    3 |   nodes: {k: {kind: k8s-kind, exec: [ip link]}}
      |                               ^^^^
    "#);
    assert_snapshot!(error(&lab("nodes: {k: {kind: k8s-kind}, k-worker: {kind: ext-container, env: {A: b}}}")), @r#"
    error: `k-worker` is an ext-container, made by its cluster and not by the topology: `env` would do nothing
     --> /lab/one.clab.yml:3:64
      |
    3 |   nodes: {k: {kind: k8s-kind}, k-worker: {kind: ext-container, env: {A: b}}}
      |                                                                ^^^
      |
    help: `exec` lines work: they run in the node once the links are up
    "#);
}

#[test]
fn exec_lines() {
    let exec = |line: &str| error(&lab(&format!("nodes:\n  a:\n    kind: linux\n    image: alpine\n    exec:\n    - {line}")));
    assert_snapshot!(exec("sh -c \"ip link"), @r#"
    error: cannot split this command: the quote " is not closed
     --> /lab/one.clab.yml:8:9
      |
    8 |       - sh -c "ip link
      |         ^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(exec("'# nothing'"), @r#"
    error: this command is empty
     --> /lab/one.clab.yml:8:9
      |
    8 |       - '# nothing'
      |         ^^^^^^^^^^^
    "#);
    assert_snapshot!(exec("ip addr add ${ADDR} dev eth1"), @r#"
    error: the variable `${ADDR}` is not supported yet
     --> /lab/one.clab.yml:8:9
      |
    8 |       - ip addr add ${ADDR} dev eth1
      |         ^^^^^^^^^^^^^
      |
    help: write the value itself; a script for a node's shell goes into a file under `binds`
    "#);
    assert_snapshot!(exec("cp __clabDir__/x /y"), @r#"
    error: the variable `__clabDir__` is not supported yet
     --> /lab/one.clab.yml:8:9
      |
    8 |       - cp __clabDir__/x /y
      |         ^^^^^^^^^^^^^^^^^^^
      |
    help: write the value itself; `__clabNodeName__` is supported
    "#);
}

#[test]
fn files_outside_the_folder() {
    let node = |rest: &str| error(&lab(&format!("nodes:\n  a: {{kind: linux, image: frr, {rest}}}")));
    assert_snapshot!(node("binds: ['../secret:/x']"), @r#"
    error: `../secret` lies outside the topology's folder
     --> /lab/one.clab.yml:4:42
      |
    4 |     a: {kind: linux, image: frr, binds: ['../secret:/x']}
      |                                          ^^^^^^^^^^^^^^
      |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    "#);
    assert_snapshot!(node("binds: ['/var/run/docker.sock:/var/run/docker.sock']"), @r#"
    error: `/var/run/docker.sock` lies outside the topology's folder
     --> /lab/one.clab.yml:4:42
      |
    4 |     a: {kind: linux, image: frr, binds: ['/var/run/docker.sock:/var/run/docker.sock']}
      |                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    "#);
    assert_snapshot!(node("binds: ['data']"), @r#"
    error: `data` is not a bind
     --> /lab/one.clab.yml:4:42
      |
    4 |     a: {kind: linux, image: frr, binds: ['data']}
      |                                          ^^^^^^
      |
    help: write `path/beside/the/topology:/path/in/the/node`, with `:ro` for read-only
    "#);
    assert_snapshot!(node("binds: ['data:data']"), @r#"
    error: `data` is not an absolute path in the node
     --> /lab/one.clab.yml:4:42
      |
    4 |     a: {kind: linux, image: frr, binds: ['data:data']}
      |                                          ^^^^^^^^^^^
      |
    help: write `path/beside/the/topology:/path/in/the/node`, with `:ro` for read-only
    "#);
    assert_snapshot!(node("binds: ['data:/data:rshared']"), @r#"
    error: the bind option `rshared` is not supported yet
     --> /lab/one.clab.yml:4:42
      |
    4 |     a: {kind: linux, image: frr, binds: ['data:/data:rshared']}
      |                                          ^^^^^^^^^^^^^^^^^^^^
      |
    help: `ro` and `rw` are
    "#);
    assert_snapshot!(node("startup-config: /etc/shadow"), @r#"
    error: `/etc/shadow` lies outside the topology's folder
     --> /lab/one.clab.yml:4:50
      |
    4 |     a: {kind: linux, image: frr, startup-config: /etc/shadow}
      |                                                  ^^^^^^^^^^^
      |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    "#);
    assert_snapshot!(node("startup-config: 'https://example.com/frr.conf'"), @r#"
    error: files from `https://` are not supported yet
     --> /lab/one.clab.yml:4:50
      |
    4 |     a: {kind: linux, image: frr, startup-config: 'https://example.com/frr.conf'}
      |                                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    help: copy what the node needs into the topology's folder and write the path relative to the topology
          file
    "#);
    assert_snapshot!(node("startup-config: \"router bgp 1\\n neighbor x\""), @r#"
    error: a configuration written into the topology is not supported yet
     --> /lab/one.clab.yml:4:34
      |
    4 |     a: {kind: linux, image: frr, startup-config: "router bgp 1\n neighbor x"}
      |                                  ^^^^^^^^^^^^^^
      |
    help: put it into a file beside the topology and name that file
    "#);
    assert_snapshot!(node("sysctls: {kernel.core_pattern: x}"), @r#"
    error: the sysctl `kernel.core_pattern` belongs to the host, not to a node
     --> /lab/one.clab.yml:4:44
      |
    4 |     a: {kind: linux, image: frr, sysctls: {kernel.core_pattern: x}}
      |                                            ^^^^^^^^^^^^^^^^^^^
      |
    help: only `net.*` may be set: each node has a network of its own, but no kernel
    "#);
    assert_snapshot!(node("sysctls: {net..x: 1}"), @r#"
    error: `net..x` is not the name of a sysctl
     --> /lab/one.clab.yml:4:44
      |
    4 |     a: {kind: linux, image: frr, sysctls: {net..x: 1}}
      |                                            ^^^^^^
    "#);
}

#[test]
fn fields_that_are_not_supported_yet() {
    let node = |rest: &str| error(&lab(&format!("nodes:\n  a: {{kind: linux, image: alpine, {rest}}}")));
    assert_snapshot!(node("cmd: nginx"), @r#"
    error: `cmd` is not supported yet
     --> /lab/one.clab.yml:4:37
      |
    4 |     a: {kind: linux, image: alpine, cmd: nginx}
      |                                     ^^^
      |
    help: start what the node needs with `exec`; it runs once the links are up
    "#);
    assert_snapshot!(node("network-mode: host"), @r#"
    error: `network-mode` is not supported yet
     --> /lab/one.clab.yml:4:37
      |
    4 |     a: {kind: linux, image: alpine, network-mode: host}
      |                                     ^^^^^^^^^^^^
      |
    help: leave it out: each node has a network of its own, and none may use the host's
    "#);
    let first_lines: Vec<String> = [
        "entrypoint: /x", "user: frr", "startup-delay: 5", "env-files: [x.env]", "volumes: ['v:/v']", "tmpfs: {/run: ''}",
        "devices: [/dev/kvm]", "stages: {create: {}}", "components: []", "env: {__IMPORT_ENVS: true}",
    ]
    .iter()
    .map(|rest| node(rest).lines().filter(|l| l.starts_with("error") || l.starts_with("help")).collect::<Vec<_>>().join("\n  "))
    .collect();
    assert_snapshot!(first_lines.join("\n"), @r#"
    error: `entrypoint` is not supported yet
      help: start what the node needs with `exec`; it runs once the links are up
    error: `user` is not supported yet
      help: leave it out: `exec` lines run as the lab's root
    error: `startup-delay` is not supported yet
      help: order events with a scenario's steps, which wait for states instead of seconds
    error: `env-files` is not supported yet
      help: write the variables under `env`
    error: `volumes` is not supported yet
      help: bind a folder beside the topology with `binds`
    error: `tmpfs` is not supported yet
      help: leave it out: whatever a node writes is in memory and gone with the lab
    error: `devices` is not supported yet
      help: the containerlab backend will be needed for host devices
    error: `stages` is not supported yet
      help: order events with a scenario's steps
    error: `components` is not supported yet
      help: the containerlab backend will be needed for chassis routers
    error: `env.__IMPORT_ENVS` is not supported yet
      help: write the variables under `env`; a lab must not depend on who runs it
    "#);
}

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
    error: a link has two endpoints, this one 1
     --> /lab/one.clab.yml:6:5
      |
    6 |   - endpoints: [a:eth1]
      |     ^^^^^^^^^
    "#);
    assert_snapshot!(error(&linked("- endpoints: [a:eth1, b:eth1, gw1:eth1]")), @r#"
    error: a link has two endpoints, this one 3
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
    error: a link to `host` leaves the lab, which is not supported yet
     --> /lab/one.clab.yml:6:25
      |
    6 |   - endpoints: [a:eth1, host:eth1]
      |                         ^^^^^^^^^
      |
    help: a lab is closed: its links join its own nodes
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
    error: links of type `macvlan` are not supported yet
     --> /lab/one.clab.yml:6:11
      |
    6 |   - type: macvlan
      |           ^^^^^^^
      |
    help: a lab is closed: its links join its own nodes with `type: veth`
    "#);
    assert_snapshot!(error(&linked("- type: dummy\n  endpoint: {node: a, interface: eth1}")), @r#"
    error: links of type `dummy` are not supported yet
     --> /lab/one.clab.yml:6:11
      |
    6 |   - type: dummy
      |           ^^^^^
      |
    help: make the interface with `exec: [ip link add dummy0 type dummy]` in the node
    "#);
    assert_snapshot!(error(&linked("- type: vth\n  endpoints: [a:eth1, b:eth1]")), @r#"
    error: unknown link type `vth`
     --> /lab/one.clab.yml:6:11
      |
    6 |   - type: vth
      |           ^^^
      |
    help: did you mean `veth`?
    help: supported: `veth`, or no type for `endpoints: ["a:eth1", "b:eth1"]`
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
    let full = |rest: &str| linked(&format!("- type: veth\n  ipv4: [10.0.0.1/24]\n  endpoints:\n  - {{node: a, interface: eth1, {rest}}}\n  - {{node: b, interface: eth1}}"));
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
