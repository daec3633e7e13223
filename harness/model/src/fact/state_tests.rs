#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;

use super::*;

const MAIN: u32 = 254;

fn hop(gateway: &str, device: &str) -> NextHop {
    NextHop::new(Some(gateway.parse().unwrap()), Some(device))
}

fn route(prefix: &str, hops: impl IntoIterator<Item = NextHop>) -> Route {
    Route {
        table: MAIN,
        prefix: prefix.parse().unwrap(),
        metric: 20,
        protocol: "bgp".to_owned(),
        kind: "unicast".to_owned(),
        scope: "global".to_owned(),
        nexthops: hops.into_iter().collect(),
        ..Route::default()
    }
}

fn apply(state: &mut KernelState, change: Change) -> Applied {
    state.apply(&KernelEvent { at: Mono(1), change })
}

fn new(object: impl Into<Object>) -> Change {
    Change::New(object.into())
}

impl From<Route> for Object {
    fn from(route: Route) -> Self {
        Object::Route(route)
    }
}

impl From<Link> for Object {
    fn from(link: Link) -> Self {
        Object::Link(link)
    }
}

impl From<NexthopObject> for Object {
    fn from(nexthop: NexthopObject) -> Self {
        Object::Nexthop(nexthop)
    }
}

fn link(index: u32, name: &str) -> Link {
    Link { index, name: name.to_owned(), up: true, carrier: true, ..Link::default() }
}

fn object(id: u32, gateway: &str, device: &str) -> NexthopObject {
    NexthopObject {
        id,
        gateway: Some(gateway.parse().unwrap()),
        device: Some(device.to_owned()),
        ..NexthopObject::default()
    }
}

/// The routes to a prefix, each as its next hops.
fn ways(state: &KernelState, prefix: &str) -> Vec<String> {
    let routes = state.routes_to(prefix.parse().unwrap());
    let hops = |route: Route| route.nexthops.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    routes.map(hops).collect()
}

#[test]
fn ipv4_replaces_the_first_and_appends_behind_it() {
    let p = "203.0.113.0/24";
    let mut state = KernelState::default();
    apply(&mut state, new(route(p, [hop("192.0.2.1", "eth1")])));
    apply(&mut state, Change::Append(route(p, [hop("192.0.2.2", "eth1")]).into()));
    assert_eq!(ways(&state, p), ["via 192.0.2.1 dev eth1 weight 1", "via 192.0.2.2 dev eth1 weight 1"]);

    apply(&mut state, Change::Replace(route(p, [hop("192.0.2.3", "eth1")]).into()));
    assert_eq!(ways(&state, p), ["via 192.0.2.3 dev eth1 weight 1", "via 192.0.2.2 dev eth1 weight 1"]);

    apply(&mut state, Change::Del(route(p, [hop("192.0.2.3", "eth1")]).into()));
    assert_eq!(state.route(MAIN, p.parse().unwrap()).unwrap().nexthops, [hop("192.0.2.2", "eth1")].into());
}

#[test]
fn ipv6_appends_and_deletes_single_next_hops_of_one_route() {
    let p = "2001:db8:9::/48";
    let mut state = KernelState::default();
    apply(&mut state, new(route(p, [hop("2001:db8:1::2", "eth1")])));
    apply(&mut state, Change::Append(route(p, [hop("2001:db8:2::2", "eth2")]).into()));
    assert_eq!(
        ways(&state, p),
        ["via 2001:db8:1::2 dev eth1 weight 1 | via 2001:db8:2::2 dev eth2 weight 1"]
    );

    apply(&mut state, Change::Del(route(p, [hop("2001:db8:1::2", "eth1")]).into()));
    assert_eq!(ways(&state, p), ["via 2001:db8:2::2 dev eth2 weight 1"]);

    apply(&mut state, Change::Del(route(p, [hop("2001:db8:2::2", "eth2")]).into()));
    assert_eq!(ways(&state, p), [""; 0]);
}

#[test]
fn ipv6_routes_over_devices_stand_side_by_side() {
    let p = "fe80::/64";
    let mut state = KernelState::default();
    apply(&mut state, new(route(p, [NextHop::new(None, Some("eth1"))])));
    apply(&mut state, new(route(p, [NextHop::new(None, Some("eth2"))])));
    apply(&mut state, Change::Del(route(p, [NextHop::new(None, Some("eth1"))]).into()));
    assert_eq!(ways(&state, p), ["dev eth2 weight 1"]);
}

