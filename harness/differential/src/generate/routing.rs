//! MetalLB's resources.

use proptest::collection::vec;
use proptest::prelude::*;
use routeproof_model::metallb::Generation;
use serde_json::{Value, json};

use super::fields::{Field, labels, list, mostly, object, one, selectors, several, some, some_of};
use super::{Objects, named};

const BFD_PROFILES: [&str; 3] = ["full", "fast", "b"];
const POOLS: [&str; 4] = ["pool-b", "a-pool", "p10", "p9"];
const PEERS: [&str; 4] = ["gw-b", "a", "gw10", "gw9"];

/// All of them, so that peers can refer to them.
pub fn bfd_profiles() -> Objects {
    let ms = || some_of(40, mostly(json!([300, 10, 60000, 50]), json!([9])));
    let spec = object(vec![
        ("receiveInterval", ms()),
        ("transmitInterval", ms()),
        ("echoInterval", ms()),
        ("detectMultiplier", some(40, json!([3, 2, 255]))),
        ("echoMode", some(6, json!([false, true]))),
        ("passiveMode", some(30, json!([false, true]))),
        ("minimumTtl", some(30, json!([254, 1, 100]))),
    ]);
    named("metallb.io/v1beta1", "BFDProfile", &BFD_PROFILES, vec((Just(json!({})), spec), 3))
}

pub fn communities(generation: Generation) -> Objects {
    let mut good = vec!["65000:1", "1:65535", "0:0"];
    if generation >= Generation::V0_13_10 {
        good.extend(["large:65000:1:2", "large:1:2:4294967295"]);
    }
    let value = mostly(json!(good), json!(["65536:1", "x:1", "large:1:2"]));
    let alias = |name: &'static str| value.clone().prop_map(move |v| json!({"name": name, "value": v}));
    let spec = (alias("gold"), alias("silver")).prop_map(|(a, b)| json!({"communities": [a, b]}));
    named("metallb.io/v1beta1", "Community", &["aliases"], vec((Just(json!({})), spec), 1))
}

pub fn pools(generation: Generation) -> Objects {
    let specs: Vec<_> = (0..POOLS.len()).map(|i| (labels(), pool(i, generation))).collect();
    let counted = (specs, prop_oneof![1 => Just(0), 12 => 1..=POOLS.len()])
        .prop_map(|(all, n)| all.into_iter().take(n).collect());
    named("metallb.io/v1beta1", "IPAddressPool", &POOLS, counted)
}

/// The pools' blocks do not overlap, for the most part.
fn pool(i: usize, generation: Generation) -> BoxedStrategy<Value> {
    let first = json!([format!("192.168.{i}.0/24"), format!("192.168.{i}.77/24"), format!("10.{i}.0.0/30")]);
    let second = json!([format!("10.{i}.1.10-10.{i}.1.20"), format!("10.{i}.1.250 - 10.{i}.2.3")]);
    let third = json!([format!("fc00:{i}::/120"), format!("FC00:{i}:0::1-fc00:{i}::5")]);
    let bad = json!(["192.168.1.0/28", "192.168.300.0/24", "10.1.1.1"]);
    let parts = (some_of(80, mostly(first, bad)), some(30, second), some(65, third));
    let addresses = parts.prop_map(move |(a, b, c)| {
        let given: Vec<Value> = [a, b, c].into_iter().flatten().collect();
        Some(if given.is_empty() { json!([format!("192.168.{i}.0/24")]) } else { json!(given) })
    });
    let mut fields: Vec<Field> = vec![
        ("addresses", addresses.boxed()),
        ("autoAssign", some(10, json!([true, false]))),
        ("avoidBuggyIPs", some(20, json!([false, true]))),
    ];
    if generation >= Generation::V0_13_8 {
        let allocation = object(vec![
            ("priority", some(50, json!([0, 1, 2]))),
            ("namespaces", list(40, 2, one(json!(["default", "shop"])))),
            ("serviceSelectors", selectors(30)),
            ("namespaceSelectors", selectors(20)),
        ]);
        fields.push(("serviceAllocation", some_of(15, allocation)));
    }
    object(fields)
}

