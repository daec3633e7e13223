//! A paced stream of packets, and what became of each of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Mono;

/// One measurement: every `every_us` a packet of each flow is sent. Numbers, not texts, for each packet: some seconds are
/// thousands of packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    pub name: String,
    /// Who sent it.
    pub node: String,
    pub protocol: StreamProtocol,
    /// The pace, in microseconds.
    pub every_us: u64,
    pub from: Mono,
    /// When the last packet had arrived or was given up.
    pub at: Mono,
    /// The nodes that arrivals were looked for in.
    pub watched: BTreeSet<String>,
    pub flows: Vec<StreamFlow>,
    /// Packets that the captures had no room for. The stream's may be among them.
    pub dropped: u64,
    /// Interfaces that came up or were made after the captures had begun, as `gw2:eth1`: nobody saw what came by them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unwatched: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamProtocol {
    #[default]
    Udp,
    /// Echo requests; replies are not waited for.
    Icmp,
}

/// The packets of one flow. Their sequence numbers are their places in `sent_us` and `took_us`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFlow {
    /// UDP's source port, or the echo requests' identifier.
    pub sport: u16,
    pub dst: IpAddr,
    /// UDP's destination port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dport: Option<u16>,
    /// Microseconds from the sending of the packet before; for the first one since the stream's `from`.
    pub sent_us: Vec<u64>,
    /// Microseconds from the sending to the first arrival, by the kernel's stamps; nothing for a packet that got nowhere.
    pub took_us: Vec<Option<u64>>,
    /// Whose packets arrived, by sequence number: one entry for as many as share their way.
    pub by: Vec<Way>,
    /// Arrivals beyond the first one of a packet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Again>,
    /// Packets that the sender's kernel did not take, for instance because it had no route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// So many of the arrived packets in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The gateway that got them; where the destination itself is watched, the node that handed them to it.
    pub node: String,
    pub count: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    pub sequence: usize,
    pub node: String,
    /// Microseconds from the sending.
    pub took_us: u64,
}

/// So many packets in a row, from a sequence number on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub first: usize,
    pub count: usize,
    pub why: String,
}

/// A packet of a flow, times in microseconds of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    pub sent_us: u64,
    /// When, and by whom.
    pub arrived: Option<(u64, &'a str)>,
}

impl StreamFlow {
    /// The packets by sequence number.
    pub fn packets(&self) -> impl Iterator<Item = Sent<'_>> {
        let mut ways = self.by.iter().flat_map(|way| std::iter::repeat_n(way.node.as_str(), way.count));
        let mut clock = 0;
        self.sent_us.iter().zip(&self.took_us).map(move |(gap, took)| {
            clock += gap;
            let arrived = took.and_then(|took| Some((clock + took, ways.next()?)));
            Sent { sent_us: clock, arrived }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_with_their_ways() {
        let way = |node: &str, count| Way { node: node.into(), count };
        let flow = StreamFlow {
            sport: 1,
            dst: "172.16.1.10".parse().unwrap(),
            dport: None,
            sent_us: vec![10, 1000, 1000, 1005],
            took_us: vec![Some(3), None, Some(4), Some(5)],
            by: vec![way("gw2", 1), way("gw1", 2)],
            again: Vec::new(),
            refused: Vec::new(),
        };
        let seen: Vec<_> = flow.packets().map(|p| (p.sent_us, p.arrived)).collect();
        let expected =
            [(10, Some((13, "gw2"))), (1010, None), (2010, Some((2014, "gw1"))), (3015, Some((3020, "gw1")))];
        assert_eq!(seen, expected);
    }
}
