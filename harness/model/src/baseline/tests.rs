#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::check;
use crate::diag::Source;
use crate::fact::{Change, KernelEvent, Link, Mono, Object};
use crate::frr;
use crate::recording::Line;
use crate::scenario::{MetallbFile, Mode, ScenarioFile, Verb, expand, testing};
use crate::topology::Topology;
use crate::yaml;

const NEIGHBORS: &str = include_str!("../frr/fixtures/8.4.4/neighbors.json");
/// gw1 has one address, gw2 two: its name alone does not tell which way.
const BOOK: [(&str, &str); 5] = [
    ("192.168.1.5", "gw1"),
    ("192.168.1.6", "gw2"),
    ("192.168.2.6", "gw2"),
    ("fd00:1::5", "gw1"),
    ("fe80::5", "gw1"),
];

fn recording(objects: &[Object]) -> Recording {
    let mut book = AddressBook::default();
    BOOK.iter().for_each(|(address, node)| book.insert(address.parse().unwrap(), node));
    let vrf =
        Link { index: 9, name: "red".into(), kind: "vrf".into(), vrf_table: Some(10), ..Link::default() };
    let objects = [Object::Link(vrf)].into_iter().chain(objects.iter().cloned());
    let kernel = objects.map(|object| Line::Kernel {
        node: "worker".into(),
        event: KernelEvent { at: Mono(1), change: Change::Append(object) },
    });
    let sessions = frr::sessions(NEIGHBORS).unwrap();
    let told = Line::Sessions { node: "worker".into(), at: Mono(1), sessions };
    Recording::of([Line::Addresses { book }].into_iter().chain(kernel).chain([told]))
}

fn route(prefix: &str, hops: &[(&str, &str, u16)]) -> Route {
    let hop = |(gateway, device, weight): &(&str, &str, u16)| NextHop {
        weight: *weight,
        ..NextHop::new(Some(gateway.parse().unwrap()), Some(device))
    };
    Route {
        table: 254,
        prefix: prefix.parse().unwrap(),
        metric: 20,
        protocol: "bgp".into(),
        kind: "unicast".into(),
        scope: "global".into(),
        nexthops: NextHop::set(hops.iter().map(hop)),
        ..Route::default()
    }
}

fn topology() -> Topology {
    testing::topology("worker")
}

fn text(expects: Vec<Expect>) -> String {
    let scenario = ScenarioText {
        name: "baseline-t".into(),
        about: "t: as it was".into(),
        topology: "t.clab.yml".into(),
        metallb: MetallbFile { version: "v0.13.10".into(), mode: Mode::Frr },
        axes: vec![("frr".into(), "10.3".into())],
        initial: vec!["manifests/my peers.yaml".into()],
        steps: vec![Verb::Apply { manifests: vec!["a.yaml".into()] }],
        expects,
        within: Duration::from_secs(30),
    };
    scenario.to_yaml()
}

/// Reads a scenario as `check` does and gives what it expects.
fn read(text: &str) -> Vec<Expect> {
    let source = Source::new("/t/scenario.yaml", text);
    let file: ScenarioFile = yaml::parse(&source).unwrap_or_else(|e| panic!("{}\n{text}", e.render(false)));
    let scenario = expand(&file, &source, &topology()).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let steps = scenario.runs.into_iter().next().unwrap().steps;
    let expect = |step: crate::scenario::Step| match step.verb {
        Verb::Eventually { expect, .. } => Some(expect),
        _ => None,
    };
    steps.into_iter().filter_map(expect).collect()
}

fn holds(expect: &Expect, recording: &Recording) -> bool {
    let kernel = recording.final_kernel("worker");
    match expect {
        Expect::Route(e) => check::route(e, &kernel, &recording.book).holds,
        Expect::Session(e) => {
            check::session(e, recording.final_sessions("worker"), &[], &recording.book, &Default::default())
                .holds
        }
        other => panic!("{other:?}"),
    }
}

fn whole() -> Vec<Route> {
    vec![
        route("172.16.1.0/24", &[("192.168.1.5", "eth1", 1)]),
        route("172.16.2.0/24", &[("192.168.1.6", "eth2", 1)]),
        route("172.16.3.0/24", &[("192.168.1.5", "eth1", 1), ("192.168.1.6", "eth2", 1)]),
        route("172.16.4.0/24", &[("192.168.1.6", "eth2", 1), ("192.168.2.6", "eth2", 3)]),
        Route { table: 10, ..route("172.16.5.0/24", &[("10.9.9.9", "eth1", 1)]) },
        Route { table: 77, kind: "blackhole".into(), ..route("172.16.6.0/24", &[]) },
        route("fc00:1::/64", &[("fe80::5", "eth1", 1)]),
    ]
}

fn objects(routes: &[Route]) -> Vec<Object> {
    routes.iter().cloned().map(Object::Route).collect()
}

