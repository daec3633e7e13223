#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use proptest::prelude::*;

use super::*;
use crate::check::AddressBook;
use crate::fact::{
    Address, Change as KernelChange, GroupMember, KernelEvent, Link, Mono, NextHop, NexthopObject, Object,
    Route, Rule,
};
use crate::frr::{Session, sessions};
use crate::recording::{Line, Recording};
use crate::result::{Outcome, StepResult};

const NEIGHBORS: &str = include_str!("../frr/fixtures/8.4.4/neighbors.json");

/// What is new in every lab.
#[derive(Clone, Debug)]
struct Luck {
    index: u32,
    id: u32,
    /// Of the MAC addresses.
    mac: u8,
    at: u64,
}

impl Luck {
    fn link_local(&self, host: u8) -> String {
        format!("fe80::a8c1:abff:fe{:02x}:{host:x}", self.mac)
    }
}

/// A node with a link, an ECMP route by a group of next-hop objects, an IPv6 route by link-local address, and a rule.
fn objects(luck: &Luck) -> Vec<Object> {
    let hop = |id, gateway: &str| {
        Object::Nexthop(NexthopObject {
            id: luck.id + id,
            gateway: Some(gateway.parse().unwrap()),
            device: Some("eth1".into()),
            protocol: "zebra".into(),
            ..NexthopObject::default()
        })
    };
    let member = |id| GroupMember { id: luck.id + id, weight: 1 };
    let v6 = NextHop::new(Some(luck.link_local(5).parse().unwrap()), Some("eth1"));
    vec![
        Object::Link(Link {
            index: luck.index,
            name: "eth1".into(),
            kind: "veth".into(),
            mac: Some(format!("aa:c1:ab:{:02x}:00:01", luck.mac)),
            mtu: 9500,
            up: true,
            carrier: true,
            operstate: "up".into(),
            peer: Some(luck.index + 1),
            ..Link::default()
        }),
        address("192.168.1.10/24"),
        address(&format!("{}/64", luck.link_local(10))),
        hop(1, "192.168.1.5"),
        hop(2, "192.168.1.6"),
        Object::Nexthop(NexthopObject {
            id: luck.id + 3,
            group: vec![member(1), member(2)],
            protocol: "zebra".into(),
            ..NexthopObject::default()
        }),
        Object::Route(Route { nhid: Some(luck.id + 3), ..route("172.16.1.0/24") }),
        Object::Route(Route { nexthops: NextHop::set([v6]), ..route("fc00:1::/64") }),
        Object::Rule(Rule {
            priority: 32766,
            action: "table".into(),
            table: 254,
            protocol: "kernel".into(),
            ..Rule::default()
        }),
    ]
}

fn address(text: &str) -> Object {
    Object::Address(Address {
        device: "eth1".into(),
        address: text.parse().unwrap(),
        peer: None,
        scope: "global".into(),
        secondary: false,
        tentative: false,
        dadfailed: false,
        deprecated: false,
    })
}

fn route(prefix: &str) -> Route {
    Route {
        table: 254,
        prefix: prefix.parse().unwrap(),
        metric: 20,
        protocol: "bgp".into(),
        kind: "unicast".into(),
        scope: "global".into(),
        ..Route::default()
    }
}

fn some_sessions(luck: &Luck) -> Vec<Session> {
    let mut sessions = sessions(NEIGHBORS).unwrap();
    for session in &mut sessions {
        session.refresh.sent = luck.at;
        session.updates_received = luck.at;
    }
    sessions
}

fn recorded(luck: &Luck, objects: &[Object]) -> Recording {
    let mut book = AddressBook::default();
    book.insert("192.168.1.5".parse().unwrap(), "gw1");
    book.insert("192.168.1.6".parse().unwrap(), "gw2");
    book.insert(luck.link_local(5).parse().unwrap(), "gw1");
    book.insert(luck.link_local(10).parse().unwrap(), "worker");
    let at = Mono(luck.at);
    let kernel = objects.iter().map(|object| Line::Kernel {
        node: "worker".into(),
        event: KernelEvent { at, change: KernelChange::New(object.clone()) },
    });
    let told = Line::Sessions { node: "worker".into(), at, sessions: some_sessions(luck) };
    let lines = [Line::Addresses { book }].into_iter().chain(kernel).chain([told]);
    let text: Vec<String> = lines.map(|line| serde_json::to_string(&line).unwrap()).collect();
    Recording::parse(&text.join("\n")).unwrap()
}

