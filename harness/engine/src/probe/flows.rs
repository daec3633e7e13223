//! Many UDP flows into a prefix, each counted by who receives it.
//!
//! Every flow is one packet that carries its number. Arrivals are looked for by captures in the receivers' namespaces, on
//! packets addressed to their own interface: gateways on one segment are told apart, and what a bridge floods does not
//! count. Packets have a hop limit of 1, so that no gateway hands one on and no second one counts it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use nix::sys::socket::{setsockopt, sockopt};
use routeproof_model::fact::{Direction, Exit, Flow, Flows, KernelState};
use tokio::net::UdpSocket;

use super::capture::{Capture, Captured};
use super::destinations::destinations;
use super::{Place, ProbeError, outward, socket};
use crate::lab::Family;
use crate::observe::now;

/// Traceroute's: nobody answers there.
const FIRST_PORT: u16 = 33434;
const PORTS: usize = 30_000;
/// Source ports to vary.
const SOCKETS: usize = 16;
/// So many packets surely fit into a capture of an ordinary user.
const BURST: usize = 64;
/// A packet that has not arrived by then will not: there is at most a neighbour to resolve, which takes one second per try
/// when nobody answers (Documentation/networking/ip-sysctl.rst, retrans_time_ms).
const SETTLE: Duration = Duration::from_millis(500);

/// What is sent, and where it may arrive.
#[derive(Clone, Debug)]
pub struct FlowPlan<'a> {
    pub from: Place<'a>,
    /// Looked up in the VRF's table instead of the main one.
    pub vrf: Option<String>,
    pub prefix: IpNet,
    pub count: usize,
    /// Nodes that are watched for arrivals.
    pub receivers: Vec<Place<'a>>,
}

/// Sends the flows and waits until all have arrived, or no more will. `kernel` is the sender's.
///
/// # Errors
/// When sockets or captures cannot be had. That packets are refused or lost is a finding.
pub async fn send_flows(plan: &FlowPlan<'_>, kernel: &KernelState) -> Result<Flows, ProbeError> {
    let hash_policy = hash_policy(plan).await?;
    let targets = destinations(plan.prefix, plan.count, kernel);
    let mut watch = Watch::open(plan).await?;
    let sockets = open_sockets(plan).await?;
    let from = now();
    let mut flows = Vec::new();
    // Several flows to one address differ by their ports.
    for i in 0..if targets.is_empty() { 0 } else { plan.count } {
        let round = i / targets.len();
        let (target, socket) = (targets[i % targets.len()], &sockets[(i + round) % sockets.len()]);
        let dport = FIRST_PORT + (round % PORTS) as u16;
        flows.push(send(plan, socket, SocketAddr::new(target, dport), watch.mark(i)).await?);
        if (i + 1) % BURST == 0 {
            watch.look(&mut flows)?;
        }
    }
    watch.settle(&mut flows).await?;
    Ok(Flows {
        node: plan.from.name().to_string(),
        prefix: plan.prefix,
        vrf: plan.vrf.clone(),
        from,
        at: now(),
        hash_policy,
        watched: plan.receivers.iter().map(|place| place.name().to_string()).collect(),
        flows,
        dropped: watch.dropped(),
    })
}

async fn open_sockets(plan: &FlowPlan<'_>) -> Result<Vec<UdpSocket>, ProbeError> {
    let family = Family::of(plan.prefix.addr());
    // Not bound to an address: a source would make newer kernels prefer next hops by its own interface.
    let any = SocketAddr::new(socket::any(family), 0);
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS.min(plan.count) {
        let socket = socket::udp(plan.from.handle, any, plan.vrf.as_deref()).await?;
        match family {
            Family::Ipv4 => setsockopt(&socket, sockopt::Ipv4Ttl, &1),
            Family::Ipv6 => setsockopt(&socket, sockopt::Ipv6Ttl, &1),
        }
        .map_err(ProbeError::at(plan.from.name(), "set the hop limit"))?;
        sockets.push(socket);
    }
    Ok(sockets)
}

