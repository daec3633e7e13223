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
route-map learn-all permit 10"), @r"
    1 unknown-peer: no session uses a route map `192.168.1.6-in` | did you mean `192.168.1.5-in`?
    2 unknown-peer: no session uses a route map `FD00:192:168:1:0::5-in` | did you mean `fd00:192:168:1::5-in`?
    3 unknown-peer: no session uses a route map `gw1-in` | did you mean `192.168.1.5-in`?
    4 unknown-peer: no session uses a route map `192.168.2.5-in` | did you mean `192.168.2.5-red-in`?
    5 unknown-peer: no session uses a route map `192.168.1.5-red-in` | did you mean `192.168.1.5-in`?
    6 unknown-peer: no session uses a route map `192.168.2.5-blue-in` | did you mean `192.168.2.5-red-in`?
    7 unknown-peer: no session uses a route map `192.168.1.5/24-in` | did you mean `192.168.1.5-in`?
    8 unknown-peer: no session uses a route map `192.168.1.5` | did you mean `192.168.1.5-in`?
    9 name-collision: `192.168.1.5-out` is MetalLB's: it says what BGPPeer `gw1` is told | write `192.168.1.5-in` for what the node accepts
    10 unknown-peer: no session uses a route map `learn-all` | the sessions' maps are `192.168.1.5-in`, `192.168.2.5-red-in`, `fd00:192:168:1::5-in`
    ");
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
 match comunity x"), @r"
    1 rejected-line: FRR refuses this line: it knows no `rout-map` | did you mean `route-map`?
    2 rejected-line: FRR refuses this line: it knows no `routemap` | did you mean `route-map`?
    3 rejected-line: FRR refuses this line: `allow` is neither `permit` nor `deny` | write `route-map NAME permit SEQUENCE`
    4 rejected-line: FRR refuses this line: `pemit` is neither `permit` nor `deny` | did you mean `permit`?
    5 rejected-line: FRR refuses this line: it is not complete | write `route-map NAME permit SEQUENCE`
    6 rejected-line: FRR refuses this line: `0` is no number from 1 to 65535 | write a sequence number, for instance 10
    7 rejected-line: FRR refuses this line: `ten` is no number from 1 to 65535 | write a sequence number, for instance 10
    8 rejected-line: FRR refuses this line: `#` does not belong in it | put the comment on a line of its own
    9 rejected-line: FRR refuses this line: it knows no `ip prefix-lsit` | did you mean `ip prefix-list`?
    10 rejected-line: FRR refuses this line: it knows no `ipv4` | did you mean `ip prefix-list`?
    11 rejected-line: FRR refuses this line: it knows no `prefix-list` | did you mean `ip prefix-list`?
    13 rejected-line: FRR refuses this line: it knows no `macth` | did you mean `match`?
    14 rejected-line: FRR refuses this line: `adress` is no word of `match ip` | did you mean `match ip address`?
    15 rejected-line: FRR refuses this line: it says `ip` for IPv4 | write `match ip address prefix-list NAME`
    16 rejected-line: FRR refuses this line: the family is missing | write `match ip address prefix-list NAME`, or `match ipv6 address prefix-list NAME`
    17 rejected-line: FRR refuses this line: `prefix-list` is no word of `match ip` | did you mean `match ip address`?
    18 rejected-line: FRR refuses this line: `prefixlist` is no word of `match ip address` | did you mean `prefix-list`?
    19 undefined-list: the list's name is missing | write `match ip address prefix-list NAME`
    20 rejected-line: FRR refuses this line: it ends with the list's name | one list an entry: add entries for further lists, or lines to the list
    21 rejected-line: FRR refuses this line: it knows no `match comunity` | did you mean `match community`?
    ");
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
 match ipv6 address prefix-list a").replace(" FRR refuses this line:", ""), @r"
    1 rejected-line: it needs `permit` or `deny` here, and `172.16.0.0/16` stands there | write `permit` (or `deny`) before the prefix
    2 rejected-line: `seq` needs a number from 1 to 4294967295 | number the list's lines 5, 10, 15, ...
    3 rejected-line: `seq` needs a number from 1 to 4294967295 | number the list's lines 5, 10, 15, ...
    4 rejected-line: it needs `permit` or `deny` here, and `allow` stands there | write `permit` (or `deny`) before the prefix
    5 rejected-line: it ends before the prefix | add a prefix, for instance `172.16.0.0/16`, or `any`
    6 rejected-line: `172.16.0.0` has no prefix length | write `172.16.0.0/32` for the address alone, or the length you mean
    7 prefix-range: `/33` is no length from 0 to 32 | write a length up to 32
    8 rejected-line: `172.16/16` is no prefix | write a prefix, for instance `172.16.0.0/16`, or `any`
    9 rejected-line: `any` takes no `le` | write `0.0.0.0/0` instead of `any`
    10 prefix-range: `le` needs a length from 0 to 32 | write `le 32` for all lengths
    11 rejected-line: `le` stands in it twice | keep one `le`
    12 rejected-line: `24` does not belong in it | leave out what follows
    13 rejected-line: `#` does not belong in it | put the comment on a line of its own
    14 prefix-range: no prefix fits: `ge 24` is longer than `le 20` | swap them: `ge 20 le 24`
    15 prefix-range: no prefix fits: `ge 8` is shorter than the prefix's own length, 16 | write a `ge` from 16 on, or leave it out
    16 prefix-range: no prefix fits: `le 15` is shorter than the prefix's own length, 16 | write a `le` from 16 on, or leave it out
    17 rejected-line: `172.16.0.0/16` is no IPv6 prefix | write `ip prefix-list` for IPv4 prefixes
    18 prefix-range: `le` needs a length from 0 to 128 | write `le 128` for all lengths
    21 contradicting-matches: entry 10 of `192.168.1.5-in` matches on IPv4 and on IPv6, so it fits no route | write two entries, for instance 10 and 11
    ");
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
 match ip address four"), @r"
    1 unused-list: nothing uses the ip prefix list `alowed` | is it the `allowed` that a match asks for?
    3 undefined-list: there is no `ip prefix-list allowed` | did you mean `alowed`?
    6 undefined-list: there is no `ip prefix-list six` | there is an `ipv6 prefix-list six`: match it with `match ipv6 address prefix-list six`
    9 undefined-list: `match ip address four` asks for an access list, and `four` is a prefix list | write `match ip address prefix-list four`
    ");
}

