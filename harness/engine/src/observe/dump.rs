//! Reading a node's tables as a whole.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

use routeproof_model::fact::{Change, GapReason, Inspection, KernelEvent, KernelState, Kind, Mono};

use super::ObserveError;
use super::decode;
use super::request;
use super::socket::{NetlinkSocket, Received};

const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP_INTR: u16 = 0x10;

/// A table that changes while it is listed may come out with holes; the kernel says so and we ask again.
const TRIES: u32 = 20;

/// Asks a node's kernel, one request after the other.
#[derive(Debug)]
pub(super) struct Requests {
    socket: NetlinkSocket,
    sequence: u32,
    datagram: Vec<u8>,
}

/// What a reading found, with the messages that could not be decoded.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub state: KernelState,
    pub undecoded: Vec<GapReason>,
}

/// Every table of the node whose namespace the NETLINK_ROUTE socket was opened in.
///
/// # Errors
/// When the kernel refuses a request, does not answer, or keeps changing a table under the reading.
pub fn dump_all(fd: OwnedFd) -> Result<Inspection, ObserveError> {
    let reading = Requests::new(fd)?.read(&Kind::all())?;
    let undecoded = reading.undecoded.iter().map(|reason| match reason {
        GapReason::Undecodable { message_type, error } => {
            format!("netlink message type {message_type}: {error}")
        }
        other => format!("{other:?}"),
    });
    Ok(Inspection { undecoded: undecoded.collect(), ..Inspection::from(&reading.state) })
}

impl Requests {
    pub fn new(fd: OwnedFd) -> Result<Self, ObserveError> {
        Ok(Requests { socket: NetlinkSocket::for_requests(fd)?, sequence: 0, datagram: Vec::new() })
    }

    /// Reads the tables named, and the links in any case: they give the names of the devices.
    pub fn read(&mut self, kinds: &BTreeSet<Kind>) -> Result<Reading, ObserveError> {
        let mut reading = Reading::default();
        self.read_one(Kind::Links, &mut reading)?;
        for kind in kinds.iter().filter(|kind| **kind != Kind::Links) {
            self.read_one(*kind, &mut reading)?;
        }
        Ok(reading)
    }

    fn read_one(&mut self, kind: Kind, reading: &mut Reading) -> Result<(), ObserveError> {
        for _ in 0..TRIES {
            let undecoded = reading.undecoded.len();
            if self.list(kind, reading)? {
                return Ok(());
            }
            reading.state.clear(kind);
            reading.undecoded.truncate(undecoded);
        }
        Err(ObserveError::Unsteady { what: label(kind), tries: TRIES })
    }

    /// One listing of a table; false when the kernel says that it is inconsistent.
    fn list(&mut self, kind: Kind, reading: &mut Reading) -> Result<bool, ObserveError> {
        let what = label(kind);
        self.sequence += 1;
        self.socket
            .send(&request::dump(kind, self.sequence))
            .map_err(ObserveError::socket("send a request"))?;
        let mut steady = true;
        loop {
            receive(&self.socket, &mut self.datagram, what)?;
            for message in decode::envelopes(&self.datagram) {
                let message = message.map_err(|error| ObserveError::Garbled { what, error })?;
                if message.sequence != self.sequence {
                    continue;
                }
                steady &= message.flags & NLM_F_DUMP_INTR == 0;
                if message.is_error() || message.message_type == NLMSG_DONE {
                    return match decode::error_of(message.payload) {
                        Some(source) if unsupported(kind, &source) => Ok(true),
                        Some(source) if source.raw_os_error() == Some(libc::EINTR) => Ok(false),
                        Some(source) => Err(ObserveError::Refused { what, source }),
                        None => Ok(steady),
                    };
                }
                add(reading, &message);
            }
        }
    }

    /// The first message that answers a request which is not a listing, or the kernel's refusal.
    pub(super) fn ask<T>(
        &mut self,
        what: &'static str,
        request: impl FnOnce(u32) -> Vec<u8>,
        answer: impl FnOnce(&decode::Envelope<'_>) -> Result<T, String>,
    ) -> Result<Result<T, io::Error>, ObserveError> {
        self.sequence += 1;
        self.socket.send(&request(self.sequence)).map_err(ObserveError::socket("send a request"))?;
        loop {
            receive(&self.socket, &mut self.datagram, what)?;
            for message in decode::envelopes(&self.datagram) {
                let message = message.map_err(|error| ObserveError::Garbled { what, error })?;
                if message.sequence != self.sequence {
                    continue;
                }
                if let (true, Some(refusal)) = (message.is_error(), decode::error_of(message.payload)) {
                    return Ok(Err(refusal));
                }
                return answer(&message).map(Ok).map_err(|error| ObserveError::Garbled { what, error });
            }
        }
    }
}

fn receive(socket: &NetlinkSocket, datagram: &mut Vec<u8>, what: &'static str) -> Result<(), ObserveError> {
    loop {
        match socket.receive(datagram).map_err(|source| ObserveError::Refused { what, source })? {
            Received::Datagram => return Ok(()),
            Received::Foreign => {}
            Received::Truncated(length) => {
                return Err(ObserveError::Garbled { what, error: format!("a datagram of {length} bytes") });
            }
        }
    }
}

fn add(reading: &mut Reading, message: &decode::Envelope<'_>) {
    let state = &reading.state;
    match decode::change(message, &|index| state.device_name(index)) {
        // A listing gives routes in the kernel's order, so each goes behind those before it.
        Ok(Some(Change::New(object) | Change::Append(object) | Change::Replace(object))) => {
            reading.state.apply(&KernelEvent { at: Mono(0), change: Change::Append(object) });
        }
        Ok(_) => {}
        Err(reason) => reading.undecoded.push(reason),
    }
}

/// Kernels before 5.3 have no next-hop objects, and so none to list.
fn unsupported(kind: Kind, error: &io::Error) -> bool {
    kind == Kind::Nexthops && error.raw_os_error() == Some(libc::EOPNOTSUPP)
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Links => "links",
        Kind::Addresses => "addresses",
        Kind::Neighbours => "neighbours",
        Kind::Rules => "rules",
        Kind::Nexthops => "next-hop objects",
        Kind::Routes4 => "IPv4 routes",
        Kind::Routes6 => "IPv6 routes",
    }
}
