//! Loading a configuration into running daemons, and reading back what runs.

use futures::future::try_join_all;
use routeproof_model::frr::{Rejection, rejections};

use super::daemons::Frr;
use super::error::FrrError;
use super::load::{LoadError, load};
use super::vty::Vty;
use crate::lab::{Command, NodeHandle};

/// Loads an integrated frr.conf, each stanza into the daemons that own it. Gives the lines that were refused.
pub async fn load_conf(node: &NodeHandle, frr: &Frr, conf: &str) -> Result<Vec<Rejection>, FrrError> {
    match load(conf, &mut connect(frr).await?).await {
        Ok(refused) => Ok(refused),
        // Nothing was sent: vtysh knows every command that there is.
        Err(LoadError::Unknown { .. } | LoadError::NoOwner { .. }) => load_by_vtysh(node, conf).await,
        Err(LoadError::Vty(source)) => Err(FrrError::Vty { node: node.name().to_string(), source }),
    }
}

async fn load_by_vtysh(node: &NodeHandle, conf: &str) -> Result<Vec<Rejection>, FrrError> {
    const FILE: &str = "/run/routeproof.conf";
    node.write(FILE, 0o600, conf.as_bytes()).await?;
    let output = node.output(&Command::new(["/usr/bin/vtysh", "-f", FILE])).await?;
    Ok(rejections(&format!("{}{}", output.stdout, output.stderr)))
}

/// What runs, by daemon.
pub async fn running_config(node: &NodeHandle, frr: &Frr) -> Result<Vec<(String, String)>, FrrError> {
    let mut vtys = connect(frr).await?;
    let texts = try_join_all(vtys.iter_mut().map(|vty| vty.run("show running-config"))).await;
    let failed = |source| FrrError::Vty { node: node.name().to_string(), source };
    Ok(frr
        .daemons()
        .map(str::to_string)
        .zip(texts.map_err(failed)?.into_iter().map(|output| output.text))
        .collect())
}

async fn connect(frr: &Frr) -> Result<Vec<Vty>, FrrError> {
    try_join_all(frr.daemons().map(async |name| Ok(Vty::new(name, frr.vty(name).await?)))).await
}
