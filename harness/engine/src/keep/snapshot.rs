//! A kept lab's present state, in the words of a recording.

use futures::future::join_all;
use routeproof_model::recording::Line;

use super::answer::{About, PATIENCE};
use super::protocol::Snapshot;
use crate::observe::now;
use crate::run::Node;

pub(super) async fn take(about: &About<'_>) -> Snapshot {
    let booted = about.booted;
    let mut snapshot = Snapshot {
        topology: about.order.topology.clone(),
        run: about.order.run.clone(),
        lines: vec![Line::Addresses { book: booted.book.clone() }],
        missing: Vec::new(),
    };
    for (lines, missing) in join_all(booted.nodes.values().map(node)).await {
        snapshot.lines.extend(lines);
        snapshot.missing.extend(missing);
    }
    snapshot
}

async fn node(node: &Node) -> (Vec<Line>, Vec<String>) {
    let (name, at) = (&node.name, now());
    let mut missing = Vec::new();
    let mut lines = Vec::new();
    if node.routes() {
        match tokio::time::timeout(PATIENCE, node.sessions()).await {
            Ok(Ok(sessions)) => lines.push(Line::Sessions { node: name.clone(), at, sessions }),
            Ok(Err(e)) => missing.push(e.line()),
            Err(_) => missing.push(format!("bgpd of {name} does not answer")),
        }
    }
    if node.frr.is_some() {
        match tokio::time::timeout(PATIENCE, node.rib()).await {
            Ok(Ok(entries)) => lines.push(Line::Rib { node: name.clone(), at, entries }),
            Ok(Err(e)) => missing.push(e.line()),
            Err(_) => missing.push(format!("zebra of {name} does not answer")),
        }
    }
    // After the daemons' claims: what zebra has sent to the kernel by then is there.
    let events = node.monitor.with_state(|kernel| kernel.as_events(at));
    lines.extend(events.into_iter().map(|event| Line::Kernel { node: name.clone(), event }));
    (lines, missing)
}
