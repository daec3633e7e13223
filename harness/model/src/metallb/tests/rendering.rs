use super::*;
use crate::metallb::{Family, Mode, RemoteAs};

#[test]
fn one_ipv4_peer() {
    insta::assert_snapshot!(conf("v0.13.10", &[&peer("gw1", "192.168.1.5", "")]), @r#"
    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default
    route-map 192.168.1.5-in deny 20

    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-pl-ipv4
    route-map 192.168.1.5-out permit 2
      match ipv6 address prefix-list 192.168.1.5-pl-ipv4


    ip prefix-list 192.168.1.5-pl-ipv4 deny any
    ipv6 prefix-list 192.168.1.5-pl-ipv4 deny any

    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast

      neighbor 192.168.1.5 remote-as 64512
      neighbor 192.168.1.5 port 179
      neighbor 192.168.1.5 timers 30 90
      $
      $

      address-family ipv4 unicast
        neighbor 192.168.1.5 activate
        neighbor 192.168.1.5 route-map 192.168.1.5-in in
        neighbor 192.168.1.5 route-map 192.168.1.5-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor 192.168.1.5 activate
        neighbor 192.168.1.5 route-map 192.168.1.5-in in
        neighbor 192.168.1.5 route-map 192.168.1.5-out out
      exit-address-family
    "#);
}

#[test]
fn one_ipv4_peer_as_v0_13_7_renders_it() {
    let text = conf("v0.13.7", &[&peer("gw1", "192.168.1.5", "")]);
    assert!(text.starts_with("\nlog file"), "that template begins with an empty line");
    insta::assert_snapshot!(text, @r#"

    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default
    route-map 192.168.1.5-in deny 20
    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-pl-ipv4
    route-map 192.168.1.5-out permit 2
      match ipv6 address prefix-list 192.168.1.5-pl-ipv4
    ip prefix-list 192.168.1.5-pl-ipv4 deny any
    ipv6 prefix-list 192.168.1.5-pl-ipv4 deny any

    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast


      neighbor 192.168.1.5 remote-as 64512
      neighbor 192.168.1.5 port 179
      neighbor 192.168.1.5 timers 30 90
      $
      $

      address-family ipv4 unicast
        neighbor 192.168.1.5 activate
        neighbor 192.168.1.5 route-map 192.168.1.5-in in
    <TAB>neighbor 192.168.1.5 route-map 192.168.1.5-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor 192.168.1.5 activate
        neighbor 192.168.1.5 route-map 192.168.1.5-in in
    <TAB>neighbor 192.168.1.5 route-map 192.168.1.5-out out
      exit-address-family
    "#);
}

#[test]
fn an_ipv6_peer_with_every_option() {
    let manifests = [
        metallb(
            "BFDProfile",
            "fast",
            "{receiveInterval: 100, transmitInterval: 100, echoMode: true, minimumTtl: 254}",
        ),
        metallb("BFDProfile", "default", "{}"),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: md5, namespace: metallb-system}\n\
         type: kubernetes.io/basic-auth\ndata: {password: c2VjcmV0}\n"
            .to_owned(),
        peer(
            "gw1",
            "FC00::0:5",
            "  sourceAddress: fc00::10\n  peerPort: 1179\n  holdTime: 30s\n  routerID: 10.0.0.1\n  vrf: red\n  \
             bfdProfile: fast\n  passwordSecret: {name: md5}\n",
        ),
    ];
    insta::assert_snapshot!(conf("v0.13.10", &manifests.each_ref().map(String::as_str)), @r#"
    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default
    route-map fc00::5-red-in deny 20

    route-map fc00::5-red-out permit 1
      match ip address prefix-list fc00::5-red-pl-ipv6
    route-map fc00::5-red-out permit 2
      match ipv6 address prefix-list fc00::5-red-pl-ipv6


    ip prefix-list fc00::5-red-pl-ipv6 deny any
    ipv6 prefix-list fc00::5-red-pl-ipv6 deny any

    router bgp 64513 vrf red
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast

      bgp router-id 10.0.0.1
      neighbor fc00::5 remote-as 64512
      neighbor fc00::5 port 1179
      neighbor fc00::5 timers 10 30
      neighbor fc00::5 password secret
      neighbor fc00::5 update-source fc00::10
      neighbor fc00::5 bfd profile fast
      neighbor fc00::5 disable-connected-check

      address-family ipv4 unicast
        neighbor fc00::5 activate
        neighbor fc00::5 route-map fc00::5-red-in in
        neighbor fc00::5 route-map fc00::5-red-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor fc00::5 activate
        neighbor fc00::5 route-map fc00::5-red-in in
        neighbor fc00::5 route-map fc00::5-red-out out
      exit-address-family

    bfd
      profile default
        $
      profile fast
        receive-interval 100
        transmit-interval 100
        echo-mode
        minimum-ttl 254
        $
    "#);
}

/// Two gateways; one service announced to both, with properties to one only.
fn two_peers_and_a_service() -> Vec<String> {
    vec![
        peer("gw2", "192.168.1.6", "  ebgpMultiHop: true\n"),
        peer("gw10", "192.168.1.10", ""),
        metallb("IPAddressPool", "blue", "{addresses: [198.51.100.16/28, 'fc00:1::10-fc00:1::20']}"),
        metallb("Community", "names", "{communities: [{name: gold, value: '64513:100'}]}"),
        metallb(
            "BGPAdvertisement",
            "plain",
            "{ipAddressPools: [blue], peers: [gw10], aggregationLength: 28, aggregationLengthV6: 124}",
        ),
        metallb(
            "BGPAdvertisement",
            "rich",
            "{peers: [gw2], localPref: 200, communities: ['large:64513:1:2', gold, '7:7']}",
        ),
        service("web", "namespace: shop", "ipFamilyPolicy: RequireDualStack"),
    ]
}

#[test]
fn two_peers_and_a_service_with_communities_and_local_preference() {
    let manifests = two_peers_and_a_service();
    let manifests: Vec<&str> = manifests.iter().map(String::as_str).collect();
    insta::assert_snapshot!(conf("v0.13.10", &manifests), @r#"
    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default
    route-map 192.168.1.10-in deny 20


    ip prefix-list 192.168.1.10-pl-ipv4 permit 198.51.100.16/28


    ipv6 prefix-list 192.168.1.10-pl-ipv4 permit fc00:1::10/124

    route-map 192.168.1.10-out permit 1
      match ip address prefix-list 192.168.1.10-pl-ipv4
    route-map 192.168.1.10-out permit 2
      match ipv6 address prefix-list 192.168.1.10-pl-ipv4


    route-map 192.168.1.6-in deny 20

    ip prefix-list 192.168.1.6-200-ipv4-localpref-prefixes permit 198.51.100.16/32
    route-map 192.168.1.6-out permit 1
      match ip address prefix-list 192.168.1.6-200-ipv4-localpref-prefixes
      set local-preference 200
      on-match next
    ip prefix-list 192.168.1.6-7:7-ipv4-community-prefixes permit 198.51.100.16/32
    route-map 192.168.1.6-out permit 2
      match ip address prefix-list 192.168.1.6-7:7-ipv4-community-prefixes
      set community 7:7 additive
      on-match next
    ip prefix-list 192.168.1.6-64513:100-ipv4-community-prefixes permit 198.51.100.16/32
    route-map 192.168.1.6-out permit 3
      match ip address prefix-list 192.168.1.6-64513:100-ipv4-community-prefixes
      set community 64513:100 additive
      on-match next
    ip prefix-list 192.168.1.6-large:64513:1:2-ipv4-community-prefixes permit 198.51.100.16/32
    route-map 192.168.1.6-out permit 4
      match ip address prefix-list 192.168.1.6-large:64513:1:2-ipv4-community-prefixes
      set large-community 64513:1:2 additive
      on-match next

    ip prefix-list 192.168.1.6-pl-ipv4 permit 198.51.100.16/32

    ipv6 prefix-list 192.168.1.6-200-ipv4-localpref-prefixes permit fc00:1::10/128
    route-map 192.168.1.6-out permit 5
      match ipv6 address prefix-list 192.168.1.6-200-ipv4-localpref-prefixes
      set local-preference 200
      on-match next
    ipv6 prefix-list 192.168.1.6-7:7-ipv4-community-prefixes permit fc00:1::10/128
    route-map 192.168.1.6-out permit 6
      match ipv6 address prefix-list 192.168.1.6-7:7-ipv4-community-prefixes
      set community 7:7 additive
      on-match next
    ipv6 prefix-list 192.168.1.6-64513:100-ipv4-community-prefixes permit fc00:1::10/128
    route-map 192.168.1.6-out permit 7
      match ipv6 address prefix-list 192.168.1.6-64513:100-ipv4-community-prefixes
      set community 64513:100 additive
      on-match next
    ipv6 prefix-list 192.168.1.6-large:64513:1:2-ipv4-community-prefixes permit fc00:1::10/128
    route-map 192.168.1.6-out permit 8
      match ipv6 address prefix-list 192.168.1.6-large:64513:1:2-ipv4-community-prefixes
      set large-community 64513:1:2 additive
      on-match next

    ipv6 prefix-list 192.168.1.6-pl-ipv4 permit fc00:1::10/128

    route-map 192.168.1.6-out permit 9
      match ip address prefix-list 192.168.1.6-pl-ipv4
    route-map 192.168.1.6-out permit 10
      match ipv6 address prefix-list 192.168.1.6-pl-ipv4



    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast

      neighbor 192.168.1.10 remote-as 64512
      neighbor 192.168.1.10 port 179
      neighbor 192.168.1.10 timers 30 90
      $
      $
      neighbor 192.168.1.6 remote-as 64512
      neighbor 192.168.1.6 ebgp-multihop
      neighbor 192.168.1.6 port 179
      neighbor 192.168.1.6 timers 30 90
      $
      $

      address-family ipv4 unicast
        neighbor 192.168.1.10 activate
        neighbor 192.168.1.10 route-map 192.168.1.10-in in
        neighbor 192.168.1.10 route-map 192.168.1.10-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor 192.168.1.10 activate
        neighbor 192.168.1.10 route-map 192.168.1.10-in in
        neighbor 192.168.1.10 route-map 192.168.1.10-out out
      exit-address-family

      address-family ipv4 unicast
        neighbor 192.168.1.6 activate
        neighbor 192.168.1.6 route-map 192.168.1.6-in in
        neighbor 192.168.1.6 route-map 192.168.1.6-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor 192.168.1.6 activate
        neighbor 192.168.1.6 route-map 192.168.1.6-in in
        neighbor 192.168.1.6 route-map 192.168.1.6-out out
      exit-address-family
      address-family ipv4 unicast
        network 198.51.100.16/28
        network 198.51.100.16/32
      exit-address-family

      address-family ipv6 unicast
        network fc00:1::10/124
        network fc00:1::10/128
      exit-address-family
    "#);
}

#[test]
fn each_node_gets_the_peers_and_advertisements_that_select_it() {
    let rack = |r: &str| format!("  nodeSelectors: [{{matchLabels: {{rack: {r}}}}}]\n");
    let by_label = objects(&[
        &peer("gw-a", "192.168.1.1", &rack("a")),
        &peer("gw-b", "192.168.1.2", &rack("b")),
        &metallb("IPAddressPool", "p", "{addresses: [198.51.100.1/32]}"),
        &metallb(
            "BGPAdvertisement",
            "a",
            "{nodeSelectors: [{matchLabels: {kubernetes.io/hostname: worker1}}]}",
        ),
        &service("web", "namespace: shop", "ports: [{port: 80}]"),
        "apiVersion: v1\nkind: Node\nmetadata: {name: worker2, labels: {rack: b}}\n",
    ]);
    let release = Release::find("v0.13.10").unwrap();
    let seen = |node: &NodeInfo| {
        let r = render(release, Mode::Frr, &by_label, node).unwrap();
        let peers: Vec<String> = r.peers.iter().map(|p| p.id.clone()).collect();
        (peers, r.conf.contains("network 198.51.100.1/32"))
    };
    assert_eq!(seen(&node("worker1", &[("rack", "a")])), (vec!["192.168.1.1".to_owned()], true));
    assert_eq!(seen(&node("worker2", &[])), (vec!["192.168.1.2".to_owned()], false));
    assert_eq!(seen(&node("worker3", &[])), (vec![], false));
}

#[test]
fn routers_and_neighbors_sort_as_texts() {
    let p = |name: &str, my: u32, asn: u32, ip: &str, vrf: &str| {
        peer(name, ip, &format!("  vrf: {vrf}\n"))
            .replace("64513", &my.to_string())
            .replace("64512", &asn.to_string())
    };
    let applied = objects(&[
        &p("a", 65, 9, "10.2.2.9", "red"),
        &p("b", 100, 9, "10.2.2.9", "blue"),
        &p("c", 65, 9, "10.2.2.10", "red"),
        &p("d", 65, 100, "10.9.9.9", "red"),
    ]);
    let rendered = try_render("v0.13.10", &applied).unwrap();
    let order: Vec<&str> = rendered
        .conf
        .lines()
        .filter(|l| l.starts_with("router bgp") || l.contains("remote-as"))
        .map(str::trim)
        .collect();
    assert_eq!(
        order,
        [
            "router bgp 100 vrf blue",
            "neighbor 10.2.2.9 remote-as 9",
            "router bgp 65 vrf red",
            "neighbor 10.9.9.9 remote-as 100",
            "neighbor 10.2.2.10 remote-as 9",
            "neighbor 10.2.2.9 remote-as 9",
        ]
    );
}

#[test]
fn tells_what_a_scenario_needs_to_know() {
    let manifests = two_peers_and_a_service();
    let manifests: Vec<&str> = manifests.iter().map(String::as_str).collect();
    let rendered = try_render("v0.13.12", &objects(&manifests)).unwrap();
    let peer = &rendered.peers[1];
    assert_eq!(
        (peer.name.as_str(), peer.id.as_str(), peer.asn),
        ("gw2", "192.168.1.6", RemoteAs::Number(64512))
    );
    assert_eq!(peer.families, Family::BOTH);
    let ips: Vec<std::net::IpAddr> = vec!["198.51.100.16".parse().unwrap(), "fc00:1::10".parse().unwrap()];
    assert_eq!(rendered.services, [("shop/web".to_owned(), ips)]);
}

#[test]
fn hold_and_keepalive_are_whole_seconds_and_default_to_a_third() {
    let timers = |more: &str| {
        let rendered = try_render("v0.13.10", &objects(&[&peer("gw1", "10.0.0.1", more)])).unwrap();
        let line = rendered.conf.lines().find(|l| l.contains("timers")).unwrap().trim().to_owned();
        line.replace("neighbor 10.0.0.1 timers ", "")
    };
    assert_eq!(timers(""), "30 90");
    assert_eq!(timers("  holdTime: 10s\n"), "3 10");
    assert_eq!(timers("  holdTime: 0s\n  keepaliveTime: 1m\n"), "60 90");
    assert_eq!(timers("  holdTime: 500ms\n"), "0 0");
}

#[test]
fn v1beta1_peers_and_lists_are_read() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        peer("gw1", "10.0.0.1", "  peerPort: 0\n").replace("v1beta2", "v1beta1").replace('\n', "\n  ")
    );
    let rendered = try_render("v0.13.10", &objects(&[&list])).unwrap();
    assert!(!rendered.conf.contains(" port "), "port 0 leaves an empty line");
}

#[test]
fn a_release_without_custom_resources_is_not_rendered() {
    let err = try_render("v0.12.1", &Objects::new()).unwrap_err();
    insta::assert_snapshot!(err, @"MetalLB v0.12.1 takes its configuration from the ConfigMap `config`, not from custom resources, so there is nothing to render; v0.13.0 is the oldest release that is rendered");
}
