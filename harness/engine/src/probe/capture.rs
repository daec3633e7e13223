//! Captures: one packet socket per interface, read when asked.

use std::io;
use std::os::fd::OwnedFd;

use futures::future::select_all;
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::time::{ClockId, clock_gettime};
use routeproof_model::fact::{Link, Mono, Packet};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::packet_socket::{self, Raw, SNAP};
use super::{Place, ProbeError, decode};
use crate::lab::{SocketKind, register};
use crate::observe::now;

/// Thousands of small packets. For an ordinary user net.core.rmem_max (208 KiB by default: some 250 packets) is the limit,
/// so drain between bursts.
const BUFFER: usize = 8 * 1024 * 1024;

/// A packet, and what of its payload was captured.
#[derive(Clone, Debug)]
pub struct Captured {
    pub packet: Packet,
    /// The first bytes above TCP, UDP or ICMP; at most some 200.
    pub payload: Vec<u8>,
}

/// Watches interfaces of one node from [`Capture::open`] until it is dropped. The kernel collects; whoever holds the
/// capture reads it by [`Capture::drain`]. A packet that a node has sent or received before the
/// call is in the answer, however late we read.
#[derive(Debug)]
pub struct Capture {
    node: String,
    taps: Vec<Tap>,
    dropped: u64,
}

#[derive(Debug)]
struct Tap {
    interface: String,
    socket: AsyncFd<OwnedFd>,
}

impl Capture {
    /// Starts watching the interfaces of `place` that `which` wants.
    ///
    /// # Errors
    /// When a socket cannot be opened or an interface has gone (ENODEV).
    pub async fn open(place: &Place<'_>, which: impl Fn(&Link) -> bool) -> Result<Capture, ProbeError> {
        let node = place.handle.name();
        let mut taps = Vec::new();
        for link in place.links.iter().filter(|link| which(link)) {
            let what = || format!("capture on {}", link.name);
            let fd = place.handle.socket(SocketKind::Packet).await?;
            packet_socket::prepare(&fd, link.index, BUFFER).map_err(ProbeError::at(node, what()))?;
            let socket = register(fd, Interest::READABLE).map_err(ProbeError::at(node, what()))?;
            taps.push(Tap { interface: link.name.clone(), socket });
        }
        Ok(Capture { node: node.to_string(), taps, dropped: 0 })
    }

    /// Everything that has been captured and not read yet, by time.
    ///
    /// # Errors
    /// When a socket cannot be read. That its interface has gone down is none.
    pub fn drain(&mut self) -> Result<Vec<Captured>, ProbeError> {
        let mut found = Vec::new();
        let clocks = Clocks::read();
        for tap in &self.taps {
            let failed = || ProbeError::at(&self.node, format!("read the capture on {}", tap.interface));
            read(&self.node, tap, &clocks, &mut found).map_err(failed())?;
            self.dropped += packet_socket::dropped(tap.socket.get_ref()).map_err(failed())?;
        }
        found.sort_by_key(|captured| captured.packet.at);
        Ok(found)
    }

    /// Waits until something may have come since the last call: then [`Capture::drain`], before waiting again. Without
    /// interfaces that is never.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub async fn readable(&self) -> Result<(), ProbeError> {
        if self.taps.is_empty() {
            crate::wait::no_events().await;
        }
        let ready = self.taps.iter().map(|tap| Box::pin(tap.socket.readable()));
        let (guard, ..) = select_all(ready).await;
        // The mark is taken off before the socket is read: what comes later sets it again.
        guard.map_err(ProbeError::at(&self.node, "wait for packets"))?.clear_ready();
        Ok(())
    }

    /// Packets that found no room so far: what they were is not known.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn read(node: &str, tap: &Tap, clocks: &Clocks, found: &mut Vec<Captured>) -> io::Result<()> {
    let mut buffer = [0u8; SNAP];
    loop {
        match packet_socket::receive(tap.socket.get_ref(), &mut buffer) {
            Ok(raw) => {
                let bytes = &buffer[..raw.length.min(SNAP)];
                found.extend(captured(node, &tap.interface, &raw, bytes, clocks));
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => return Ok(()),
                // Told once, when the interface goes down or away; it may come up again.
                Some(libc::ENETDOWN | libc::EINTR) => {}
                _ => return Err(error),
            },
        }
    }
}

fn captured(node: &str, interface: &str, raw: &Raw, bytes: &[u8], clocks: &Clocks) -> Option<Captured> {
    let direction = decode::direction(raw.kind)?;
    let decoded = decode::frame(bytes, raw.hardware)?;
    let packet = Packet {
        at: clocks.monotonic(raw.stamp),
        node: node.to_string(),
        interface: interface.to_string(),
        direction,
        from_mac: decoded.from_mac,
        to_mac: decoded.to_mac,
        vlan: raw.vlan.or(decoded.vlan),
        src: decoded.src,
        dst: decoded.dst,
        hop_limit: decoded.hop_limit,
        transport: decoded.transport,
        length: u32::try_from(raw.length).unwrap_or(u32::MAX),
    };
    Some(Captured { packet, payload: decoded.payload.to_vec() })
}

/// The two clocks at one moment: the kernel stamps packets by CLOCK_REALTIME (SO_TIMESTAMPNS), everything else here
/// lives on CLOCK_MONOTONIC. The two are read a fraction of a microsecond apart, so that times of two readings may differ
/// by that much from what the kernel stamped. A step of the wall clock between a packet and its reading moves the packet's time by as much.
struct Clocks {
    real: Option<TimeSpec>,
    monotonic: Mono,
}

impl Clocks {
    fn read() -> Clocks {
        let before = now();
        let real = clock_gettime(ClockId::CLOCK_REALTIME).ok();
        Clocks { real, monotonic: Mono(before.0.midpoint(now().0)) }
    }

    fn monotonic(&self, stamp: Option<TimeSpec>) -> Mono {
        let age = match (self.real, stamp) {
            (Some(real), Some(stamp)) => (real - stamp).num_nanoseconds(),
            _ => 0,
        };
        // Packets that came while we read are younger than the reading of the clocks.
        Mono(self.monotonic.0.saturating_add_signed(age.saturating_neg()))
    }
}
