//! Replies are seen to leave by the interface that the node's routes say, and by no other.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use routeproof_engine::lab::Lab;
use routeproof_engine::probe::{ExchangePlan, Responder, exchange};
use routeproof_model::fact::{Exchange, Protocol};

use crate::support::{Port, lab, place, sh};

const ALL: [Protocol; 4] = [Protocol::Tcp, Protocol::Http, Protocol::Udp, Protocol::Icmp];
const SERVICES: [&str; 2] = ["203.0.113.1", "2001:db8:f::1"];

/// A client behind two gateways, each with a link of its own to the worker; requests come by gw1.
async fn two_links(folder: &Path) -> Option<Lab> {
    let outside: [Port<'_>; 3] = [
        ("client", "eth1", &["198.51.100.9/24", "2001:db8:c::9/64"]),
        ("gw1", "eth2", &["198.51.100.5/24", "2001:db8:c::5/64"]),
        ("gw2", "eth2", &["198.51.100.6/24", "2001:db8:c::6/64"]),
    ];
    let one: [Port<'_>; 2] = [
        ("worker", "eth1", &["192.0.2.1/30", "2001:db8:1::1/64"]),
        ("gw1", "eth1", &["192.0.2.2/30", "2001:db8:1::2/64"]),
    ];
    let two: [Port<'_>; 2] = [
        ("worker", "eth2", &["192.0.2.5/30", "2001:db8:2::1/64"]),
        ("gw2", "eth1", &["192.0.2.6/30", "2001:db8:2::2/64"]),
    ];
    let lab = lab(folder, &["client", "gw1", "gw2", "worker"], &[&outside, &one, &two]).await?;
    for (node, line) in [
        ("client", "ip route add 203.0.113.1 via 198.51.100.5"),
        ("client", "ip route add 2001:db8:f::1 via 2001:db8:c::5"),
        ("gw1", "ip route add 203.0.113.1 via 192.0.2.1"),
        ("gw1", "ip route add 2001:db8:f::1 via 2001:db8:1::1"),
        ("worker", "ip address add 203.0.113.1/32 dev lo"),
        ("worker", "ip address add 2001:db8:f::1/128 dev lo"),
    ] {
        sh(&lab, node, line).await;
    }
    Some(lab)
}

async fn replies_by(lab: &Lab, via: [&str; 2]) {
    sh(lab, "worker", &format!("ip route replace 198.51.100.0/24 {}", via[0])).await;
    sh(lab, "worker", &format!("ip -6 route replace 2001:db8:c::/64 {}", via[1])).await;
}

async fn ask(lab: &Lab, protocol: Protocol, to: SocketAddr, patience: Duration) -> Exchange {
    let client = lab.node("client").unwrap();
    let node = place(lab, "worker").await;
    let plan = ExchangePlan { client, from: None, protocol, to, count: 3, patience, node };
    exchange(&plan).await.unwrap()
}

async fn responders(lab: &Lab, address: &str) -> (Vec<Responder>, [SocketAddr; 4]) {
    let worker = lab.node("worker").unwrap();
    let local = SocketAddr::new(address.parse().unwrap(), 0);
    let all = vec![
        Responder::tcp(worker, local, None).await.unwrap(),
        Responder::http(worker, local, None).await.unwrap(),
        Responder::udp(worker, local, None).await.unwrap(),
    ];
    let at = [all[0].local(), all[1].local(), all[2].local(), local];
    (all, at)
}

fn ways(exchange: &Exchange) -> Vec<(&str, String)> {
    exchange.ways_out().map(|way| (way.interface.as_str(), way.mac.unwrap().to_string())).collect()
}

