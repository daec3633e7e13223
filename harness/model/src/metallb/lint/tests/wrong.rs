//! What users get wrong, and what they are told.

use insta::assert_snapshot;

use super::*;

#[test]
fn names_of_peers() {
    assert_snapshot!(told("route-map 192.168.1.6-in permit 10
route-map FD00:192:168:1:0::5-in permit 10
route-map gw1-in permit 10
route-map 192.168.2.5-in permit 10
route-map 192.168.1.5-red-in permit 10
route-map 192.168.2.5-blue-in permit 10
route-map 192.168.1.5/24-in permit 10
route-map 192.168.1.5 permit 10
route-map 192.168.1.5-out permit 10
route-map learn-all permit 10"), @"");
}

#[test]
fn a_name_that_nothing_uses_is_told_before_there_are_peers() {
    let found = lint(USUAL, &[&config_map("route-map learn-all permit 10")]);
    assert_eq!(ids(&found), ["unknown-peer"]);
}

#[test]
fn commands_that_frr_refuses() {
    assert_snapshot!(told("rout-map 192.168.1.5-in permit 10
routemap 192.168.1.5-in permit 10
route-map 192.168.1.5-in allow 10
route-map 192.168.1.5-in pemit 10
route-map 192.168.1.5-in permit
route-map 192.168.1.5-in permit 0
route-map 192.168.1.5-in permit ten
route-map 192.168.1.5-in permit 10 # all
ip prefix-lsit a seq 5 permit any
ipv4 prefix-list a seq 5 permit any
prefix-list a seq 5 permit any
route-map 192.168.1.5-in permit 10
 macth ip address prefix-list a
 match ip adress prefix-list a
 match ipv4 address prefix-list a
 match address prefix-list a
 match ip prefix-list a
 match ip address prefixlist a
 match ip address prefix-list
 match ip address prefix-list a b
 match comunity x"), @"");
}

#[test]
fn lines_of_prefix_lists_that_frr_refuses() {
    assert_snapshot!(told("ip prefix-list a seq 5 172.16.0.0/16
ip prefix-list a seq 0 permit any
ip prefix-list a seq permit any
ip prefix-list a seq 5 allow any
ip prefix-list a seq 5 permit
ip prefix-list a seq 5 permit 172.16.0.0
ip prefix-list a seq 5 permit 172.16.0.0/33
ip prefix-list a seq 5 permit 172.16/16
ip prefix-list a seq 5 permit any le 24
ip prefix-list a seq 5 permit 172.16.0.0/16 le 33
ip prefix-list a seq 5 permit 172.16.0.0/16 le 24 le 26
ip prefix-list a seq 5 permit 172.16.0.0/16 24
ip prefix-list a seq 5 permit 172.16.0.0/16 # our own
ip prefix-list a seq 5 permit 172.16.0.0/16 ge 24 le 20
ip prefix-list a seq 5 permit 172.16.0.0/16 ge 8
ip prefix-list a seq 5 permit 172.16.0.0/16 le 15
ipv6 prefix-list a seq 5 permit 172.16.0.0/16
ipv6 prefix-list a seq 5 permit fc00::/48 le 129
route-map 192.168.1.5-in permit 10
 match ip address prefix-list a
 match ipv6 address prefix-list a").replace(" FRR refuses this line:", ""), @"");
}

#[test]
fn lists_and_matches_that_miss_each_other() {
    assert_snapshot!(told("ip prefix-list alowed seq 5 permit any
route-map 192.168.1.5-in permit 10
 match ip address prefix-list allowed
ipv6 prefix-list six seq 5 permit any
route-map 192.168.1.5-in permit 11
 match ip address prefix-list six
ip prefix-list four seq 5 permit any
route-map 192.168.1.5-in permit 12
 match ip address four"), @"");
}

#[test]
fn reach_and_order() {
    assert_snapshot!(told("route-map 192.168.1.5-in permit 5
route-map 192.168.1.5-in permit 10
 match tag 1
route-map 192.168.1.5-in permit 20
route-map 192.168.2.5-red-in permit 30
route-map 192.168.2.5-red-in permit 15
 match tag 1
route-map 192.168.2.5-red-in deny 15
route-map fd00:192:168:1::5-in deny 10"), @"");
}

#[test]
fn what_stands_beyond_the_contract() {
    assert_snapshot!(told("no route-map 192.168.1.5-in deny 20
route-map 192.168.1.5-in permit 10
 set local-preference 200
 on-match next
bgp route-map delay-timer 0
frobnicate 7"), @"");
}

#[test]
fn spellings() {
    assert_snapshot!(told("ipv6 prefix-list a seq 5 permit FC00:0:0::/48
ipv6 prefix-list a seq 10 permit fc00::1/64
ip prefix-list b seq 5 per 10.1.2.3/8
route-map 192.168.1.5-in permit 10
 match ip addr prefix-list b
route-map 192.168.1.5-in permit 11
 match ipv6 address prefix-list a"), @"");
}

#[test]
fn a_match_below_a_refused_header_is_not_told_of_again() {
    let ids_of = |text: &str| ids(&extras(text));
    let list = "ip prefix-list a seq 5 permit any\n";
    assert_eq!(ids_of(&format!("{list}rout-map 192.168.1.5-in permit 10\n match ip address prefix-list a")), ["unused-list", "rejected-line"]);
    assert_eq!(ids_of("route-map 192.168.1.5-in permit\nmatch ip address prefix-list a"), ["rejected-line"]);
    assert_eq!(ids_of("route-map 192.168.1.5-in permit 0\n match tag 1"), ["rejected-line"]);
}

#[test]
fn families_of_sessions() {
    let six = "ipv6 prefix-list a seq 5 permit any\nroute-map 192.168.1.5-in permit 10\n match ipv6 address prefix-list a";
    let of = |metallb: &str| ids(&lint(With { metallb, frr: "8.4.4" }, &[PEERS, &config_map(six)]));
    assert_eq!(of("v0.14.9"), ["own-family-unmatched"]);
    assert_eq!(of("v0.15.0"), ["family-mismatch"]);
    let both = format!("{six}\nroute-map 192.168.1.5-in permit 11");
    assert!(extras(&both).is_empty());
}

#[test]
fn names_that_are_metallbs() {
    let text = |list: &str| {
        format!("ip prefix-list {list} seq 5 permit any\nroute-map 192.168.1.5-in permit 10\n match ip address prefix-list {list}")
    };
    let of = |metallb: &str, list: &str| ids(&lint(With { metallb, frr: "8.4.4" }, &[PEERS, &config_map(&text(list))])).join(" ");
    for (list, old, new) in [
        ("192.168.1.5-pl-ipv4", "name-collision", "reserved-name"),
        ("192.168.1.5-pl-ipv6", "", "reserved-name"),
        ("192.168.1.5-allowed-ipv4", "reserved-name", "name-collision"),
        ("192.168.1.5-allowed-ipv6", "reserved-name", "name-collision"),
        ("192.168.1.5-100-ip-localpref-prefixes", "reserved-name", "reserved-name"),
        ("192.168.1.5-large:1:2:3-ipv4-community-prefixes", "reserved-name", "reserved-name"),
        ("192.168.1.5-learnt", "", ""),
        ("192.168.1.55-pl-ipv4", "", ""),
    ] {
        assert_eq!((of("v0.13.10", list), of("v0.15.3", list)), (old.to_owned(), new.to_owned()), "{list}");
    }
}
