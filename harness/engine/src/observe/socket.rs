//! NETLINK_ROUTE sockets, opened by whoever stands in the node's namespace and handed to us.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::ObserveError;

/// The kernel's largest dump datagram is 32 KiB; an event of a route with hundreds of next hops stays below.
const DATAGRAM: usize = 64 * 1024;

/// Enough for a full Internet table to arrive while we are busy elsewhere; the kernel takes memory only when used.
pub const EVENT_BUFFER: usize = 64 * 1024 * 1024;

/// A kernel that does not answer for this long will not.
const ANSWER_WITHIN_SECONDS: i64 = 10;

/// RTNLGRP_LINK, NEIGH, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_RULE, NEXTHOP.
const GROUPS: [u32; 9] = [1, 3, 5, 7, 8, 9, 11, 19, RTNLGRP_NEXTHOP];
/// Linux 5.3 and later.
const RTNLGRP_NEXTHOP: u32 = 32;

/// One datagram from the kernel.
#[derive(Debug)]
pub(super) enum Received {
    Datagram,
    /// From another process, or longer than any the kernel is known to send.
    Foreign,
    Truncated(usize),
}

pub(super) struct NetlinkSocket {
    socket: Socket,
}

impl NetlinkSocket {
    /// A bound, non-blocking socket that gets every change of links, addresses, neighbours, rules, routes and
    /// next-hop objects. `buffer` is its size in bytes; beyond net.core.rmem_max only with CAP_NET_ADMIN.
    pub fn for_events(fd: OwnedFd, buffer: usize) -> Result<Self, ObserveError> {
        let mut socket = adopt(fd);
        if setsockopt(&socket, sockopt::RcvBufForce, &buffer).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &buffer)
                .map_err(|errno| ObserveError::socket("set the buffer")(errno.into()))?;
        }
        socket.set_non_blocking(true).map_err(ObserveError::socket("stop blocking"))?;
        socket.bind_auto().map_err(ObserveError::socket("bind"))?;
        for group in GROUPS {
            match socket.add_membership(group) {
                Err(error) if group == RTNLGRP_NEXTHOP && error.raw_os_error() == Some(libc::EINVAL) => {}
                joined => joined.map_err(ObserveError::socket("join a multicast group"))?,
            }
        }
        Ok(NetlinkSocket { socket })
    }

    /// A blocking socket for requests. The kernel checks requests strictly, so that a filter is never ignored.
    pub fn for_requests(fd: OwnedFd) -> Result<Self, ObserveError> {
        let mut socket = adopt(fd);
        socket.set_non_blocking(false).map_err(ObserveError::socket("block"))?;
        socket.set_netlink_get_strict_chk(true).map_err(ObserveError::socket("ask for strict checks"))?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(ANSWER_WITHIN_SECONDS, 0))
            .map_err(|errno| ObserveError::socket("set a time limit")(errno.into()))?;
        socket.bind_auto().map_err(ObserveError::socket("bind"))?;
        Ok(NetlinkSocket { socket })
    }

    pub fn send(&self, request: &[u8]) -> io::Result<()> {
        self.socket.send_to(request, &SocketAddr::new(0, 0), 0).map(drop)
    }

    /// Fills `datagram`, whose capacity is kept from call to call.
    pub fn receive(&self, datagram: &mut Vec<u8>) -> io::Result<Received> {
        datagram.clear();
        datagram.reserve(DATAGRAM);
        let (length, sender) = self.socket.recv_from(datagram, libc::MSG_TRUNC)?;
        Ok(match length {
            _ if sender.port_number() != 0 => Received::Foreign,
            length if length > datagram.len() => Received::Truncated(length),
            _ => Received::Datagram,
        })
    }
}

fn adopt(fd: OwnedFd) -> Socket {
    // SAFETY: the descriptor is open and ours alone; the socket takes over closing it.
    unsafe { Socket::from_raw_fd(fd.into_raw_fd()) }
}

impl AsRawFd for NetlinkSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for NetlinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::fmt::Debug for NetlinkSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NetlinkSocket").field(&self.as_raw_fd()).finish()
    }
}
