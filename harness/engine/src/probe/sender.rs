//! The sockets of a stream, one for each flow; they never block.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{MsgFlags, SockaddrStorage, sendto, setsockopt, sockopt};
use routeproof_model::fact::StreamProtocol;

use super::stream::StreamPlan;
use super::{ProbeError, ping, socket};
use crate::lab::{Family, NodeHandle, SocketKind};
use crate::observe::now;

/// Bytes of a mark: the stream's token, the flow's number and the packet's.
pub(super) const MARK: usize = 16;
/// Traceroute's: nobody answers there.
const PORT: u16 = 33434;

pub(super) struct Sender {
    node: String,
    flows: Vec<Flow>,
}

/// Who a flow's packets are from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// The source port, or the identifier of echo requests.
    pub sport: u16,
    pub dst: IpAddr,
    pub dport: Option<u16>,
}

struct Flow {
    ends: Ends,
    socket: Socket,
}

enum Socket {
    Udp(UdpSocket),
    Icmp(OwnedFd),
}

impl Sender {
    pub async fn open(plan: &StreamPlan<'_>) -> Result<Sender, ProbeError> {
        let mut flows = Vec::new();
        let id = now().0 as u16;
        for (number, to) in plan.targets.iter().enumerate() {
            flows.push(match plan.protocol {
                StreamProtocol::Udp => udp(plan, *to).await?,
                StreamProtocol::Icmp => icmp(plan, *to, id.wrapping_add(number as u16)).await?,
            });
        }
        Ok(Sender { node: plan.from.name().to_string(), flows })
    }

    pub fn node(&self) -> &str {
        &self.node
    }

    pub fn count(&self) -> usize {
        self.flows.len()
    }

    pub fn flows(&self) -> Vec<Ends> {
        self.flows.iter().map(|flow| flow.ends).collect()
    }

    /// Sends a packet of a flow. An error is the kernel's refusal.
    pub fn send(&self, flow: usize, sequence: u16, mark: &[u8; MARK]) -> io::Result<()> {
        let Flow { ends, socket } = &self.flows[flow];
        match socket {
            Socket::Udp(socket) => socket.send_to(mark, (ends.dst, ends.dport.unwrap_or(PORT))).map(drop),
            Socket::Icmp(fd) => {
                let request = ping::request(ends.dst, ends.sport, sequence, mark);
                let to = SockaddrStorage::from(SocketAddr::new(ends.dst, 0));
                Ok(sendto(fd.as_raw_fd(), &request, &to, MsgFlags::MSG_DONTWAIT).map(drop)?)
            }
        }
    }
}

async fn udp(plan: &StreamPlan<'_>, to: IpAddr) -> Result<Flow, ProbeError> {
    // Not bound to an address: a source would make newer kernels prefer next hops by its own interface.
    let any = SocketAddr::new(socket::any(Family::of(to)), 0);
    let failed = |what: &str| ProbeError::at::<io::Error>(plan.from.name(), what.to_string());
    let socket = socket::udp(plan.from, any, None).await?.into_std().map_err(failed("use a UDP socket"))?;
    set_hop_limit(plan.from, &socket, Family::of(to), plan.hop_limit)?;
    let local = socket.local_addr().map_err(failed("name a socket's port"))?;
    let ends = Ends { sport: local.port(), dst: to, dport: Some(PORT) };
    Ok(Flow { ends, socket: Socket::Udp(socket) })
}

async fn icmp(plan: &StreamPlan<'_>, to: IpAddr, id: u16) -> Result<Flow, ProbeError> {
    let fd = plan.from.socket(SocketKind::Icmp(Family::of(to))).await?;
    set_hop_limit(plan.from, &fd, Family::of(to), plan.hop_limit)?;
    Ok(Flow { ends: Ends { sport: id, dst: to, dport: None }, socket: Socket::Icmp(fd) })
}

fn set_hop_limit(
    node: &NodeHandle,
    socket: &impl std::os::fd::AsFd,
    family: Family,
    limit: u8,
) -> Result<(), ProbeError> {
    match family {
        Family::Ipv4 => setsockopt(socket, sockopt::Ipv4Ttl, &i32::from(limit)),
        Family::Ipv6 => setsockopt(socket, sockopt::Ipv6Ttl, &i32::from(limit)),
    }
    .map_err(ProbeError::at(node.name(), "set the hop limit"))
}
