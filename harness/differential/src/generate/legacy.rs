//! The ConfigMap of MetalLB up to v0.12. Its text is JSON, which is YAML, too.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Objects;
use super::fields::{Field, list, mostly, object, one, several, some, some_of};

const BFD_PROFILES: [&str; 2] = ["full", "b"];

pub fn config() -> Objects {
    (peers(), pools(), communities(), bfd_profiles())
        .prop_map(|(peers, pools, communities, bfd_profiles)| {
            let text = json!({"peers": peers, "address-pools": pools, "bgp-communities": communities,
                              "bfd-profiles": bfd_profiles});
            vec![json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"config": text.to_string()},
                        "metadata": {"name": "config", "namespace": "metallb-system"}})]
        })
        .boxed()
}

fn peers() -> BoxedStrategy<Vec<Value>> {
    let hosts =
        ["10.2.2.9", "10.2.2.10", "172.30.0.3", "fc00:f853:ccd:e793::2", "2001:DB8::1", "::ffff:10.9.9.9"];
    let strange = mostly(
        json!([{}]),
        json!([{"peer-address": "10.2.2"}, {"peer-address": "10.2.2.9"}, {"my-asn": 65}]),
    );
    let router_id = some(25, json!(["10.10.10.10", "fc00::1", "x"]));
    let others = vec((peer(), strange), 4);
    (others, Just(hosts.to_vec()).prop_shuffle(), router_id, 0..=4usize)
        .prop_map(|(all, hosts, router_id, count)| {
            let build = |((mut peer, strange), host): ((Value, Value), &str)| {
                peer["my-asn"] = json!(64512);
                peer["peer-address"] = json!(host);
                if let Some(id) = &router_id {
                    peer["router-id"] = id.clone();
                }
                for (name, value) in strange.as_object().into_iter().flatten() {
                    peer[name] = value.clone();
                }
                peer
            };
            all.into_iter().zip(hosts).take(count.max(1)).map(build).collect()
        })
        .boxed()
}

fn peer() -> BoxedStrategy<Value> {
    let timers = [
        (
            "hold-time",
            some_of(
                30,
                mostly(json!(["90s", "3s", "0s", "1m30s", "10.7s", "500ms"]), json!(["2s", "90", ""])),
            ),
        ),
        ("keepalive-time", some_of(10, mostly(json!(["3s", "0s", "900ms"]), json!(["2m", "x"])))),
    ];
    let mut fields: Vec<Field> = vec![
        ("peer-asn", some_of(100, mostly(json!([64999, 64512, 65, 9, 4_200_000_000u32]), json!([0])))),
        ("peer-port", some(30, json!([179, 180, 1, 65535, 0]))),
        ("source-address", some_of(15, mostly(json!(["10.2.2.254", "fc00::5", ""]), json!(["10.1.1"])))),
        ("node-selectors", list(20, 2, selector())),
        ("password", some(20, json!(["secret", "with space", "p\"q", "<&>"]))),
        ("bfd-profile", some_of(30, mostly(json!(BFD_PROFILES), json!(["missing"])))),
        ("ebgp-multihop", some(10, json!([false, true]))),
    ];
    fields.extend(timers);
    object(fields)
}

fn selector() -> BoxedStrategy<Value> {
    let good = json!([
        {"match-labels": {"rack": "a"}},
        {},
        {"match-expressions": [{"key": "rack", "operator": "In", "values": ["b", "a"]}]},
        {"match-expressions": [{"key": "tier", "operator": "DoesNotExist"}]},
        {"match-labels": {"kubernetes.io/hostname": "worker"}},
        {"match-labels": {"kubernetes.io/hostname": "other"}}
    ]);
    mostly(
        good,
        json!([{"match-expressions": [{"key": "rack", "operator": "In"}]},
                        {"match-expressions": [{"key": "rack", "operator": "Has"}]}]),
    )
}