fn facts(luck: &Luck, objects: &[Object]) -> Facts {
    Facts::of(Some(&recorded(luck, objects)), None)
}

const LUCK: Luck = Luck { index: 7, id: 10, mac: 1, at: 5 };

fn lines(difference: &Difference) -> String {
    let of = |place: &str, changes: &[Change]| {
        let line = |mark, change: &Change, value: &String| {
            format!("{mark} {place} {} {}: {value}\n", change.kind, change.subject)
        };
        let both = changes.iter().flat_map(|change| {
            let a = change.a.iter().map(move |value| line('-', change, value));
            a.chain(change.b.iter().map(move |value| line('+', change, value)))
        });
        both.collect::<String>()
    };
    let nodes = difference.nodes.iter().map(|(node, changes)| of(node, changes));
    of("run", &difference.run) + &nodes.collect::<String>()
}

#[test]
fn what_a_kubelet_brings_along_is_left_out_with_the_topology() {
    let text = "name: t\ntopology:\n  nodes:\n    worker: { kind: linux, image: frr:1, labels: { routeproof.role: cluster-node } }\n    \
                gw1: { kind: linux, image: frr:1 }\n  links:\n    - endpoints: [\"worker:eth1\", \"gw1:eth1\"]\n";
    let topology = crate::topology::load(&crate::diag::Source::new("/t/t.clab.yml", text)).unwrap();
    let eth0 =
        |prefix: &str| Route { nexthops: NextHop::set([NextHop::new(None, Some("eth0"))]), ..route(prefix) };
    let link = Object::Link(Link { index: 90, name: "eth0".into(), kind: "veth".into(), ..Link::default() });
    let object = NexthopObject { id: 900, device: Some("eth0".into()), ..NexthopObject::default() };
    let more = [link, Object::Nexthop(object), Object::Route(eth0("172.18.0.0/16"))];
    let (ours, theirs) = (objects(&LUCK), [objects(&LUCK), more.to_vec()].concat());
    let on = |objects: &[Object]| Facts::on_topology(Some(&recorded(&LUCK, objects)), None, &topology);
    assert_eq!(diff(&facts(&LUCK, &ours), &facts(&LUCK, &theirs)).count(), 3);
    assert_eq!(lines(&diff(&on(&ours), &on(&theirs))), "");
    // Not less: what is on the topology's interfaces still counts.
    assert_eq!(diff(&on(&ours[1..]), &on(&theirs)).count(), 1);
}

