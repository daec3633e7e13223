//! Frames that we build ourselves: what a node's own routes and neighbours say does not matter.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use etherparse::PacketBuilder;
use nix::sys::socket::{MsgFlags, send};
use routeproof_model::fact::{Link, Mac};

use super::{ProbeError, packet_socket};
use crate::lab::{NodeHandle, SocketKind};

/// UDP in IP in Ethernet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub from_mac: Mac,
    pub to_mac: Mac,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub hop_limit: u8,
    pub port: u16,
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// # Errors
    /// When source and destination are of two families, or the payload is too long.
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let link = PacketBuilder::ethernet2(self.from_mac.0, self.to_mac.0);
        let ip = match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => link.ipv4(src.octets(), dst.octets(), self.hop_limit),
            (IpAddr::V6(src), IpAddr::V6(dst)) => link.ipv6(src.octets(), dst.octets(), self.hop_limit),
            _ => return Err(io::Error::other("source and destination are of two families")),
        };
        let udp = ip.udp(self.port, self.port);
        let mut bytes = Vec::with_capacity(udp.size(self.payload.len()));
        udp.write(&mut bytes, self.payload).map_err(io::Error::other)?;
        Ok(bytes)
    }
}

/// Sends frames by one interface of a node.
#[derive(Debug)]
pub(super) struct FrameSender {
    socket: OwnedFd,
}

impl FrameSender {
    /// # Errors
    /// When a packet socket cannot be had, or the interface has gone.
    pub async fn open(node: &NodeHandle, link: &Link) -> Result<FrameSender, ProbeError> {
        let socket = node.socket(SocketKind::Packet).await?;
        packet_socket::prepare_to_send(&socket, link.index)
            .map_err(ProbeError::at(node.name(), format!("send frames by {}", link.name)))?;
        Ok(FrameSender { socket })
    }

    /// # Errors
    /// When the interface does not take the frame: it is down (ENETDOWN), or full (ENOBUFS, EAGAIN).
    pub fn send(&self, frame: &Frame<'_>) -> io::Result<()> {
        send(self.socket.as_raw_fd(), &frame.bytes()?, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::decode;

    #[test]
    fn a_frame_reads_back() {
        for (src, dst) in [("10.1.0.1", "10.2.0.1"), ("fd00:1::1", "fd00:2::1")] {
            let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
            let (from_mac, to_mac) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
            let frame = Frame { from_mac, to_mac, src, dst, hop_limit: 2, port: 33434, payload: b"mark" };
            let bytes = frame.bytes().unwrap();
            let decoded = decode::frame(&bytes, 1).unwrap();
            assert_eq!((decoded.src, decoded.dst, decoded.hop_limit), (src, dst, 2));
            assert_eq!((decoded.from_mac, decoded.to_mac), (Some(from_mac), Some(to_mac)));
            assert_eq!(decoded.payload, b"mark");
        }
    }
}
