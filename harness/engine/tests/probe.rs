//! T1: packets between the nodes of a small lab. Needs namespaces and any tree (FRR's, pulled when it is not cached).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;
use std::time::Duration;

use routeproof_engine::image::{ImageRef, Options, Quiet};
use routeproof_engine::lab::{InterfaceSpec, Lab, LabSpec, LinkEnd, LinkSpec, NodeSpec};
use routeproof_engine::observe::{dump_all, now};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::probe::{Capture, Place, outward, socket};
use routeproof_engine::run::store;
use routeproof_model::fact::{Direction, Mono, Packet, Transport};

const PATIENCE: Duration = Duration::from_secs(10);
/// How far two readings of the clocks may be apart on a machine that does other things too; nanoseconds.
const CLOCKS: u64 = 1_000_000;

/// The ends of a link: node, interface, addresses.
type End<'a> = (usize, &'a str, &'a [&'a str]);

/// Boots nodes that forward; `None`, with a word on stderr, where labs cannot be booted.
async fn lab(folder: &Path, nodes: &[&str], links: &[[End<'_>; 2]]) -> Option<Lab> {
    // Not the host's own root: a user namespace may not lay an overlay over what it has mounts below.
    let image = ImageRef::parse("frr:8.4.4").unwrap();
    let tree = store(Options::default()).unwrap().tree(&image, &Quiet).await.unwrap();
    let sysctls = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"].map(|name| (name, "1"));
    let quick = ["net.ipv6.conf.all.accept_dad", "net.ipv6.conf.default.accept_dad"].map(|name| (name, "0"));
    let sysctls: Vec<_> =
        sysctls.iter().chain(&quick).map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let node = |name: &&str| NodeSpec {
        name: name.to_string(),
        hostname: name.to_string(),
        tree: tree.path.clone(),
        sysctls: sysctls.clone(),
        files: Vec::new(),
    };
    let end = |(node, name, addresses): &End<'_>| LinkEnd::Node {
        node: *node,
        interface: InterfaceSpec {
            name: name.to_string(),
            mac: None,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        },
    };
    let links = links.iter().map(|ends| LinkSpec { ends: [end(&ends[0]), end(&ends[1])], mtu: None });
    let spec = LabSpec {
        mount_point: folder.join("lab"),
        nodes: nodes.iter().map(node).collect(),
        links: links.collect(),
        ..LabSpec::default()
    };
    match Lab::boot(spec, &folder.join("lab.log")).await {
        Ok(lab) => Some(lab),
        Err(e) => {
            skip_test("namespaces", &e.to_string());
            None
        }
    }
}

async fn place<'a>(lab: &'a Lab, node: &str) -> Place<'a> {
    let handle = lab.node(node).unwrap();
    let links = dump_all(handle.netlink().await.unwrap()).unwrap().links;
    Place { handle, links }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_is_seen_where_it_leaves_and_where_it_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let wire: [End<'_>; 2] =
        [(0, "eth1", &["192.0.2.1/24", "2001:db8::1/64"]), (1, "eth1", &["192.0.2.2/24", "2001:db8::2/64"])];
    let Some(lab) = lab(folder.path(), &["a", "b"], &[wire]).await else { return };
    let (a, b) = (place(&lab, "a").await, place(&lab, "b").await);
    let (mut leaves, mut arrives) =
        (Capture::open(&a, outward).await.unwrap(), Capture::open(&b, outward).await.unwrap());
    for (from, to) in [("192.0.2.1:0", "192.0.2.2:7777"), ("[2001:db8::1]:0", "[2001:db8::2]:7777")] {
        let to: std::net::SocketAddr = to.parse().unwrap();
        let receiver = socket::udp(b.handle, to, None).await.unwrap();
        let sender = socket::udp(a.handle, from.parse().unwrap(), None).await.unwrap();
        let before = now();
        sender.send_to(b"mark", to).await.unwrap();
        let mut buffer = [0; 16];
        let (length, sender_address) =
            tokio::time::timeout(PATIENCE, receiver.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((&buffer[..length], sender_address), (&b"mark"[..], sender.local_addr().unwrap()));
        let after = now();
        // It has been received, so the captures have it: no waiting.
        let mark = |capture: &mut Capture| -> Packet {
            let found = capture.drain().unwrap();
            let mut found = found.into_iter().filter(|captured| captured.payload == b"mark");
            let packet = found.next().unwrap().packet;
            assert!(found.next().is_none(), "one interface sees a packet once");
            packet
        };
        let (left, came) = (mark(&mut leaves), mark(&mut arrives));
        assert_eq!((left.direction, came.direction), (Direction::Outgoing, Direction::Host));
        // Times of two captures agree to a fraction of a microsecond, on an idle machine.
        let close = |a: Mono, b: Mono| a.0 <= b.0 + CLOCKS;
        assert!(
            close(before, left.at) && close(left.at, came.at) && close(came.at, after),
            "{left:?} {came:?}"
        );
        assert_eq!((left.node.as_str(), came.node.as_str(), came.interface.as_str()), ("a", "b", "eth1"));
        let ports = (sender.local_addr().unwrap().port(), 7777);
        assert_eq!(came.transport, Transport::Udp { sport: ports.0, dport: ports.1 });
        let mac = b.links.iter().find(|link| link.name == "eth1").unwrap().mac.clone();
        assert_eq!(left.to_mac.map(|mac| mac.to_string()), mac);
    }
    assert_eq!((leaves.dropped(), arrives.dropped()), (0, 0));
    lab.shutdown().await;
}
