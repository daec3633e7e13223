use super::*;
use crate::fact::{Change, KernelEvent, Mono, NextHop, Object};

const PREFIX: &str = "172.16.1.0/24";

fn book() -> AddressBook {
    let mut book = AddressBook::default();
    book.insert("192.168.1.5".parse().unwrap(), "gw1");
    book.insert("192.168.1.6".parse().unwrap(), "gw2");
    book
}

fn kernel(weights: &[(&str, u16)]) -> KernelState {
    let hop = |(gateway, weight): &(&str, u16)| NextHop {
        weight: *weight,
        ..NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"))
    };
    let route = Route {
        table: 254,
        prefix: PREFIX.parse().unwrap(),
        protocol: "bgp".into(),
        kind: "unicast".into(),
        nexthops: NextHop::set(weights.iter().map(hop)),
        ..Route::default()
    };
    let mut state = KernelState::default();
    state.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Route(route)) });
    state
}

fn both() -> KernelState {
    kernel(&[("192.168.1.5", 1), ("192.168.1.6", 1)])
}

fn expect() -> ExpectEcmp {
    ExpectEcmp {
        node: "worker".into(),
        prefix: PREFIX.parse().unwrap(),
        via: vec!["gw1".into(), "gw2".into()],
        weights: None,
        flows: 400,
        hash_policy: None,
        vrf: None,
    }
}

/// That many flows to each, all to different ports; `None` got nowhere.
fn flows(counts: &[(Option<&str>, usize)]) -> Flows {
    let each = counts.iter().flat_map(|(who, count)| std::iter::repeat_n(*who, *count));
    let flow = |(i, who): (usize, Option<&str>)| Flow {
        sport: 40_000,
        dst: format!("172.16.1.{}", i % 256).parse().unwrap(),
        dport: 1000 + i as u16,
        refused: None,
        left: Some(Exit { interface: "eth1".into(), to: "02:00:00:00:00:99".parse().ok() }),
        got: who.map(str::to_string).into_iter().collect(),
    };
    Flows {
        node: "worker".into(),
        prefix: PREFIX.parse().unwrap(),
        vrf: None,
        from: Mono(2),
        at: Mono(3),
        hash_policy: 1,
        watched: ["gw1".to_string(), "gw2".to_string()].into(),
        flows: each.enumerate().map(flow).collect(),
        dropped: 0,
    }
}

fn of(gw1: usize, gw2: usize) -> Flows {
    flows(&[(Some("gw1"), gw1), (Some("gw2"), gw2)])
}

