//! Faults of FRR's daemons.

use routeproof_model::fact::Mono;
use routeproof_model::topology::Role;

use super::router::no_frr;
use crate::frr::load_conf;
use crate::observe::now;
use crate::run::error::RunError;
use crate::run::gate::gate;
use crate::run::node::Node;

pub async fn kill(node: &mut Node, daemon: &str) -> Result<Mono, RunError> {
    end(node, daemon, nix::sys::signal::Signal::SIGKILL).await
}

pub async fn stop(node: &mut Node, daemon: &str) -> Result<Mono, RunError> {
    end(node, daemon, nix::sys::signal::Signal::SIGTERM).await
}

async fn end(node: &mut Node, daemon: &str, signal: nix::sys::signal::Signal) -> Result<Mono, RunError> {
    if let Some(router) = &mut node.router {
        let at = now();
        router.end(daemon, signal).await?;
        return Ok(at);
    }
    node.vtys.lock().await.clear();
    let name = node.name.clone();
    let frr = node.frr.as_mut().ok_or_else(|| no_frr(&name))?;
    let at = now();
    frr.end(daemon, signal).await?;
    Ok(at)
}

pub async fn pause(node: &mut Node, daemon: &str) -> Result<Mono, RunError> {
    if let Some(router) = &mut node.router {
        let at = now();
        router.pause(daemon, true).await?;
        return Ok(at);
    }
    let name = node.name.clone();
    let at = now();
    node.frr.as_mut().ok_or_else(|| no_frr(&name))?.pause(daemon).await?;
    Ok(at)
}

pub async fn resume(node: &mut Node, daemon: &str) -> Result<Mono, RunError> {
    if let Some(router) = &mut node.router {
        let at = now();
        router.pause(daemon, false).await?;
        return Ok(at);
    }
    let name = node.name.clone();
    let at = now();
    node.frr.as_mut().ok_or_else(|| no_frr(&name))?.resume(daemon).await?;
    Ok(at)
}

/// As watchfrr does: the daemon starts again and the node's configuration is loaded, which the others have already.
pub async fn restart(node: &mut Node, daemon: &str) -> Result<Mono, RunError> {
    if let Some(router) = &mut node.router {
        // A profile's router has its daemons together.
        let at = now();
        router.restart().await?;
        return Ok(at);
    }
    node.vtys.lock().await.clear();
    let name = node.name.clone();
    let conf = match node.role {
        Role::ClusterNode => node.conf.clone().unwrap_or_default(),
        _ => {
            let bytes = node.handle.read("/etc/frr/frr.conf").await.unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    let frr = node.frr.as_mut().ok_or_else(|| no_frr(&name))?;
    let at = now();
    frr.restart_one(daemon).await?;
    if !conf.trim().is_empty() {
        let refused = load_conf(&node.handle, frr, &conf).await?;
        gate(node, &conf, &refused, false).await?;
    }
    Ok(at)
}
