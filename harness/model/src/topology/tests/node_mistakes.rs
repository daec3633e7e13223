//! Mistakes inside one node, as the user sees them.

use insta::assert_snapshot;

use super::{error, lab};

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
        error(&lab(&format!(
            "nodes:\n  a: {{kind: {kind}, image: alpine, labels: {{routeproof.role: {role}}}}}"
        )))
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
fn startup_configs_are_for_routers() {
    assert_snapshot!(error(&lab("nodes: {h: {kind: linux, image: alpine, startup-config: frr.conf}}")), @r#"
    error: `h` is a client, which loads no startup-config
     --> /lab/one.clab.yml:3:43
      |
    3 |   nodes: {h: {kind: linux, image: alpine, startup-config: frr.conf}}
      |                                           ^^^^^^^^^^^^^^
      |
    help: if it is a router, use `kind: frr` or label it `routeproof.role: gateway`
    "#);
    let labels = "labels: {routeproof.role: cluster-node}";
    assert_snapshot!(error(&lab(&format!("nodes: {{h: {{kind: linux, startup-config: frr.conf, {labels}}}}}"))), @r#"
    error: `h` is a cluster node, which loads no startup-config
     --> /lab/one.clab.yml:3:28
      |
    3 |   nodes: {h: {kind: linux, startup-config: frr.conf, labels: {routeproof.role: cluster-node}}}
      |                            ^^^^^^^^^^^^^^
      |
    help: MetalLB configures the router of a cluster node, by a scenario's manifests
    "#);
}

#[test]
fn a_kinds_own_fields_are_not_ignored_either() {
    assert_snapshot!(error(&lab("kinds: {bridge: {exec: [ip link]}}\nnodes: {b: {kind: bridge}}")), @r#"
    error: `b` is a bridge, not a node with a system: it has no `exec`
     --> /lab/one.clab.yml:3:20
      |
    3 |   kinds: {bridge: {exec: [ip link]}}
      |                    ^^^^
    "#);
}

#[test]
fn exec_lines() {
    let exec = |line: &str| {
        error(&lab(&format!("nodes:\n  a:\n    kind: linux\n    image: alpine\n    exec:\n    - {line}")))
    };
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
    assert_snapshot!(node("sysctls: {kernel.core_pattern: x}"), @r#"
    error: the sysctl `kernel.core_pattern` belongs to the host, not to a node
     --> /lab/one.clab.yml:4:44
      |
    4 |     a: {kind: linux, image: frr, sysctls: {kernel.core_pattern: x}}
      |                                            ^^^^^^^^^^^^^^^^^^^
      |
    help: only `net.*` may be set: each node has a network of its own, but no kernel
    "#);
    assert_snapshot!(node("env: {A=B: c}"), @r#"
    error: `A=B` cannot be the name of a variable
     --> /lab/one.clab.yml:4:40
      |
    4 |     a: {kind: linux, image: frr, env: {A=B: c}}
      |                                        ^^^
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
        "entrypoint: /x",
        "user: frr",
        "startup-delay: 5",
        "env-files: [x.env]",
        "volumes: ['v:/v']",
        "tmpfs: {/run: ''}",
        "devices: [/dev/kvm]",
        "stages: {create: {exec: [{command: date}]}}",
        "components: []",
        "env: {__IMPORT_ENVS: true}",
    ]
    .iter()
    .map(|rest| {
        node(rest)
            .lines()
            .filter(|l| l.starts_with("error") || l.starts_with("help"))
            .collect::<Vec<_>>()
            .join("\n  ")
    })
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
      help: order events with a scenario's steps; only waiting for `create` and `create-links` is the same
    error: `components` is not supported yet
      help: the containerlab backend will be needed for chassis routers
    error: `env.__IMPORT_ENVS` is not supported yet
      help: write the variables under `env`; a lab must not depend on who runs it
    "#);
}
