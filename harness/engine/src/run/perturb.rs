//! Starts a lab's routers, in race mode not quite as they would start by themselves.

use std::time::Duration;

use routeproof_model::race::Perturbation;

use super::error::RunError;
use super::matrix::cores;
use super::node::Node;
use crate::lab::{Command, Lab, Stdio};
use crate::wait;

/// The nodes in stages, each to be started side by side, since most of a daemon's start is waiting: all at once, or one by one
/// as the perturbation says.
pub(super) fn stages<'a>(
    nodes: impl Iterator<Item = &'a mut Node>,
    perturbation: Option<&Perturbation>,
) -> Vec<Vec<&'a mut Node>> {
    let mut nodes: Vec<&mut Node> = nodes.collect();
    let order = perturbation.map_or(&[][..], |perturbation| &perturbation.order);
    if order.is_empty() {
        return vec![nodes];
    }
    nodes.sort_by_key(|node| order.iter().position(|name| *name == node.name));
    nodes.into_iter().map(|node| vec![node]).collect()
}

/// Waits as long as the node's start is to be late.
pub(super) async fn late(node: &Node, perturbation: Option<&Perturbation>) {
    if let Some(ms) = perturbation.and_then(|perturbation| perturbation.delay_ms.get(&node.name)) {
        wait::elapse(Duration::from_millis(*ms)).await;
    }
}

/// Keeps the processors busy from within the lab: what does it ends with the lab.
pub(super) async fn load(lab: &Lab, perturbation: &Perturbation) -> Result<(), RunError> {
    let Some(node) = lab.nodes.first() else { return Ok(()) };
    let busy = Command::new(["sh", "-c", "while :; do :; done"]);
    for _ in 0..perturbation.load as usize * cores() {
        let null = || std::fs::File::options().read(true).write(true).open("/dev/null");
        let stdio = || {
            Ok::<_, std::io::Error>(Stdio {
                stdin: null()?.into(),
                stdout: null()?.into(),
                stderr: null()?.into(),
            })
        };
        node.spawn(&busy, stdio().map_err(RunError::Record)?).await?;
    }
    Ok(())
}
