//! A user's FRRConfigurations, beside what MetalLB writes: their routers and neighbors are often those of the BGPPeers.

use proptest::collection::vec;
use proptest::prelude::*;
use routeproof_model::metallb::Generation;
use serde_json::{Value, json};

use super::fields::{Field, list, mostly, object, one, selectors, several, some, some_of};
use super::{Objects, named};

const PREFIXES: [&str; 6] =
    ["172.16.1.0/24", "172.16.2.0/24", "10.5.0.0/16", "fc00:9::/64", "FC00:8::/64", "192.168.0.0/32"];

pub fn configurations(generation: Generation) -> Objects {
    let spec = object(vec![
        ("bgp", some_of(90, bgp(generation))),
        ("raw", some_of(25, raw())),
        ("nodeSelector", some_of(30, node_selector())),
    ]);
    let names = &["user-b", "a", "zz", "metallb-worker"];
    let all = prop_oneof![1 => Just(Vec::new()), 3 => vec((Just(json!({})), spec), 1..=3)];
    named("frrk8s.metallb.io/v1beta1", "FRRConfiguration", names, all)
}

fn raw() -> BoxedStrategy<Value> {
    object(vec![
        ("priority", some(60, json!([5, 10, 0, -1]))),
        ("rawConfig", some(90, json!(["route-map x permit 1\n", "! a", "", "\nip forwarding"]))),
    ])
}

fn node_selector() -> BoxedStrategy<Value> {
    selectors(100).prop_map(|list| list.and_then(|l| l.get(0).cloned()).unwrap_or(json!({}))).boxed()
}

fn bgp(generation: Generation) -> BoxedStrategy<Value> {
    let profile = object(vec![
        ("name", some_of(100, mostly(json!(["full", "own"]), json!(["b"])))),
        ("receiveInterval", some_of(50, mostly(json!([300, 10]), json!([9])))),
        ("echoInterval", some(20, json!([50]))),
        ("passiveMode", some(20, json!([true, false]))),
    ]);
    object(vec![
        ("routers", some_of(95, vec(router(generation), 1..=2).prop_map(Value::from).boxed())),
        ("bfdProfiles", some_of(15, vec(profile, 1..=2).prop_map(Value::from).boxed())),
    ])
}

fn router(generation: Generation) -> BoxedStrategy<Value> {
    let mut fields: Vec<Field> = vec![
        ("asn", some_of(100, mostly(json!([64512]), json!([65])))),
        ("id", some(10, json!(["10.10.10.10"]))),
        ("vrf", some(20, json!(["red", "blue"]))),
        ("neighbors", some_of(95, several(neighbor(generation)).prop_map(Value::from).boxed())),
        // What is advertised must be among them.
        (
            "prefixes",
            some(96, json!([PREFIXES, PREFIXES, PREFIXES, PREFIXES, PREFIXES, PREFIXES, ["172.16.1.0/24"]])),
        ),
    ];
    if generation >= Generation::V0_14_6 {
        fields.push(("imports", list(5, 2, one(json!([{"vrf": "red"}, {"vrf": "default"}])))));
    }
    object(fields)
}

fn neighbor(generation: Generation) -> BoxedStrategy<Value> {
    // Now and then a BGPPeer's: it must then say the same.
    let host =
        json!(["192.0.2.7", "192.0.2.8", "192.0.2.10", "fc00:77::1", "10.2.2.9", "192.0.2.7", "192.0.2.8"]);
    let mut fields: Vec<Field> = vec![
        ("address", some_of(100, mostly(host, json!(["10.2.2"])))),
        ("asn", some_of(100, mostly(json!([64999]), json!([64512])))),
        ("port", some_of(20, mostly(json!([179]), json!([180, 16385])))),
        ("ebgpMultiHop", some(2, json!([true]))),
        ("bfdProfile", some(2, json!(["full"]))),
        ("holdTime", some(3, json!(["180s", "90s"]))),
        ("password", some(2, json!(["secret"]))),
        ("toAdvertise", some_of(50, to_advertise())),
        ("toReceive", some_of(70, to_receive())),
    ];
    if generation >= Generation::V0_14_6 {
        fields.push(("enableGracefulRestart", some(5, json!([false, true]))));
    }
    if generation >= Generation::V0_15_0 {
        fields.push(("dualStackAddressFamily", some(5, json!([false, true]))));
    }
    object(fields)
}

fn prefixes(percent: u8) -> BoxedStrategy<Option<Value>> {
    list(percent, 3, mostly(json!(PREFIXES), json!(["172.16.1.0", "172.16.0.0/33"])))
}

fn to_advertise() -> BoxedStrategy<Value> {
    let allowed = object(vec![
        ("mode", some(90, json!(["all", "all", "all", "all", "all", "filtered"]))),
        ("prefixes", prefixes(70)),
    ]);
    let preference = object(vec![("localPref", some(100, json!([100, 200]))), ("prefixes", prefixes(100))]);
    let community = one(json!(["65000:1", "large:1:2:3", "10:100"]));
    let community = object(vec![("community", some_of(100, community)), ("prefixes", prefixes(100))]);
    object(vec![
        ("allowed", some_of(95, allowed)),
        ("withLocalPref", some_of(10, vec(preference, 1..=1).prop_map(Value::from).boxed())),
        ("withCommunity", some_of(15, vec(community, 1..=2).prop_map(Value::from).boxed())),
    ])
}

fn to_receive() -> BoxedStrategy<Value> {
    let good = json!([
        {"prefix": "172.16.0.0/16"},
        {"prefix": "172.16.0.0/16", "le": 24},
        {"prefix": "10.5.0.0/16", "ge": 20, "le": 28},
        {"prefix": "10.5.0.0/16", "ge": 24},
        {"prefix": "FC00:9::/48", "le": 64},
        {"prefix": "fc00:8::/64"},
        {"prefix": "172.16.1.0/24", "le": 32}
    ]);
    let bad = json!([{"prefix": "10.0.0.0"}, {"prefix": "10.5.0.0/16", "le": 8}, {"prefix": "10.5.0.0/16", "ge": 28, "le": 24},
                     {"prefix": "10.5.0.0/16", "ge": 129}]);
    let selector = mostly(good, bad);
    let allowed = object(vec![
        ("mode", some(40, json!(["filtered", "all"]))),
        ("prefixes", some_of(70, vec(selector, 1..=3).prop_map(Value::from).boxed())),
    ]);
    object(vec![("allowed", some_of(100, allowed))])
}
