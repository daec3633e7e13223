//! A planned run as the lab's init builds it.

use std::path::{Path, PathBuf};

use routeproof_model::metallb::Mode;
use routeproof_model::plan::PlannedRun;
use routeproof_model::real::{Cable, cables};
use routeproof_model::topology::{self, Role, StartupConfig, Topology};

use super::boot::BootOptions;
use super::error::RunError;
use crate::cluster::{PLANE, WEBHOOKS};
use crate::lab::{BridgeSpec, InterfaceSpec, LabSpec, Laid, LinkEnd, LinkSpec, NodeSpec};

/// What the lab's init is to build.
pub(super) fn lab_spec(run: &PlannedRun, options: &BootOptions<'_>) -> Result<LabSpec, RunError> {
    let topology = &run.topology;
    // Bridges are no nodes of their own: the topology's indexes become two numberings.
    let mut ends = Vec::new();
    let mut spec = LabSpec { mount_point: options.folder.join("lab"), ..LabSpec::default() };
    for node in &topology.nodes {
        if node.role == Role::Bridge {
            ends.push(spec.bridges.len());
            spec.bridges.push(BridgeSpec { name: node.name.clone(), interfaces: node.interfaces.clone() });
        } else {
            ends.push(spec.nodes.len());
            spec.nodes.push(node_spec(run, node, options)?);
        }
    }
    if options.backing.programs().is_some() {
        spec.nodes.extend(control_plane(run, options));
    }
    spec.links = topology.links.iter().map(|link| link_spec(topology, link, &ends)).collect();
    if options.backing.is_containers() {
        spec.links.iter_mut().zip(cables(run)).for_each(|(link, cable)| link.laid = laid(cable));
    }
    Ok(spec)
}

fn laid(cable: Cable) -> Laid {
    match cable {
        Cable::Ours => Laid::Here,
        Cable::Patched { router, name } => Laid::Patched { there: router, name },
        Cable::Theirs => Laid::There,
    }
}

/// The last nodes, without a cable. Any root with a file system's usual folders will do: they bring their programs along.
fn control_plane(run: &PlannedRun, options: &BootOptions<'_>) -> Vec<NodeSpec> {
    let names: &[&str] = match run.metallb.mode {
        Mode::Frr => &[PLANE],
        Mode::FrrK8s => &[PLANE, WEBHOOKS],
    };
    let tree = options.roots.values().next().cloned().unwrap_or_default();
    let node = |name: &&str| NodeSpec {
        name: name.to_string(),
        hostname: name.trim_start_matches('.').to_string(),
        tree: tree.clone(),
        ..NodeSpec::default()
    };
    names.iter().map(node).collect()
}

fn link_spec(topology: &Topology, link: &topology::Link, ends: &[usize]) -> LinkSpec {
    let end = |e: &topology::Endpoint| match topology.nodes[e.node].role {
        Role::Bridge => LinkEnd::Bridge { bridge: ends[e.node], port: e.interface.clone() },
        _ => LinkEnd::Node {
            node: ends[e.node],
            interface: InterfaceSpec {
                name: e.interface.clone(),
                mac: e.mac,
                addresses: e.addresses().collect(),
            },
        },
    };
    LinkSpec { ends: link.endpoints.each_ref().map(end), mtu: link.mtu, laid: Laid::Here }
}

fn node_spec(
    run: &PlannedRun,
    node: &topology::Node,
    options: &BootOptions<'_>,
) -> Result<NodeSpec, RunError> {
    let image = &run.images[&node.name];
    let mut files: Vec<(PathBuf, PathBuf)> =
        node.binds.iter().map(|b| (b.host.clone(), b.node.clone())).collect();
    if let Some(config) = &node.startup_config {
        let file = startup_file(node, config, options.folder)?;
        files.push((file, PathBuf::from("/etc/frr/frr.conf")));
    }
    Ok(NodeSpec {
        name: node.name.clone(),
        hostname: node.hostname.clone(),
        // A container has its own.
        tree: options.roots.get(image).cloned().unwrap_or_default(),
        sysctls: sysctls(node),
        files,
        interfaces: node.interfaces.clone(),
    })
}

/// The file of a router's configuration. One that is written into the topology is put into the run's folder.
fn startup_file(node: &topology::Node, config: &StartupConfig, folder: &Path) -> Result<PathBuf, RunError> {
    match config {
        StartupConfig::File(file) => Ok(file.clone()),
        StartupConfig::Text(text) => {
            let folder = folder.join("nodes").join(&node.name);
            std::fs::create_dir_all(&folder).map_err(RunError::Record)?;
            let file = folder.join("startup-config");
            std::fs::write(&file, text).map_err(RunError::Record)?;
            Ok(file)
        }
    }
}

/// What a router and a Kubernetes node need, then what the topology says. See Documentation/networking/ip-sysctl.rst.
pub(super) fn sysctls(node: &topology::Node) -> Vec<(String, String)> {
    let forward = if node.role == Role::Client { "0" } else { "1" };
    let fixed = [
        ("net.ipv4.ip_forward", forward),
        ("net.ipv6.conf.all.forwarding", forward),
        ("net.ipv6.conf.default.forwarding", forward),
        // Loose checks: what reverse-path filtering does is a scenario's to set.
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.default.rp_filter", "0"),
        // Without these an IPv6 address stays tentative for a second or two (RFC 4862, section 5.4).
        ("net.ipv6.conf.all.accept_dad", "0"),
        ("net.ipv6.conf.default.accept_dad", "0"),
        ("net.ipv6.conf.default.dad_transmits", "0"),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name.to_string(), value.to_string()));
    fixed.chain(node.sysctls.iter().map(|(k, v)| (k.clone(), v.clone()))).collect()
}