async fn mac(lab: &Lab, node: &str, interface: &str) -> String {
    let links = place(lab, node).await.links;
    links.into_iter().find(|link| link.name == interface).unwrap().mac.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_leave_as_the_node_routes_them() {
    let folder = tempfile::tempdir().unwrap();
    let Some(lab) = two_links(folder.path()).await else { return };
    let patience = Duration::from_secs(10);
    let (gw1, gw2) = (mac(&lab, "gw1", "eth1").await, mac(&lab, "gw2", "eth1").await);
    let same = ["via 192.0.2.2", "via 2001:db8:1::2"];
    let other = ["via 192.0.2.6", "via 2001:db8:2::2"];
    for (via, interface, mac) in [(same, "eth1", &gw1), (other, "eth2", &gw2)] {
        replies_by(&lab, via).await;
        for service in SERVICES {
            let (_responders, at) = responders(&lab, service).await;
            for (protocol, to) in ALL.into_iter().zip(at) {
                let exchange = ask(&lab, protocol, to, patience).await;
                assert_eq!(exchange.answered(), 3, "{exchange:#?}");
                assert_eq!(ways(&exchange), [(interface, mac.clone())], "{exchange:#?}");
                // Requests came by gw1 all the same.
                let came: Vec<_> = exchange.requests.iter().map(|way| way.interface.as_str()).collect();
                assert_eq!(came, ["eth1"], "{exchange:#?}");
                assert_eq!(exchange.requests[0].mac.unwrap().to_string(), gw1);
                let named = exchange.attempts.iter().all(|a| a.answered_by.as_deref() == Some("worker"));
                assert!(named || protocol == Protocol::Icmp, "{exchange:#?}");
                assert_eq!(exchange.dropped, 0);
            }
        }
    }
    lab.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let Some(lab) = two_links(folder.path()).await else { return };
    let soon = Duration::from_millis(200);
    replies_by(&lab, ["via 192.0.2.2", "via 2001:db8:1::2"]).await;
    for service in SERVICES {
        // Nobody listens: the node's kernel refuses, and its refusal takes a way too.
        let closed = SocketAddr::new(service.parse().unwrap(), 9);
        let exchange = ask(&lab, Protocol::Tcp, closed, Duration::from_secs(10)).await;
        assert_eq!((exchange.answered(), ways(&exchange).len()), (0, 1), "{exchange:#?}");
        assert!(exchange.attempts[0].failed.as_ref().unwrap().contains("refused"), "{exchange:#?}");

        // The request comes in, and no reply leaves.
        sh(&lab, "worker", "ip route del 198.51.100.0/24 && ip -6 route del 2001:db8:c::/64").await;
        let (_responders, at) = responders(&lab, service).await;
        for (protocol, to) in ALL.into_iter().zip(at) {
            let exchange = ask(&lab, protocol, to, soon).await;
            assert_eq!((exchange.answered(), ways(&exchange).len()), (0, 0), "{exchange:#?}");
            let came: Vec<_> = exchange.requests.iter().map(|way| way.interface.as_str()).collect();
            assert_eq!(came, ["eth1"], "{exchange:#?}");
            assert!(exchange.requests[0].packets >= 3, "{exchange:#?}");
            assert_eq!(exchange.attempts[0].failed.as_deref(), Some("no answer within 0.2 s"));
        }
        replies_by(&lab, ["via 192.0.2.2", "via 2001:db8:1::2"]).await;
    }
    // Some by one way and some by the other: both are seen.
    sh(&lab, "worker", "echo 1 > /proc/sys/net/ipv4/fib_multipath_hash_policy").await;
    sh(&lab, "worker", "ip route replace 198.51.100.0/24 nexthop via 192.0.2.2 nexthop via 192.0.2.6").await;
    let (_responders, at) = responders(&lab, SERVICES[0]).await;
    let (client, node) = (lab.node("client").unwrap(), place(&lab, "worker").await);
    let patience = Duration::from_secs(10);
    let plan =
        ExchangePlan { client, from: None, protocol: Protocol::Udp, to: at[2], count: 60, patience, node };
    let exchange = exchange(&plan).await.unwrap();
    let out: Vec<&str> = exchange.ways_out().map(|way| way.interface.as_str()).collect();
    assert_eq!((exchange.answered(), out), (60, vec!["eth1", "eth2"]));
    lab.shutdown().await;
}
