//! Requests to a service, their answers, and the ways that both took at a node.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Direction, Link, Mac, Mono, Packet, Transport};

/// A client asks a service address; a node on the path, usually the one that answers, is watched at all its interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub client: String,
    /// The node that was watched.
    pub node: String,
    pub protocol: Protocol,
    /// The service. Of ICMP the port has no meaning.
    pub to: SocketAddr,
    pub from: Mono,
    pub at: Mono,
    pub attempts: Vec<Attempt>,
    /// Where requests came into the node, addressed to it, and from which neighbour.
    pub requests: Vec<Way>,
    /// Where replies left the node, and to which neighbour. What is beneath another way carries the same packets.
    pub replies: Vec<Way>,
    /// Packets that the captures had no room for: if there are any, `requests` and `replies` may be incomplete.
    pub dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A connection, a line there and a line back.
    Tcp,
    /// `GET /` by HTTP/1.1.
    Http,
    /// A datagram there and one back.
    Udp,
    /// Echo request and reply (RFC 792, RFC 4443).
    Icmp,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The client's port; of ICMP the identifier.
    pub port: u16,
    pub at: Mono,
    /// How long until it was answered or given up, in microseconds.
    pub took_us: u64,
    /// The node whose responder answered, where it says so: with kube-proxy that need not be the node that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// Why it counts as unanswered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// An interface that packets took, with the neighbour on its other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    pub interface: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Of replies the destination, of requests the source.
    pub mac: Option<Mac>,
    pub packets: u64,
    pub first: Mono,
    /// The upper interface (VLAN, bond, bridge) at which the same packets showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneath: Option<String>,
}

impl Exchange {
    pub fn answered(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.failed.is_none()).count()
    }

    /// The interfaces that the node's routing sent replies out of, each once per neighbour: what is beneath them left out.
    pub fn ways_out(&self) -> impl Iterator<Item = &Way> {
        self.replies.iter().filter(|way| way.beneath.is_none())
    }

    /// Adds what was seen of more requests of the same client to the same service.
    pub fn join(&mut self, more: Exchange) {
        self.at = self.at.max(more.at);
        self.attempts.extend(more.attempts);
        self.dropped += more.dropped;
        for (ways, more) in [(&mut self.requests, more.requests), (&mut self.replies, more.replies)] {
            for way in more {
                let same =
                    |w: &&mut Way| (&w.interface, w.vlan, w.mac) == (&way.interface, way.vlan, way.mac);
                match ways.iter_mut().find(same) {
                    Some(known) => known.packets += way.packets,
                    None => ways.push(way),
                }
            }
        }
    }

    /// Sorts a node's packets into the exchange's requests and replies; the attempts must be complete.
    pub fn sort(&mut self, packets: &[Packet], links: &[Link]) {
        self.requests = ways(packets.iter().filter(|p| self.is_request(p)), links, |p| p.from_mac);
        self.replies = ways(packets.iter().filter(|p| self.is_reply(p)), links, |p| p.to_mac);
    }

    fn is_request(&self, packet: &Packet) -> bool {
        let ours = match (self.protocol, packet.transport) {
            (Protocol::Tcp | Protocol::Http, Transport::Tcp { sport, dport, .. })
            | (Protocol::Udp, Transport::Udp { sport, dport }) => dport == self.to.port() && self.has(sport),
            (Protocol::Icmp, Transport::Echo { request: true, id, .. }) => self.has(id),
            _ => false,
        };
        ours && packet.direction == Direction::Host && packet.dst == self.to.ip()
    }

    fn is_reply(&self, packet: &Packet) -> bool {
        let ours = match (self.protocol, packet.transport) {
            (Protocol::Tcp | Protocol::Http, Transport::Tcp { sport, dport, .. })
            | (Protocol::Udp, Transport::Udp { sport, dport }) => sport == self.to.port() && self.has(dport),
            (Protocol::Icmp, Transport::Echo { request: false, id, .. }) => self.has(id),
            _ => false,
        };
        ours && packet.direction == Direction::Outgoing && packet.src == self.to.ip()
    }

    fn has(&self, port: u16) -> bool {
        self.attempts.iter().any(|attempt| attempt.port == port)
    }
}