#[test]
fn a_deletion_of_what_is_not_there_asks_for_a_reading_only_when_something_else_is() {
    let p = "203.0.113.0/24";
    let mut state = KernelState::default();
    let gone = Change::Del(route(p, [hop("192.0.2.1", "eth1")]).into());
    assert_eq!(apply(&mut state, gone.clone()), Applied::default());

    apply(&mut state, new(route(p, [hop("192.0.2.7", "eth1")])));
    let applied = apply(&mut state, gone);
    assert_eq!(applied.stale, [Kind::Routes4].into());
    assert_eq!(ways(&state, p).len(), 1, "what the message does not name stays");
}

#[test]
fn next_hop_objects_are_resolved_whenever_they_change() {
    let p = "203.0.113.0/24";
    let mut state = KernelState::default();
    apply(&mut state, new(Route { nhid: Some(10), ..route(p, []) }));
    assert_eq!(ways(&state, p), [""], "unknown as yet");

    apply(&mut state, new(object(1, "192.0.2.1", "eth1")));
    apply(&mut state, new(object(2, "192.0.2.2", "eth2")));
    let members = |weight| vec![GroupMember { id: 1, weight: 1 }, GroupMember { id: 2, weight }];
    apply(&mut state, new(NexthopObject { id: 10, group: members(7), ..NexthopObject::default() }));
    assert_eq!(ways(&state, p), ["via 192.0.2.1 dev eth1 weight 1 | via 192.0.2.2 dev eth2 weight 7"]);

    apply(&mut state, Change::Replace(object(1, "192.0.2.9", "eth1").into()));
    assert_eq!(ways(&state, p), ["via 192.0.2.2 dev eth2 weight 7 | via 192.0.2.9 dev eth1 weight 1"]);

    let applied = apply(&mut state, Change::Del(object(1, "192.0.2.9", "eth1").into()));
    assert!(applied.stale.contains(&Kind::Routes4), "the kernel drops routes of a lost object in silence");
    assert_eq!(ways(&state, p), ["via 192.0.2.2 dev eth2 weight 7"]);
}

#[test]
fn a_way_listed_twice_counts_twice() {
    let twice = NextHop::set([hop("192.0.2.1", "eth1"), hop("192.0.2.2", "eth1"), hop("192.0.2.1", "eth1")]);
    assert_eq!(twice, [NextHop { weight: 2, ..hop("192.0.2.1", "eth1") }, hop("192.0.2.2", "eth1")].into());
}

#[test]
fn silent_changes_make_the_routes_stale() {
    let mut state = KernelState::default();
    assert_eq!(apply(&mut state, new(link(2, "eth1"))).stale, BTreeSet::new());
    let mtu = Link { mtu: 9000, ..link(2, "eth1") };
    assert_eq!(apply(&mut state, new(mtu)), Applied { changed: true, stale: BTreeSet::new() });

    let down = Link { up: false, ..link(2, "eth1") };
    let stale = apply(&mut state, new(down)).stale;
    assert!(
        stale.contains(&Kind::Routes4) && stale.contains(&Kind::Routes6) && stale.contains(&Kind::Nexthops)
    );
    assert!(apply(&mut state, Change::Del(link(2, "eth1").into())).stale.contains(&Kind::Routes4));
    assert_eq!(apply(&mut state, Change::Gap(GapReason::Overrun)).stale, Kind::all());
}

#[test]
fn a_renamed_device_is_renamed_in_its_routes() {
    let p = "203.0.113.0/24";
    let mut state = KernelState::default();
    // A route may be told before its link is known.
    let unknown = state.device_name(2);
    apply(&mut state, new(route(p, [hop("192.0.2.1", &unknown)])));
    apply(&mut state, new(link(2, "eth1")));
    assert_eq!(ways(&state, p), ["via 192.0.2.1 dev eth1 weight 1"]);
    apply(&mut state, new(link(2, "uplink")));
    assert_eq!(ways(&state, p), ["via 192.0.2.1 dev uplink weight 1"]);
}

