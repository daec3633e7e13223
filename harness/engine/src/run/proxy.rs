//! Playing kube-proxy: the node's kernel is programmed with what it is to do with requests for Services.

use std::os::fd::OwnedFd;

use routeproof_model::metallb::Frontend;
use routeproof_model::pods::{Table, ruleset, tables};

use super::error::RunError;
use super::gate::save;
use super::node::{Node, must_run};
use crate::lab::{Command, Family, LabError, SocketKind, replace_table};

const FILE: &str = "/run/kube-proxy.nft";

/// Programs the node when what it serves has changed: nf_tables, or ip_tables where the kernel's nf_tables know no addresses.
pub async fn proxy(node: &mut Node, frontends: &[Frontend]) -> Result<(), RunError> {
    if frontends == node.frontends {
        return Ok(());
    }
    let rules = ruleset(&node.name, frontends);
    save(node, "kube-proxy.nft", &rules);
    node.handle.write(FILE, 0o600, rules.as_bytes()).await?;
    match must_run(&node.handle, &Command::new(["nft", "-f", FILE])).await {
        Ok(_) => {}
        // An image that is not of our making.
        Err(RunError::Lab(LabError::Node { source, .. }))
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            let detail = format!("the root filesystem of {} has no nft, which plays kube-proxy", node.name);
            return Err(RunError::Missing { capability: "nft".to_string(), detail });
        }
        // EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT, in nft's words: this kernel has no tables of that family.
        Err(RunError::Exec { output, .. }) if output.contains("not supported") => {
            replace_tables(node, frontends, &output).await?;
        }
        Err(other) => return Err(other),
    }
    node.frontends = frontends.to_vec();
    Ok(())
}

async fn replace_tables(node: &Node, frontends: &[Frontend], refusal: &str) -> Result<(), RunError> {
    let socket = async |family| node.handle.socket(SocketKind::Udp(family)).await;
    let sockets = [socket(Family::Ipv4).await?, socket(Family::Ipv6).await?];
    for table in tables(&node.name, frontends) {
        replace_one(node, &sockets[usize::from(table.ipv6)], &table, refusal)?;
    }
    Ok(())
}

fn replace_one(node: &Node, socket: &OwnedFd, table: &Table, refusal: &str) -> Result<(), RunError> {
    let version = if table.ipv6 { "ip6_tables" } else { "ip_tables" };
    replace_table(socket, table).map_err(|e| match e.raw_os_error() {
        // Of the socket: no such option; of the table: no such table, match or target.
        Some(libc::ENOPROTOOPT | libc::ENOENT) => RunError::Missing {
            capability: "services".to_string(),
            detail: format!(
                "this kernel has neither nf_tables ({refusal}) nor {version} ({}: {e}), which play kube-proxy on {}",
                table.name, node.name
            ),
        },
        _ => RunError::Config {
            node: node.name.clone(),
            what: format!("the kernel does not take kube-proxy's table {} of {version}: {e}", table.name),
            hints: Vec::new(),
        },
    })
}
