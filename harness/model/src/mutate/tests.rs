#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;

use super::*;
use crate::fact::{Change, KernelEvent, Mono, NextHop, Object};
use crate::scenario::testing;

fn steps(text: &str) -> Vec<Step> {
    let scenario = testing::scenario(text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    scenario.runs.into_iter().next().unwrap().steps
}

fn kernel() -> KernelState {
    let hop = |gateway: &str| NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"));
    let route = |prefix: &str, protocol: &str, hops: Vec<NextHop>| Route {
        table: 254,
        prefix: prefix.parse().unwrap(),
        metric: if protocol == "bgp" { 20 } else { 0 },
        protocol: protocol.into(),
        kind: "unicast".into(),
        scope: "global".into(),
        nexthops: NextHop::set(hops),
        ..Route::default()
    };
    let mut state = KernelState::default();
    for route in [
        route("172.16.1.0/24", "bgp", vec![hop("192.168.1.5"), hop("192.168.1.6")]),
        route("172.16.2.0/24", "bgp", vec![hop("192.168.1.5")]),
        route("fc00:1::/64", "bgp", vec![hop("fe80::5")]),
        route("192.168.1.0/24", "kernel", vec![NextHop::new(None, Some("eth1"))]),
    ] {
        state.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Route(route)) });
    }
    state
}

/// The mutations that apply to each expectation.
fn plan(text: &str) -> String {
    let applied = |step: &Step| {
        let applied = Mutation::ALL.iter().filter(|m| applies(**m, &step.verb, &kernel()));
        let words: String = applied.map(|m| format!(" {}", m.word())).collect();
        format!("{}:{words}\n", step.name)
    };
    steps(text).iter().map(applied).collect()
}

const EXPECTS: &str = "
  - expect: { session: { node: n, peer: gw1 } }
  - expect: { route: { node: n, prefix: 172.16.1.0/24, via: [gw1, gw2], proto: bgp } }
  - expect: { route: { node: n, prefix: 172.16.2.0/24 } }
  - expect: { route: { node: n, prefix: 192.168.1.0/24 } }
  - expect: { route: { node: n, prefix: 192.168.1.0/24, proto: kernel } }
  - expect: { no-route: { node: n, prefix: 172.16.9.0/24 } }
    holds: 1s
    witness: 172.16.2.0/24
  - expect: { no-route: { node: n, proto: bgp, peer: gw1 } }
    holds: 1s
  - expect: { rib-fib: { node: n } }
  - expect: { session: { node: n, peer: gw2, state: active } }
  - stream: { name: paced, from: n, to: 172.16.1.0/24, every: 5ms, flows: 4 }
  - fault: { link: { node: n, interface: eth1, state: down } }
  - expect: { convergence: { node: n, prefix: 172.16.2.0/24, via: [gw1], proto: bgp } }
  - expect: { convergence: { node: n, prefix: 172.16.2.0/24, via: [gw1], at-most: 1s } }
  - expect: { convergence: { node: n, prefix: 172.16.1.0/24, absent: true, changes-at-most: 3 } }
  - expect: { loss: { stream: paced, at-most: 300ms } }
";

