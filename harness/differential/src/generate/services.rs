//! Small pools and the Services that compete for them.

use proptest::collection::vec;
use proptest::prelude::*;
use routeproof_model::metallb::Generation;
use serde_json::{Value, json};

use super::fields::{Field, labels, list, object, one, selectors, some, some_of};
use super::{Objects, named};

const POOLS: [&str; 4] = ["pool-b", "a-pool", "p10", "p9"];

/// Pools of a few addresses, so that they run out.
pub fn pools(generation: Generation) -> Objects {
    let specs: Vec<_> = (0..POOLS.len()).map(|i| (labels(), pool(i, generation))).collect();
    let counted = (specs, 1..=POOLS.len()).prop_map(|(all, n)| all.into_iter().take(n).collect());
    named("metallb.io/v1beta1", "IPAddressPool", &POOLS, counted)
}

fn addresses(i: usize) -> BoxedStrategy<Option<Value>> {
    let v4 = json!([
        format!("10.{i}.0.0/31"),
        format!("10.{i}.0.254-10.{i}.1.1"),
        format!("10.{i}.9.9/32"),
        format!("10.{i}.0.0/29")
    ]);
    let v6 = json!([format!("fc00:{i}::/127"), format!("fc00:{i}::7-fc00:{i}::9")]);
    (some(80, v4), some(55, v6), any::<bool>(), Just(i))
        .prop_map(|(v4, v6, v6_first, i)| {
            let mut given: Vec<Value> = [v4, v6].into_iter().flatten().collect();
            if v6_first {
                given.reverse();
            }
            Some(if given.is_empty() { json!([format!("10.{i}.3.0/30")]) } else { json!(given) })
        })
        .boxed()
}

fn pool(i: usize, generation: Generation) -> BoxedStrategy<Value> {
    let mut fields: Vec<Field> = vec![
        ("addresses", addresses(i)),
        ("autoAssign", some(25, json!([true, false]))),
        ("avoidBuggyIPs", some(30, json!([false, true]))),
    ];
    if generation >= Generation::V0_13_8 {
        let allocation = object(vec![
            ("priority", some(60, json!([0, 1, 2]))),
            ("namespaces", list(50, 2, one(json!(["default", "shop"])))),
            ("serviceSelectors", selectors(30)),
            ("namespaceSelectors", selectors(20)),
        ]);
        fields.push(("serviceAllocation", some_of(45, allocation)));
    }
    object(fields)
}

pub fn legacy_pools() -> Objects {
    let pool = |i: usize| {
        object(vec![
            ("name", some(100, json!([POOLS[i]]))),
            ("protocol", some(100, json!(["bgp", "layer2"]))),
            ("addresses", addresses(i)),
            ("auto-assign", some(25, json!([true, false]))),
            ("avoid-buggy-ips", some(30, json!([false, true]))),
        ])
    };
    ((0..POOLS.len()).map(pool).collect::<Vec<_>>(), 1..=POOLS.len())
        .prop_map(|(all, n)| {
            let pools: Vec<Value> = all.into_iter().take(n).collect();
            vec![json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config", "namespace": "metallb-system"},
                        "data": {"config": json!({"address-pools": pools}).to_string()}})]
        })
        .boxed()
}

/// LoadBalancer Services.
pub fn services(generation: Generation) -> Objects {
    vec((families(), rest(), labels(), annotations(generation)), 1..=6)
        .prop_map(|all| {
            let object =
                |(i, (mut spec, rest, labels, annotations)): (usize, (Value, Value, Value, Value))| {
                    for (name, value) in rest.as_object().into_iter().flatten() {
                        spec[name] = value.clone();
                    }
                    spec["type"] = json!("LoadBalancer");
                    let namespace = ["default", "shop"][i % 2];
                    let metadata = json!({"name": format!("s{i}"), "namespace": namespace, "labels": labels,
                                      "annotations": annotations});
                    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
                };
            all.into_iter().enumerate().map(object).collect()
        })
        .boxed()
}

/// As the API server of a dual-stack cluster fills them in.
fn families() -> BoxedStrategy<Value> {
    let (four, six) = ("10.96.0.7", "fd00::7");
    let single = |ip: &str, family: &str| json!({"clusterIP": ip, "clusterIPs": [ip], "ipFamilies": [family], "ipFamilyPolicy": "SingleStack"});
    let dual = |ips: [&str; 2], families: [&str; 2], policy: &str| json!({"clusterIP": ips[0], "clusterIPs": ips, "ipFamilies": families, "ipFamilyPolicy": policy});
    let (v4_first, v6_first) = (([four, six], ["IPv4", "IPv6"]), ([six, four], ["IPv6", "IPv4"]));
    one(json!([
        single(four, "IPv4"),
        single(four, "IPv4"),
        single(six, "IPv6"),
        dual(v4_first.0, v4_first.1, "PreferDualStack"),
        dual(v6_first.0, v6_first.1, "PreferDualStack"),
        dual(v4_first.0, v4_first.1, "RequireDualStack"),
        dual(v6_first.0, v6_first.1, "RequireDualStack")
    ]))
}

fn rest() -> BoxedStrategy<Value> {
    object(vec![
        ("externalTrafficPolicy", some(100, json!(["Cluster", "Local"]))),
        ("loadBalancerIP", some(8, json!(["10.0.0.0", "10.1.0.1", "fc00:1::1"]))),
        ("selector", some(70, json!([{"app": "web"}, {"app": "api", "tier": "x"}]))),
        (
            "ports",
            some(
                100,
                json!([[{"port": 80, "protocol": "TCP"}], [{"port": 443, "protocol": "TCP"}],
                       [{"port": 80, "name": "a", "protocol": "TCP"}, {"port": 80, "protocol": "UDP", "name": "b"}]]),
            ),
        ),
    ])
}

fn annotations(generation: Generation) -> BoxedStrategy<Value> {
    let new = |percent| if generation >= Generation::V0_14_9 { percent } else { 0 };
    let pools = || json!(["pool-b", "a-pool", "p10", "unknown", ""]);
    let addresses = || {
        json!([
            "10.0.0.1",
            "10.1.0.1,fc00:1::1",
            "fc00::1, 10.0.0.0",
            "fc00::1",
            "nonsense",
            "10.0.0.0,10.0.0.1",
            ""
        ])
    };
    object(vec![
        ("metallb.universe.tf/address-pool", some(12, pools())),
        ("metallb.universe.tf/loadBalancerIPs", some(15, addresses())),
        ("metallb.universe.tf/allow-shared-ip", some(30, json!(["key", "other", ""]))),
        ("metallb.io/address-pool", some(new(8), pools())),
        ("metallb.io/loadBalancerIPs", some(new(8), addresses())),
        ("metallb.io/allow-shared-ip", some(new(15), json!(["key", "other", ""]))),
    ])
}
