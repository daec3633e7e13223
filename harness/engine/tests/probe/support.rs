//! Small labs without FRR: addresses by netlink, routes by `ip`.

use std::net::IpAddr;
use std::path::Path;

use routeproof_engine::image::{ImageRef, Options, Quiet};
use routeproof_engine::lab::{
    BridgeSpec, Command, InterfaceSpec, Lab, LabSpec, Laid, LinkEnd, LinkSpec, NodeSpec,
};
use routeproof_engine::observe::{Monitor, Sockets};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::probe::Place;
use routeproof_engine::run::store;
use routeproof_model::fact::KernelState;

/// A node's interface on a segment, and its addresses.
pub type Port<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Boots nodes that forward, each segment a bridge; `None`, with a word on stderr, where labs cannot be booted.
pub async fn lab(folder: &Path, nodes: &[&str], segments: &[&[Port<'_>]]) -> Option<Lab> {
    // Not the host's own root: a user namespace may not lay an overlay over what it has mounts below.
    let image = ImageRef::parse("frr:8.4.4").unwrap();
    let tree = store(Options::default()).unwrap().tree(&image, &Quiet).await.unwrap();
    let sysctls = [
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.default.rp_filter", "0"),
        ("net.ipv6.conf.all.forwarding", "1"),
        ("net.ipv6.conf.all.accept_dad", "0"),
        ("net.ipv6.conf.default.accept_dad", "0"),
    ];
    let node = |name: &&str| NodeSpec {
        name: name.to_string(),
        hostname: name.to_string(),
        tree: tree.path.clone(),
        sysctls: sysctls.map(|(name, value)| (name.to_string(), value.to_string())).to_vec(),
        files: Vec::new(),
        interfaces: Vec::new(),
    };
    let link = |bridge: usize, (name, interface, addresses): &Port<'_>| {
        let node = nodes.iter().position(|node| node == name).unwrap();
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let interface = InterfaceSpec { name: interface.to_string(), mac: None, addresses };
        let port = format!("{bridge}-{name}");
        LinkSpec {
            ends: [LinkEnd::Node { node, interface }, LinkEnd::Bridge { bridge, port }],
            mtu: None,
            laid: Laid::Here,
        }
    };
    let ports = segments.iter().enumerate().flat_map(|(i, ports)| ports.iter().map(move |port| (i, port)));
    let spec = LabSpec {
        mount_point: folder.join("lab"),
        nodes: nodes.iter().map(node).collect(),
        bridges: (0..segments.len())
            .map(|i| BridgeSpec { name: format!("segment{i}"), ..BridgeSpec::default() })
            .collect(),
        links: ports.map(|(i, port)| link(i, port)).collect(),
        ..LabSpec::default()
    };
    match Lab::boot(spec, &folder.join("lab.log")).await {
        Ok(lab) => Some(lab),
        Err(e) => {
            skip_test("namespaces", &e.to_string());
            None
        }
    }
}

/// A node's kernel as it is now.
pub async fn kernel(lab: &Lab, node: &str) -> KernelState {
    let handle = lab.node(node).unwrap();
    let sockets = Sockets::new(handle.netlink().await.unwrap(), handle.netlink().await.unwrap());
    Monitor::start(sockets, Box::new(|_| {})).await.unwrap().snapshot()
}

pub async fn place<'a>(lab: &'a Lab, node: &str) -> Place<'a> {
    Place::new(lab.node(node).unwrap(), &kernel(lab, node).await)
}

/// Runs a line of shell in a node.
pub async fn sh(lab: &Lab, node: &str, line: &str) {
    let output = lab.node(node).unwrap().output(&Command::new(["/bin/sh", "-c", line])).await.unwrap();
    assert!(output.exit.success(), "{node}: {line}: {output:?}");
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
