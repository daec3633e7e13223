//! ICMP and ICMPv6 echo over a raw socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvfrom, sendto};
use routeproof_model::fact::Transport;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{ProbeError, decode, socket};
use crate::lab::{Family, NodeHandle, SocketKind, register};
use crate::observe::now;

/// What travels in an echo besides its header.
const PAYLOAD: &[u8] = b"routeproof";

/// Sends echo requests to one address and hears the replies to them.
#[derive(Debug)]
pub struct Ping {
    node: String,
    to: IpAddr,
    id: u16,
    socket: AsyncFd<OwnedFd>,
}

/// An echo request.
pub(super) fn request(to: IpAddr, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let echo = IcmpEchoHeader { id, seq: sequence };
    match to {
        IpAddr::V4(_) => {
            let header = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), payload).to_bytes();
            [&header[..], payload].concat()
        }
        // The kernel fills in the checksum, which covers the source address (raw(7), RFC 3542, section 3.1).
        IpAddr::V6(_) => {
            let header = Icmpv6Header::new(Icmpv6Type::EchoRequest(echo)).to_bytes();
            [&header[..], payload].concat()
        }
    }
}

impl Ping {
    /// `from` binds the source address.
    ///
    /// # Errors
    /// When the socket cannot be had or `from` is not the node's.
    pub async fn open(node: &NodeHandle, from: Option<IpAddr>, to: IpAddr) -> Result<Ping, ProbeError> {
        let fd = node.socket(SocketKind::Icmp(Family::of(to))).await?;
        if let Some(from) = from {
            socket::bind_to(node, &fd, SocketAddr::new(from, 0))?;
        }
        let failed = ProbeError::at(node.name(), "use a socket for echo requests");
        let socket = register(fd, Interest::READABLE | Interest::WRITABLE).map_err(failed)?;
        // Any number that another ping of this moment does not have: raw sockets hear everybody's replies.
        let id = (now().0 / 1000) as u16;
        Ok(Ping { node: node.name().to_string(), to, id, socket })
    }

    /// The identifier in the requests and their replies.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Sends one request and waits for its reply; the limit is the caller's.
    ///
    /// # Errors
    /// When the kernel does not send it: ENETUNREACH without a route, EHOSTUNREACH where nobody answers for the neighbour.
    pub async fn echo(&self, sequence: u16) -> io::Result<()> {
        let request = self.request(sequence);
        let to = SockaddrStorage::from(SocketAddr::new(self.to, 0));
        let send = |fd: &OwnedFd| Ok(sendto(fd.as_raw_fd(), &request, &to, MsgFlags::empty())?);
        self.socket.async_io(Interest::WRITABLE, send).await?;
        let mut buffer = [0u8; 1500];
        loop {
            let receive = |fd: &OwnedFd| Ok(recvfrom::<SockaddrStorage>(fd.as_raw_fd(), &mut buffer)?);
            let (length, from) = self.socket.async_io(Interest::READABLE, receive).await?;
            if self.is_reply(&buffer[..length], from.as_ref(), sequence) {
                return Ok(());
            }
        }
    }

    pub fn node(&self) -> &str {
        &self.node
    }

    fn request(&self, sequence: u16) -> Vec<u8> {
        request(self.to, self.id, sequence, PAYLOAD)
    }

    /// IPv4 raw sockets give the IP header too, IPv6 ones do not.
    fn is_reply(&self, bytes: &[u8], from: Option<&SockaddrStorage>, sequence: u16) -> bool {
        let wanted = Transport::Echo { request: false, id: self.id, sequence };
        match self.to {
            IpAddr::V4(_) => {
                decode::datagram(bytes).is_some_and(|d| d.src == self.to && d.transport == wanted)
            }
            IpAddr::V6(to) => {
                let sender = from.and_then(|from| from.as_sockaddr_in6()).map(|from| from.ip());
                sender == Some(to) && decode::icmpv6(bytes) == Some(wanted)
            }
        }
    }
}