pub fn peers(generation: Generation) -> Objects {
    let session = (fields(generation), remote_as(generation), timers(), password());
    let odd = || proptest::bool::weighted(0.01);
    let one_peer = (session, odd(), odd(), odd());
    let router_id = some(25, json!(["10.10.10.10", "0.0.0.7", "fc00::1"]));
    (several(one_peer), hosts(generation), router_id)
        .prop_map(|(all, hosts, router_id)| {
            let build = |(((mut spec, asn, timers, password), other_asn, other_id, ibgp_hops), host): (
                Made,
                Value,
            )| {
                for part in [asn, timers, password, host] {
                    merge(&mut spec, part);
                }
                spec["myASN"] = json!(if other_asn { 65 } else { 64512 });
                if spec["peerASN"] == spec["myASN"] && !ibgp_hops {
                    spec["ebgpMultiHop"] = json!(false);
                }
                match (&router_id, other_id) {
                    (_, true) => spec["routerID"] = json!(["10.9.9.9", "x"][usize::from(other_asn)]),
                    (Some(id), false) => spec["routerID"] = id.clone(),
                    (None, false) => {}
                }
                (json!({}), spec)
            };
            all.into_iter().zip(hosts).map(build).collect::<Vec<_>>()
        })
        .prop_flat_map(|specs| named("metallb.io/v1beta2", "BGPPeer", &PEERS, Just(specs)))
        .boxed()
}

/// Fields, AS number, timers and password; then the oddities.
type Made = ((Value, Value, Value, Value), bool, bool, bool);

fn merge(spec: &mut Value, part: Value) {
    for (name, value) in part.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
}

fn fields(generation: Generation) -> BoxedStrategy<Value> {
    let source = mostly(json!(["10.2.2.254", "fc00:f853:ccd:e793::5", "::ffff:10.1.1.1"]), json!(["10.1.1"]));
    let mut fields: Vec<Field> = vec![
        ("sourceAddress", some_of(15, source)),
        ("peerPort", some_of(30, mostly(json!([179, 180, 1, 16384]), json!([0, 16385])))),
        ("nodeSelectors", selectors(15)),
        ("bfdProfile", some_of(30, mostly(json!(BFD_PROFILES), json!(["missing"])))),
        ("ebgpMultiHop", some(20, json!([false, true]))),
        ("vrf", some(if generation >= Generation::V0_13_8 { 15 } else { 0 }, json!(["red", "blue"]))),
    ];
    if generation >= Generation::V0_14_4 {
        let good = json!(["10s", "1s", "65535s", "2m", "1m30s"]);
        fields.push(("connectTime", some(20, good)));
        fields.push(("disableMP", some(15, json!([false, true]))));
    }
    if generation >= Generation::V0_14_6 {
        fields.push(("enableGracefulRestart", some(25, json!([false, true]))));
    }
    if generation >= Generation::V0_15_0 {
        fields.push(("dualStackAddressFamily", some(25, json!([false, true]))));
    }
    if generation >= Generation::V0_16_0 {
        fields.push(("localASN", some(20, json!([65100, 4_200_000_000u32]))));
    }
    object(fields)
}

fn timers() -> BoxedStrategy<Value> {
    let good = json!([
        {}, {}, {}, {}, {"holdTime": "90s"}, {"holdTime": "0s"}, {"holdTime": "3s"}, {"keepaliveTime": "30s"},
        {"keepaliveTime": "4500ms"}, {"keepaliveTime": "0s"}, {"holdTime": "1m30s", "keepaliveTime": "10s"},
        {"holdTime": "0s", "keepaliveTime": "0s"}, {"holdTime": "1h0m0s"}, {"holdTime": "100500ms", "keepaliveTime": "3s"},
        {"holdTime": "10s", "keepaliveTime": "10s"}, {"holdTime": "4s"}, {"holdTime": "500ms"}
    ]);
    let bad = json!([
        {"holdTime": "2s"}, {"holdTime": "9s", "keepaliveTime": "10s"}, {"keepaliveTime": "2m"},
        {"holdTime": "0s", "keepaliveTime": "10s"}, {"holdTime": "2500ms"}
    ]);
    prop_oneof![49 => one(good), 1 => one(bad)].boxed()
}

