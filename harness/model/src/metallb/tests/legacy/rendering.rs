use super::*;

const TWO_PEERS: &str = "\
peers:
- {my-asn: 64513, peer-asn: 64512, peer-address: 10.0.0.9, hold-time: 10s, bfd-profile: fast}
- my-asn: 64513
  peer-asn: 64513
  peer-address: FC00::2
  peer-port: 1179
  source-address: fc00::1
  password: 1234
  node-selectors:
  - match-labels: {rack: a}
  - match-expressions: [{key: rack, operator: NotIn, values: [b]}]
bgp-communities: {gold: \"65000:10\"}
address-pools:
- name: shop
  protocol: bgp
  addresses: [198.51.100.16/28, fc00:1::10-fc00:1::1f]
  auto-assign: yes
  bgp-advertisements:
  - {aggregation-length: 28, communities: [\"1:2\", gold]}
  - {localpref: 100}
- {name: lan, protocol: layer2, addresses: [192.0.2.0/24], avoid-buggy-ips: true, auto-assign: off}
bfd-profiles:
- {name: fast, receive-interval: 100, echo-mode: on}
- name: plain
";

#[test]
fn a_node_without_peers() {
    let rendered =
        render(release(), Mode::Frr, &cluster(&[&config("peers: []")]), &node("worker", &[])).unwrap();
    assert!(rendered.conf.ends_with("ipv6 nht resolve-via-default\n\n"), "{}", rendered.conf);
    assert!(rendered.conf.starts_with("\nlog file /etc/frr/frr.log informational\n"), "{}", rendered.conf);
}

#[test]
fn two_peers_and_services() {
    let services = [
        service(
            "web",
            "namespace: shop",
            "clusterIPs: [10.96.0.7, 'fd00::7'], ipFamilyPolicy: RequireDualStack",
        ),
        service("lan", "annotations: {metallb.universe.tf/address-pool: lan}", "loadBalancerClass: any"),
    ];
    let objects = cluster(&[&config(TWO_PEERS), &services[0], &services[1]]);
    let rendered = render(release(), Mode::Frr, &objects, &node("worker", &[("rack", "a")])).unwrap();
    insta::assert_snapshot!(visible(&rendered.conf), @r"
    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default
    ip prefix-list 1:2-v4prefixes permit 198.51.100.16/28
    ip prefix-list 65000:10-v4prefixes permit 198.51.100.16/28
    ip prefix-list 1:2-v6prefixes permit fc00:1::10/128
    ip prefix-list 65000:10-v6prefixes permit fc00:1::10/128
    ip prefix-list 100-v4localpref-prefixes permit 198.51.100.16/32
    ip prefix-list 100-v6localpref-prefixes permit fc00:1::10/128
    route-map 10.0.0.9-in deny 20

    route-map 10.0.0.9-out permit 1
      match ip address prefix-list 100-v4localpref-prefixes
      set local-preference 100
      on-match next
    route-map 10.0.0.9-out permit 2
      match ipv6 address prefix-list 100-v6localpref-prefixes
      set local-preference 100
      on-match next
    route-map 10.0.0.9-out permit 3
      match ip address prefix-list 1:2-v4prefixes
      set community 1:2 additive
      on-match next
    route-map 10.0.0.9-out permit 4
      match ip address prefix-list 65000:10-v4prefixes
      set community 65000:10 additive
      on-match next
    route-map 10.0.0.9-out permit 5
      match ipv6 address prefix-list 1:2-v6prefixes
      set community 1:2 additive
      on-match next
    route-map 10.0.0.9-out permit 6
      match ipv6 address prefix-list 65000:10-v6prefixes
      set community 65000:10 additive
      on-match next
    route-map 10.0.0.9-out permit 7
    route-map fc00::2-in deny 20

    route-map fc00::2-out permit 1
      match ip address prefix-list 100-v4localpref-prefixes
      set local-preference 100
      on-match next
    route-map fc00::2-out permit 2
      match ipv6 address prefix-list 100-v6localpref-prefixes
      set local-preference 100
      on-match next
    route-map fc00::2-out permit 3
      match ip address prefix-list 1:2-v4prefixes
      set community 1:2 additive
      on-match next
    route-map fc00::2-out permit 4
      match ip address prefix-list 65000:10-v4prefixes
      set community 65000:10 additive
      on-match next
    route-map fc00::2-out permit 5
      match ipv6 address prefix-list 1:2-v6prefixes
      set community 1:2 additive
      on-match next
    route-map fc00::2-out permit 6
      match ipv6 address prefix-list 65000:10-v6prefixes
      set community 65000:10 additive
      on-match next
    route-map fc00::2-out permit 7

    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast


      neighbor 10.0.0.9 remote-as 64512
      neighbor 10.0.0.9 port 179
      neighbor 10.0.0.9 timers 3 10
      $
       $
      neighbor 10.0.0.9 bfd profile fast
      neighbor fc00::2 remote-as 64513
      neighbor fc00::2 port 1179
      neighbor fc00::2 timers 30 90
      neighbor fc00::2 password 1234
      neighbor fc00::2 update-source fc00::1

      address-family ipv4 unicast
        neighbor 10.0.0.9 activate
        neighbor 10.0.0.9 route-map 10.0.0.9-in in
        network 198.51.100.16/28
        neighbor 10.0.0.9 route-map 10.0.0.9-out out
      exit-address-family
      address-family ipv4 unicast
        neighbor 10.0.0.9 activate
        neighbor 10.0.0.9 route-map 10.0.0.9-in in
        network 198.51.100.16/32
        neighbor 10.0.0.9 route-map 10.0.0.9-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor 10.0.0.9 activate
        neighbor 10.0.0.9 route-map 10.0.0.9-in in
        network fc00:1::10/128
        neighbor 10.0.0.9 route-map 10.0.0.9-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor 10.0.0.9 activate
        neighbor 10.0.0.9 route-map 10.0.0.9-in in
        network fc00:1::10/128
        neighbor 10.0.0.9 route-map 10.0.0.9-out out
      exit-address-family

      address-family ipv4 unicast
        neighbor fc00::2 activate
        neighbor fc00::2 route-map fc00::2-in in
        network 198.51.100.16/28
        neighbor fc00::2 route-map fc00::2-out out
      exit-address-family
      address-family ipv4 unicast
        neighbor fc00::2 activate
        neighbor fc00::2 route-map fc00::2-in in
        network 198.51.100.16/32
        neighbor fc00::2 route-map fc00::2-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor fc00::2 activate
        neighbor fc00::2 route-map fc00::2-in in
        network fc00:1::10/128
        neighbor fc00::2 route-map fc00::2-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor fc00::2 activate
        neighbor fc00::2 route-map fc00::2-in in
        network fc00:1::10/128
        neighbor fc00::2 route-map fc00::2-out out
      exit-address-family

    bfd
      profile fast
        receive-interval 100
        echo-mode
        $
      profile plain
        $
    ");
    insta::assert_snapshot!(rendered.warnings.join("\n"), @"service/lan: layer2 is the protocol of its pool `lan`; it is not announced");
    assert_eq!(rendered.services[1].1, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
    let elsewhere = render(release(), Mode::Frr, &objects, &node("other", &[("rack", "b")])).unwrap();
    assert_eq!(elsewhere.peers.len(), 1);
}

/// As without properties: all peers hear everything, and no out map is attached.
#[test]
fn a_service_without_properties() {
    let objects = cluster(&[
        &config(
            "peers: [{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}]\naddress-pools: [{name: p, protocol: bgp, addresses: [10.1.0.0/30]}]",
        ),
        &service("web", "namespace: shop", "clusterIP: 10.96.0.7"),
    ]);
    let rendered = render(release(), Mode::Frr, &objects, &node("worker", &[])).unwrap();
    assert!(rendered.conf.contains("    network 10.1.0.0/32\n  exit-address-family\n"), "{}", rendered.conf);
    assert!(!rendered.conf.contains("-out out"), "{}", rendered.conf);
}

#[test]
fn a_config_map_that_cannot_be_read_gives_no_addresses() {
    let broken = config("peers: [{}]\naddress-pools: [{name: p, protocol: bgp, addresses: [10.1.0.0/30]}]");
    let objects = cluster(&[&broken, &service("web", "namespace: shop", "clusterIP: 10.96.0.7")]);
    assert_eq!(objects.addresses().count(), 0);
    let objects =
        cluster(&[&broken.replace("[{}]", "[]"), &service("web", "namespace: shop", "clusterIP: 10.96.0.7")]);
    assert_eq!(objects.addresses().count(), 1);
}

#[test]
fn later_releases_do_not_read_it() {
    let rendered = try_render("v0.13.10", &objects(&[&config(TWO_PEERS)])).unwrap();
    assert!(!rendered.conf.contains("neighbor"));
    insta::assert_snapshot!(rendered.warnings.join("\n"), @"configmap/config: MetalLB v0.13.10 does not read it: since v0.13.0 the configuration is in custom resources");
}
