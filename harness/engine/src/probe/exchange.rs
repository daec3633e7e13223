//! Requests from a client to a service, while a node's interfaces are watched: by which interface, and to whom, do the
//! replies leave?

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use routeproof_model::fact::{Attempt, Exchange, Packet, Protocol};

use super::capture::Capture;
use super::ping::Ping;
use super::{Place, ProbeError, client, outward};
use crate::lab::NodeHandle;
use crate::observe::now;

/// Who asks whom, how often, and who is watched.
#[derive(Clone, Debug)]
pub struct ExchangePlan<'a> {
    pub client: &'a NodeHandle,
    /// The client's source address; without it the client's routes choose.
    pub from: Option<IpAddr>,
    pub protocol: Protocol,
    /// The service's address, and its port unless the protocol is ICMP. For TCP and UDP it must be answered by a
    /// [`super::Responder`]; any server will do for HTTP, and any kernel for ICMP.
    pub to: SocketAddr,
    /// Requests, one after the other, each from a port of its own.
    pub count: usize,
    /// How long a request may stay unanswered.
    pub patience: Duration,
    /// Watched at every interface that is up.
    pub node: Place<'a>,
}

/// Makes the requests and sorts what the watched node received and sent because of them.
///
/// The captures are open before the first request, and a reply that the client has got is in them. Packets that the node
/// sends after the last answer (the end of a TCP connection, a retransmission) may be missing from the counts.
///
/// # Errors
/// When sockets or captures cannot be had. That nobody answers is a finding: see [`Attempt::failed`].
pub async fn exchange(plan: &ExchangePlan<'_>) -> Result<Exchange, ProbeError> {
    let mut capture = Capture::open(&plan.node, outward).await?;
    let mut packets: Vec<Packet> = Vec::new();
    let ping = match plan.protocol {
        Protocol::Icmp => Some(Ping::open(plan.client, plan.from, plan.to.ip()).await?),
        _ => None,
    };
    let from = now();
    let mut attempts = Vec::new();
    for number in 0..plan.count {
        attempts.push(attempt(plan, ping.as_ref(), number).await?);
        packets.extend(capture.drain()?.into_iter().map(|captured| captured.packet));
    }
    let mut exchange = Exchange {
        client: plan.client.name().to_string(),
        node: plan.node.name().to_string(),
        protocol: plan.protocol,
        to: plan.to,
        from,
        at: now(),
        attempts,
        requests: Vec::new(),
        replies: Vec::new(),
        dropped: capture.dropped(),
    };
    exchange.sort(&packets, &plan.node.links);
    Ok(exchange)
}

async fn attempt(plan: &ExchangePlan<'_>, ping: Option<&Ping>, number: usize) -> Result<Attempt, ProbeError> {
    let client = client::Client { node: plan.client, from: plan.from, to: plan.to };
    let (at, start) = (now(), Instant::now());
    // Sockets are opened before the clock runs: the agent's time is not the network's.
    let (port, answer) = match (plan.protocol, ping) {
        (Protocol::Icmp, Some(ping)) => {
            let echo = async { ping.echo(number as u16).await.map(|()| None) };
            (ping.id(), limited(plan.patience, echo).await)
        }
        (Protocol::Udp, _) => {
            let socket = client.udp().await?;
            (socket.port, limited(plan.patience, client::ask_udp(socket)).await)
        }
        (protocol, _) => {
            let socket = client.tcp().await?;
            let port = socket.port;
            let answer = match protocol {
                Protocol::Http => limited(plan.patience, client::ask_http(socket)).await,
                _ => limited(plan.patience, client::ask_tcp(socket)).await,
            };
            (port, answer)
        }
    };
    let took_us = start.elapsed().as_micros() as u64;
    let (answered_by, failed) = match answer {
        Ok(answered_by) => (answered_by, None),
        Err(why) => (None, Some(why.to_string())),
    };
    Ok(Attempt { port, at, took_us, answered_by, failed })
}

async fn limited(
    patience: Duration,
    answer: impl Future<Output = io::Result<Option<String>>>,
) -> io::Result<Option<String>> {
    let late = |_| {
        let text = format!("no answer within {:.1} s", patience.as_secs_f64());
        io::Error::new(io::ErrorKind::TimedOut, text)
    };
    tokio::time::timeout(patience, answer).await.map_err(late)?
}
