//! What the releases since v0.14.0 render.

use super::*;
use crate::metallb::Family;

/// What a release renders for one gateway, one pool, and these.
fn with_pool(version: &str, more: &[String]) -> String {
    let pool = metallb("IPAddressPool", "blue", "{addresses: [198.51.100.16/28]}");
    let manifests = [peer("gw1", "192.168.1.5", ""), pool];
    conf(version, &manifests.iter().chain(more).map(String::as_str).collect::<Vec<_>>())
}

fn web(labels: &str) -> String {
    service("web", &format!("namespace: shop{labels}"), "ports: [{port: 80}]")
}

fn dns() -> String {
    service("dns", "namespace: shop", "ports: [{port: 53}]")
}

/// The filters of two Services with a local preference and both kinds of communities.
fn rich(version: &str) -> String {
    let spec = "{localPref: 200, communities: ['large:64513:1:2', '7:7']}";
    filters(&with_pool(version, &[metallb("BGPAdvertisement", "rich", spec), web(""), dns()])).to_string()
}

/// From the first route map to the line before the router.
fn filters(text: &str) -> &str {
    let from = text.find("route-map").unwrap();
    &text[from..text.find("router bgp").unwrap()]
}

fn router(text: &str) -> &str {
    &text[text.find("router bgp").unwrap()..]
}

