//! Frames from the hosts of a node's segments to the node, and where they end.
//!
//! Those within a segment go first, and must arrive: they are the witnesses, and the node's neighbour entries are there
//! then. Those that must die follow, while every capture is still open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use routeproof_model::fact::{Direction, HostPort, Link, Mac, Shooter, Shot};

use super::capture::{Capture, Captured};
use super::frame::{Frame, FrameSender};
use super::{Place, ProbeError, outward};
use crate::observe::now;

/// Traceroute's: nobody answers there.
const PORT: u16 = 33434;
/// The node takes one off; who gets it then does not send it further.
const HOPS: u8 = 2;
/// A witness may have to wait for a neighbour to answer; what has not arrived by then is lost.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long one that must die may take to show itself. A virtual link delivers in microseconds; the neighbours are known.
const GRACE: Duration = Duration::from_millis(150);
/// Bytes of a mark: the look's token and the shot's number.
const MARK: usize = 12;

/// One node, its segments' hosts, and what is sent.
#[derive(Debug)]
pub struct SegmentPlan<'a> {
    pub node: Place<'a>,
    /// Each host once, by its node's name.
    pub hosts: BTreeMap<String, Place<'a>>,
    /// By segment.
    pub ports: BTreeMap<String, WatchedPort>,
    pub shots: Vec<ShotPlan>,
}

/// Where a segment's link ends.
#[derive(Clone, Debug)]
pub struct WatchedPort {
    /// The node's interface.
    pub interface: String,
    pub host: HostPort,
}

/// A frame to send. Those with `from` and `to` the same are the witnesses.
#[derive(Clone, Debug)]
pub struct ShotPlan {
    pub sender: Shooter,
    pub from: String,
    pub to: String,
    pub source: std::net::IpAddr,
    pub dst: std::net::IpAddr,
}

/// Sends all frames and waits for the witnesses, then for those that must not arrive. Gives the shots, and how many
/// packets the captures had no room for.
///
/// # Errors
/// When sockets or captures cannot be had. That a frame is refused or lost is a finding.
pub async fn shoot(plan: &SegmentPlan<'_>) -> Result<(Vec<Shot>, u64), ProbeError> {
    let mut watch = Watch::open(plan).await?;
    let mut senders = BTreeMap::new();
    let mut shots = Vec::new();
    let is_witness = |shot: &&ShotPlan| shot.from == shot.to;
    for planned in plan.shots.iter().filter(is_witness) {
        shots.push(send(plan, &mut senders, planned, watch.mark(shots.len())).await?);
    }
    watch.wait(&mut shots, PATIENCE, |shot| shot.refused.is_some() || !shot.arrived.is_empty()).await?;
    for planned in plan.shots.iter().filter(|shot| !is_witness(shot)) {
        shots.push(send(plan, &mut senders, planned, watch.mark(shots.len())).await?);
    }
    watch.wait(&mut shots, GRACE, |_| false).await?;
    Ok((shots, watch.dropped()))
}

/// A segment and who sends there -> the socket.
type Senders = BTreeMap<(String, bool), FrameSender>;

async fn send(
    plan: &SegmentPlan<'_>,
    senders: &mut Senders,
    planned: &ShotPlan,
    mark: [u8; MARK],
) -> Result<Shot, ProbeError> {
    let refused = try_send(plan, senders, planned, mark).await?.err();
    let ShotPlan { sender, from, to, source, dst } = planned.clone();
    let (left, arrived) = (BTreeSet::new(), BTreeSet::new());
    Ok(Shot { sender, from, to, source, dst, refused, reached_node: false, left, arrived })
}

