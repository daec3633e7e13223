use super::super::answer::fixtures::{fixture, versions};
use super::*;

fn shown(missing: &[MissingLine]) -> String {
    let line = |m: &MissingLine| {
        let place = m.context.iter().map(|header| format!("{header} > ")).collect::<String>();
        format!("{}: {place}{} [{:?}]", m.line_number_in_wanted, m.line, m.kind)
    };
    missing.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is missing, in all three versions alike.
fn in_all(wanted: &str, recordings: [(&str, &str); 3]) -> String {
    let found = recordings.map(|(version, running)| (version, shown(&missing_lines(wanted, running))));
    assert_eq!(found[0].1, found[1].1, "{} and {}", found[0].0, found[1].0);
    assert_eq!(found[1].1, found[2].1, "{} and {}", found[1].0, found[2].0);
    found[0].1.clone()
}

#[test]
fn a_rendered_file_with_late_extras_loses_only_what_it_overrides() {
    insta::assert_snapshot!(in_all(fixture!("m0137x.conf"), versions!("m0137x.running")), @"7: route-map 192.168.1.5-in deny 20 [Superseded { by: 36 }]");
    let missing = missing_lines(fixture!("m0137x.conf"), fixture!("10.3/m0137x.running"));
    assert!(missing.iter().all(MissingLine::is_overridden));
}

#[test]
fn newer_releases_and_gateways_raise_no_alarm() {
    insta::assert_snapshot!(in_all(fixture!("m016x.conf"), versions!("m016x.running")), @"");
}

#[test]
fn a_line_that_7_5_drops_in_silence_is_found() {
    let [old, mid, new] = versions!("m01310x.running")
        .map(|(_, running)| shown(&missing_lines(fixture!("m01310x.conf"), running)));
    insta::assert_snapshot!(old, @r"
    6: route-map 192.168.1.5-in deny 20 [Superseded { by: 116 }]
    34: route-map fd00:1::5-in deny 20 [Superseded { by: 131 }]
    109: ip prefix-list allowed deny any [Absent]
    ");
    insta::assert_snapshot!(mid, @r"
    6: route-map 192.168.1.5-in deny 20 [Superseded { by: 116 }]
    34: route-map fd00:1::5-in deny 20 [Superseded { by: 131 }]
    ");
    assert_eq!(mid, new);
}

#[test]
fn everything_else_that_frr_prints_differently() {
    insta::assert_snapshot!(in_all(fixture!("edge.conf"), versions!("edge.running")), @r"
    26: ip prefix-list e6 seq 5 permit 10.0.0.0/8 [Superseded { by: 27 }]
    47: route-map r1 permit 10 > match ip address prefix-list e1 [Superseded { by: 48 }]
    97: router bgp 64513 > neighbor 192.168.1.7 timers connect 30 [Superseded { by: 98 }]
    ");
}

#[test]
fn rejected_lines_and_what_hangs_on_them_are_found() {
    insta::assert_snapshot!(in_all(fixture!("bad.conf"), versions!("bad.running")), @r"
    3: route-mapp 192.168.1.5-in permit 20 [Absent]
    5: route-map 192.168.1.5-in permit 20 > match ip adress prefix-list allowed [Absent]
    9: router bgp 64513 > neighbor 10.9.9.9 port 179 [Absent]
    10: router bgp 64513 > neighbor 999.1.1.1 remote-as 1 [Absent]
    12: router bgp 64513 > neighbor 192.168.1.5 bogus [Absent]
    15: router bgp 64513 > address-family ipv4 unicast > neighbor 192.168.1.7 activate [Absent]
    16: router bgp 64513 > address-family ipv4 unicast > netwrk 10.0.0.0/8 [Absent]
    18: router bgp 64513 > match ip address prefix-list allowed [Absent]
    19: ip prefix-list bad permit 10.0.0.0/33 [Absent]
    20: ip prefix-list bad2 permit 10.0.0.0/16 le 8 [Absent]
    21: network 10.0.0.0/8 [Absent]
    22: route-map x permit [Absent]
    23: ip route 10.0.0.0/8 [Absent]
    ");
}

#[test]
fn a_reload_that_put_the_older_spelling_back_is_told_apart() {
    let wanted = fixture!("rl2.conf");
    assert_eq!(
        in_all(fixture!("rl1.conf"), versions!("rl1.running")),
        "7: route-map 192.168.1.5-in deny 20 [Superseded { by: 36 }]"
    );
    let back = in_all(wanted, versions!("rl2.running"));
    assert_eq!(back, "36: route-map 192.168.1.5-in permit 20 [Superseded { by: 7 }]");
    assert!(!missing_lines(wanted, fixture!("10.3/rl2.running"))[0].is_overridden());
}

#[test]
fn gateway_files_raise_no_alarm() {
    let running = fixture!("8.4.4/gateway.running");
    assert_eq!(missing_lines(fixture!("gw.conf"), running), []);
    // The same without the address families' headers, which FRR takes for IPv4 unicast.
    let flat = "router bgp 64512\n network 172.16.1.0/24\n redistribute static\n neighbor nodes soft-reconfiguration inbound\n";
    assert_eq!(missing_lines(flat, running), []);
}

#[test]
fn defaults_that_multipath_scenarios_spell_out_raise_no_alarm() {
    let wanted = "zebra nexthop kernel enable\nrouter bgp 1\n maximum-paths 64\n address-family ipv6 unicast\n  \
                  maximum-paths 256\n  maximum-paths ibgp 256\n exit-address-family\n";
    assert_eq!(missing_lines(wanted, "frr version 7.5.1\nrouter bgp 1\nexit\n"), []);
    // Something else is in force.
    let running = "frr version 7.5.1\nno zebra nexthop kernel enable\nrouter bgp 1\n address-family ipv4 unicast\n  \
                   maximum-paths 2\n exit-address-family\n address-family ipv6 unicast\n  maximum-paths ibgp 4\n";
    insta::assert_snapshot!(shown(&missing_lines(wanted, running)), @"
    1: zebra nexthop kernel enable [Absent]
    3: router bgp 1 > maximum-paths 64 [Absent]
    6: router bgp 1 > address-family ipv6 unicast > maximum-paths ibgp 256 [Absent]
    ");
    // Other values are printed.
    let few = "router bgp 1\n address-family ipv4 unicast\n  maximum-paths 3\n";
    assert_eq!(missing_lines(few, "router bgp 1\nexit\n").len(), 1);
}

#[test]
fn every_line_counts() {
    // Whatever single line the running configuration loses, the gate says so.
    let wanted = fixture!("m016x.conf");
    for (version, running) in versions!("m016x.running") {
        for (number, line) in running.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            // What the file does not ask for, only closes a section, or is the reader's.
            if matches!(
                words[..],
                [] | ["!"]
                    | ["exit" | "end" | "bfd" | "exit-address-family"]
                    | [
                        "frr" | "service" | "hostname" | "line" | "Building" | "Current" | "address-family",
                        ..
                    ]
            ) {
                continue;
            }
            let without: String = running
                .lines()
                .enumerate()
                .filter(|(n, _)| *n != number)
                .map(|(_, l)| format!("{l}\n"))
                .collect();
            assert_ne!(missing_lines(wanted, &without), [], "{version}: {line:?} may vanish unnoticed");
        }
    }
}

#[test]
fn a_missing_neighbor_and_a_swallowed_line_are_found() {
    let wanted = "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n neighbor 10.0.0.1 port 179\n\
                  route-map a permit 10\n match metric 1\nroute-map b permit 10\n match metric 2\n";
    let running = "frr version 8.4.4\nrouter bgp 1\nexit\nroute-map a permit 10\n match metric 2\nroute-map b permit 10\n";
    insta::assert_snapshot!(shown(&missing_lines(wanted, running)), @r#"
    2: router bgp 1 > neighbor 10.0.0.1 remote-as 2 [Absent]
    3: router bgp 1 > neighbor 10.0.0.1 port 179 [Absent]
    5: route-map a permit 10 > match metric 1 [Absent]
    7: route-map b permit 10 > match metric 2 [Misplaced { found_in: ["route-map a 10"] }]
    "#);
}
