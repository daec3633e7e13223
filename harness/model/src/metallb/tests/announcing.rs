//! What a speaker announces, and does not: found by comparing with real speakers (ci/differential).

use super::*;

/// A Service with one endpoint per line of `endpoints`, everything that announces it, and a Node with more of it.
fn cluster(endpoints: &str, service_spec: &str, node: &str) -> Objects {
    objects(&[
        &peer("gw1", "192.168.1.5", ""),
        &metallb("IPAddressPool", "p", "{addresses: [198.51.100.16/28]}"),
        &metallb("BGPAdvertisement", "a", "{}"),
        &service("web", "namespace: shop", &format!("ports: [{{port: 80}}]{service_spec}")),
        &format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}\n\
             addressType: IPv4\nendpoints:\n{endpoints}"
        ),
        &format!("apiVersion: v1\nkind: Node\nmetadata: {{name: worker{node}\n"),
    ])
}

fn announces(version: &str, objects: &Objects) -> bool {
    try_render(version, objects).unwrap().conf.contains("network 198.51.100.16/32")
}

#[test]
fn a_pod_that_ends_but_serves_counts_since_v0_14_0() {
    let ending = cluster("- {addresses: [10.0.0.1], conditions: {ready: false, serving: true}}\n", "", "}");
    assert!(!announces("v0.13.12", &ending));
    assert!(announces("v0.14.0", &ending));
}

#[test]
fn what_does_not_serve_is_not_ready_from_v0_14_0_to_v0_14_4() {
    let silent = cluster("- {addresses: [10.0.0.1], conditions: {ready: true, serving: false}}\n", "", "}");
    for (version, announced) in
        [("v0.13.12", true), ("v0.14.0", false), ("v0.14.4", false), ("v0.14.5", true)]
    {
        assert_eq!(announces(version, &silent), announced, "{version}");
    }
}

#[test]
fn an_address_that_is_unready_once_is_unready_up_to_v0_15_3() {
    let split = cluster(
        "- {addresses: [10.0.0.1]}\n- {addresses: [10.0.0.1], conditions: {ready: false}}\n",
        "",
        "}",
    );
    assert!(!announces("v0.15.3", &split));
    assert!(announces("v0.16.0", &split));
}

#[test]
fn an_address_that_is_unready_elsewhere_is_unready_for_local_traffic_too() {
    let twice = "- {addresses: [10.0.0.1], nodeName: worker}\n\
                 - {addresses: [10.0.0.1], nodeName: other, conditions: {ready: false}}\n";
    let local = cluster(twice, ", externalTrafficPolicy: Local", "}");
    assert!(!announces("v0.15.3", &local));
    assert!(announces("v0.16.0", &local));
}

#[test]
fn local_traffic_goes_by_the_nodes_name_not_its_hostname() {
    let here = "- {addresses: [10.0.0.1], nodeName: worker}\n";
    let renamed =
        cluster(here, ", externalTrafficPolicy: Local", ", labels: {kubernetes.io/hostname: other}}");
    assert!(announces("v0.15.3", &renamed));
}

#[test]
fn a_node_without_network_or_out_of_load_balancing_announces_nothing() {
    let pod = "- {addresses: [10.0.0.1]}\n";
    let offline = cluster(
        pod,
        "",
        "}\nstatus: {conditions: [{type: NetworkUnavailable, status: \"True\", reason: NoRoute}], nodeInfo: {}}",
    );
    assert!(announces("v0.13.9", &offline));
    assert!(!announces("v0.13.10", &offline));
    let label = ", labels: {node.kubernetes.io/exclude-from-external-load-balancers: ''}}";
    let excluded = cluster(pod, "", label);
    assert!(announces("v0.13.12", &excluded));
    assert!(!announces("v0.14.0", &excluded));
    assert_eq!(
        try_render("v0.14.0", &excluded).unwrap().warnings,
        [
            "node/worker: has the label node.kubernetes.io/exclude-from-external-load-balancers; its speaker announces no Service"
        ]
    );
}

#[test]
fn a_cordoned_node_announces_nothing_in_v0_14_9() {
    let cordoned =
        cluster("- {addresses: [10.0.0.1]}\n", "", "}\nspec: {unschedulable: true, podCIDR: 10.0.0.0/24}");
    let seen = ["v0.14.8", "v0.14.9", "v0.15.0"].map(|version| announces(version, &cordoned));
    assert_eq!(seen, [true, false, true]);
}