#[test]
fn what_applies_to_what() {
    insta::assert_snapshot!(plan(EXPECTS), @r"
    session n -> gw1 is established: peer-down link-down
    n has 172.16.1.0/24 via gw1 and gw2: drop-extras peer-down link-down remove-route remove-next-hop blackhole
    n has 172.16.2.0/24: drop-extras peer-down link-down remove-route blackhole
    n has 192.168.1.0/24: drop-extras peer-down
    n has 192.168.1.0/24: drop-extras peer-down link-down remove-route blackhole
    n has not 172.16.9.0/24 for 1s: drop-extras peer-down link-down remove-route leak-route
    n has not any route of protocol bgp for 1s: peer-down link-down leak-route
    FRR and the kernel of n agree: remove-next-hop blackhole leak-route
    session n -> gw2 is active:
    stream paced: n to 172.16.1.0/24, 4 flows, each every 5ms:
    n:eth1 goes down:
    172.16.2.0/24 of n converges to gw1: blackhole skip-change
    172.16.2.0/24 of n converges to gw1 within 1s: blackhole skip-change flap
    172.16.1.0/24 of n converges to no route: leak-route skip-change flap
    stream paced is out for 300ms at most: link-down
    ");
}

#[test]
fn the_commands_that_break_a_kernel() {
    let text = |mutation, verb: &Verb| {
        let lines = commands(mutation, verb, &kernel()).into_iter().map(|argv| argv.join(" ") + "\n");
        lines.collect::<String>()
    };
    let steps = steps(EXPECTS);
    let all: String = Mutation::ALL
        .iter()
        .flat_map(|m| steps.iter().map(move |step| (m, step)))
        .filter(|(m, step)| applies(**m, &step.verb, &kernel()))
        .map(|(m, step)| text(*m, &step.verb))
        .collect();
    insta::assert_snapshot!(all, @r"
    ip route del 172.16.1.0/24 table 254 proto 186 metric 20
    ip route del 172.16.2.0/24 table 254 proto 186 metric 20
    ip route del 192.168.1.0/24 table 254 proto 2
    ip route del 172.16.2.0/24 table 254 proto 186 metric 20
    ip route replace 172.16.1.0/24 table 254 proto 186 metric 20 nexthop via 192.168.1.5 dev eth1 weight 1
    ip route replace 172.16.1.0/24 table 254 proto 186 metric 20 nexthop via 192.168.1.5 dev eth1 weight 1
    ip route replace blackhole 172.16.1.0/24 table 254 proto 186 metric 20
    ip route replace blackhole 172.16.2.0/24 table 254 proto 186 metric 20
    ip route replace blackhole 192.168.1.0/24 table 254 proto 2
    ip route replace blackhole 172.16.1.0/24 table 254 proto 186 metric 20
    ip route replace blackhole 172.16.2.0/24 table 254 proto 186 metric 20
    ip route replace blackhole fc00:1::/64 table 254 proto 186 metric 20
    ip route replace blackhole 172.16.2.0/24 table 254 proto 186 metric 20
    ip route replace blackhole 172.16.2.0/24 table 254 proto 186 metric 20
    ip route add 172.16.9.0/24 table 254 proto 186 metric 4242 dev lo
    ip route add 198.51.100.0/24 table 254 proto 186 metric 4242 dev lo
    ip route add 2001:db8:dead::/48 table 254 proto 186 metric 4242 dev lo
    ip route add 198.51.100.0/24 table 254 proto 186 metric 4242 dev lo
    ip route add 2001:db8:dead::/48 table 254 proto 186 metric 4242 dev lo
    ip route add 172.16.1.0/24 table 254 proto 186 metric 4242 dev lo
    ip route del 172.16.2.0/24 table 254 proto 186 metric 20
    ip route replace 172.16.2.0/24 table 254 proto 186 metric 20 nexthop via 192.168.1.5 dev eth1 weight 1
    ip route add 172.16.1.0/24 table 254 proto 186 metric 4242 dev lo
    ip route del 172.16.1.0/24 table 254 proto 186 metric 4242 dev lo
    ");
}

#[test]
fn what_is_followed_is_broken_for_long_enough() {
    let steps = steps(EXPECTS);
    let each = steps.iter().filter_map(|step| match expectation(&step.verb) {
        Some((Expect::Convergence(e), _)) => flapping(e),
        _ => None,
    });
    let each: Vec<_> = each.map(|f| (f.at_least, f.until.as_millis())).collect();
    assert_eq!(each, [(1, 2000), (2, 0)], "past the limit; more often than allowed");
    let stream = steps.iter().find_map(|step| match &step.verb {
        Verb::Stream(stream) => Some(stream),
        _ => None,
    });
    let loss = |at_most: Option<u64>, lost_at_most| crate::scenario::ExpectLoss {
        stream: "paced".into(),
        node: "n".into(),
        at_most: at_most.map(std::time::Duration::from_millis),
        lost_at_most,
        during: crate::scenario::During::Stream,
    };
    let out = |loss| outage(&loss, stream.unwrap()).as_millis();
    assert_eq!(out(loss(Some(300), None)), 1300);
    // 400 packets are 100 of each flow, and one more is too many.
    assert_eq!(out(loss(None, Some(400))), 1505);
    assert_eq!(out(loss(Some(300), Some(400))), 1300);
}

#[test]
fn a_change_of_the_lab_begins_a_phase() {
    let steps = steps(
        "
  - apply: a.yaml
  - expect: { session: { node: n, peer: gw1 } }
  - settle: { node: n }
  - expect: { rib-fib: { node: n } }
  - fault: { kill-daemon: { node: gw1, daemon: bgpd } }
  - expect: { rib-fib: { node: n } }
",
    );
    let found = phases(&steps);
    assert_eq!(found, [Phase { expects: vec![1, 3] }, Phase { expects: vec![5] }]);
    assert_eq!(found.iter().map(Phase::steps).collect::<Vec<_>>(), [4, 6]);
}

#[test]
fn surviving_everything_is_vacuous_and_trying_nothing_is_not_green() {
    let killed = || Fate::Killed { why: "gone".into() };
    let lost = || Fate::WitnessLost { why: "gone".into() };
    let untried = || Fate::Untried { why: "no lab".into() };
    let of = |fates: Vec<Fate>| {
        let fates: BTreeMap<_, _> = Mutation::ALL.into_iter().zip(fates).collect();
        Expectation::new(0, "x", fates)
    };
    let report = |expectations: Vec<Expectation>| {
        Report::new(vec![Run { scenario: "s".into(), axes: Vec::new(), expectations }]).exit_code()
    };
    assert_eq!(of(vec![Fate::Survived, Fate::Survived]).shown, Shown::Vacuous);
    assert_eq!(of(vec![Fate::Survived, killed()]).shown, Shown::CanFail);
    assert_eq!(of(vec![Fate::Survived, untried()]).shown, Shown::Untested);
    assert_eq!(of(vec![]).shown, Shown::NotApplicable);
    // An absence whose witness can go, but which a leak does not disturb.
    assert_eq!(of(vec![lost(), Fate::Survived]).shown, Shown::Vacuous);
    assert_eq!(of(vec![lost()]).shown, Shown::Untested);
    assert_eq!(of(vec![lost(), killed()]).shown, Shown::CanFail);
    assert_eq!(report(vec![of(vec![killed()])]), 0);
    assert_eq!(report(vec![of(vec![killed()]), of(vec![Fate::Survived]), of(vec![untried()])]), 1);
    assert_eq!(report(vec![of(vec![killed()]), of(vec![untried()])]), 3);
    assert_eq!(report(vec![of(vec![killed()]), of(vec![])]), 0);
    assert_eq!(report(vec![of(vec![])]), 4);
}

#[test]
fn each_segment_is_leaked_into_each_other() {
    let steps = steps(
        "
  - expect:
      isolation:
        node: n
        segments:
          red: { interface: eth1, host: gw1, table: 101, prefixes: [10.1.0.0/16, 'fd00:1::/48'] }
          blue: { interface: eth2, host: gw2, prefixes: [10.2.0.0/16, 'fd00:2::/48'] }
",
    );
    let verb = &steps[0].verb;
    let applied: Vec<_> = Mutation::ALL.into_iter().filter(|m| applies(*m, verb, &kernel())).collect();
    assert_eq!(applied, [Mutation::LeakRoute]);
    let lines = commands(Mutation::LeakRoute, verb, &kernel()).into_iter().map(|argv| argv.join(" "));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    ip route add 10.1.0.0/16 table 254 proto 4 metric 4243 dev eth1
    ip route add fd00:1::/48 table 254 proto 4 metric 4244 dev eth1
    ip route add 10.2.0.0/16 table 101 proto 4 metric 4245 dev eth2
    ip route add fd00:2::/48 table 101 proto 4 metric 4246 dev eth2
    ");
}

#[test]
fn a_leak_is_made_in_the_vrf_that_must_not_have_it() {
    use crate::fact::Link;
    let mut kernel = kernel();
    let red = Link { index: 7, name: "red".into(), vrf_table: Some(10), up: true, ..Link::default() };
    kernel.apply(&KernelEvent { at: Mono(2), change: Change::New(Object::Link(red)) });
    let steps = steps(
        "
  - expect: { no-route: { node: n, prefix: 172.16.9.0/24, vrf: red } }
    holds: 1s
    witness: 172.16.1.0/24
",
    );
    let verb = &steps[0].verb;
    let lines = commands(Mutation::LeakRoute, verb, &kernel).into_iter().map(|argv| argv.join(" "));
    insta::assert_snapshot!(lines.collect::<String>(), @"ip route add 172.16.9.0/24 table 10 proto 186 metric 4242 dev lo");
    // The witness of that name in the main table is another one.
    assert!(!applies(Mutation::RemoveRoute, verb, &kernel));
}
