use super::*;

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
pub(super) fn two_peers_and_a_service() -> Vec<String> {
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
