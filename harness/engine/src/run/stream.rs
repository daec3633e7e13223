//! `stream` and `loss`: a stream is started by one step and judged by a later one.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use routeproof_model::check;
use routeproof_model::fact::{Change, Mono, Object, Stream};
use routeproof_model::recording::Line;
use routeproof_model::scenario::{ExpectLoss, StreamStep};
use routeproof_model::topology::Role;

use super::boot::Booted;
use super::error::RunError;
use super::expect::node;
use super::node::Node;
use super::steps::Done;
use super::tap::Tap;
use crate::probe::{Place, ProbeError, RunningStream, StreamPlan, Watched, destinations, outward};
use crate::wait;

/// Linux's default (Documentation/networking/ip-sysctl.rst, ip_default_ttl).
const HOP_LIMIT: u8 = 64;

/// So many packets of each flow are sent before the next step begins.
const BEFORE: u32 = 20;

/// The streams under way, by name.
#[derive(Debug, Default)]
pub struct Streams(BTreeMap<String, Running>);

#[derive(Debug)]
struct Running {
    stream: RunningStream,
    /// For each node that arrivals are looked for in: the indexes of its captured interfaces, and what happens to others.
    watched: Vec<(String, BTreeSet<u32>, Tap)>,
}

impl Running {
    async fn finish(self) -> Result<Stream, ProbeError> {
        let stream = self.stream.finish().await?;
        let unwatched = self.watched.iter().flat_map(|(node, captured, tap)| {
            let links = tap.take().into_iter().filter_map(|event| match event.change {
                Change::New(Object::Link(link)) | Change::Replace(Object::Link(link)) => Some(link),
                _ => None,
            });
            let new = links.filter(|link| outward(link) && !captured.contains(&link.index));
            new.map(|link| format!("{node}:{}", link.name)).collect::<Vec<_>>()
        });
        Ok(Stream { unwatched: unwatched.collect(), ..stream })
    }
}

impl Streams {
    pub async fn start<'b>(&mut self, booted: &'b Booted, step: &StreamStep) -> Result<(), RunError> {
        let from = node(booted, &step.from)?;
        let (nodes, hop_limit) = watched(booted, from, step)?;
        let listen = |node: &'b Node| {
            let (tap, place) = node.monitor.with_state(|k| (node.taps.open(), Place::new(&node.handle, k)));
            let captured = place.links.iter().filter(|link| outward(link)).map(|link| link.index).collect();
            let watched = Watched { place, is_gateway: node.role == Role::Gateway };
            (watched, (node.name.clone(), captured, tap))
        };
        let (watched, known) = nodes.into_iter().map(listen).unzip();
        let plan = StreamPlan {
            name: step.name.clone(),
            from: &from.handle,
            protocol: step.protocol,
            every: step.every,
            targets: targets(from, step.to, step.flows as usize)?,
            hop_limit,
            watched,
            book: booted.book_now(),
        };
        let stream = RunningStream::start(plan).await?;
        self.0.insert(step.name.clone(), Running { stream, watched: known });
        // What comes next is compared with how it was before.
        wait::elapse(step.every * BEFORE).await;
        Ok(())
    }

    /// Ends the stream and judges it; `change` is when the last step that changed something began to act.
    pub async fn judge(
        &mut self,
        booted: &Booted,
        expect: &ExpectLoss,
        change: Option<Mono>,
    ) -> Result<Done, RunError> {
        let Some(running) = self.0.remove(&expect.stream) else {
            let why = format!("stream {} is not under way", expect.stream);
            return Err(RunError::Observe { node: expect.node.clone(), why });
        };
        let stream = running.finish().await?;
        let judged = check::loss(expect, &stream, change);
        booted.recorder.write_large(&Line::Stream { stream });
        Ok(Done { outcome: judged.outcome, message: Some(judged.message), evidence: judged.evidence })
    }

    /// Ends what nobody has judged: it is worth recording all the same.
    pub async fn end(&mut self, booted: &Booted) {
        for running in std::mem::take(&mut self.0).into_values() {
            // A node that has died takes its sockets along, and the run tells of that.
            if let Ok(stream) = running.finish().await {
                booted.recorder.write_large(&Line::Stream { stream });
            }
        }
    }
}

/// One for each flow. A prefix of few addresses has several flows to one of them.
fn targets(from: &Node, to: IpNet, flows: usize) -> Result<Vec<std::net::IpAddr>, RunError> {
    let found = match to.prefix_len() == to.max_prefix_len() {
        true => vec![to.addr()],
        false => destinations(to, flows, &from.monitor.snapshot()),
    };
    if found.is_empty() {
        let why = format!("{to} has no address that packets could be sent to");
        return Err(RunError::Observe { node: from.name.clone(), why });
    }
    Ok(found.iter().cycle().take(flows).copied().collect())
}

/// Where arrivals are looked for, and the hop limit.
fn watched<'a>(booted: &'a Booted, from: &Node, step: &StreamStep) -> Result<(Vec<&'a Node>, u8), RunError> {
    let of_role = |role: Role| booted.nodes.values().filter(move |node| node.role == role);
    let owner = Some(step.to.addr()).filter(|_| step.to.prefix_len() == step.to.max_prefix_len());
    let owner = owner.and_then(|address| booted.book.owner(address)).and_then(|name| booted.node(name));
    let (nodes, hop_limit): (Vec<&Node>, u8) = if !step.at.is_empty() {
        (step.at.iter().map(|name| node(booted, name)).collect::<Result<_, _>>()?, HOP_LIMIT)
    } else if let Some(owner) = owner {
        (vec![owner], HOP_LIMIT)
    } else if from.role == Role::ClusterNode {
        // No gateway hands a packet on, so that no second one gets it.
        (of_role(Role::Gateway).collect(), 1)
    } else {
        (of_role(Role::ClusterNode).collect(), HOP_LIMIT)
    };
    Ok((nodes, hop_limit))
}
