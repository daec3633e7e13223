//! What a capture sees, and when.

use std::time::Duration;

use routeproof_engine::observe::now;
use routeproof_engine::probe::{Capture, outward, socket};
use routeproof_model::fact::{Direction, Mono, Packet, Transport};

use crate::support::{Port, lab, place};

const PATIENCE: Duration = Duration::from_secs(10);
/// How far two readings of the clocks may be apart on a machine that does other things too; nanoseconds.
const CLOCKS: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_is_seen_where_it_leaves_and_where_it_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let wire: [Port<'_>; 2] = [
        ("a", "eth1", &["192.0.2.1/24", "2001:db8::1/64"]),
        ("b", "eth1", &["192.0.2.2/24", "2001:db8::2/64"]),
    ];
    let Some(lab) = lab(folder.path(), &["a", "b"], &[&wire]).await else { return };
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
