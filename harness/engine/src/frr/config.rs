//! Loading a configuration into running daemons, and reading back what runs.

use crate::lab::{Command, NodeHandle};

use super::daemons::Frr;
use super::error::FrrError;

/// Loads an integrated frr.conf as vtysh does, each line to the daemons that know it. Gives what was printed: lines
/// that FRR rejected are in it.
pub async fn load(node: &NodeHandle, _frr: &Frr, conf: &str) -> Result<String, FrrError> {
    const FILE: &str = "/run/routeproof.conf";
    node.write(FILE, 0o600, conf.as_bytes()).await?;
    let output = node.output(&Command::new(["/usr/bin/vtysh", "-f", FILE])).await?;
    Ok(format!("{}{}", output.stdout, output.stderr))
}

/// `show running-config` of all daemons.
pub async fn running_config(node: &NodeHandle) -> Result<String, FrrError> {
    let output = node.output(&Command::new(["/usr/bin/vtysh", "-c", "show running-config"])).await?;
    Ok(output.stdout)
}
