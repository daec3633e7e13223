//! How a cluster node's frr.conf gets into FRR: at once into empty daemons, or by a reload as MetalLB does it. The gate is behind either.

use std::time::Instant;

use routeproof_model::frr::rejections;

use super::error::RunError;
use super::gate::{gate, save};
use super::node::{LastChange, Node};
use crate::frr::{Reload, load_conf, reload, start_peers};

/// Loads a whole file into daemons that have no configuration yet. The result is the same as a first reload's: the last
/// spelling of an entry wins.
pub async fn cold_load(node: &mut Node, conf: String) -> Result<(), RunError> {
    save(node, "frr.conf.initial", &conf);
    let Some(frr) = &node.frr else { return Ok(()) };
    let loaded = Instant::now();
    let refused = load_conf(&node.handle, frr, &conf).await?;
    if refused.is_empty() {
        start_peers(&node.handle, frr, &conf, loaded).await?;
    }
    gate(node, &conf, &refused, false).await?;
    node.conf = Some(conf);
    node.changed = Some(LastChange { at: Instant::now(), sessions_before: Vec::new() });
    Ok(())
}

/// A reload as MetalLB does it, then the gate.
pub async fn gated_reload(node: &mut Node, conf: String) -> Result<Vec<String>, RunError> {
    let sessions_before = node.sessions().await?;
    node.reloads += 1;
    save(node, &format!("frr.conf.{:02}", node.reloads), &conf);
    let report = reload(&node.handle, &conf).await?;
    save(node, &format!("reload.{:02}.log", node.reloads), &report.text());
    node.changed = Some(LastChange { at: Instant::now(), sessions_before });
    if !report.success() {
        let rejected = rejections(&report.text());
        let what = match rejected.first() {
            Some(r) => format!("FRR rejects `{}`: {}", r.line.trim(), r.reason),
            None => format!("frr-reload.py failed; see {}", node.folder.display()),
        };
        return Err(RunError::Config { node: node.name.clone(), what, hints: rejection_hints(&report) });
    }
    let notes = gate(node, &conf, &[], true).await?;
    node.conf = Some(conf);
    Ok(notes)
}

fn rejection_hints(report: &Reload) -> Vec<String> {
    match report.reload {
        None => vec![
            "frr-reload.py --test refused the file, so MetalLB keeps the old configuration: every later change is stuck \
             until the line is mended"
                .to_string(),
        ],
        Some(_) => Vec::new(),
    }
}

/// Starts FRR again, empty, and gives it the file that it had.
pub async fn restart(node: &mut Node) -> Result<Vec<String>, RunError> {
    node.vtys.lock().await.clear();
    if let Some(frr) = &mut node.frr {
        frr.restart().await?;
    }
    match node.conf.clone() {
        Some(conf) => gated_reload(node, conf).await,
        None => Ok(Vec::new()),
    }
}