#[test]
fn an_even_spread_passes_and_says_its_counts() {
    let checked = ecmp(&expect(), &both(), &of(213, 187), &book());
    insta::assert_snapshot!(checked.status, @"of 400 flows to 172.16.1.0/24 gw1 got 213, gw2 got 187");
    assert!(checked.holds);
    insta::assert_snapshot!(checked.evidence.iter().find(|e| e.what == "flow-share").unwrap().value, @r#"{"at_least":155,"at_most":245,"expected":200.0,"gateway":"gw1","got":213,"weight":1}"#);
}

#[test]
fn each_wrong_spread_is_named() {
    let status = |expect: &ExpectEcmp, kernel: &KernelState, flows: &Flows| {
        let checked = ecmp(expect, kernel, flows, &book());
        assert!(!checked.holds, "{}", checked.status);
        checked.status
    };
    let plain = |flows: &Flows| status(&expect(), &both(), flows);
    insta::assert_snapshot!(plain(&of(260, 140)), @"gw1 got 260 of 400 flows to 172.16.1.0/24, expected 200 (155 to 245 by chance)");
    insta::assert_snapshot!(plain(&of(400, 0)), @"gw2 got none of 400 flows to 172.16.1.0/24");
    insta::assert_snapshot!(plain(&flows(&[(Some("gw1"), 200), (None, 200)])), @"gw2 got none of 400 flows to 172.16.1.0/24; 200 of 400 flows reached no gateway: 200 left by eth1 to 02:00:00:00:00:99");
    insta::assert_snapshot!(plain(&flows(&[(Some("gw1"), 199), (Some("gw2"), 199), (None, 2)])), @"2 of 400 flows reached no gateway: 2 left by eth1 to 02:00:00:00:00:99");
    let mut twice = of(200, 200);
    twice.flows[0].got.insert("gw2".into());
    insta::assert_snapshot!(plain(&twice), @"a flow to 172.16.1.0 reached more than one gateway: gw1, gw2");
    let mut unsent = of(200, 200);
    unsent.flows[7].refused = Some("Network is unreachable (os error 101)".into());
    insta::assert_snapshot!(plain(&unsent), @"1 of 400 flows were not sent: worker to 172.16.1.7: Network is unreachable (os error 101)");
    insta::assert_snapshot!(plain(&Flows { dropped: 3, ..of(200, 200) }), @"the captures lost 3 packets: the count cannot be trusted");
    let by_ports = ExpectEcmp { hash_policy: Some(HashPolicy::L4), ..expect() };
    insta::assert_snapshot!(status(&by_ports, &both(), &Flows { hash_policy: 0, ..of(200, 200) }), @"worker has net.ipv4.fib_multipath_hash_policy = 0, not 1 (l4)");
    insta::assert_snapshot!(status(&expect(), &kernel(&[("192.168.1.5", 1)]), &of(400, 0)), @"worker has 172.16.1.0/24, but not via gw2 (via gw1 (192.168.1.5) dev eth1 weight 1)");
    insta::assert_snapshot!(status(&expect(), &kernel(&[("192.168.1.5", 3), ("192.168.1.6", 1)]), &of(300, 100)), @"worker has 172.16.1.0/24, but the weights are not equal: gw1 3, gw2 1");
    insta::assert_snapshot!(status(&expect(), &KernelState::default(), &of(200, 200)), @"worker has no route to 172.16.1.0/24 in table main");
}

#[test]
fn weights_are_exact_in_the_table_and_set_the_shares() {
    let weighted = ExpectEcmp { weights: Some(vec![3, 1]), ..expect() };
    let uneven = kernel(&[("192.168.1.5", 3), ("192.168.1.6", 1)]);
    assert!(ecmp(&weighted, &uneven, &of(300, 100), &book()).holds);
    assert!(!ecmp(&weighted, &uneven, &of(200, 200), &book()).holds);
    assert!(!ecmp(&weighted, &both(), &of(300, 100), &book()).holds);
    let doubled = kernel(&[("192.168.1.5", 6), ("192.168.1.6", 2)]);
    assert!(!ecmp(&weighted, &doubled, &of(300, 100), &book()).holds);
}

/// Without ports in the hash, flows to one address are one.
#[test]
fn by_layer_3_addresses_count_and_not_flows() {
    let by_address = ExpectEcmp { hash_policy: Some(HashPolicy::L3), ..expect() };
    let mut measured = Flows { hash_policy: 0, ..of(200, 200) };
    let checked = ecmp(&by_address, &both(), &measured, &book());
    insta::assert_snapshot!(checked.status, @"gw1 got 200 of 256 flows to 172.16.1.0/24, expected 128 (92 to 164 by chance)");
    measured.flows.iter_mut().for_each(|flow| flow.dst = "172.16.1.1".parse().unwrap());
    let checked = ecmp(&by_address, &both(), &measured, &book());
    insta::assert_snapshot!(checked.status, @"1 flows to 172.16.1.0/24 are too few to tell whether gw1 gets its share: by hash policy 0 the ports do not count, and the prefix has too few addresses");
    assert!(!checked.holds);
}

#[test]
fn few_flows_are_too_few() {
    assert_eq!(fewest_flows(&[0.5, 0.5]), 19);
    assert_eq!(fewest_flows(&[0.125; 8]), 107);
    assert_eq!(fewest_flows(&[1.0]), 1);
}