#[test]
fn a_baseline_reads_as_a_person_would_write_it() {
    let found = baseline(&recording(&objects(&whole())), "worker");
    insta::assert_snapshot!(text(found.expects), @r#"
    name: baseline-t
    about: "t: as it was"
    topology: t.clab.yml
    metallb: { version: v0.13.10, mode: frr }
    axes:
      frr: ["10.3"]
    initial:
      - "manifests/my peers.yaml"
    steps:
      - apply: [a.yaml]
      - expect: { session: { node: worker, peer: 192.168.1.5, state: established } }
        within: 30s
      - expect: { session: { node: worker, peer: "fd00:1::5", state: established } }
        within: 30s
      - expect: { route: { node: worker, prefix: 172.16.5.0/24, vrf: red, nexthops: [{ via: 10.9.9.9, dev: eth1 }], proto: bgp, metric: 20 } }
        within: 30s
      - expect: { route: { node: worker, prefix: 172.16.6.0/24, table: 77, proto: bgp, metric: 20, type: blackhole } }
        within: 30s
      - expect: { route: { node: worker, prefix: 172.16.1.0/24, via: [gw1], proto: bgp, metric: 20 } }
        within: 30s
      - expect: { route: { node: worker, prefix: 172.16.2.0/24, nexthops: [{ via: gw2, dev: eth2 }], proto: bgp, metric: 20 } }
        within: 30s
      - expect: { route: { node: worker, prefix: 172.16.3.0/24, nexthops: [{ via: gw1, dev: eth1, weight: 1 }, { via: gw2, dev: eth2, weight: 1 }], proto: bgp, metric: 20 } }
        within: 30s
      - expect: { route: { node: worker, prefix: 172.16.4.0/24, nexthops: [{ via: 192.168.1.6, dev: eth2, weight: 1 }, { via: 192.168.2.6, dev: eth2, weight: 3 }], proto: bgp, metric: 20 } }
        within: 30s
      - expect: { route: { node: worker, prefix: "fc00:1::/64", via: [gw1], proto: bgp, metric: 20 } }
        within: 30s
    "#);
    insta::assert_snapshot!(found.left_out.join("\n"), @r"
    worker: session 192.168.1.9 is Active, which comes and goes
    worker: zebra was not asked for its RIB
    ");
}

#[test]
fn a_hop_that_the_kernel_does_not_use_is_no_baseline() {
    let mut dead = route("172.16.1.0/24", &[("192.168.1.5", "eth1", 1)]);
    dead.nexthops = dead.nexthops.into_iter().map(|hop| NextHop { dead: true, ..hop }).collect();
    let found = baseline(&recording(&objects(&[dead])), "worker");
    assert!(!found.expects.iter().any(|e| matches!(e, Expect::Route(_))));
    assert!(found.left_out.iter().any(|line| line.contains("172.16.1.0/24")), "{:?}", found.left_out);
}

#[test]
fn every_changed_fact_fails() {
    let expects = read(&text(baseline(&recording(&objects(&whole())), "worker").expects));
    let fails = |routes: &[Route]| expects.iter().any(|expect| !holds(expect, &recording(&objects(routes))));
    assert!(!fails(&whole()));
    type Spoil = fn(&mut Route);
    let spoils: [(usize, Spoil); 9] = [
        (0, |r| r.metric = 21),
        (0, |r| r.protocol = "static".into()),
        (1, |r| r.nexthops = route("::/0", &[("192.168.1.5", "eth2", 1)]).nexthops),
        (1, |r| r.nexthops = route("::/0", &[("192.168.1.6", "eth1", 1)]).nexthops),
        (2, |r| {
            r.nexthops = route("::/0", &[("192.168.1.5", "eth1", 2), ("192.168.1.6", "eth2", 1)]).nexthops
        }),
        (3, |r| {
            r.nexthops = route("::/0", &[("192.168.1.6", "eth2", 3), ("192.168.2.6", "eth2", 1)]).nexthops
        }),
        (4, |r| r.table = 254),
        (5, |r| r.kind = "unreachable".into()),
        (6, |r| r.nexthops = route("::/0", &[("fe80::6", "eth1", 1)]).nexthops),
    ];
    for (at, spoil) in spoils {
        let mut routes = whole();
        spoil(&mut routes[at]);
        assert!(fails(&routes), "nobody misses {:?}", whole()[at]);
    }
}

fn some_route() -> impl Strategy<Value = Route> {
    let gateways = ["192.168.1.5", "192.168.1.6", "192.168.2.6", "10.9.9.9"];
    let hop = (prop::sample::select(gateways.to_vec()), prop::sample::select(vec!["eth1", "eth2"]), 1u16..4);
    let hops = prop::collection::vec(hop, 1..4);
    (0u8..8, hops, prop::sample::select(vec![254u32, 10, 77]), 0u32..3).prop_map(
        |(net, hops, table, metric)| Route { table, metric, ..route(&format!("172.16.{net}.0/24"), &hops) },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_holds_and_misses_what_goes(
        routes in prop::collection::vec(some_route(), 1..6),
        gone in any::<prop::sample::Index>(),
    ) {
        let state = recording(&objects(&routes));
        let found = baseline(&state, "worker");
        let left_out = found.left_out.iter().filter(|line| line.contains("172.16.")).count();
        let expects = read(&text(found.expects));
        prop_assert!(expects.iter().all(|expect| holds(expect, &state)));
        let kept: Vec<Route> = state.final_kernel("worker").routes().collect();
        // A route that another of its prefix keeps from ever being used is said to be left out.
        let routes = expects.iter().filter(|e| matches!(e, Expect::Route(_))).count();
        prop_assert_eq!(routes + left_out, kept.len());
        let gone = gone.get(&kept);
        let fewer: Vec<Object> = kept.iter().filter(|r| *r != gone).cloned().map(Object::Route).collect();
        let misses = expects.iter().filter(|expect| !holds(expect, &recording(&fewer))).count();
        // A route of the same prefix, table and metric may stand in for it only if it looks the same.
        let twins = kept.iter().filter(|r| r.table == gone.table && r.prefix == gone.prefix).count();
        prop_assert!(misses == 1 || twins > 1, "{} of {:?}", misses, gone);
    }
}