/// The pools' blocks do not overlap, for the most part.
fn pools() -> BoxedStrategy<Vec<Value>> {
    let names = ["pool-b", "a-pool", "p10", "p9"];
    let pool = move |i: usize| {
        let first = json!([
            format!("192.168.{i}.0/24"),
            format!("10.{i}.0.0/30"),
            format!("10.{i}.1.10-10.{i}.1.20")
        ]);
        let second = json!([format!("fc00:{i}::/120"), format!("FC00:{i}:0::1 - fc00:{i}::5")]);
        let bad = json!(["192.168.1.0/28", "192.168.300.0/24", "10.1.1.1"]);
        let addresses = (some_of(80, mostly(first, bad)), some(60, second)).prop_map(move |(a, b)| {
            let given: Vec<Value> = [a, b].into_iter().flatten().collect();
            Some(if given.is_empty() { json!([format!("192.168.{i}.0/24")]) } else { json!(given) })
        });
        let rest = object(vec![
            ("name", some_of(100, mostly(json!([names[i]]), json!(["p9", ""])))),
            ("addresses", addresses.boxed()),
            ("auto-assign", some(10, json!([true, false]))),
            ("avoid-buggy-ips", some(20, json!([false, true]))),
            (
                "protocol",
                some_of(100, mostly(json!(["bgp", "bgp", "bgp", "bgp", "layer2"]), json!(["BGP", ""]))),
            ),
            ("bgp-advertisements", some_of(60, several(advertisement()).prop_map(Value::from).boxed())),
        ]);
        let odd = proptest::bool::weighted(0.02);
        (rest, odd).prop_map(|(mut pool, odd)| {
            if pool["protocol"] == "layer2" && !odd {
                pool.as_object_mut().map(|fields| fields.remove("bgp-advertisements"));
            }
            pool
        })
    };
    ((0..4).map(pool).collect::<Vec<_>>(), 0..=4usize)
        .prop_map(|(all, n)| all.into_iter().take(n.max(1)).collect())
        .boxed()
}

fn advertisement() -> BoxedStrategy<Value> {
    let communities = mostly(
        json!(["65000:10", "1111:2222", "65535:65281", "5:6", "gold", "silver", "0:100"]),
        json!(["nope", "65536:0", "large:1:2:3", "1:2:3"]),
    );
    object(vec![
        ("aggregation-length", some_of(20, mostly(json!([32, 30, 31]), json!([24, 33, -1])))),
        ("aggregation-length-v6", some_of(20, mostly(json!([128, 127]), json!([124, 129])))),
        ("localpref", some(15, json!([100, 200, 0, 4_294_967_295u32]))),
        ("communities", list(50, 3, communities)),
    ])
}

fn communities() -> BoxedStrategy<Value> {
    let value = || mostly(json!(["65000:1", "1:65535", "0:0"]), json!(["65536:1", "x:1", "1:2:3"]));
    (value(), value()).prop_map(|(gold, silver)| json!({"gold": gold, "silver": silver})).boxed()
}

fn bfd_profiles() -> BoxedStrategy<Vec<Value>> {
    let ms = || some_of(40, mostly(json!([300, 10, 60000]), json!([9])));
    let profile = object(vec![
        ("receive-interval", ms()),
        ("transmit-interval", ms()),
        ("echo-interval", ms()),
        ("detect-multiplier", some(40, json!([3, 2, 255]))),
        ("echo-mode", some(10, json!([false, true]))),
        ("passive-mode", some(30, json!([false, true]))),
        ("minimum-ttl", some(30, json!([254, 1]))),
    ]);
    let names =
        one(json!([BFD_PROFILES, BFD_PROFILES, BFD_PROFILES, BFD_PROFILES, BFD_PROFILES, ["b", "b"]]));
    (vec(profile, 2), names)
        .prop_map(|(mut all, names)| {
            for (i, profile) in all.iter_mut().enumerate() {
                profile["name"] = names[i].clone();
            }
            all
        })
        .boxed()
}