#[test]
fn each_fact_reads_like_this() {
    let (all, none) = (facts(&LUCK, &objects(&LUCK)), Facts::of(Some(&Recording::default()), None));
    insta::assert_snapshot!(lines(&diff(&none, &all)), @r"
    + worker link eth1: veth, up, carrier, operstate up, mtu 9500
    + worker address eth1 192.168.1.10/24: scope global
    + worker address eth1 link-local/64: scope global
    + worker rule ipv4 32766: from all lookup main proto kernel
    + worker nexthop group: via gw1 (192.168.1.5) dev eth1 weight 1 and via gw2 (192.168.1.6) dev eth1 weight 1 proto zebra
    + worker nexthop single: via gw1 (192.168.1.5) dev eth1 weight 1 proto zebra
    + worker nexthop single: via gw2 (192.168.1.6) dev eth1 weight 1 proto zebra
    + worker route 172.16.1.0/24 table main metric 20: proto bgp via gw1 (192.168.1.5) dev eth1 weight 1 and via gw2 (192.168.1.6) dev eth1 weight 1 (next-hop object)
    + worker route fc00:1::/64 table main metric 20: proto bgp via gw1 (link-local) dev eth1 weight 1
    + worker session 192.168.1.5: Established, AS 64513 to AS 64512, ipv4Unicast accepted 3 in 192.168.1.5-in out 192.168.1.5-out, ipv6Unicast accepted 1 in 192.168.1.5-in out 192.168.1.5-out, capabilities: route-refresh both graceful-restart both ipv4Unicast both ipv6Unicast both
    + worker session 192.168.1.9: not Established, AS 64513 to AS 64512, ipv4Unicast accepted 0
    + worker session fd00:1::5: Established, AS 64513 to AS 64512, ipv6Unicast accepted 1, capabilities: route-refresh both graceful-restart both ipv6Unicast both
    ");
}

#[test]
fn a_planted_fault_shows_in_what_it_touches() {
    let before = facts(&LUCK, &objects(&LUCK));
    let mut wrong = objects(&LUCK);
    // The group loses its second member.
    if let Object::Nexthop(group) = &mut wrong[5] {
        group.group.pop();
    }
    wrong.push(Object::Route(Route { kind: "blackhole".into(), table: 10, ..route("172.16.9.0/24") }));
    insta::assert_snapshot!(lines(&diff(&before, &facts(&LUCK, &wrong))), @r"
    - worker nexthop group: via gw1 (192.168.1.5) dev eth1 weight 1 and via gw2 (192.168.1.6) dev eth1 weight 1 proto zebra
    + worker nexthop group: via gw1 (192.168.1.5) dev eth1 weight 1 proto zebra
    + worker route 172.16.9.0/24 table 10 metric 20: proto bgp blackhole
    - worker route 172.16.1.0/24 table main metric 20: proto bgp via gw1 (192.168.1.5) dev eth1 weight 1 and via gw2 (192.168.1.6) dev eth1 weight 1 (next-hop object)
    + worker route 172.16.1.0/24 table main metric 20: proto bgp via gw1 (192.168.1.5) dev eth1 weight 1 (next-hop object)
    ");
}

#[test]
fn a_route_with_two_owners_is_not_taken_for_one() {
    let twice =
        [objects(&LUCK), vec![Object::Route(Route { metric: 21, ..route("172.16.1.0/24") })]].concat();
    let found = diff(&facts(&LUCK, &objects(&LUCK)), &facts(&LUCK, &twice));
    assert_eq!((found.count(), found.nodes["worker"][0].a.len()), (1, 0));
}

#[test]
fn outcomes_and_steps_count_and_times_do_not() {
    let result = |outcome, duration_ms| RunResult {
        scenario: "s".into(),
        requirements: Vec::new(),
        axes: BTreeMap::new(),
        outcome,
        duration_ms,
        reason: None,
        observed: [("bug".to_string(), if outcome == Outcome::Passed { "absent" } else { "present" }.into())]
            .into(),
        expected: BTreeMap::new(),
        steps: vec![StepResult {
            name: "apply x".into(),
            outcome,
            duration_ms,
            message: None,
            evidence: Vec::new(),
        }],
        evidence: Vec::new(),
        directory: None,
        artifacts: Vec::new(),
        spoilt: Vec::new(),
        setting: None,
        repeat: 0,
        health: None,
    };
    let of = |result: &RunResult| Facts::of(Some(&Recording::default()), Some(result));
    let (quick, slow) = (result(Outcome::Passed, 1), result(Outcome::Passed, 900));
    assert!(diff(&of(&quick), &of(&slow)).is_empty());
    assert_eq!(times(&quick, &slow), [StepTime { step: "apply x".into(), a_ms: 1, b_ms: 900 }]);
    insta::assert_snapshot!(lines(&diff(&of(&quick), &of(&result(Outcome::Failed, 1)))), @r"
    - run outcome run: passed
    + run outcome run: failed
    - run observed bug: absent
    + run observed bug: present
    - run step 1 apply x: passed
    + run step 1 apply x: failed
    ");
    let unrecorded = Facts::of(None, Some(&quick));
    insta::assert_snapshot!(lines(&diff(&of(&quick), &unrecorded)), @"+ run recording observations.jsonl: not there");
}

fn luck() -> impl Strategy<Value = Luck> {
    (1u32..500, 1u32..1000, any::<u8>(), any::<u64>()).prop_map(|(index, id, mac, at)| Luck {
        index,
        id,
        mac,
        at,
    })
}

proptest! {
    #[test]
    fn what_is_new_in_every_lab_is_no_difference(a in luck(), b in luck()) {
        let found = diff(&facts(&a, &objects(&a)), &facts(&b, &objects(&b)));
        prop_assert!(found.is_empty(), "{}", lines(&found));
    }

    #[test]
    fn whatever_is_missing_shows_and_only_on_its_side(a in luck(), missing in 0usize..9) {
        let mut fewer = objects(&a);
        fewer.remove(missing);
        let (whole, fewer) = (facts(&a, &objects(&a)), facts(&a, &fewer));
        let (there, back) = (diff(&whole, &fewer), diff(&fewer, &whole));
        prop_assert!(!there.is_empty());
        let turned = back.nodes.into_iter().map(|(node, changes)| {
            let turned = changes.into_iter().map(|c| Change { a: c.b, b: c.a, ..c });
            (node, turned.collect::<Vec<_>>())
        });
        prop_assert_eq!(&there.nodes, &turned.collect());
        prop_assert!(there.nodes["worker"].iter().any(|change| !change.a.is_empty()));
    }
}
