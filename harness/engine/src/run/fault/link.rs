//! Faults of interfaces and segments, by netlink: a process such as `ip` would take longer than some of what is measured.

use std::io;

use ipnet::IpNet;
use routeproof_model::fact::Mono;

use crate::lab::Command;
use crate::lab::rtnl::{self, Change};
use crate::observe::now;
use crate::run::boot::Booted;
use crate::run::error::RunError;
use crate::run::node::Node;

/// The interface's index, from what the kernel told.
fn index(node: &Node, interface: &str) -> Result<u32, RunError> {
    let found = node.monitor.with_state(|k| k.links().find(|l| l.name == interface).map(|l| l.index));
    found.ok_or_else(|| RunError::Observe {
        node: node.name.clone(),
        why: format!("it has no interface {interface}"),
    })
}

async fn change(node: &Node, changes: Vec<Change>) -> Result<Mono, RunError> {
    let socket = node.handle.netlink().await?;
    let at = now();
    rtnl::apply(&socket, &changes).map_err(failed(&node.name))?;
    Ok(at)
}

fn failed(node: &str) -> impl FnOnce((String, io::Error)) -> RunError {
    let node = node.to_string();
    move |(what, error)| RunError::Observe { node, why: format!("cannot {what}: {error}") }
}

/// Gives the addresses that the interface had.
pub async fn down(node: &Node, interface: &str) -> Result<(Mono, Vec<IpNet>), RunError> {
    let link_local = |address: &IpNet| matches!(address, IpNet::V6(v6) if v6.addr().is_unicast_link_local());
    let had = node.monitor.with_state(|k| {
        k.addresses()
            .filter(|a| a.device == interface)
            .map(|a| a.address)
            .filter(|a| !link_local(a))
            .collect::<Vec<_>>()
    });
    let what = format!("{}:{interface}", node.name);
    let at = change(node, vec![rtnl::down(&what, index(node, interface)?)]).await?;
    Ok((at, had))
}

/// Brings the interface up with the addresses that it had: the kernel has forgotten those of IPv6, and a host's network
/// manager would give them back.
pub async fn up(node: &Node, interface: &str, had: &[IpNet]) -> Result<Mono, RunError> {
    let index = index(node, interface)?;
    let at = change(node, vec![rtnl::up(&format!("{}:{interface}", node.name), index)]).await?;
    let has = |address: &IpNet| {
        node.monitor.with_state(|k| k.addresses().any(|a| a.device == interface && a.address == *address))
    };
    let lost = had.iter().filter(|address| address.addr().is_ipv6() && !has(address));
    let give = |address: &IpNet| {
        rtnl::add_address(format!("give {address} to {}:{interface}", node.name), index, *address)
    };
    change(node, lost.map(give).collect()).await?;
    Ok(at)
}

pub async fn delete(node: &Node, interface: &str) -> Result<Mono, RunError> {
    change(node, vec![rtnl::delete(&format!("{}:{interface}", node.name), index(node, interface)?)]).await
}

pub async fn add_address(node: &Node, interface: &str, address: IpNet) -> Result<Mono, RunError> {
    let what = format!("give {address} to {}:{interface}", node.name);
    change(node, vec![rtnl::add_address(what, index(node, interface)?, address)]).await
}

pub async fn remove_address(node: &Node, interface: &str, address: IpNet) -> Result<Mono, RunError> {
    let what = format!("take {address} from {}:{interface}", node.name);
    change(node, vec![rtnl::delete_address(what, index(node, interface)?, address)]).await
}

/// Addresses that an interface has for a while.
#[must_use]
pub struct Borrowed {
    interface: Option<String>,
    addresses: Vec<IpNet>,
}

/// Gives an interface more addresses, each a network of its own: the routes stay as they are.
pub async fn borrow_addresses(
    node: &Node,
    interface: Option<&str>,
    addresses: &[std::net::IpAddr],
) -> Result<Borrowed, RunError> {
    let Some(name) = interface.filter(|_| !addresses.is_empty()) else {
        return Ok(Borrowed { interface: None, addresses: Vec::new() });
    };
    let index = index(node, name)?;
    let addresses: Vec<IpNet> = addresses.iter().map(|a| IpNet::from(*a)).collect();
    let give = |a: &IpNet| rtnl::add_address(format!("give {a} to {}:{name}", node.name), index, *a);
    change(node, addresses.iter().map(give).collect()).await?;
    Ok(Borrowed { interface: Some(name.to_string()), addresses })
}

impl Borrowed {
    pub async fn give_back(self, node: &Node) -> Result<(), RunError> {
        let Some(name) = &self.interface else { return Ok(()) };
        let index = index(node, name)?;
        let take = |a: &IpNet| rtnl::delete_address(format!("take {a} from {}:{name}", node.name), index, *a);
        change(node, self.addresses.iter().map(take).collect()).await.map(|_| ())
    }
}

pub async fn unplug(booted: &Booted, node: &str, interface: &str) -> Result<Mono, RunError> {
    let (bridge, port) = port(booted, node, interface)?;
    let at = now();
    booted.lab.unplug(&bridge, &port).map_err(failed(node))?;
    Ok(at)
}

pub async fn plug_in(booted: &Booted, node: &str, interface: &str) -> Result<Mono, RunError> {
    let (bridge, port) = port(booted, node, interface)?;
    let at = now();
    booted.lab.plug_in(&bridge, &port).map_err(failed(node))?;
    Ok(at)
}

/// The bridge's port at the other end of the interface's cable.
fn port(booted: &Booted, node: &str, interface: &str) -> Result<(String, String), RunError> {
    booted.lab.port_of(node, interface).ok_or_else(|| RunError::Observe {
        node: node.to_string(),
        why: format!("{interface} is not plugged into a bridge"),
    })
}

/// tc-netem(8). Without loss and delay the impairment goes.
pub async fn netem(
    node: &Node,
    interface: &str,
    loss: Option<&str>,
    delay: Option<&str>,
) -> Result<Mono, RunError> {
    let mut argv = vec!["tc", "qdisc"];
    match (loss, delay) {
        (None, None) => argv.extend(["del", "dev", interface, "root"]),
        _ => argv.extend(["replace", "dev", interface, "root", "netem"]),
    }
    argv.extend(loss.iter().flat_map(|loss| ["loss", loss]));
    argv.extend(delay.iter().flat_map(|delay| ["delay", delay]));
    let command = Command::new(argv);
    let at = now();
    let output = node.handle.output(&command).await?;
    let said = output.stderr.trim().replace('\n', " | ");
    if output.exit.success() {
        return Ok(at);
    }
    // Linux says ENOENT for a scheduler that it does not have (tc_modify_qdisc); tc words that in two ways.
    if said.contains("qdisc kind is unknown") || said.contains("No such file or directory") {
        return Err(RunError::Missing {
            capability: "netem".to_string(),
            detail: format!("this kernel has no sch_netem: {said}"),
        });
    }
    Err(RunError::Exec {
        node: node.name.clone(),
        command: command.line(),
        exit: output.exit.to_string(),
        output: said,
    })
}