#[test]
fn a_resync_tells_the_differences_but_not_what_events_told_since() {
    let mut state = KernelState::default();
    let (kept, lost, moved, raced) = ("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24");
    for prefix in [kept, lost, moved] {
        apply(&mut state, new(route(prefix, [hop("192.0.2.1", "eth1")])));
    }
    let mut fresh = KernelState::default();
    apply(&mut fresh, new(route(kept, [hop("192.0.2.1", "eth1")])));
    apply(&mut fresh, new(route(moved, [hop("192.0.2.2", "eth1")])));

    apply(&mut state, Change::Gap(GapReason::Overrun));
    state.begin_dump(Mono(5));
    // Told while the tables were read, too late for the reading to show it.
    state.apply(&KernelEvent { at: Mono(6), change: new(route(raced, [hop("192.0.2.1", "eth1")])) });
    let mut events = Vec::new();
    let tell = |event: &KernelEvent| events.push(event.clone());
    let unsettled = state.resync(Mono(7), &fresh, &Kind::all(), ResyncReason::Gap, tell);

    let told: Vec<String> = events
        .iter()
        .map(|event| match &event.change {
            Change::Resync { since, differences, .. } => format!("resync since {} of {differences}", since.0),
            Change::Del(Object::Route(route)) => format!("del {}", route.prefix),
            Change::Replace(Object::Route(route)) => format!("replace {}", route.prefix),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["resync since 5 of 2", &format!("del {lost}"), &format!("replace {moved}")]);
    assert_eq!(ways(&state, lost), [""; 0]);
    assert_eq!(ways(&state, moved), ["via 192.0.2.2 dev eth1 weight 1"]);
    assert_eq!(ways(&state, raced).len(), 1);
    assert_eq!(unsettled, [Kind::Routes4].into(), "the reading does not show what was told");
    assert_eq!(state.gap(), None);
}

/// ff00::/8 is on every device, and each comes when its link does.
#[test]
fn routes_that_share_prefix_and_metric_are_read_again_when_a_message_overtook_the_reading() {
    let on = |device| {
        let hop = NextHop::new(None, Some(device));
        let prefix = "ff00::/8".parse().unwrap();
        Change::New(Object::Route(Route { prefix, nexthops: [hop].into(), ..Route::default() }))
    };
    let (mut state, mut fresh) = (KernelState::default(), KernelState::default());
    state.begin_dump(Mono(5));
    state.apply(&KernelEvent { at: Mono(6), change: on("eth2") });
    for device in ["eth1", "eth2"] {
        apply(&mut fresh, on(device));
    }
    let unsettled = state.resync(Mono(7), &fresh, &Kind::all(), ResyncReason::Start, |_| {});
    assert_eq!(unsettled, [Kind::Routes6].into());
    state.begin_dump(Mono(8));
    assert!(state.resync(Mono(9), &fresh, &unsettled, ResyncReason::Start, |_| {}).is_empty());
    assert_eq!(state.routes().count(), 2);
}

#[test]
fn a_gap_within_a_reading_outlives_it() {
    let mut state = KernelState::default();
    state.begin_dump(Mono(5));
    state.apply(&KernelEvent { at: Mono(6), change: Change::Gap(GapReason::Overrun) });
    state.resync(Mono(7), &KernelState::default(), &Kind::all(), ResyncReason::Start, |_| {});
    assert_eq!(state.gap().map(|gap| gap.since), Some(Mono(6)));
    state.begin_dump(Mono(8));
    state.resync(
        Mono(9),
        &KernelState::default(),
        &[Kind::Routes4].into(),
        ResyncReason::SilentChange,
        |_| {},
    );
    assert!(state.gap().is_some(), "some tables are not all tables");
    state.begin_dump(Mono(10));
    state.resync(Mono(11), &KernelState::default(), &Kind::all(), ResyncReason::Gap, |_| {});
    assert_eq!(state.gap(), None);
}

#[test]
fn events_are_recorded_in_a_form_that_reads_back() {
    let event = KernelEvent {
        at: Mono(42),
        change: Change::Append(route("10.0.0.0/24", [hop("fe80::1", "eth1")]).into()),
    };
    let json = serde_json::to_string(&event).unwrap();
    insta::assert_snapshot!(json, @r#"{"at":42,"change":{"append":{"route":{"table":254,"prefix":"10.0.0.0/24","metric":20,"protocol":"bgp","kind":"unicast","scope":"global","prefsrc":null,"nhid":null,"nexthops":[{"gateway":"fe80::1","device":"eth1","weight":1,"onlink":false}]}}}}"#);
    assert_eq!(serde_json::from_str::<KernelEvent>(&json).unwrap(), event);
}
