//! A paced stream of packets that goes on while other things happen, each packet found again where it arrives.
//!
//! It has a thread of its own: what the harness does meanwhile must not hold up the pace. The thread sends, and reads the
//! captures between two sendings, so that an ordinary user's small buffers do. When each packet was sent is noted, and when
//! it arrived is the kernel's word.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use routeproof_model::check::AddressBook;
use routeproof_model::fact::{Mono, Stream, StreamProtocol};

use super::capture::{Capture, Captured};
use super::sender::{MARK, Sender};
use super::tally::{Arrival, Tally};
use super::{Place, ProbeError, outward};
use crate::lab::NodeHandle;
use crate::observe::now;
use crate::wait;

/// The captures are read that often, between two sendings.
const READ: Duration = Duration::from_millis(10);
/// A packet that has not arrived by then after the end will not.
const SETTLE: Duration = Duration::from_millis(300);

/// What is sent, and where it may arrive.
#[derive(Debug)]
pub struct StreamPlan<'a> {
    pub name: String,
    pub from: &'a NodeHandle,
    pub protocol: StreamProtocol,
    pub every: Duration,
    /// The destination of each flow; all of one family.
    pub targets: Vec<IpAddr>,
    /// 1 where gateways must not hand packets on.
    pub hop_limit: u8,
    pub watched: Vec<Watched<'a>>,
    /// Names the nodes that packets come from.
    pub book: AddressBook,
}

/// A node in which arrivals are looked for: packets to its own link-layer address.
#[derive(Debug)]
pub struct Watched<'a> {
    pub place: Place<'a>,
    /// What arrives is put down to the node itself; else to the node that has handed it over.
    pub is_gateway: bool,
}

/// A stream under way. It ends when it is dropped, or with [`RunningStream::finish`].
#[derive(Debug)]
pub struct RunningStream {
    node: String,
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Result<Stream, ProbeError>>,
}

impl RunningStream {
    /// Opens sockets and captures, and starts sending.
    ///
    /// # Errors
    /// When they cannot be had. That packets are refused or lost is a finding.
    pub async fn start(plan: StreamPlan<'_>) -> Result<RunningStream, ProbeError> {
        let mut captures = Vec::new();
        for watched in &plan.watched {
            let capture = Capture::open(&watched.place, outward).await?;
            captures.push((capture, watched.place.name().to_string(), watched.is_gateway));
        }
        let sender = Sender::open(&plan).await?;
        let pump = Pump {
            tally: Tally::new(plan.targets.len()),
            // No two start in the same nanosecond.
            token: now().0.to_be_bytes(),
            name: plan.name,
            protocol: plan.protocol,
            every: plan.every,
            book: plan.book,
            sender,
            captures,
        };
        let node = plan.from.name().to_string();
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("stream".to_string());
        let thread =
            thread.spawn(move || pump.run(&stopped)).map_err(ProbeError::at(&node, "start a stream"))?;
        Ok(RunningStream { node, stop, thread })
    }

    /// Stops sending, waits for what is under way, and tells what became of each packet.
    ///
    /// # Errors
    /// When a capture could not be read.
    pub async fn finish(self) -> Result<Stream, ProbeError> {
        // A thread that has ended already has its reasons, which it tells.
        let _ = self.stop.send(());
        let ended = tokio::task::spawn_blocking(move || self.thread.join()).await;
        let failed =
            |why: &str| ProbeError::at(&self.node, "end a stream")(io::Error::other(why.to_string()));
        ended.map_err(|e| failed(&e.to_string()))?.unwrap_or_else(|_| Err(failed("its thread has panicked")))
    }
}

/// What the thread has.
struct Pump {
    name: String,
    protocol: StreamProtocol,
    every: Duration,
    token: [u8; 8],
    sender: Sender,
    captures: Vec<(Capture, String, bool)>,
    tally: Tally,
    book: AddressBook,
}

impl Pump {
    fn run(mut self, stopped: &mpsc::Receiver<()>) -> Result<Stream, ProbeError> {
        let from = now();
        let (mut due, mut read) = (Instant::now(), Instant::now());
        for number in 0.. {
            match stopped.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.send(number);
            if read.elapsed() >= READ {
                self.look()?;
                read = Instant::now();
            }
            // What was missed is not sent in a burst: the pace goes on from now.
            due = (due + self.every).max(Instant::now().checked_sub(self.every).unwrap_or(due));
        }
        self.settle()?;
        Ok(Stream {
            node: self.sender.node().to_string(),
            every_us: self.every.as_micros() as u64,
            from,
            at: now(),
            watched: self.captures.iter().map(|(_, node, _)| node.clone()).collect(),
            dropped: self.captures.iter().map(|(capture, ..)| capture.dropped()).sum(),
            unwatched: BTreeSet::new(),
            flows: self.tally.flows(from, &self.sender.flows()),
            name: self.name,
            protocol: self.protocol,
        })
    }

    fn send(&mut self, number: u32) {
        for flow in 0..self.sender.count() {
            let mut mark = [0; MARK];
            mark[..8].copy_from_slice(&self.token);
            mark[8..12].copy_from_slice(&(flow as u32).to_be_bytes());
            mark[12..].copy_from_slice(&number.to_be_bytes());
            let at = now();
            let refused = self.sender.send(flow, number as u16, &mark).err().map(|error| error.to_string());
            self.tally.sent(flow, at, refused);
        }
    }

    /// Notes what has arrived so far.
    fn look(&mut self) -> Result<(), ProbeError> {
        for (capture, node, is_gateway) in &mut self.captures {
            for captured in capture.drain()? {
                let Some((flow, number)) = place_of(&self.token, &captured) else { continue };
                let packet = captured.packet;
                let handed = || {
                    let mac = packet.from_mac.map(|mac| mac.to_string()).unwrap_or_default();
                    self.book.holder(&mac).map_or(mac.clone(), str::to_string)
                };
                let by = if *is_gateway { node.clone() } else { handed() };
                let arrival = Arrival { at: packet.at, node: packet.node, interface: packet.interface, by };
                self.tally.arrived(flow, number, arrival);
            }
        }
        Ok(())
    }

    /// Waits for the last packets, if any are missing.
    fn settle(&mut self) -> Result<(), ProbeError> {
        let (ended, end) = (now(), Instant::now() + SETTLE);
        let recent = Mono(ended.0.saturating_sub(SETTLE.as_nanos() as u64));
        loop {
            self.look()?;
            if !self.tally.misses_since(recent) || Instant::now() >= end {
                return Ok(());
            }
            wait::pause(READ);
        }
    }
}

/// The flow and the sequence number of a packet that is the stream's and addressed to who saw it.
fn place_of(token: &[u8; 8], captured: &Captured) -> Option<(usize, usize)> {
    if captured.packet.direction != routeproof_model::fact::Direction::Host {
        return None;
    }
    let rest: [u8; MARK - 8] = captured.payload.strip_prefix(token)?.get(..MARK - 8)?.try_into().ok()?;
    let (flow, number) = (u64::from_be_bytes(rest) >> 32, u64::from_be_bytes(rest) & 0xffff_ffff);
    Some((flow as usize, number as usize))
}
