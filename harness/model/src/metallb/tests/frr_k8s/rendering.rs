use super::*;

#[test]
fn a_peer_that_receives_everything() {
    let manifests = [
        peer("gw1", "192.168.1.5", ""),
        neighbor("learn", "192.168.1.5", ", toReceive: {allowed: {mode: all}}"),
    ];
    insta::assert_snapshot!(conf("v0.15.3", &manifests.each_ref().map(String::as_str)), @r"
    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default



    ip prefix-list 192.168.1.5-allowed-ipv4 seq 1 deny any


    ipv6 prefix-list 192.168.1.5-allowed-ipv6 seq 1 deny any

    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-allowed-ipv4

    route-map 192.168.1.5-out permit 2
      match ipv6 address prefix-list 192.168.1.5-allowed-ipv6




    ip prefix-list 192.168.1.5-inpl-ipv4 seq 1 permit any
    ipv6 prefix-list 192.168.1.5-inpl-ipv4 seq 2 permit any

    route-map 192.168.1.5-in permit 3
      match ip address prefix-list 192.168.1.5-inpl-ipv4
    route-map 192.168.1.5-in permit 4
      match ipv6 address prefix-list 192.168.1.5-inpl-ipv4

    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast
      bgp graceful-restart preserve-fw-state

      neighbor 192.168.1.5 remote-as 64512
      $
      $
      $
      $

      address-family ipv4 unicast
        neighbor 192.168.1.5 activate
        neighbor 192.168.1.5 route-map 192.168.1.5-in in
        neighbor 192.168.1.5 route-map 192.168.1.5-out out
      exit-address-family
    ");
}

#[test]
fn v0_14_3_reads_no_list_when_everything_may_come_in() {
    let manifests = [
        peer("gw1", "192.168.1.5", "  holdTime: 90s\n  keepaliveTime: 30s\n"),
        neighbor(
            "learn",
            "192.168.1.5",
            ", holdTime: 90s, keepaliveTime: 30s, toReceive: {allowed: {mode: all}}",
        ),
    ];
    insta::assert_snapshot!(conf("v0.14.3", &manifests.each_ref().map(String::as_str)), @r"
    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default


    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-pl-ipv4
    route-map 192.168.1.5-out permit 2
      match ipv6 address prefix-list 192.168.1.5-pl-ipv4



    ip prefix-list 192.168.1.5-pl-ipv4 seq 1 deny any
    ipv6 prefix-list 192.168.1.5-pl-ipv4 seq 2 deny any






    ip prefix-list 192.168.1.5-inpl-ipv4 seq 1 deny any

    ipv6 prefix-list 192.168.1.5-inpl-ipv4 seq 2 deny any
    route-map 192.168.1.5-in permit 3


    router bgp 64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast

      neighbor 192.168.1.5 remote-as 64512
      $
      $
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
    ");
}

/// Each list is sorted by prefix as text; `le` stands before `ge`.
#[test]
fn filters_with_le_and_ge() {
    let filtered = neighbor(
        "learn",
        "192.168.1.5",
        ", dualStackAddressFamily: true, toReceive: {allowed: {prefixes: [{prefix: 9.0.0.0/8}, \
         {prefix: 172.16.0.0/16, ge: 24, le: 28}, {prefix: \"fc00::/7\", le: 64}, {prefix: 172.16.0.0/16, ge: 30}]}}",
    );
    insta::assert_snapshot!(lines("v0.16.1", &[&filtered], &["ip prefix-list 192.168.1.5-inpl", "ipv6 prefix-list 192.168.1.5-inpl"]), @r"
    ip prefix-list 192.168.1.5-inpl-dual seq 1 permit 172.16.0.0/16 ge 30
    ip prefix-list 192.168.1.5-inpl-dual seq 2 permit 172.16.0.0/16 le 28 ge 24
    ip prefix-list 192.168.1.5-inpl-dual seq 3 permit 9.0.0.0/8
    ipv6 prefix-list 192.168.1.5-inpl-dual seq 4 permit fc00::/7 le 64
    ");
}

/// What several objects let in is united; `all` wins over filters.
#[test]
fn objects_are_united() {
    let some = |name: &str, prefix: &str| {
        let received = format!(", toReceive: {{allowed: {{prefixes: [{{prefix: {prefix}}}]}}}}");
        neighbor(name, "192.168.1.5", &received)
    };
    let (b, a) = (some("b", "10.2.0.0/16"), some("a", "10.1.0.0/16"));
    let list = &["ip prefix-list 192.168.1.5-inpl"];
    insta::assert_snapshot!(lines("v0.15.3", &[&b, &a], list), @r"
    ip prefix-list 192.168.1.5-inpl-ipv4 seq 1 permit 10.1.0.0/16
    ip prefix-list 192.168.1.5-inpl-ipv4 seq 2 permit 10.2.0.0/16
    ");
    let all = neighbor("c", "192.168.1.5", ", port: 179, toReceive: {allowed: {mode: all}}");
    insta::assert_snapshot!(lines("v0.15.3", &[&b, &a, &all], list), @r"
    ip prefix-list 192.168.1.5-inpl-ipv4 seq 1 permit any
    ");
    // Defaults are no contradiction, and go.
    assert!(!conf("v0.15.3", &[&all, &a]).contains("port 179"));
}

/// The numbers of `-in` go on from those of `-out`.
#[test]
fn properties_shift_the_entries_of_in() {
    let router = "      prefixes: [10.9.0.0/24, 10.8.0.0/24]\n      neighbors:\n      - asn: 64512\n        address: 192.168.1.5\n        \
        toAdvertise:\n          allowed: {mode: all}\n          withLocalPref: [{localPref: 200, prefixes: [10.9.0.0/24]}]\n          \
        withCommunity: [{community: \"large:1:2:3\", prefixes: [10.8.0.0/24]}, {community: \"1:2\", prefixes: [10.9.0.0/24]}]\n";
    let advertised = configuration("advertise", router);
    let words = ["route-map", "match", "set", "ip prefix-list", "network"];
    insta::assert_snapshot!(lines("v0.15.3", &[&advertised], &words), @r"
    ip prefix-list 192.168.1.5-1:2-ip-community-prefixes seq 1 permit 10.9.0.0/24
    route-map 192.168.1.5-out permit 1
      match ip address prefix-list 192.168.1.5-1:2-ip-community-prefixes
      set community 1:2 additive
    ip prefix-list 192.168.1.5-200-ip-localpref-prefixes seq 1 permit 10.9.0.0/24
    route-map 192.168.1.5-out permit 2
      match ip address prefix-list 192.168.1.5-200-ip-localpref-prefixes
      set local-preference 200
    ip prefix-list 192.168.1.5-large:1:2:3-ip-community-prefixes seq 1 permit 10.8.0.0/24
    route-map 192.168.1.5-out permit 3
      match ip address prefix-list 192.168.1.5-large:1:2:3-ip-community-prefixes
      set large-community 1:2:3 additive
    ip prefix-list 192.168.1.5-allowed-ipv4 seq 1 permit 10.8.0.0/24
    ip prefix-list 192.168.1.5-allowed-ipv4 seq 2 permit 10.9.0.0/24
    route-map 192.168.1.5-out permit 4
      match ip address prefix-list 192.168.1.5-allowed-ipv4
    route-map 192.168.1.5-out permit 5
      match ipv6 address prefix-list 192.168.1.5-allowed-ipv6
    ip prefix-list 192.168.1.5-inpl-ipv4 seq 1 deny any
    route-map 192.168.1.5-in permit 6
      match ip address prefix-list 192.168.1.5-inpl-ipv4
    route-map 192.168.1.5-in permit 7
      match ipv6 address prefix-list 192.168.1.5-inpl-ipv4
        network 10.8.0.0/24
        network 10.9.0.0/24
    ");
    let entries = lines("v0.14.9", &[&advertised], &["route-map", "ip prefix-list 192.168.1.5-large"]);
    insta::assert_snapshot!(entries, @r"
    ip prefix-list 192.168.1.5-large:1:2:3-ipv4-community-prefixes permit 10.8.0.0/24
    route-map 192.168.1.5-out permit 1
    route-map 192.168.1.5-out permit 2
    route-map 192.168.1.5-out permit 3
    route-map 192.168.1.5-out permit 4
    route-map 192.168.1.5-out permit 5
    route-map 192.168.1.5-in permit 6
    route-map 192.168.1.5-in permit 7
    ");
}

#[test]
fn every_field_of_a_neighbor() {
    let router = "      id: 10.0.0.1\n      vrf: red\n      imports: [{vrf: default}]\n      neighbors:\n      - address: fd00::5\n        \
        dynamicASN: external\n        sourceaddress: fd00::1\n        port: 1179\n        passwordSecret: {name: md5}\n        \
        holdTime: 30s\n        keepaliveTime: 10s\n        connectTime: 5s\n        bfdProfile: fast\n        \
        enableGracefulRestart: true\n        localASN: 64999\n      - asn: 64512\n        interface: eth3\n        ebgpMultiHop: true\n    \
        - asn: 64513\n    bfdProfiles:\n    - {name: fast, receiveInterval: 50, echoInterval: 60, echoMode: true}\n";
    let text = conf("v0.16.1", &[SECRET, &configuration("all", router)]);
    let (_, routers) = text.split_once("\nrouter bgp").unwrap();
    insta::assert_snapshot!(routers, @r"
     64513
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast
      bgp graceful-restart preserve-fw-state

    router bgp 64513 vrf red
      no bgp ebgp-requires-policy
      no bgp network import-check
      no bgp default ipv4-unicast
      bgp graceful-restart preserve-fw-state

      bgp router-id 10.0.0.1
      address-family ipv4 unicast
        import vrf default
      exit-address-family
      address-family ipv6 unicast
        import vrf default
      exit-address-family
      neighbor eth3 interface remote-as 64512
      neighbor eth3 ebgp-multihop
      $
      $
      $
      $
      neighbor fd00::5 remote-as external
      neighbor fd00::5 local-as 64999 no-prepend replace-as
      neighbor fd00::5 port 1179
      $
      neighbor fd00::5 timers 10 30
      neighbor fd00::5 timers connect 5
      neighbor fd00::5 password hush
      neighbor fd00::5 update-source fd00::1
      neighbor fd00::5 graceful-restart
      neighbor fd00::5 bfd
      neighbor fd00::5 bfd profile fast
      neighbor fd00::5 disable-connected-check

      address-family ipv4 unicast
        neighbor eth3 activate
        neighbor eth3 route-map eth3-red-in in
        neighbor eth3 route-map eth3-red-out out
      exit-address-family
      address-family ipv6 unicast
        neighbor eth3 activate
        neighbor eth3 route-map eth3-red-in in
        neighbor eth3 route-map eth3-red-out out
      exit-address-family

      address-family ipv6 unicast
        neighbor fd00::5 activate
        neighbor fd00::5 route-map fd00::5-red-in in
        neighbor fd00::5 route-map fd00::5-red-out out
      exit-address-family

    bfd
      profile fast
        receive-interval 50
        echo-mode
        echo transmit-interval 60
        echo receive-interval 60
        $
    ");
}

#[test]
fn raw_configurations_come_last_by_priority_and_name() {
    let raw = |name: &str, priority: i64, text: &str| {
        format!(
            "apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {{name: {name}, namespace: metallb-system}}\n\
             spec: {{raw: {{priority: {priority}, rawConfig: \"{text}\"}}}}\n"
        )
    };
    let all = [raw("c", 0, "! third"), raw("a", 0, "! second\\n"), raw("z", -1, "! first")];
    let text = rendered("v0.16.1", &all.each_ref().map(String::as_str)).conf;
    assert!(text.ends_with("\n\n\n! first\n! second\n\n! third\n\n"), "{text:?}");
}

#[test]
fn a_node_selector_keeps_an_object_from_other_nodes() {
    let here = neighbor("here", "192.168.1.5", "")
        .replace("spec:\n", "spec:\n  nodeSelector: {matchLabels: {rack: a}}\n");
    let there = neighbor("there", "192.168.1.6", "")
        .replace("spec:\n", "spec:\n  nodeSelector: {matchLabels: {rack: b}}\n");
    let peers = lines(
        "v0.15.3",
        &[&here, &there],
        &["neighbor 192.168.1.5 remote-as", "neighbor 192.168.1.6 remote-as"],
    );
    assert_eq!(peers, "  neighbor 192.168.1.5 remote-as 64512");
}

/// Every release renders the same objects, or says which field it lacks.
#[test]
fn without_objects_there_is_a_file_all_the_same() {
    insta::assert_snapshot!(conf("v0.16.1", &[]), @r"
    log stdout informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default
    ");
}
