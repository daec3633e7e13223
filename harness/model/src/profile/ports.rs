//! A gateway's interfaces, for routers that configure them themselves.

use ipnet::IpNet;
use minijinja::context;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::template::{self, TemplateError};
use crate::topology::Topology;

/// The ends of a gateway's links, and its loopback, with the addresses that the topology gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    pub interfaces: Vec<Port>,
    pub loopback: Vec<IpNet>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// As the topology calls it.
    pub name: String,
    pub addresses: Vec<IpNet>,
}

impl Ports {
    /// Of a node of a topology, in the order of its links.
    pub fn of(topology: &Topology, node: &str) -> Ports {
        let Some(index) = topology.nodes.iter().position(|n| n.name == node) else { return Ports::default() };
        let by_lines = |device: &str| topology.nodes[index].addresses_by_lines(device);
        let ends = topology.links.iter().flat_map(|link| &link.endpoints).filter(|end| end.node == index);
        let interfaces = ends.map(|end| {
            let addresses = end.addresses().chain(by_lines(&end.interface)).collect();
            Port { name: end.interface.clone(), addresses }
        });
        Ports { interfaces: interfaces.collect(), loopback: by_lines("lo") }
    }

    /// What templates get: `interfaces` (`{ name, addresses }`, by the names that the router has for them) and `loopback`.
    pub(super) fn values(&self, name: Option<&str>) -> Result<Map<String, Json>, TemplateError> {
        let of = |port: &Port| {
            let name = name.map_or(Ok(port.name.clone()), |template| named(template, &port.name))?;
            Ok(json!({"name": name, "addresses": port.addresses}))
        };
        let interfaces = self.interfaces.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        let all = [("interfaces", json!(interfaces)), ("loopback", json!(self.loopback))];
        Ok(all.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
    }
}

/// The name that a template has for `ethN`, N from 1. Others are the router's own already: a topology for one router may have them.
pub fn named(template: &str, interface: &str) -> Result<String, TemplateError> {
    match interface.strip_prefix("eth").and_then(|n| n.parse::<u32>().ok()).filter(|n| *n > 0) {
        Some(n) => template::render("interface", template, &context! { n }),
        None => Ok(interface.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_called_as_the_router_does() {
        let name = |template: &str, interface: &str| named(template, interface).unwrap();
        assert_eq!(name("e1-{{ n }}", "eth3"), "e1-3");
        assert_eq!(name("Gi0-0-0-{{ n - 1 }}", "eth1"), "Gi0-0-0-0");
        assert_eq!(name("e1-{{ n }}", "e1-3"), "e1-3");
        assert_eq!(name("e1-{{ n }}", "eth0"), "eth0");
        assert!(named("e1-{{ m }}", "eth1").is_err());
    }
}
