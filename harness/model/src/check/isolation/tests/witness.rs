//! What proves that nothing leaks, and what is proved without it.

use super::*;

#[test]
fn nothing_leaks_and_everything_works() {
    let checked = isolation(&expect(), &kernel(isolated()), &seen(), &book());
    assert!(checked.holds, "{}", checked.status);
    let matrix: IsolationMatrix = serde_json::from_value(checked.evidence[0].value.clone()).unwrap();
    let cells: Vec<String> = matrix.cells.iter().map(|c| format!("{} {}: {c}", c.from, c.to)).collect();
    assert_eq!(cells, ["blue blue: works", "blue red: isolated", "red blue: isolated", "red red: works"]);
    assert_eq!(matrix.cells[1].looks.len(), 4);
    assert!(isolation_tables(&expect(), &kernel(isolated()), &book()).holds);
}

#[test]
fn without_its_witness_nothing_is_proved() {
    let kernel = kernel(isolated());
    let mut all = Vec::new();
    let mut of = |change: &dyn Fn(&mut Isolation)| {
        let mut seen = seen();
        change(&mut seen);
        all.push(judged(&expect(), &kernel, &seen));
    };
    of(&|s| crossing(s, "red", "red").chosen = Err("No route to host".into()));
    of(&|s| crossing(s, "red", "red").chosen = Ok(route("10.1.0.1/32", 254, None, "eth1")));
    of(&|s| crossing(s, "red", "red").chosen = Ok(route("10.1.0.1/32", 101, None, "eth3")));
    of(&|s| {
        let lost = shot(s, Shooter::Host, "red", "red");
        (lost.left, lost.arrived) = Default::default();
    });
    of(&|s| shot(s, Shooter::Host, "red", "red").arrived.clear());
    of(&|s| shot(s, Shooter::Node, "blue", "blue").arrived.clear());
    of(&|s| shot(s, Shooter::Host, "red", "blue").reached_node = false);
    of(&|s| {
        let refused = shot(s, Shooter::Node, "red", "red");
        (refused.refused, refused.arrived) = (Some("Network is down".into()), Default::default());
    });
    of(&|s| drop(s.ports.remove("blue")));
    of(&|s| s.probes.clear());
    of(&|s| s.lookups.clear());
    of(&|s| s.dropped = 3);
    insta::assert_snapshot!(all.join("\n"), @r"
    no leak was seen, but the witness is missing: red (ipv4) by lookup: what comes in by eth1 for 10.1.0.1 of red itself has no way (No route to host) (and 1 more)
    no leak was seen, but the witness is missing: red (ipv4) by lookup: what comes in by eth1 for 10.1.0.1 of red itself is looked up in table main, not in table 101 (and 1 more)
    no leak was seen, but the witness is missing: red (ipv4) by lookup: what comes in by eth1 for 10.1.0.1 of red itself leaves dev eth3 weight 1 (and 1 more)
    no leak was seen, but the witness is missing: red (ipv4) by probe: gw1 does not get what it sends to 10.1.0.1 through worker: the node does not send it on (does it forward?) (and 2 more)
    no leak was seen, but the witness is missing: red (ipv4) by probe: gw1 does not get what it sends to 10.1.0.1 through worker: it is lost behind the node (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: gw2 does not get what worker itself sends to 10.2.0.1 by eth2: it is lost on the link (and 2 more)
    no leak was seen, but the witness is missing: red to blue (ipv4) by probe: no probe for 10.2.0.1 got as far as worker: it was lost before
    no leak was seen, but the witness is missing: red (ipv4) by probe: gw1 does not get what worker itself sends to 10.1.0.1 by eth1: Network is down (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: gw2 has no port on the link of eth2 (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: no probe was sent to 10.2.0.0/16 of blue (and 3 more)
    no leak was seen, but the witness is missing: blue (ipv4) by lookup: no way within blue was asked for (and 3 more)
    no leak was seen, but the witness is missing: blue (ipv4) by probe: 3 packets were not seen: the captures had no room (and 3 more)
    ");
}

#[test]
fn a_missing_witness_of_one_segment_unproves_its_pairs() {
    let mut seen = seen();
    shot(&mut seen, Shooter::Node, "blue", "blue").arrived.clear();
    let checked = isolation(&expect(), &kernel(isolated()), &seen, &book());
    let matrix: IsolationMatrix = serde_json::from_value(checked.evidence[0].value.clone()).unwrap();
    let cells: Vec<String> = matrix.cells.iter().map(|c| format!("{} {}: {c}", c.from, c.to)).collect();
    insta::assert_snapshot!(cells.join("\n"), @r"
    blue blue: unproved by probe
    blue red: unproved by probe
    red blue: unproved by probe
    red red: works
    ");
}

#[test]
fn every_prefix_must_have_been_looked_at() {
    let mut expect = expect();
    expect.segments.get_mut("blue").unwrap().prefixes.push("10.22.0.0/16".parse().unwrap());
    let status = judged(&expect, &kernel(isolated()), &seen());
    insta::assert_snapshot!(status, @r"no leak was seen, but the witness is missing: blue (ipv4) by probe: no probe was sent to 10.22.0.0/16 of blue (and 2 more)");
}

#[test]
fn vrfs_have_their_own_tables_and_devices() {
    let (expect, covered) = (in_vrfs(), || {
        let unreachable =
            |table| Route { kind: "unreachable".into(), ..route("0.0.0.0/0", table, None, "lo") };
        [unreachable(101), unreachable(102)].map(Object::Route)
    });
    let of = |objects: Vec<Object>, more: Vec<Object>| judged(&expect, &with(objects, more), &seen());
    let by_vrf = Object::Route(route("10.2.0.0/16", 101, None, "vrf-blue"));
    let lost = Object::Link(Link { index: 4, name: "eth2".into(), up: true, ..Link::default() });
    let all = [
        of(with_l3mdev(), covered().into()),
        of(with_l3mdev(), [covered().to_vec(), vec![by_vrf]].concat()),
        of(with_l3mdev(), [covered().to_vec(), vec![lost]].concat()),
        of(
            with_l3mdev().into_iter().filter(|o| !matches!(o, Object::Link(l) if l.index == 2)).collect(),
            vec![],
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    worker keeps blue and red apart
    red leaks into blue (ipv4) by table: table 101 of red has 10.2.0.0/16 dev vrf-blue weight 1 (protocol static)
    no leak was seen, but the witness is missing: blue (ipv4) by lookup: worker has eth2, but not in VRF vrf-blue (and 2 more)
    no leak was seen, but the witness is missing: blue (ipv4) by lookup: worker has no VRF vrf-blue (and 2 more)
    ");
}

#[test]
fn a_vrf_without_a_default_falls_through_to_the_main_table() {
    let mut expect = in_vrfs();
    let blue = expect.segments.get_mut("blue").unwrap();
    (blue.vrf, blue.table) = (None, None);
    let main = || [Object::Route(route("10.2.0.0/16", 254, None, "eth2"))];
    let leaky = isolation_tables(&expect, &with(with_l3mdev(), main()), &book());
    insta::assert_snapshot!(leaky.status, @r"red leaks into blue (ipv4) by rules: rule 32766 (of all) looks into table main of blue");
    let unreachable = Route { kind: "unreachable".into(), ..route("0.0.0.0/0", 101, None, "lo") };
    let covered = with(with_l3mdev(), [main().to_vec(), vec![Object::Route(unreachable)]].concat());
    assert!(isolation_tables(&expect, &covered, &book()).holds);
}