#[test]
fn since_v0_16_0_a_service_with_two_local_preferences_for_one_update_is_left_out() {
    let manifests = [
        peer("gw1", "192.168.1.5", ""),
        metallb("IPAddressPool", "p", "{addresses: [198.51.100.16/28]}"),
        metallb("BGPAdvertisement", "all", "{localPref: 100}"),
        metallb(
            "BGPAdvertisement",
            "front",
            "{localPref: 200, serviceSelectors: [{matchLabels: {tier: front}}]}",
        ),
        service("web", "namespace: shop, labels: {tier: front}", "ports: [{port: 80}]"),
        service("dns", "namespace: shop", "ports: [{port: 53}]"),
    ];
    let rendered = try_render("v0.16.1", &objects(&manifests.each_ref().map(String::as_str))).unwrap();
    assert!(
        !rendered.conf.contains("198.51.100.16/32") && rendered.conf.contains("network 198.51.100.17/32")
    );
    assert_eq!(
        rendered.warnings,
        [
            "service/web: is not announced: the BGPAdvertisements `all` and `front` give it the local preferences 100 and 200"
        ]
    );
}

/// Up to v0.13.12 that shows; later releases make one of what has the same prefix.
#[test]
fn an_advertisement_that_selects_a_pool_by_name_and_by_label_counts_twice() {
    let both = "{ipAddressPools: [p], ipAddressPoolSelectors: [{}]}";
    let manifests = [
        peer("gw1", "192.168.1.5", ""),
        metallb("IPAddressPool", "p", "{addresses: [198.51.100.16/28]}"),
        metallb("BGPAdvertisement", "a", both),
        service("web", "namespace: shop", "ports: [{port: 80}]"),
    ];
    let lines = |version: &str| {
        let text = conf(version, &manifests.each_ref().map(String::as_str));
        text.lines().filter(|l| l.ends_with("permit 198.51.100.16/32")).count()
    };
    assert_eq!((lines("v0.13.12"), lines("v0.14.0")), (2, 1));
}

/// What other nodes wait for, or refuse, does not stop this node's speaker since v0.16.0.
#[test]
fn a_speaker_minds_its_own_node_since_v0_16_0() {
    let elsewhere = |more: &str| {
        let selector = "  nodeSelectors: [{matchLabels: {rack: z}}]\n";
        peer("gw2", "192.168.1.6", &format!("{selector}  bfdProfile: {more}\n"))
    };
    let waiting = objects(&[&peer("gw1", "192.168.1.5", ""), &elsewhere("later")]);
    assert!(matches!(try_render("v0.15.3", &waiting), Err(RenderError::Pending(_))));
    assert!(try_render("v0.16.0", &waiting).is_ok());
    let echo = objects(&[
        &metallb("BFDProfile", "echo", "{echoMode: true}"),
        &elsewhere("echo"),
        &metallb("IPAddressPool", "p", "{addresses: ['fc00::/120']}"),
        &metallb("BGPAdvertisement", "a", "{}"),
    ]);
    assert!(matches!(try_render("v0.15.3", &echo), Err(RenderError::Refused(_))));
    assert!(try_render("v0.16.0", &echo).is_ok());
}

#[test]
fn only_v0_15_0_refuses_a_pool_with_a_nodes_address() {
    let addresses = ", status: {addresses: [{type: Hostname, address: worker}, {type: InternalIP, address: 198.51.100.20}]}";
    let objects = objects(&[
        &metallb("IPAddressPool", "p", "{addresses: [198.51.100.0-198.51.100.15, 198.51.100.16/28]}"),
        &format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: worker}}{}\n",
            addresses.replacen(", ", "\n", 1)
        ),
    ]);
    let refused = try_render("v0.15.0", &objects).unwrap_err().to_string();
    assert!(
        refused.contains("pool cidr \"198.51.100.16/28\" contains nodeIp \"198.51.100.20\""),
        "{refused}"
    );
    for version in ["v0.14.9", "v0.15.1"] {
        assert!(try_render(version, &objects).is_ok(), "{version}");
    }
}

#[test]
fn buggy_addresses_can_be_avoided_since_v0_13_4() {
    let objects =
        objects(&[&metallb("IPAddressPool", "p", "{addresses: [198.51.100.16/28], avoidBuggyIPs: true}")]);
    assert!(try_render("v0.13.3", &objects).unwrap_err().to_string().contains("avoidBuggyIPs"));
    assert!(try_render("v0.13.4", &objects).is_ok());
}