fn password() -> BoxedStrategy<Value> {
    let secret = |name: &str| json!({"passwordSecret": {"name": name}});
    let bad = json!([secret("empty"), secret("opaque"), secret("gone"),
                     {"password": "both", "passwordSecret": {"name": "good"}}]);
    let words = ["secret", "with space", "p\"q", "<&>"].map(|w| json!({"password": w}));
    let good = json!([{}, {}, {}, {}, {}, {}, words[0], words[1], words[2], words[3], secret("good")]);
    mostly(good, bad)
}

fn remote_as(generation: Generation) -> BoxedStrategy<Value> {
    let number = one(json!([64999, 64512, 65, 9, 4_200_000_000u32])).prop_map(|n| json!({"peerASN": n}));
    if generation < Generation::V0_14_9 {
        return number.boxed();
    }
    let dynamic = mostly(
        json!([{"dynamicASN": "external"}, {"dynamicASN": "internal"}]),
        json!([{"dynamicASN": "external", "peerASN": 64999}, {}, {"dynamicASN": "any"}]),
    );
    prop_oneof![8 => number, 2 => dynamic].boxed()
}

/// Different hosts, now and then one of them twice, but never in two spellings: MetalLB takes those for two peers and then renders
/// the settings of one, at random; routeproof refuses them.
fn hosts(generation: Generation) -> BoxedStrategy<Vec<Value>> {
    let mut all: Vec<Value> = [
        "10.2.2.9",
        "10.2.2.10",
        "172.30.0.3",
        "fc00:f853:ccd:e793::2",
        "2001:DB8::1",
        "2001:db8:0::9",
        "fe80::1",
        "::ffff:10.9.9.9",
        "192.0.2.1",
    ]
    .iter()
    .map(|a| json!({"peerAddress": a}))
    .collect();
    if generation >= Generation::V0_15_0 {
        all.extend(["net0", "eth1"].map(|name| json!({"interface": name})));
    }
    let strange = mostly(json!({}), json!([{"peerAddress": "10.2.2"}, {"peerAddress": "10.2.2.9"}]));
    (Just(all).prop_shuffle(), vec(strange, 4))
        .prop_map(|(hosts, strange)| {
            let pick = |(host, strange): (Value, Value)| if strange == json!({}) { host } else { strange };
            hosts.into_iter().zip(strange).map(pick).collect()
        })
        .boxed()
}

pub fn advertisements(generation: Generation) -> Objects {
    let large = if generation >= Generation::V0_13_10 { "large:65000:1:2" } else { "5:6" };
    let communities = mostly(
        json!(["65000:10", "1111:2222", "65535:65281", large, "gold", "silver", "0:100"]),
        json!(["nope", "65536:0", "large:1:2:x"]),
    );
    let mut fields: Vec<Field> = vec![
        ("aggregationLength", some_of(20, mostly(json!([32, 30, 31]), json!([24, 33])))),
        ("aggregationLengthV6", some_of(20, mostly(json!([128, 127]), json!([124, 129])))),
        ("localPref", some(12, json!([100, 100, 200, 0, 4_294_967_295u32]))),
        ("communities", list(40, 3, communities)),
        ("ipAddressPools", list(25, 2, one(json!(["pool-b", "a-pool", "p10", "unknown"])))),
        ("ipAddressPoolSelectors", selectors(10)),
        ("nodeSelectors", selectors(12)),
        ("peers", list(25, 2, one(json!(["gw-b", "a", "gw10", "unknown"])))),
    ];
    if generation >= Generation::V0_16_0 {
        fields.push(("serviceSelectors", selectors(25)));
    }
    if generation >= Generation::V0_16_2 {
        fields.push(("asPathPrepend", some(3, json!([0, 3]))));
    }
    let (mut spec, odd) = (object(fields), proptest::bool::weighted(0.03));
    spec = (spec, odd)
        .prop_map(|(mut spec, odd)| {
            // Service selectors and aggregation exclude each other.
            if let (Some(fields), false) = (spec.as_object_mut(), odd)
                && fields.contains_key("serviceSelectors")
            {
                fields.retain(|name, _| !name.starts_with("aggregation"));
            }
            spec
        })
        .boxed();
    let names = &["adv-b", "a-adv", "adv10", "adv9"];
    named("metallb.io/v1beta1", "BGPAdvertisement", names, several((Just(json!({})), spec)))
}