#[test]
fn filters_of_v0_14_0() {
    insta::assert_snapshot!(rich("v0.14.0"), @r#"
    route-map 192.168.1.5-in deny 20


    ip prefix-list 192.168.1.5-200-ipv4-localpref-prefixes seq 1 permit 198.51.100.16/32
    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-200-ipv4-localpref-prefixes
      set local-preference 200
      on-match next

    ip prefix-list 192.168.1.5-7:7-ipv4-community-prefixes seq 1 permit 198.51.100.16/32
    route-map 192.168.1.5-out permit 2
      match ip address prefix-list 192.168.1.5-7:7-ipv4-community-prefixes
      set community 7:7 additive
      on-match next
    ip prefix-list 192.168.1.5-large:64513:1:2-ipv4-community-prefixes permit 198.51.100.16/32
    route-map 192.168.1.5-out permit 3
      match ip address prefix-list 192.168.1.5-large:64513:1:2-ipv4-community-prefixes
      set large-community 64513:1:2 additive
      on-match next


     ip prefix-list 192.168.1.5-pl-ipv4 seq 1 permit 198.51.100.16/32


    ip prefix-list 192.168.1.5-200-ipv4-localpref-prefixes seq 2 permit 198.51.100.17/32
    route-map 192.168.1.5-out permit 4
      match ip address prefix-list 192.168.1.5-200-ipv4-localpref-prefixes
      set local-preference 200
      on-match next

    ip prefix-list 192.168.1.5-7:7-ipv4-community-prefixes seq 2 permit 198.51.100.17/32
    route-map 192.168.1.5-out permit 5
      match ip address prefix-list 192.168.1.5-7:7-ipv4-community-prefixes
      set community 7:7 additive
      on-match next
    ip prefix-list 192.168.1.5-large:64513:1:2-ipv4-community-prefixes permit 198.51.100.17/32
    route-map 192.168.1.5-out permit 6
      match ip address prefix-list 192.168.1.5-large:64513:1:2-ipv4-community-prefixes
      set large-community 64513:1:2 additive
      on-match next


     ip prefix-list 192.168.1.5-pl-ipv4 seq 2 permit 198.51.100.17/32




    ipv6 prefix-list 192.168.1.5-pl-ipv4 seq 3 deny any

    route-map 192.168.1.5-out permit 7
      match ip address prefix-list 192.168.1.5-pl-ipv4
    route-map 192.168.1.5-out permit 8
      match ipv6 address prefix-list 192.168.1.5-pl-ipv4
    "#);
}

#[test]
fn filters_of_v0_14_9() {
    insta::assert_snapshot!(rich("v0.14.9"), @r#"
    route-map 192.168.1.5-in deny 20
    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-200-ipv4-localpref-prefixes
      set local-preference 200
      on-match next
    route-map 192.168.1.5-out permit 2
      match ip address prefix-list 192.168.1.5-large:64513:1:2-ipv4-community-prefixes
      set large-community 64513:1:2 additive
      on-match next
    route-map 192.168.1.5-out permit 3
      match ip address prefix-list 192.168.1.5-7:7-ipv4-community-prefixes
      set community 7:7 additive
      on-match next

    ip prefix-list 192.168.1.5-200-ipv4-localpref-prefixes seq 1 permit 198.51.100.16/32
    ip prefix-list 192.168.1.5-7:7-ipv4-community-prefixes seq 1 permit 198.51.100.16/32
    ip prefix-list 192.168.1.5-large:64513:1:2-ipv4-community-prefixes seq 1 permit 198.51.100.16/32


    ip prefix-list 192.168.1.5-pl-ipv4 seq 1 permit 198.51.100.16/32

    ip prefix-list 192.168.1.5-200-ipv4-localpref-prefixes seq 2 permit 198.51.100.17/32
    ip prefix-list 192.168.1.5-7:7-ipv4-community-prefixes seq 2 permit 198.51.100.17/32
    ip prefix-list 192.168.1.5-large:64513:1:2-ipv4-community-prefixes seq 2 permit 198.51.100.17/32


    ip prefix-list 192.168.1.5-pl-ipv4 seq 2 permit 198.51.100.17/32




    ipv6 prefix-list 192.168.1.5-pl-ipv4 seq 3 deny any

    route-map 192.168.1.5-out permit 4
      match ip address prefix-list 192.168.1.5-pl-ipv4
    route-map 192.168.1.5-out permit 5
      match ipv6 address prefix-list 192.168.1.5-pl-ipv4
    "#);
}

#[test]
fn filters_of_v0_15_3() {
    insta::assert_snapshot!(rich("v0.15.3"), @r#"
    route-map 192.168.1.5-in deny 20
    ip prefix-list 192.168.1.5-200-ip-localpref-prefixes seq 1 permit 198.51.100.16/32
    ip prefix-list 192.168.1.5-200-ip-localpref-prefixes seq 2 permit 198.51.100.17/32

    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-200-ip-localpref-prefixes
      set local-preference 200
      on-match next

    ip prefix-list 192.168.1.5-7:7-ip-community-prefixes seq 1 permit 198.51.100.16/32
    ip prefix-list 192.168.1.5-7:7-ip-community-prefixes seq 2 permit 198.51.100.17/32

    route-map 192.168.1.5-out permit 2
      match ip address prefix-list 192.168.1.5-7:7-ip-community-prefixes
      set community 7:7 additive
      on-match next

    ip prefix-list 192.168.1.5-large:64513:1:2-ip-community-prefixes seq 1 permit 198.51.100.16/32
    ip prefix-list 192.168.1.5-large:64513:1:2-ip-community-prefixes seq 2 permit 198.51.100.17/32

    route-map 192.168.1.5-out permit 3
      match ip address prefix-list 192.168.1.5-large:64513:1:2-ip-community-prefixes
      set large-community 64513:1:2 additive
      on-match next



    ip prefix-list 192.168.1.5-allowed-ipv4 seq 1 permit 198.51.100.16/32
    ip prefix-list 192.168.1.5-allowed-ipv4 seq 2 permit 198.51.100.17/32


    ipv6 prefix-list 192.168.1.5-allowed-ipv6 seq 1 deny any

    route-map 192.168.1.5-out permit 4
      match ip address prefix-list 192.168.1.5-allowed-ipv4

    route-map 192.168.1.5-out permit 5
      match ipv6 address prefix-list 192.168.1.5-allowed-ipv6
    "#);
}

#[test]
fn router_of_v0_14_8() {
    let more = "  connectTime: 10s\n  enableGracefulRestart: true\n  bfdProfile: slow\n  disableMP: true\n";
    let slow = metallb("BFDProfile", "slow", "{echoInterval: 62}");
    let text = conf("v0.14.8", &[&slow, &peer("gw1", "192.168.1.5", more)]);
    insta::assert_snapshot!(router(&text), @r#"
    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast
      bgp graceful-restart preserve-fw-state

      neighbor 192.168.1.5 remote-as 64512
      neighbor 192.168.1.5 port 179
      neighbor 192.168.1.5 timers 30 90
      neighbor 192.168.1.5 timers connect 10
      $
      $
      neighbor 192.168.1.5 graceful-restart
      neighbor 192.168.1.5 bfd
      neighbor 192.168.1.5 bfd profile slow

      address-family ipv4 unicast
        neighbor 192.168.1.5 activate
        neighbor 192.168.1.5 route-map 192.168.1.5-in in
        neighbor 192.168.1.5 route-map 192.168.1.5-out out
      exit-address-family

    bfd
      profile slow
        echo receive-interval 62
        echo transmit-interval 62
        $
    "#);
}

#[test]
fn an_unnumbered_and_a_dual_stack_session_of_v0_16_0() {
    let unnumbered = peer("a", "eth0", "  localASN: 65000\n").replace("peerAddress", "interface");
    let dynamic = peer("b", "fc00::5", "  dynamicASN: external\n").replace("  peerASN: 64512\n", "");
    let both =
        dynamic.replace("name: b", "name: c").replace("::5", "::6") + "  dualStackAddressFamily: true\n";
    let text = conf("v0.16.0", &[&unnumbered, &dynamic, &both]);
    assert!(text.starts_with("log stdout informational\n"), "{text}");
    insta::assert_snapshot!(router(&text), @r#"
    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast
      bgp graceful-restart preserve-fw-state

      neighbor eth0 interface remote-as 64512
      neighbor eth0 local-as 65000 no-prepend replace-as
      neighbor eth0 port 179
      $
      $
      neighbor fc00::5 remote-as external
      neighbor fc00::5 port 179
      $
      $
      neighbor fc00::5 disable-connected-check
      neighbor fc00::6 remote-as external
      neighbor fc00::6 port 179
      $
      $

      address-family ipv4 unicast
        neighbor eth0 activate
        neighbor eth0 route-map eth0-in in
        neighbor eth0 route-map eth0-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor eth0 activate
        neighbor eth0 route-map eth0-in in
        neighbor eth0 route-map eth0-out out
      exit-address-family

      address-family ipv6 unicast
        neighbor fc00::5 activate
        neighbor fc00::5 route-map fc00::5-in in
        neighbor fc00::5 route-map fc00::5-out out
      exit-address-family

      address-family ipv4 unicast
        neighbor fc00::6 activate
        neighbor fc00::6 route-map fc00::6-in in
        neighbor fc00::6 route-map fc00::6-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor fc00::6 activate
        neighbor fc00::6 route-map fc00::6-in in
        neighbor fc00::6 route-map fc00::6-out out
      exit-address-family
    "#);
    let rendered = try_render("v0.16.0", &objects(&[&unnumbered, &dynamic])).unwrap();
    let families: Vec<_> = rendered.peers.iter().map(|p| (p.id.as_str(), p.families.as_slice())).collect();
    assert_eq!(families, [("eth0", Family::BOTH.as_slice()), ("fc00::5", &[Family::Ipv6])]);
}

#[test]
fn unset_timers_are_left_to_frr_since_v0_14_9() {
    let timers = |version: &str, more: &str| {
        let rendered = try_render(version, &objects(&[&peer("gw1", "10.0.0.1", more)])).unwrap();
        let line = rendered.conf.lines().find(|l| l.contains("timers"));
        line.map(|l| l.trim().replace("neighbor 10.0.0.1 timers ", ""))
    };
    assert_eq!(timers("v0.14.8", "").as_deref(), Some("30 90"));
    assert_eq!(timers("v0.14.9", ""), None);
    assert_eq!(timers("v0.15.3", "  holdTime: 10s\n").as_deref(), Some("3 10"));
    assert_eq!(timers("v0.15.3", "  keepaliveTime: 2m\n").as_deref(), Some("120 360"));
    assert_eq!(timers("v0.15.3", "  holdTime: 0s\n").as_deref(), Some("0 0"));
    let old = peer("gw1", "10.0.0.1", "").replace("v1beta2", "v1beta1");
    assert!(conf("v0.14.8", &[&old]).contains("timers 30 90"));
    assert!(conf("v0.14.9", &[&old]).contains("timers 0 0"), "a v1beta1 peer's unset timers are zeros");
}

#[test]
fn the_other_family_is_left_out_since_v0_15_0_unless_the_session_is_for_both() {
    let pool = metallb("IPAddressPool", "six", "{addresses: ['fc00:1::10-fc00:1::20']}");
    let adv = metallb("BGPAdvertisement", "all", "{communities: ['7:7']}");
    let six = service("six", "namespace: shop", "ipFamilies: [IPv6]");
    let announces = |version: &str, more: &str| {
        let text = conf(version, &[&peer("gw1", "192.168.1.5", more), &pool, &adv, &six]);
        (text.contains("    network fc00:1::10/128"), text.contains("7:7"))
    };
    assert_eq!(announces("v0.14.9", ""), (true, true));
    assert_eq!(announces("v0.15.0", ""), (false, false));
    assert_eq!(announces("v0.15.0", "  dualStackAddressFamily: true\n"), (true, true));
    assert_eq!(announces("v0.15.0", "  disableMP: true\n"), (false, false));
}

#[test]
fn advertisements_of_one_prefix_become_one_since_v0_14_0() {
    let more = [
        metallb("BGPAdvertisement", "a", "{communities: ['7:7']}"),
        metallb("BGPAdvertisement", "b", "{communities: ['64513:100', '7:7']}"),
        web(""),
    ];
    let entries = |version: &str| {
        let text = with_pool(version, &more);
        (text.matches("set community").count(), text.matches("permit 198.51.100.16/32").count())
    };
    assert_eq!(entries("v0.13.12"), (3, 5));
    for version in ["v0.14.0", "v0.14.9", "v0.15.3", "v0.16.1"] {
        assert_eq!(entries(version), (2, 3), "{version}");
    }
}

#[test]
fn service_selectors_of_v0_16_0() {
    let chosen = metallb("BGPAdvertisement", "a", "{serviceSelectors: [{matchLabels: {tier: front}}]}");
    let text = with_pool("v0.16.0", &[chosen, web(", labels: {tier: front}"), dns()]);
    assert_eq!(text.matches("    network ").count(), 1, "{text}");
}