/// The inner error says why the frame was not sent.
async fn try_send(
    plan: &SegmentPlan<'_>,
    senders: &mut Senders,
    planned: &ShotPlan,
    mark: [u8; MARK],
) -> Result<Result<(), String>, ProbeError> {
    let name = &planned.from;
    let Some(port) = plan.ports.get(name) else { return Ok(Err(format!("{name} has no port"))) };
    let Some(host) = plan.hosts.get(&port.host.node) else { return Ok(Err(format!("{name} has no host"))) };
    let ends = (link(&plan.node, &port.interface), link(host, &port.host.interface));
    let ((Some(at_node), node_mac), (Some(at_host), host_mac)) = ends else {
        return Ok(Err(format!("{} or {} is gone", port.interface, port.host.interface)));
    };
    let (Some(node_mac), Some(host_mac)) = (node_mac, host_mac) else {
        return Ok(Err(format!("{} or {} has no Ethernet address", at_node.name, at_host.name)));
    };
    let by_host = planned.sender == Shooter::Host;
    let (handle, out) = if by_host { (host.handle, at_host) } else { (plan.node.handle, at_node) };
    let (from_mac, to_mac) = if by_host { (host_mac, node_mac) } else { (node_mac, host_mac) };
    let key = (name.clone(), by_host);
    if !senders.contains_key(&key) {
        senders.insert(key.clone(), FrameSender::open(handle, out).await?);
    }
    let (src, dst) = (planned.source, planned.dst);
    // What the node itself sends is not forwarded.
    let hop_limit = if by_host { HOPS } else { 1 };
    let frame = Frame { from_mac, to_mac, src, dst, hop_limit, port: PORT, payload: &mark };
    Ok(senders[&key].send(&frame).map_err(|error| error.to_string()))
}

fn link<'a>(place: &'a Place<'_>, name: &str) -> (Option<&'a Link>, Option<Mac>) {
    let link = place.links.iter().find(|link| link.name == name);
    (link, link.and_then(|link| link.mac.as_ref()?.parse().ok()))
}

/// The captures of one look.
struct Watch {
    token: [u8; 8],
    node: Capture,
    hosts: Vec<Capture>,
}

impl Watch {
    async fn open(plan: &SegmentPlan<'_>) -> Result<Watch, ProbeError> {
        let node = Capture::open(&plan.node, outward).await?;
        let mut hosts = Vec::new();
        for place in plan.hosts.values() {
            hosts.push(Capture::open(place, outward).await?);
        }
        Ok(Watch { token: now().0.to_be_bytes(), node, hosts })
    }

    fn mark(&self, shot: usize) -> [u8; MARK] {
        let mut mark = [0; MARK];
        mark[..8].copy_from_slice(&self.token);
        mark[8..].copy_from_slice(&(shot as u32).to_be_bytes());
        mark
    }

    fn shot_of(&self, captured: &Captured) -> Option<usize> {
        // An ICMP error quotes the packet that it is about; it does not begin with the mark.
        let number = captured.payload.strip_prefix(&self.token)?;
        Some(u32::from_be_bytes(number.get(..4)?.try_into().ok()?) as usize)
    }

    fn look(&mut self, shots: &mut [Shot]) -> Result<(), ProbeError> {
        for captured in self.node.drain()? {
            let Some(shot) = self.shot_of(&captured).and_then(|i| shots.get_mut(i)) else { continue };
            match captured.packet.direction {
                Direction::Host => shot.reached_node = true,
                Direction::Outgoing => drop(shot.left.insert(captured.packet.interface)),
                Direction::Broadcast | Direction::Multicast | Direction::OtherHost => {}
            }
        }
        let mut arrived = Vec::new();
        for capture in &mut self.hosts {
            arrived.extend(capture.drain()?);
        }
        for captured in arrived.into_iter().filter(|c| c.packet.direction == Direction::Host) {
            if let Some(shot) = self.shot_of(&captured).and_then(|i| shots.get_mut(i)) {
                let (node, interface) = (captured.packet.node, captured.packet.interface);
                shot.arrived.insert(HostPort { node, interface });
            }
        }
        Ok(())
    }

    /// Looks until all shots are `done`, but not longer than `limit`.
    async fn wait(
        &mut self,
        shots: &mut [Shot],
        limit: Duration,
        done: impl Fn(&Shot) -> bool,
    ) -> Result<(), ProbeError> {
        let end = tokio::time::Instant::now() + limit;
        loop {
            self.look(shots)?;
            if shots.iter().all(&done) || tokio::time::Instant::now() >= end {
                return Ok(());
            }
            let all = self.hosts.iter().chain([&self.node]);
            let any = futures::future::select_all(all.map(|capture| Box::pin(capture.readable())));
            if let Ok((readable, ..)) = tokio::time::timeout_at(end, any).await {
                readable?;
            }
        }
    }

    fn dropped(&self) -> u64 {
        self.node.dropped() + self.hosts.iter().map(Capture::dropped).sum::<u64>()
    }
}
