//! Valid extras give nothing: each of these is right, whatever it looks like.

use super::*;

#[track_caller]
fn quiet(text: &str) {
    let found = extras(text);
    assert!(found.is_empty(), "{text}\n{found:#?}");
}

#[test]
fn filters_of_every_valid_form() {
    quiet(
        "!
! IPv4 and IPv6 from gw1, IPv6 from gw1-v6
#
ip prefix-list in4 description what gw1 may say
ip prefix-list in4 seq 5 permit 172.16.0.0/16 ge 16 le 16
ip prefix-list in4 seq 6 permit 172.17.0.0/16 le 24 ge 20
ip prefix-list in4 seq 7 deny 172.18.9.0/24
ip prefix-list in4 seq 10 permit 172.18.0.0/16 le 32
ip prefix-list in4 permit 10.0.0.0/8 ge 8
ip prefix-list in4 seq 4294967295 deny any
ipv6 prefix-list in6 seq 5 permit fc00:172:16::/48 ge 48 le 128
ipv6 prefix-list in6 seq 10 permit ::/0
route-map 192.168.1.5-in permit 10
  description learnt from gw1
  match ip address prefix-list in4
exit
!
route-map 192.168.1.5-in permit 11
match ipv6 address prefix-list in6
match metric 5
exit
route-map fd00:192:168:1::5-in permit 19
\tmatch ipv6 address prefix-list in6
route-map 192.168.2.5-red-in permit 1
end",
    );
}

#[test]
fn denying_some_and_permitting_the_rest() {
    quiet(
        "ip prefix-list bogons seq 5 permit 10.0.0.0/8 le 32
ip prefix-list bogons seq 10 permit 192.168.0.0/16 le 32
route-map 192.168.1.5-in deny 5
 match ip address prefix-list bogons
route-map 192.168.1.5-in permit 10",
    );
}

#[test]
fn one_list_for_several_peers_and_one_entry_in_two_parts() {
    quiet(
        "ip prefix-list a seq 5 permit 172.16.0.0/16
route-map 192.168.1.5-in permit 10
 match ip address prefix-list a
route-map 192.168.2.5-red-in permit 10
 match ip address prefix-list a
route-map 192.168.1.5-in permit 10
 match tag 7",
    );
}

#[test]
fn a_narrower_deny_before_and_lengths_apart() {
    quiet(
        "ip prefix-list a seq 10 permit 10.0.0.0/8 le 24
ip prefix-list a seq 20 deny 10.1.0.0/16 ge 25
ip prefix-list a seq 5 deny 10.9.0.0/16 le 32
route-map 192.168.1.5-in permit 10
 match ip address prefix-list a",
    );
}

#[test]
fn matches_that_are_no_prefix_lists() {
    for clause in [
        "match as-path only-ours",
        "match community blue exact-match",
        "match ip address prefix-len 24",
        "match ip next-hop address 192.168.1.5",
        "match ip next-hop type blackhole",
        "match ip address an-access-list",
        "match ipv6 next-hop fd00::1",
        "match ip route-source 7",
        "match large-community x",
        "match local-preference 100",
        "match origin igp",
        "match peer 192.168.1.5",
        "match probability 50",
        "match rpki valid",
        "match source-vrf red",
        "match evpn default-route",
        "match interface eth1",
    ] {
        quiet(&format!("route-map 192.168.1.5-in permit 10\n {clause}"));
    }
}

#[test]
fn extras_before_their_peers() {
    assert!(lint(USUAL, &[&config_map("route-map 192.168.7.7-in permit 10")]).is_empty());
    let mut objects = Objects::new();
    let mut lint = Lint::new(Release::find("v0.13.10").unwrap(), None);
    for text in [config_map("route-map 192.168.1.5-in permit 10"), PEERS.to_owned()] {
        let applied = objects.apply(&Source::new("x.yaml", text)).unwrap();
        lint.look(&objects, &applied);
    }
    objects.delete(&Source::new("x.yaml", PEERS)).unwrap();
    lint.look(&objects, &[]);
    assert!(lint.findings().is_empty());
}

#[test]
fn a_peer_that_waits_for_its_secret_may_be_the_one() {
    let waiting = "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: gw9, namespace: metallb-system}\nspec: {myASN: 64513, \
                   peerASN: 64512, peerAddress: 192.168.9.9, passwordSecret: {name: later}}\n";
    let found = lint(USUAL, &[PEERS, waiting, &config_map("route-map 192.168.9.9-in permit 10")]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn empty_extras_and_extras_that_were_replaced_on_purpose() {
    quiet("");
    quiet("! nothing yet");
    let mut objects = Objects::new();
    let mut lint = Lint::new(Release::find("v0.13.10").unwrap(), None);
    for text in ["route-map 192.168.1.5-in permit 10", "route-map 192.168.1.5-in permit 11"] {
        let applied = objects.apply(&Source::new("x.yaml", config_map(text))).unwrap();
        lint.look(&objects, &applied);
    }
    assert!(lint.findings().is_empty());
}

#[test]
fn what_depends_on_an_unknown_frr_is_left_out() {
    let text = config_map("ip prefix-list a permit any\nroute-map 192.168.1.5-in permit 20");
    let of = |frr: &str| ids(&lint(With { metallb: "v0.13.10", frr }, &[PEERS, &text]));
    assert_eq!(of("frr:@sid"), ["unused-list", "shared-sequence"]);
    assert_eq!(of("7.5.1"), ["unused-list", "list-without-seq", "ordering-bug", "shared-sequence"]);
    assert_eq!(of("10.3"), ["unused-list", "list-without-seq", "shared-sequence"]);
}

#[test]
fn several_remarks_about_lines_beyond_the_contract_are_one_a_section() {
    let text = "router bgp 64513\n neighbor 192.168.1.5 soft-reconfiguration inbound\n address-family ipv4 unicast\n  neighbor \
                192.168.1.5 prefix-list mine in\n exit-address-family\nip prefix-list mine seq 5 permit any\nroute-map 192.168.1.5-in \
                permit 10";
    assert_eq!(ids(&extras(text)), ["outside-contract"]);
}
