//! Who gets which session, and in which order.

use super::rendering::two_peers_and_a_service;
use super::*;
use crate::metallb::{Family, RemoteAs};

#[test]
fn each_node_gets_the_peers_and_advertisements_that_select_it() {
    let rack = |r: &str| format!("  nodeSelectors: [{{matchLabels: {{rack: {r}}}}}]\n");
    let by_label = objects(&[
        &peer("gw-a", "192.168.1.1", &rack("a")),
        &peer("gw-b", "192.168.1.2", &rack("b")),
        &metallb("IPAddressPool", "p", "{addresses: [198.51.100.1/32]}"),
        &metallb(
            "BGPAdvertisement",
            "a",
            "{nodeSelectors: [{matchLabels: {kubernetes.io/hostname: worker1}}]}",
        ),
        &service("web", "namespace: shop", "ports: [{port: 80}]"),
        "apiVersion: v1\nkind: Node\nmetadata: {name: worker2, labels: {rack: b}}\n",
    ]);
    let release = Release::find("v0.13.10").unwrap();
    let seen = |node: &NodeInfo| {
        let r = render(release, Mode::Frr, &by_label, node).unwrap();
        let peers: Vec<String> = r.peers.iter().map(|p| p.id.clone()).collect();
        (peers, r.conf.contains("network 198.51.100.1/32"))
    };
    assert_eq!(seen(&node("worker1", &[("rack", "a")])), (vec!["192.168.1.1".to_owned()], true));
    assert_eq!(seen(&node("worker2", &[])), (vec!["192.168.1.2".to_owned()], false));
    assert_eq!(seen(&node("worker3", &[])), (vec![], false));
}

#[test]
fn routers_and_neighbors_sort_as_texts() {
    let p = |name: &str, my: u32, asn: u32, ip: &str, vrf: &str| {
        peer(name, ip, &format!("  vrf: {vrf}\n"))
            .replace("64513", &my.to_string())
            .replace("64512", &asn.to_string())
    };
    let applied = objects(&[
        &p("a", 65, 9, "10.2.2.9", "red"),
        &p("b", 100, 9, "10.2.2.9", "blue"),
        &p("c", 65, 9, "10.2.2.10", "red"),
        &p("d", 65, 100, "10.9.9.9", "red"),
    ]);
    let rendered = try_render("v0.13.10", &applied).unwrap();
    let order: Vec<&str> = rendered
        .conf
        .lines()
        .filter(|l| l.starts_with("router bgp") || l.contains("remote-as"))
        .map(str::trim)
        .collect();
    assert_eq!(
        order,
        [
            "router bgp 100 vrf blue",
            "neighbor 10.2.2.9 remote-as 9",
            "router bgp 65 vrf red",
            "neighbor 10.9.9.9 remote-as 100",
            "neighbor 10.2.2.10 remote-as 9",
            "neighbor 10.2.2.9 remote-as 9",
        ]
    );
}

#[test]
fn tells_what_a_scenario_needs_to_know() {
    let manifests = two_peers_and_a_service();
    let manifests: Vec<&str> = manifests.iter().map(String::as_str).collect();
    let rendered = try_render("v0.13.12", &objects(&manifests)).unwrap();
    let peer = &rendered.peers[1];
    assert_eq!(
        (peer.name.as_str(), peer.id.as_str(), peer.asn),
        ("gw2", "192.168.1.6", RemoteAs::Number(64512))
    );
    assert_eq!(peer.families, Family::BOTH);
    let ips: Vec<std::net::IpAddr> = vec!["198.51.100.16".parse().unwrap(), "fc00:1::10".parse().unwrap()];
    assert_eq!(rendered.services, [("shop/web".to_owned(), ips)]);
}

#[test]
fn hold_and_keepalive_are_whole_seconds_and_default_to_a_third() {
    let timers = |more: &str| {
        let rendered = try_render("v0.13.10", &objects(&[&peer("gw1", "10.0.0.1", more)])).unwrap();
        let line = rendered.conf.lines().find(|l| l.contains("timers")).unwrap().trim().to_owned();
        line.replace("neighbor 10.0.0.1 timers ", "")
    };
    assert_eq!(timers(""), "30 90");
    assert_eq!(timers("  holdTime: 10s\n"), "3 10");
    assert_eq!(timers("  holdTime: 0s\n  keepaliveTime: 1m\n"), "60 90");
    assert_eq!(timers("  holdTime: 500ms\n"), "0 0");
}

#[test]
fn v1beta1_peers_and_lists_are_read() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        peer("gw1", "10.0.0.1", "  peerPort: 0\n").replace("v1beta2", "v1beta1").replace('\n', "\n  ")
    );
    let rendered = try_render("v0.13.10", &objects(&[&list])).unwrap();
    assert!(!rendered.conf.contains(" port "), "port 0 leaves an empty line");
}