#[test]
fn a_list_without_a_good_line_is_still_what_a_near_name_means() {
    let found = extras(
        "ip prefix-list from-dc permit 10.0.0.0/8 ge 28 le 24\nroute-map 192.168.1.5-in permit 10\n match ip address prefix-list from-dcc",
    );
    assert_eq!(ids(&found), ["prefix-range", "undefined-list"]);
    assert_eq!(found[1].fix, "did you mean `from-dc`?");
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
route-map fd00:192:168:1::5-in deny 10"), @r"
    2 unreachable-entry: entry 10 of `192.168.1.5-in` is never reached | add a match to entry 5, or leave one of them out
    4 shared-sequence: `route-map 192.168.1.5-in permit 20` is the entry that MetalLB renders as `deny 20` | use a lower number of its own: `route-map 192.168.1.5-in permit 11`
    4 unreachable-entry: entry 20 of `192.168.1.5-in` is never reached | add a match to entry 5, or leave one of them out
    5 unreachable-entry: entry 30 of `192.168.2.5-red-in` is never reached | use a number below 20: `route-map 192.168.2.5-red-in permit 10`
    8 shared-sequence: entry 15 is both `permit` and `deny` | give each entry a number of its own, below 20
    9 deny-only: `fd00:192:168:1::5-in` only denies, which changes nothing | write `route-map fd00:192:168:1::5-in permit 10` for what is to be learnt
    ");
}

#[test]
fn what_stands_beyond_the_contract() {
    assert_snapshot!(told("no route-map 192.168.1.5-in deny 20
route-map 192.168.1.5-in permit 10
 set local-preference 200
 on-match next
bgp route-map delay-timer 0
frobnicate 7"), @r"
    1 outside-contract: `no route-map 192.168.1.5-in deny 20` is beyond what extras are for | leave it out, or allow this lint and try each new MetalLB and FRR before it is rolled out
    3 outside-contract: `set local-preference 200` is beyond what extras are for | leave it out, or allow this lint and try each new MetalLB and FRR before it is rolled out
    4 outside-contract: `on-match next` is beyond what extras are for | leave it out, or allow this lint and try each new MetalLB and FRR before it is rolled out
    5 outside-contract: `bgp route-map delay-timer 0` is beyond what extras are for | leave it out, or allow this lint and try each new MetalLB and FRR before it is rolled out
    6 outside-contract: `frobnicate 7` is beyond what extras are for | leave it out, or allow this lint and try each new MetalLB and FRR before it is rolled out
    ");
}

#[test]
fn spellings() {
    assert_snapshot!(told("ipv6 prefix-list a seq 5 permit FC00:0:0::/48
ipv6 prefix-list a seq 10 permit fc00::1/64
ip prefix-list b seq 5 per 10.1.2.3/8
route-map 192.168.1.5-in permit 10
 match ip addr prefix-list b
route-map 192.168.1.5-in permit 11
 match ipv6 address prefix-list a"), @r"
    1 prefix-spelling: FRR spells `FC00:0:0::/48` as `fc00::/48` | write `fc00::/48`
    2 prefix-spelling: `fc00::1/64` has bits beyond its length | write `fc00::/64`, or `fc00::1/128` if the address alone is meant
    3 abbreviated: `per` is short for `permit` | write `permit`
    3 prefix-spelling: `10.1.2.3/8` has bits beyond its length | write `10.0.0.0/8`, or `10.1.2.3/32` if the address alone is meant
    5 abbreviated: `addr` is short for `address` | write `address`
    ");
}

#[test]
fn a_match_below_a_refused_header_is_not_told_of_again() {
    let ids_of = |text: &str| ids(&extras(text));
    let list = "ip prefix-list a seq 5 permit any\n";
    assert_eq!(
        ids_of(&format!("{list}rout-map 192.168.1.5-in permit 10\n match ip address prefix-list a")),
        ["rejected-line"]
    );
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
        format!(
            "ip prefix-list {list} seq 5 permit any\nroute-map 192.168.1.5-in permit 10\n match ip address prefix-list {list}"
        )
    };
    let of = |metallb: &str, list: &str| {
        ids(&lint(With { metallb, frr: "8.4.4" }, &[PEERS, &config_map(&text(list))])).join(" ")
    };
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
