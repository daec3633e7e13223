//! `ecmp`: sends flows and has them counted by the gateways.

use std::collections::BTreeMap;

use routeproof_model::check::{self, Checked};
use routeproof_model::recording::Line;
use routeproof_model::scenario::ExpectEcmp;

use super::boot::Booted;
use super::error::RunError;
use super::node::Node;
use crate::probe::{FlowPlan, send_flows};

/// Judges the kernel's table, and, once that is right, flows.
pub async fn now(booted: &Booted, watched: &Node, expect: &ExpectEcmp) -> Result<Checked, RunError> {
    let kernel = watched.monitor.snapshot();
    let by_table = check::ecmp_route(expect, &kernel, &booted.book_now());
    if !by_table.holds {
        return Ok(by_table);
    }
    let mut gateways = BTreeMap::new();
    for via in &expect.via {
        let gateway = booted.book.node(via).and_then(|name| booted.node(name)).ok_or_else(|| {
            let why = format!("{via} is no node of this lab: who gets a flow is seen in the gateways");
            RunError::Observe { node: watched.name.clone(), why }
        })?;
        gateways.insert(&gateway.name, gateway.place());
    }
    let plan = FlowPlan {
        from: watched.place(),
        vrf: expect.vrf.clone(),
        prefix: expect.prefix,
        count: expect.flows as usize,
        receivers: gateways.into_values().collect(),
    };
    let flows = send_flows(&plan, &kernel).await?;
    booted.recorder.write(&Line::Flows { flows: flows.clone() });
    // The table may have changed meanwhile.
    let book = booted.book_now();
    Ok(watched.monitor.with_state(|state| check::ecmp(expect, state, &flows, &book)))
}
