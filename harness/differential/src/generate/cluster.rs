//! Kubernetes' own objects.

use proptest::collection::vec;
use proptest::prelude::*;
use routeproof_model::metallb::Generation;
use serde_json::{Value, json};

use super::Objects;
use super::fields::{Field, labels, object, one, several, some, some_of};
use crate::ours::NODE;

/// The node whose speaker runs, and another.
pub fn nodes() -> Objects {
    let excluded = proptest::bool::weighted(0.04);
    let offline = proptest::bool::weighted(0.04);
    let cordoned = proptest::bool::weighted(0.04);
    (labels(), labels(), excluded, offline, cordoned)
        .prop_map(|(mut here, mut there, excluded, offline, cordoned)| {
            here["kubernetes.io/hostname"] = json!(NODE);
            there["kubernetes.io/hostname"] = json!("other");
            if excluded {
                here["node.kubernetes.io/exclude-from-external-load-balancers"] = json!("");
            }
            let conditions = match offline {
                true => json!([{"type": "NetworkUnavailable", "status": "True"}]),
                false => json!([{"type": "Ready", "status": "True"}]),
            };
            let mut here = node(NODE, here, conditions);
            here["spec"] = json!({"unschedulable": cordoned});
            vec![here, node("other", there, json!([]))]
        })
        .boxed()
}

fn node(name: &str, labels: Value, conditions: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
           "status": {"conditions": conditions}})
}

pub fn namespaces() -> Objects {
    (labels(), labels())
        .prop_map(|(a, b)| {
            let namespace = |name: &str, labels: Value| {
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
            };
            vec![namespace("default", a), namespace("shop", b), namespace("metallb-system", json!({}))]
        })
        .boxed()
}

pub fn secrets() -> Objects {
    let secret = |name: &str, kind: &str, data: Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "data": data,
               "metadata": {"name": name, "namespace": "metallb-system"}})
    };
    Just(vec![
        secret("good", "kubernetes.io/basic-auth", json!({"password": "aHVudGVyMg=="})),
        secret("empty", "kubernetes.io/basic-auth", json!({"username": "bWU="})),
        secret("opaque", "Opaque", json!({"password": "aHVudGVyMg=="})),
    ])
    .boxed()
}

/// LoadBalancer Services with their EndpointSlices.
pub fn services(generation: Generation) -> Objects {
    let one_service = (spec(), labels(), annotations(generation), slice(), slice(), 0..=2usize);
    several(one_service)
        .prop_map(|all| {
            let mut objects = Vec::new();
            for (i, (spec, labels, annotations, first, second, slices)) in all.into_iter().enumerate() {
                let (name, namespace) = (["web", "api", "db10", "db9"][i], ["default", "shop"][i % 2]);
                let metadata =
                    json!({"name": name, "namespace": namespace, "labels": labels, "annotations": annotations});
                objects.push(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}));
                // Without any slice routeproof takes pods to be everywhere, and says so; MetalLB announces nothing.
                for (n, endpoints) in [first, second].into_iter().take(slices.max(1)).enumerate() {
                    objects.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                        "metadata": {"name": format!("{name}-{n}"), "namespace": namespace,
                                     "labels": {"kubernetes.io/service-name": name}},
                        "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "", "port": 80, "protocol": "TCP"}]}));
                }
            }
            objects
        })
        .boxed()
}

fn spec() -> BoxedStrategy<Value> {
    let families = one(json!([
        {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
        {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
        {"clusterIP": "fd00::7", "clusterIPs": ["fd00::7"], "ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"},
        {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd00::7"], "ipFamilies": ["IPv4", "IPv6"],
         "ipFamilyPolicy": "PreferDualStack"},
        {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd00::7"], "ipFamilies": ["IPv4", "IPv6"],
         "ipFamilyPolicy": "RequireDualStack"}
    ]));
    let rest: Vec<Field> = vec![
        ("externalTrafficPolicy", some(50, json!(["Cluster", "Local"]))),
        ("loadBalancerIP", some(5, json!(["192.168.0.9", "10.0.1.12", "fc00::3"]))),
        ("selector", some(70, json!([{"app": "web"}, {"app": "api"}]))),
        ("loadBalancerClass", some(3, json!(["acme.example/lb"]))),
        (
            "type",
            some(
                100,
                json!([
                    "LoadBalancer",
                    "LoadBalancer",
                    "LoadBalancer",
                    "LoadBalancer",
                    "LoadBalancer",
                    "LoadBalancer",
                    "LoadBalancer",
                    "LoadBalancer",
                    "LoadBalancer",
                    "ClusterIP"
                ]),
            ),
        ),
        (
            "ports",
            some(
                100,
                json!([[{"port": 80}], [{"port": 443}], [{"port": 80, "name": "a"}, {"port": 53, "protocol": "UDP", "name": "b"}]]),
            ),
        ),
    ];
    (families, object(rest))
        .prop_map(|(mut families, rest)| {
            for (name, value) in rest.as_object().into_iter().flatten() {
                families[name] = value.clone();
            }
            families
        })
        .boxed()
}

fn annotations(generation: Generation) -> BoxedStrategy<Value> {
    let new = |percent| if generation >= Generation::V0_14_9 { percent } else { 0 };
    let pools = || json!(["pool-b", "a-pool", "unknown"]);
    let addresses = || json!(["192.168.0.5", "192.168.1.6,fc00:1::3", "fc00::2", "nonsense"]);
    object(vec![
        ("metallb.universe.tf/address-pool", some(4, pools())),
        ("metallb.universe.tf/loadBalancerIPs", some(4, addresses())),
        ("metallb.universe.tf/allow-shared-ip", some(15, json!(["key", "other"]))),
        ("metallb.io/address-pool", some(new(4), pools())),
        ("metallb.io/loadBalancerIPs", some(new(4), addresses())),
        ("metallb.io/allow-shared-ip", some(new(8), json!(["key", "other"]))),
    ])
}

fn slice() -> BoxedStrategy<Value> {
    let conditions = object(vec![
        ("ready", some(60, json!([true, true, false]))),
        ("serving", some(30, json!([true, false]))),
        ("terminating", some(20, json!([false, true]))),
    ]);
    let endpoint = object(vec![
        ("addresses", some(100, json!([["10.244.1.1"], ["10.244.1.2"], ["10.244.2.1"]]))),
        ("nodeName", some(85, json!([NODE, "other"]))),
        ("conditions", some_of(40, conditions)),
    ]);
    prop_oneof![1 => vec(endpoint.clone(), 0..=3), 6 => vec(endpoint, 1..=3)].prop_map(Value::Array).boxed()
}

pub fn extras() -> Objects {
    let text = one(json!([
        "route-map 10.2.2.9-in permit 10\n",
        "ip prefix-list allowed seq 5 permit 172.16.0.0/16 le 24\nroute-map 10.2.2.9-in permit 20\n  match ip address prefix-list allowed",
        "",
        "\n\n! spaces at the end  \n\t! tab\n"
    ]));
    let map = |text| {
        vec![json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "bgpextras", "namespace": "metallb-system"}, "data": {"extras": text}})]
    };
    proptest::option::weighted(0.3, text.prop_map(map)).prop_map(Option::unwrap_or_default).boxed()
}