async fn send(
    plan: &FlowPlan<'_>,
    socket: &UdpSocket,
    to: SocketAddr,
    mark: [u8; MARK],
) -> Result<Flow, ProbeError> {
    let local = socket.local_addr().map_err(ProbeError::at(plan.from.name(), "name a socket's port"))?;
    let refused = socket.send_to(&mark, to).await.err().map(|error| error.to_string());
    let (dst, dport): (IpAddr, u16) = (to.ip(), to.port());
    Ok(Flow { sport: local.port(), dst, dport, refused, left: None, got: BTreeSet::new() })
}

async fn hash_policy(plan: &FlowPlan<'_>) -> Result<u8, ProbeError> {
    let family = if plan.prefix.addr().is_ipv4() { "ipv4" } else { "ipv6" };
    let path = format!("/proc/sys/net/{family}/fib_multipath_hash_policy");
    let text = plan.from.handle.read(&path).await?;
    let number = String::from_utf8_lossy(&text).trim().parse();
    number.map_err(|e| ProbeError::at(plan.from.name(), format!("read {path}"))(std::io::Error::other(e)))
}

/// Bytes of a mark: the measurement's token and the flow's number.
const MARK: usize = 12;

/// The captures of one measurement.
struct Watch {
    token: [u8; 8],
    leaves: Capture,
    arrives: Vec<Capture>,
}

impl Watch {
    async fn open(plan: &FlowPlan<'_>) -> Result<Watch, ProbeError> {
        let leaves = Capture::open(&plan.from, outward).await?;
        let mut arrives = Vec::new();
        for receiver in &plan.receivers {
            arrives.push(Capture::open(receiver, outward).await?);
        }
        // Packets of an earlier measurement may still be on their way; no two start in the same nanosecond.
        Ok(Watch { token: now().0.to_be_bytes(), leaves, arrives })
    }

    fn mark(&self, flow: usize) -> [u8; MARK] {
        let mut mark = [0; MARK];
        mark[..8].copy_from_slice(&self.token);
        mark[8..].copy_from_slice(&(flow as u32).to_be_bytes());
        mark
    }

    fn flow_of(&self, captured: &Captured) -> Option<usize> {
        let number = captured.payload.strip_prefix(&self.token)?;
        Some(u32::from_be_bytes(number.try_into().ok()?) as usize)
    }

    /// Notes what has left and arrived so far.
    fn look(&mut self, flows: &mut [Flow]) -> Result<(), ProbeError> {
        for captured in self.leaves.drain()? {
            let packet = &captured.packet;
            if packet.direction == Direction::Outgoing
                && let Some(flow) = self.flow_of(&captured).and_then(|i| flows.get_mut(i))
            {
                let exit = || Exit { interface: packet.interface.clone(), to: packet.to_mac };
                flow.left.get_or_insert_with(exit);
            }
        }
        let mut arrived = Vec::new();
        for capture in &mut self.arrives {
            arrived.extend(capture.drain()?);
        }
        for captured in arrived {
            if captured.packet.direction == Direction::Host
                && let Some(flow) = self.flow_of(&captured).and_then(|i| flows.get_mut(i))
            {
                flow.got.insert(captured.packet.node);
            }
        }
        Ok(())
    }

    /// Looks until every flow that was sent has arrived, but not longer than [`SETTLE`].
    async fn settle(&mut self, flows: &mut [Flow]) -> Result<(), ProbeError> {
        let end = tokio::time::Instant::now() + SETTLE;
        loop {
            self.look(flows)?;
            let missing = flows.iter().any(|flow| flow.refused.is_none() && flow.got.is_empty());
            if !missing || self.arrives.is_empty() || tokio::time::Instant::now() >= end {
                return Ok(());
            }
            let arrivals = self.arrives.iter().map(|capture| Box::pin(capture.readable()));
            let any = futures::future::select_all(arrivals);
            if let Ok((arrived, ..)) = tokio::time::timeout_at(end, any).await {
                arrived?;
            }
        }
    }

    fn dropped(&self) -> u64 {
        self.leaves.dropped() + self.arrives.iter().map(Capture::dropped).sum::<u64>()
    }
}
