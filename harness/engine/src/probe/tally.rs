//! What became of each packet of a stream, as it is seen; facts in the end.

use routeproof_model::fact::{Again, Mono, Refused, StreamFlow, StreamWay};

use super::sender::Ends;

/// A packet at an interface of a node that it was addressed to.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub at: Mono,
    pub node: String,
    pub interface: String,
    /// To whom it is put down.
    pub by: String,
}

#[derive(Debug)]
pub(super) struct Tally {
    flows: Vec<Vec<Packet>>,
}

#[derive(Debug)]
struct Packet {
    sent: Mono,
    refused: Option<String>,
    first: Option<Arrival>,
    again: Vec<Arrival>,
}

impl Tally {
    pub fn new(flows: usize) -> Tally {
        Tally { flows: (0..flows).map(|_| Vec::new()).collect() }
    }

    /// The next packet of a flow.
    pub fn sent(&mut self, flow: usize, at: Mono, refused: Option<String>) {
        self.flows[flow].push(Packet { sent: at, refused, first: None, again: Vec::new() });
    }

    /// A packet that shows at another interface of the same node is the same packet: it passes a VLAN's, a bond's or a
    /// bridge's lower device first. At the same interface it has come twice.
    pub fn arrived(&mut self, flow: usize, number: usize, arrival: Arrival) {
        let Some(packet) = self.flows.get_mut(flow).and_then(|flow| flow.get_mut(number)) else { return };
        let Some(first) = &packet.first else {
            packet.first = Some(arrival);
            return;
        };
        let same = first.node == arrival.node && first.interface != arrival.interface;
        // Captures of several nodes are read one after the other.
        let later = if arrival.at < first.at { packet.first.replace(arrival) } else { Some(arrival) };
        packet.again.extend(later.filter(|_| !same));
    }

    /// Whether a packet that was sent since then, and taken by the kernel, has not arrived.
    pub fn misses_since(&self, since: Mono) -> bool {
        let missing = |packet: &Packet| packet.first.is_none() && packet.refused.is_none();
        let recent = |flow: &Vec<Packet>| flow.iter().rev().take_while(|p| p.sent >= since).any(missing);
        self.flows.iter().any(recent)
    }

    /// The facts; `from` is when the stream began.
    pub fn flows(&self, from: Mono, ends: &[Ends]) -> Vec<StreamFlow> {
        self.flows.iter().zip(ends).map(|(packets, ends)| facts(packets, from, *ends)).collect()
    }
}

fn facts(packets: &[Packet], from: Mono, ends: Ends) -> StreamFlow {
    // Each time is rounded by itself, so that the sums of the gaps are right.
    let us = |at: Mono| at.0.saturating_sub(from.0) / 1000;
    let mut flow = StreamFlow {
        sport: ends.sport,
        dst: ends.dst,
        dport: ends.dport,
        sent_us: Vec::new(),
        took_us: Vec::new(),
        by: Vec::new(),
        again: Vec::new(),
        refused: Vec::new(),
    };
    let mut before = 0;
    for (sequence, packet) in packets.iter().enumerate() {
        let sent = us(packet.sent);
        let took = |arrival: &Arrival| us(arrival.at).saturating_sub(sent);
        flow.sent_us.push(sent - before);
        before = sent;
        flow.took_us.push(packet.first.as_ref().map(took));
        if let Some(arrival) = &packet.first {
            match flow.by.last_mut() {
                Some(way) if way.node == arrival.by => way.count += 1,
                _ => flow.by.push(StreamWay { node: arrival.by.clone(), count: 1 }),
            }
        }
        let again = |arrival: &Arrival| Again { sequence, node: arrival.by.clone(), took_us: took(arrival) };
        flow.again.extend(packet.again.iter().map(again));
        if let Some(why) = &packet.refused {
            match flow.refused.last_mut() {
                Some(run) if run.first + run.count == sequence && run.why == *why => run.count += 1,
                _ => flow.refused.push(Refused { first: sequence, count: 1, why: why.clone() }),
            }
        }
    }
    flow
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(at: u64, node: &str, interface: &str) -> Arrival {
        Arrival { at: Mono(at), node: node.into(), interface: interface.into(), by: node.into() }
    }

    #[test]
    fn packets_become_gaps_and_runs() {
        let mut tally = Tally::new(1);
        for (number, refused) in
            [None, None, Some("no route"), Some("no route"), None].into_iter().enumerate()
        {
            tally.sent(0, Mono(1_000_000 + number as u64 * 5_000_700), refused.map(str::to_string));
        }
        assert!(tally.misses_since(Mono(0)));
        tally.arrived(0, 0, arrival(1_030_000, "gw1", "eth1"));
        tally.arrived(0, 4, arrival(21_100_000, "gw2", "eth1"));
        assert!(!tally.misses_since(Mono(6_100_000)), "one is missing, but of long ago");
        tally.arrived(0, 1, arrival(6_050_000, "gw1", "bond0"));
        tally.arrived(0, 1, arrival(6_040_000, "gw1", "eth1"));
        tally.arrived(0, 1, arrival(6_045_000, "gw2", "eth1"));
        tally.arrived(0, 99, arrival(6_045_000, "gw2", "eth1"));
        let ends = Ends { sport: 7, dst: "10.0.0.1".parse().unwrap(), dport: None };
        let flows = tally.flows(Mono(1_000_000), &[ends]);
        insta::assert_snapshot!(serde_json::to_string(&flows[0]).unwrap(), @r#"{"sport":7,"dst":"10.0.0.1","sent_us":[0,5000,5001,5001,5000],"took_us":[30,40,null,null,98],"by":[{"node":"gw1","count":2},{"node":"gw2","count":1}],"again":[{"sequence":1,"node":"gw2","took_us":45}],"refused":[{"first":2,"count":2,"why":"no route"}]}"#);
    }
}
