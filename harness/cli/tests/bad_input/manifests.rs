//! Mistakes in manifests: found before a lab is booted, wherever in the run the manifest is applied.

use insta::assert_snapshot;

use crate::{EXTRAS, PEERS, check_after, folder};

#[test]
fn unknown_field() {
    assert_snapshot!(check_after(PEERS, "peerAddress: 192.168.1.5", "peerAdress: 192.168.1.5"), @r"
    exit 2
    error: unknown field `peerAdress`
     --> scenarios/learn-routes/manifests/peers.yaml:9:3
      |
    9 |   peerAdress: 192.168.1.5
      |   ^^^^^^^^^^
      |
    help: did you mean `peerAddress`?
    help: known here: myASN, peerASN, peerAddress, sourceAddress, peerPort, holdTime, keepaliveTime,
          routerID, nodeSelectors, password, passwordSecret, bfdProfile, ebgpMultiHop, vrf, connectTime,
          disableMP, enableGracefulRestart, dynamicASN, interface, dualStackAddressFamily, localASN
    ");
}

#[test]
fn unknown_kind() {
    assert_snapshot!(check_after(PEERS, "kind: BGPPeer\nmetadata:\n  name: gw1\n", "kind: BGPPeers\nmetadata:\n  name: gw1\n"), @r"
    exit 2
    error: objects of kind `BGPPeers` are not understood
     --> scenarios/learn-routes/manifests/peers.yaml:2:7
      |
    2 | kind: BGPPeers
      |       ^^^^^^^^
      |
    help: did you mean `BGPPeer`?
    help: understood are BGPPeer, IPAddressPool, BGPAdvertisement, Community, BFDProfile,
          FRRConfiguration, Service, EndpointSlice, ConfigMap, Secret, Node, Namespace and List
    ");
}

#[test]
fn a_kind_that_is_no_business_of_metallb() {
    assert_snapshot!(check_after(EXTRAS, "kind: ConfigMap", "kind: Deployment"), @r"
    exit 2
    error: objects of kind `Deployment` are not understood
     --> scenarios/learn-routes/manifests/extras.yaml:2:7
      |
    2 | kind: Deployment
      |       ^^^^^^^^^^
      |
    help: understood are BGPPeer, IPAddressPool, BGPAdvertisement, Community, BFDProfile,
          FRRConfiguration, Service, EndpointSlice, ConfigMap, Secret, Node, Namespace and List
    ");
}

#[test]
fn wrong_namespace() {
    assert_snapshot!(check_after(EXTRAS, "namespace: metallb-system", "namespace: default"), @r"
    exit 2
    error: ConfigMap `bgpextras` has no effect: a bgpextras in namespace `default` is never read, only the one in metallb-system is
     --> scenarios/learn-routes/manifests/extras.yaml:5:14
      |
    5 |   namespace: default
      |              ^^^^^^^
      |
    help: set `metadata.namespace: metallb-system`
    ");
    assert_snapshot!(check_after(PEERS, "name: gw1\n  namespace: metallb-system", "name: gw1\n  namespace: default"), @r"
    exit 2
    error: MetalLB refuses BGPPeer `gw1`: resource must be created in metallb-system namespace
     --> scenarios/learn-routes/manifests/peers.yaml:5:14
      |
    5 |   namespace: default
      |              ^^^^^^^
      |
    help: set `metadata.namespace: metallb-system` (it is `default` now)
    ");
}

#[test]
fn an_address_that_is_none() {
    assert_snapshot!(check_after(PEERS, "peerAddress: 192.168.1.5", "peerAddress: 192.168.1.500"), @r#"
    exit 2
    error: MetalLB refuses BGPPeer `gw1`: invalid BGPPeer address "192.168.1.500"
     --> scenarios/learn-routes/manifests/peers.yaml:9:16
      |
    9 |   peerAddress: 192.168.1.500
      |                ^^^^^^^^^^^^^
      |
    help: an IPv4 or IPv6 address, without a prefix length
    "#);
}

#[test]
fn what_metallbs_webhook_refuses() {
    assert_snapshot!(check_after(PEERS, "peerAddress: fd00:192:168:1::5", "peerAddress: 192.168.1.5"), @r"
    exit 2
    error: MetalLB refuses BGPPeer `gw1-ipv6`: peer 192.168.1.5 already exists, FRR mode doesn't support duplicate BGPPeers
      --> scenarios/learn-routes/manifests/peers.yaml:19:16
       |
    19 |   peerAddress: 192.168.1.5
       |                ^^^^^^^^^^^
       |
    help: BGPPeer `gw1` has it
    ");
}

#[test]
fn a_misspelt_route_map() {
    assert_snapshot!(check_after(EXTRAS, "route-map 192.168.1.5-in", "route-map 192.168.1.50-in"), @r"
    exit 2
    error[unknown-peer]: no session uses a route map `192.168.1.50-in`
     --> scenarios/learn-routes/manifests/extras.yaml:8:15
      |
    8 |     route-map 192.168.1.50-in permit 10
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    note: no BGPPeer has this address; FRR accepts the map and applies it to nothing
    help: did you mean `192.168.1.5-in`?
    help: see `routeproof check --explain unknown-peer`
    ");
}

#[test]
fn garbage() {
    let folder = folder();
    folder.write(PEERS, "{{ template }}: [\n");
    assert_snapshot!(folder.routeproof(&["check", "learn-routes"]), @r"
    exit 2
    error: a key must be text, not a list or a mapping
     --> scenarios/learn-routes/manifests/peers.yaml:1:2
      |
    1 | {{ template }}: [
      |  ^
      |
    help: a value that starts with `{` or `[` needs quotes
    help: this looks like a template; render it to a plain file first
    ");
    assert_snapshot!(folder.routeproof(&["run", "learn-routes"]), @r"
    exit 2
    error: a key must be text, not a list or a mapping
     --> scenarios/learn-routes/manifests/peers.yaml:1:2
      |
    1 | {{ template }}: [
      |  ^
      |
    help: a value that starts with `{` or `[` needs quotes
    help: this looks like a template; render it to a plain file first
    ");
}
