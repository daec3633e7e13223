//! containerlab's own topology of a run: the gateways whose kind only containerlab starts. All other nodes, and the ends of cables in
//! them, are somebody else's: those ends are left in a container, the patch, from which the lab's wiring takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::plan::PlannedRun;
use crate::profile::{Router, TemplateError};
use crate::topology::{Endpoint, Link};

/// What `containerlab deploy` is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// The topology (JSON is YAML). Paths in it are relative to its file.
    pub file: Value,
    /// The routers' configurations.
    pub mounted: Vec<Mounted>,
}

/// A file beside the topology's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    pub path: PathBuf,
    pub mode: u32,
    pub text: String,
}

/// Who lays a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cable {
    /// The lab's wiring, whole.
    Ours,
    /// containerlab; the interface of this name in the patch is to become the other end than `router`.
    Patched { router: usize, name: String },
    /// containerlab, whole.
    Theirs,
}

/// Bytes. What the ends of our own cables have; containerlab would give its jumbo frames.
const MTU: u32 = 1500;

/// The gateways of a run that containerlab is to start, with their routers.
pub fn theirs(run: &PlannedRun) -> impl Iterator<Item = (&str, &Router)> {
    let all = run.routers.iter().map(|(node, router)| (node.as_str(), router));
    all.filter(|(_, router)| router.is_of_containerlab())
}

/// The deployment of a run's gateways as the lab `lab`, with the container `patch`; `None` if it has no gateways of that kind. `images` has
/// each gateway's, as the engine calls it.
///
/// # Errors
/// A profile's template does not fit.
pub fn deployment(
    run: &PlannedRun,
    lab: &str,
    patch: &str,
    images: &BTreeMap<String, String>,
) -> Result<Option<Deployment>, TemplateError> {
    let routers: BTreeMap<&str, &Router> = theirs(run).collect();
    if routers.is_empty() {
        return Ok(None);
    }
    let mut nodes = json!({ patch: { "kind": "ext-container" } });
    let mut mounted = Vec::new();
    for (name, router) in &routers {
        let (node, files) = node(name, router, images.get(*name))?;
        nodes[*name] = node;
        mounted.extend(files);
    }
    let links = run.topology.links.iter().zip(cables(run)).filter(|(_, cable)| *cable != Cable::Ours);
    let links = links
        .map(|(link, cable)| written(run, &routers, link, &cable, patch))
        .collect::<Result<Vec<_>, _>>()?;
    let file = json!({
        "name": lab,
        // Containers are LAB-NODE.
        "prefix": "__lab-name",
        // Labs run in parallel: the subnets are whatever is free.
        "mgmt": { "network": lab, "ipv4-subnet": "auto", "ipv6-subnet": "auto" },
        "topology": { "nodes": nodes, "links": links },
    });
    Ok(Some(Deployment { file, mounted }))
}

fn node(name: &str, router: &Router, image: Option<&String>) -> Result<(Value, Vec<Mounted>), TemplateError> {
    let startup = router.containerlab.as_ref().and_then(|c| c.startup_config.as_deref());
    let mut node = json!({ "kind": router.kind, "image": image });
    let mut mounted = Vec::new();
    let mut binds = Vec::new();
    for (index, file) in router.files()?.into_iter().enumerate() {
        // Two files may have the same last name.
        let last = file.path.rsplit('/').next().unwrap_or_default();
        let path = format!("{name}.{index}.{last}");
        match startup == Some(file.path.as_str()) {
            true => node["startup-config"] = json!(path),
            false => binds.push(format!("{path}:{}", file.path)),
        }
        mounted.push(Mounted { path: path.into(), mode: file.mode, text: file.text });
    }
    if !binds.is_empty() {
        node["binds"] = json!(binds);
    }
    let env = router.env()?;
    if !env.is_empty() {
        node["env"] = json!(env);
    }
    Ok((node, mounted))
}

/// Who lays each link of a run's topology.
pub fn cables(run: &PlannedRun) -> Vec<Cable> {
    let routers: BTreeSet<&str> = theirs(run).map(|(node, _)| node).collect();
    let is_theirs = |end: &Endpoint| routers.contains(run.topology.nodes[end.node].name.as_str());
    let cable = |(index, link): (usize, &Link)| match link.endpoints.each_ref().map(is_theirs) {
        [false, false] => Cable::Ours,
        [true, true] => Cable::Theirs,
        [first, _] => Cable::Patched { router: usize::from(!first), name: format!("rp{index}") },
    };
    run.topology.links.iter().enumerate().map(cable).collect()
}

fn written(
    run: &PlannedRun,
    routers: &BTreeMap<&str, &Router>,
    link: &Link,
    cable: &Cable,
    patch: &str,
) -> Result<Value, TemplateError> {
    let end = |index: usize| match cable {
        Cable::Patched { router, name } if *router != index => {
            Ok(json!({ "node": patch, "interface": name }))
        }
        _ => {
            let end = &link.endpoints[index];
            let node = run.topology.nodes[end.node].name.as_str();
            let interface =
                routers.get(node).map_or(Ok(end.interface.clone()), |r| r.interface(&end.interface))?;
            let mut written = json!({ "node": node, "interface": interface });
            if let Some(mac) = end.mac {
                written["mac"] = json!(mac.map(|byte| format!("{byte:02x}")).join(":"));
            }
            Ok(written)
        }
    };
    let mtu = link.mtu.unwrap_or(MTU);
    Ok(json!({ "type": "veth", "endpoints": [end(0)?, end(1)?], "mtu": mtu }))
}
