//! Sockets of a node's network namespace, as tokio knows them. The node's agent opens them; all else happens here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{Backlog, SockaddrStorage, bind, listen, setsockopt, sockopt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

use super::ProbeError;
use crate::lab::{Family, NodeHandle, SocketKind};

/// As many connections as a scenario may open at once.
const BACKLOG: i32 = 128;

/// A UDP socket bound to `local`; port 0 lets the kernel choose. With `device`, a VRF or an interface, it sends and
/// receives by that device only (SO_BINDTODEVICE).
///
/// # Errors
/// When the address is not the node's (EADDRNOTAVAIL), the port is taken (EADDRINUSE) or there is no such device (ENODEV).
pub async fn udp(
    node: &NodeHandle,
    local: SocketAddr,
    device: Option<&str>,
) -> Result<UdpSocket, ProbeError> {
    let fd = node.socket(SocketKind::Udp(Family::of(local.ip()))).await?;
    bind_device(node, &fd, device)?;
    bind_to(node, &fd, local)?;
    let failed = ProbeError::at(node.name(), format!("use the UDP socket on {local}"));
    UdpSocket::from_std(std::net::UdpSocket::from(fd)).map_err(failed)
}

/// A TCP socket that listens on `local`.
///
/// # Errors
/// As [`udp`].
pub async fn tcp_listen(
    node: &NodeHandle,
    local: SocketAddr,
    device: Option<&str>,
) -> Result<TcpListener, ProbeError> {
    let fd = node.socket(SocketKind::Tcp(Family::of(local.ip()))).await?;
    let failed = |what: &str| format!("{what} {local}");
    setsockopt(&fd, sockopt::ReuseAddr, &true)
        .map_err(ProbeError::at(node.name(), failed("reuse the address")))?;
    bind_device(node, &fd, device)?;
    bind_to(node, &fd, local)?;
    let backlog = Backlog::new(BACKLOG).map_err(ProbeError::at(node.name(), failed("listen on")))?;
    listen(&fd, backlog).map_err(ProbeError::at(node.name(), failed("listen on")))?;
    TcpListener::from_std(std::net::TcpListener::from(fd))
        .map_err(ProbeError::at(node.name(), failed("listen on")))
}

/// A TCP socket that is not connected yet: what follows (`connect`) may fail by the network, which is a finding.
/// `from` binds the source address; without it the kernel chooses by the route.
///
/// # Errors
/// As [`udp`].
pub async fn tcp(
    node: &NodeHandle,
    family: Family,
    from: Option<IpAddr>,
    device: Option<&str>,
) -> Result<TcpSocket, ProbeError> {
    let fd = node.socket(SocketKind::Tcp(family)).await?;
    bind_device(node, &fd, device)?;
    if let Some(from) = from {
        bind_to(node, &fd, SocketAddr::new(from, 0))?;
    }
    // A socket that is not connected is no stream yet, but tokio takes the descriptor in this wrapping only.
    Ok(TcpSocket::from_std_stream(std::net::TcpStream::from(fd)))
}

/// Connects to `to`.
///
/// # Errors
/// As [`udp`], and when the connection is refused or cannot be made; a timeout is the caller's.
pub async fn tcp_connect(
    node: &NodeHandle,
    from: Option<IpAddr>,
    to: SocketAddr,
) -> Result<TcpStream, ProbeError> {
    let socket = tcp(node, Family::of(to.ip()), from, None).await?;
    socket.connect(to).await.map_err(ProbeError::at(node.name(), format!("connect to {to}")))
}

/// The address that stands for all of a family's.
pub fn any(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

pub(super) fn bind_to(node: &NodeHandle, fd: &OwnedFd, local: SocketAddr) -> Result<(), ProbeError> {
    bind(fd.as_raw_fd(), &SockaddrStorage::from(local))
        .map_err(ProbeError::at(node.name(), format!("bind a socket to {local}")))
}

pub(super) fn bind_device(node: &NodeHandle, fd: &OwnedFd, device: Option<&str>) -> Result<(), ProbeError> {
    let Some(device) = device else { return Ok(()) };
    setsockopt(fd, sockopt::BindToDevice, &device.into())
        .map_err(ProbeError::at(node.name(), format!("bind a socket to the device {device}")))
}