fn ways<'a>(
    packets: impl Iterator<Item = &'a Packet>,
    links: &[Link],
    neighbour: impl Fn(&Packet) -> Option<Mac>,
) -> Vec<Way> {
    let link = |name: &str| links.iter().find(|link| link.name == name);
    type Seen = (String, Option<u16>, Option<Mac>);
    let mut found: BTreeMap<Seen, (u64, Mono)> = BTreeMap::new();
    for packet in packets {
        // What goes in or out of a VRF shows at its device too, which is no way to anywhere.
        if link(&packet.interface).is_some_and(|link| link.kind == "vrf") {
            continue;
        }
        let key = (packet.interface.clone(), packet.vlan, neighbour(packet));
        let (count, first) = found.entry(key).or_insert((0, packet.at));
        (*count, *first) = (*count + 1, (*first).min(packet.at));
    }
    let names: Vec<String> = found.keys().map(|(interface, ..)| interface.clone()).collect();
    let upper = |name: &str| {
        let lower = link(name)?;
        names.iter().find(|other| link(other).is_some_and(|upper| rests_on(upper, lower))).cloned()
    };
    let way = |((interface, vlan, mac), (packets, first)): (Seen, _)| {
        let beneath = upper(&interface);
        Way { interface, vlan, mac, packets, first, beneath }
    };
    found.into_iter().map(way).collect()
}

/// Whether what leaves by `upper` leaves by `lower` as well.
fn rests_on(upper: &Link, lower: &Link) -> bool {
    let stacked = ["vlan", "macvlan", "ipvlan"].contains(&upper.kind.as_str());
    let member = ["bond", "bridge", "team"].contains(&upper.kind.as_str());
    (stacked && upper.peer_netns.is_none() && upper.peer == Some(lower.index))
        || (member && lower.master == Some(upper.index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange() -> Exchange {
        Exchange {
            client: "client".into(),
            node: "worker".into(),
            protocol: Protocol::Tcp,
            to: "203.0.113.1:80".parse().unwrap(),
            from: Mono(1),
            at: Mono(9),
            attempts: vec![Attempt { port: 4000, at: Mono(1), took_us: 1, answered_by: None, failed: None }],
            requests: Vec::new(),
            replies: Vec::new(),
            dropped: 0,
        }
    }

    fn reply(interface: &str, vlan: Option<u16>, at: u64) -> Packet {
        Packet {
            at: Mono(at),
            node: "worker".into(),
            interface: interface.into(),
            direction: Direction::Outgoing,
            from_mac: Some(Mac([2, 0, 0, 0, 0, 1])),
            to_mac: Some(Mac([2, 0, 0, 0, 0, 2])),
            vlan,
            src: "203.0.113.1".parse().unwrap(),
            dst: "198.51.100.9".parse().unwrap(),
            hop_limit: 64,
            transport: Transport::Tcp { sport: 80, dport: 4000, syn: true, rst: false, fin: false },
            length: 60,
        }
    }

    fn links() -> Vec<Link> {
        let link = |index: u32, name: &str, kind: &str, peer: Option<u32>| Link {
            index,
            name: name.into(),
            kind: kind.into(),
            peer,
            ..Link::default()
        };
        // eth1's veth peer is in another namespace and happens to have the index of eth2.
        let eth1 = Link { peer_netns: Some(0), ..link(2, "eth1", "veth", Some(3)) };
        let red = link(9, "red", "vrf", None);
        vec![eth1, link(3, "eth2", "veth", None), link(4, "eth1.100", "vlan", Some(2)), red]
    }

    fn sorted(packets: &[Packet]) -> Exchange {
        let mut exchange = exchange();
        exchange.sort(packets, &links());
        exchange
    }

    #[test]
    fn the_lower_device_is_no_second_way() {
        let seen = [reply("eth1.100", None, 5), reply("red", None, 4), reply("eth1", Some(100), 6)];
        let exchange = sorted(&seen);
        let out: Vec<&str> = exchange.ways_out().map(|way| way.interface.as_str()).collect();
        assert_eq!(out, ["eth1.100"]);
        assert_eq!(exchange.replies.len(), 2);
    }

    #[test]
    fn a_second_way_is_one() {
        let exchange = sorted(&[reply("eth1", None, 5), reply("eth2", None, 6), reply("eth1", None, 7)]);
        let out: Vec<(&str, u64)> = exchange.ways_out().map(|w| (w.interface.as_str(), w.packets)).collect();
        assert_eq!(out, [("eth1", 2), ("eth2", 1)]);
    }

    #[test]
    fn what_is_not_of_the_exchange_does_not_count() {
        let tcp = |sport, dport| Transport::Tcp { sport, dport, syn: false, rst: false, fin: false };
        let others = [
            Packet { transport: tcp(80, 4001), ..reply("eth1", None, 5) },
            Packet { transport: tcp(81, 4000), ..reply("eth1", None, 5) },
            Packet { transport: Transport::Udp { sport: 80, dport: 4000 }, ..reply("eth1", None, 5) },
            Packet { src: "203.0.113.2".parse().unwrap(), ..reply("eth1", None, 5) },
            Packet { direction: Direction::Host, ..reply("eth1", None, 5) },
        ];
        let exchange = sorted(&others);
        assert!(exchange.replies.is_empty() && exchange.requests.is_empty(), "{exchange:?}");
    }
}
