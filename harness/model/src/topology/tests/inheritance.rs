use super::{lab, read};

#[test]
fn the_specific_wins_maps_merge_and_lists_add_up() {
    let topology = read(&lab("
defaults:
  kind: linux
  image: one
  env: {A: default, B: default, C: default, D: default}
  exec: [echo default, echo twice]
  binds: ['default:/x', 'default:/y']
kinds:
  linux:
    image: two
    group: routers
    env: {B: kind, C: kind, D: kind}
    exec: [echo kind]
groups:
  routers:
    image: three
    env: {C: group, D: group}
    exec: [echo group, echo twice]
    binds: ['group:/y:ro', 'deeper:/x/inside']
  hosts:
    image: ''
nodes:
  n1:
    env: {D: node}
    exec: [echo __clabNodeName__, echo __clabNodeName__]
    labels: {number: 5, yes: true}
  n2:
    image: four
    group: hosts
    hostname: other
"));
    let n1 = topology.node("n1").unwrap();
    assert_eq!(n1.image.as_deref(), Some("three"));
    let env: Vec<_> = n1.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(env, ["A=default", "B=kind", "C=group", "D=node"]);
    let exec: Vec<_> = n1.exec.iter().map(|argv| argv.join(" ")).collect();
    assert_eq!(exec, ["echo default", "echo twice", "echo kind", "echo group", "echo n1"]);
    let binds: Vec<_> = n1
        .binds
        .iter()
        .map(|b| format!("{}:{} {}", b.host.display(), b.node.display(), b.read_only))
        .collect();
    assert_eq!(binds, ["/lab/default:/x false", "/lab/deeper:/x/inside false", "/lab/group:/y true"]);
    assert_eq!(n1.labels["number"], "5");
    assert_eq!(n1.hostname, "n1");
    let n2 = topology.node("n2").unwrap();
    assert_eq!((n2.image.as_deref(), n2.hostname.as_str()), (Some("four"), "other"));
    assert_eq!(n2.env["C"], "kind");
}

#[test]
fn a_kind_may_come_from_the_group() {
    let topology = read(&lab("
defaults: {kind: linux, image: alpine, group: g1}
groups:
  g1: {}
  g2: {kind: bridge}
nodes: {a: {group: g2}, b: }
"));
    assert_eq!(topology.node("a").unwrap().role, crate::topology::Role::Bridge);
    assert_eq!(topology.node("b").unwrap().role, crate::topology::Role::Client);
}

#[test]
fn a_group_that_nobody_wrote_is_a_word_for_drawings() {
    let topology = read(&lab("
groups: {routers: {image: frr}}
nodes: {a: {kind: linux, image: alpine, group: router}, b: {kind: linux, group: routers}}
"));
    insta::assert_snapshot!(topology.warnings[0].render(false), @r#"
    warning: there is no group `router` to inherit from
     --> /lab/one.clab.yml:5:50
      |
    5 |   nodes: {a: {kind: linux, image: alpine, group: router}, b: {kind: linux, group: routers}}
      |                                                  ^^^^^^
      |
    help: did you mean `routers`?
    "#);
}
