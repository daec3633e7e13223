//! AF_PACKET, packet(7): the parts that need the kernel's structs.

use std::io::{self, IoSliceMut};
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, RecvMsg, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

/// linux/if_ether.h: every protocol.
const ETH_P_ALL: u16 = 3;
/// linux/if_packet.h, `tpacket_auxdata`: tp_status says that tp_vlan_tci is set; where the two are.
const TP_STATUS_VLAN_VALID: u32 = 1 << 4;
const AUX_VLAN_TCI: usize = 16;
const VLAN_ID: u16 = 0x0fff;

/// Headers of every protocol that we read, and enough payload for a probe's mark.
pub(super) const SNAP: usize = 256;

/// A frame as the kernel gives it.
pub(super) struct Raw {
    /// Bytes on the wire; [`SNAP`] of them are in the buffer.
    pub length: usize,
    /// sll_pkttype.
    pub kind: u8,
    /// sll_hatype: ARPHRD_*.
    pub hardware: u16,
    /// CLOCK_REALTIME.
    pub stamp: Option<TimeSpec>,
    /// The tag that the kernel has taken out of the frame.
    pub vlan: Option<u16>,
}

/// Binds a fresh packet socket to one interface, and asks for time stamps and VLAN tags. `buffer` is in bytes; an
/// ordinary user gets at most net.core.rmem_max.
pub(super) fn prepare(fd: &OwnedFd, index: u32, buffer: usize) -> io::Result<()> {
    if setsockopt(fd, sockopt::RcvBufForce, &buffer).is_err() {
        setsockopt(fd, sockopt::RcvBuf, &buffer)?;
    }
    setsockopt(fd, sockopt::ReceiveTimestampns, &true)?;
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, which lives for the call.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_AUXDATA,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    checked(set)?;
    bind_interface(fd, index, ETH_P_ALL)
}

/// Binds a fresh packet socket to one interface for sending: it hears nothing.
pub(super) fn prepare_to_send(fd: &OwnedFd, index: u32) -> io::Result<()> {
    bind_interface(fd, index, 0)
}

fn bind_interface(fd: &OwnedFd, index: u32, protocol: u16) -> io::Result<()> {
    // SAFETY: sockaddr_ll is plain integers, for which all zeros are valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = i32::try_from(index).map_err(io::Error::other)?;
    // SAFETY: the address is a whole sockaddr_ll and lives for the call.
    let bound = unsafe {
        libc::bind(
            fd.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    checked(bound)
}

/// The next frame, its first [`SNAP`] bytes in `buffer`; EAGAIN when there is none.
pub(super) fn receive(fd: &OwnedFd, buffer: &mut [u8; SNAP]) -> io::Result<Raw> {
    let mut space = cmsg_space!(TimeSpec, [u8; 20]);
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
    let got: RecvMsg<'_, '_, LinkAddr> = recvmsg(fd.as_raw_fd(), &mut slices, Some(&mut space), flags)?;
    let mut raw = Raw { length: got.bytes, kind: 0, hardware: 0, stamp: None, vlan: None };
    if let Some(from) = &got.address {
        (raw.kind, raw.hardware) = (from.pkttype(), from.hatype());
    }
    for message in got.cmsgs()? {
        match message {
            ControlMessageOwned::ScmTimestampns(stamp) => raw.stamp = Some(stamp),
            ControlMessageOwned::Unknown(other)
                if other.cmsg_header.cmsg_level == libc::SOL_PACKET
                    && other.cmsg_header.cmsg_type == libc::PACKET_AUXDATA =>
            {
                raw.vlan = vlan_of(&other.data_bytes);
            }
            _ => {}
        }
    }
    Ok(raw)
}

/// Frames that found no room since the last question.
pub(super) fn dropped(fd: &OwnedFd) -> io::Result<u64> {
    let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: the kernel fills at most `length` bytes of a struct of that size.
    let asked = unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut stats).cast(),
            &raw mut length,
        )
    };
    checked(asked)?;
    Ok(u64::from(stats.tp_drops))
}

fn vlan_of(aux: &[u8]) -> Option<u16> {
    let status = u32::from_ne_bytes(aux.get(..4)?.try_into().ok()?);
    let tci = u16::from_ne_bytes(aux.get(AUX_VLAN_TCI..AUX_VLAN_TCI + 2)?.try_into().ok()?);
    (status & TP_STATUS_VLAN_VALID != 0).then_some(tci & VLAN_ID)
}

fn checked(returned: libc::c_int) -> io::Result<()> {
    if returned == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
