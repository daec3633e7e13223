//! Where pods live: for each node that has some, one more namespace behind a veth pair, with all their addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::topology::{Endpoint, Link, Node, Role, Topology};

/// The node's end of the cable to its pods.
pub const INTERFACE: &str = "pods";
/// The pods' gateway, the node itself: an address that is nobody's, as some CNI plugins use it (RFC 3927; RFC 4291, 2.5.6).
const GATEWAY_V4: &str = "169.254.1.1";
const GATEWAY_V6: &str = "fe80::1";

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PodError {
    #[error("an endpoint {address} has no nodeName: the lab has to make its pod on some node")]
    NoNode { address: IpAddr },
    #[error("an endpoint runs on `{node}`, which is no cluster node of the topology (there are: {known})")]
    UnknownNode { node: String, known: String },
    #[error("the pods of `{node}` need the name `{name}`, which the topology uses")]
    NameTaken { node: String, name: String },
}

/// The lab's node that holds the pods of a cluster node.
pub fn host_of(node: &str) -> String {
    format!("{node}-{INTERFACE}")
}

/// The topology with pods behind their nodes. `pods` are addresses and the nodes they run on.
///
/// # Errors
/// [`PodError`]: a pod's node is not known.
pub fn with_pods(
    topology: &Topology,
    pods: impl IntoIterator<Item = (IpAddr, Option<String>)>,
) -> Result<Topology, PodError> {
    let mut by_node: BTreeMap<usize, BTreeSet<IpAddr>> = BTreeMap::new();
    for (address, node) in pods {
        by_node.entry(cluster_node(topology, address, node)?).or_default().insert(address);
    }
    let mut wired = topology.clone();
    for (at, addresses) in &by_node {
        let node = &topology.nodes[*at];
        let host = host_of(&node.name);
        let has_interface = topology
            .links
            .iter()
            .flat_map(|l| &l.endpoints)
            .any(|e| e.node == *at && e.interface == INTERFACE);
        if topology.find(&host).is_some() || has_interface {
            let name = if has_interface { INTERFACE.to_string() } else { host };
            return Err(PodError::NameTaken { node: node.name.clone(), name });
        }
        let end = |node: usize, interface: &str| Endpoint {
            node,
            interface: interface.to_string(),
            mac: None,
            ipv4: None,
            ipv6: None,
        };
        wired
            .links
            .push(Link { endpoints: [end(*at, INTERFACE), end(wired.nodes.len(), "eth0")], mtu: None });
        wired.nodes[*at].exec.extend(on_node(addresses));
        wired.nodes.push(pod_host(host, addresses));
        for (other, lines) in from_elsewhere(topology, *at, addresses) {
            wired.nodes[other].exec.extend(lines);
        }
    }
    Ok(wired)
}

fn cluster_node(topology: &Topology, address: IpAddr, node: Option<String>) -> Result<usize, PodError> {
    let Some(node) = node else { return Err(PodError::NoNode { address }) };
    let members = || topology.nodes.iter().filter(|n| n.role == Role::ClusterNode);
    let found = topology.find(&node).filter(|n| n.role == Role::ClusterNode).map(|n| &n.name);
    match topology.nodes.iter().position(|n| Some(&n.name) == found) {
        Some(at) => Ok(at),
        None => {
            let known: Vec<&str> = members().map(|n| n.name.as_str()).collect();
            Err(PodError::UnknownNode { node, known: known.join(", ") })
        }
    }
}

fn ip(address: IpAddr, words: &str) -> Vec<String> {
    let family = if address.is_ipv4() { "-4" } else { "-6" };
    let line = format!("ip {family} {words}");
    line.split_whitespace().map(str::to_string).collect()
}

fn gateway(address: IpAddr) -> &'static str {
    if address.is_ipv4() { GATEWAY_V4 } else { GATEWAY_V6 }
}

fn families(addresses: &BTreeSet<IpAddr>) -> Vec<IpAddr> {
    let first = |v4: bool| addresses.iter().find(|a| a.is_ipv4() == v4).copied();
    [first(true), first(false)].into_iter().flatten().collect()
}

fn on_node(addresses: &BTreeSet<IpAddr>) -> Vec<Vec<String>> {
    let own = families(addresses).into_iter().map(|a| match a {
        IpAddr::V4(_) => ip(a, &format!("address add {GATEWAY_V4}/32 dev {INTERFACE} scope link")),
        IpAddr::V6(_) => ip(a, &format!("address add {GATEWAY_V6}/64 dev {INTERFACE} nodad")),
    });
    own.chain(addresses.iter().map(|a| ip(*a, &format!("route add {} dev {INTERFACE}", IpNet::from(*a)))))
        .collect()
}

fn pod_host(name: String, addresses: &BTreeSet<IpAddr>) -> Node {
    let mut exec: Vec<Vec<String>> = Vec::new();
    for a in addresses {
        let nodad = if a.is_ipv6() { " nodad" } else { "" };
        exec.push(ip(*a, &format!("address add {} dev eth0{nodad}", IpNet::from(*a))));
    }
    for a in families(addresses) {
        if a.is_ipv4() {
            exec.push(ip(a, &format!("route add {GATEWAY_V4} dev eth0")));
        }
        exec.push(ip(a, &format!("route add default via {} dev eth0", gateway(a))));
    }
    Node {
        hostname: name.clone(),
        name,
        alias: None,
        role: Role::Client,
        image: None,
        exec,
        binds: Vec::new(),
        env: BTreeMap::new(),
        interfaces: Vec::new(),
        startup_config: None,
        intent: None,
        labels: BTreeMap::new(),
        sysctls: BTreeMap::new(),
    }
}

/// Routes to a node's pods for the other nodes that share a segment with it, as a CNI plugin would set them (externalTrafficPolicy
/// Cluster sends requests to pods elsewhere).
fn from_elsewhere(
    topology: &Topology,
    owner: usize,
    pods: &BTreeSet<IpAddr>,
) -> Vec<(usize, Vec<Vec<String>>)> {
    let networks = |at: usize| topology.networks_of(&topology.nodes[at].name);
    let others =
        (0..topology.nodes.len()).filter(|at| *at != owner && topology.nodes[*at].role == Role::ClusterNode);
    let way = |other: usize, v4: bool| {
        let theirs =
            networks(owner).into_iter().map(|n| n.addr()).filter(|a| a.is_ipv4() == v4).collect::<Vec<_>>();
        networks(other).into_iter().find_map(|net| theirs.iter().find(|a| net.contains(*a)).copied())
    };
    others
        .map(|other| {
            let lines = pods.iter().filter_map(|pod| {
                way(other, pod.is_ipv4())
                    .map(|via| ip(*pod, &format!("route add {} via {via}", IpNet::from(*pod))))
            });
            (other, lines.collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn topology() -> Topology {
        let text = "
name: t
topology:
  nodes:
    a: { kind: linux, image: 'frr:8.4.4', labels: { routeproof.role: cluster-node }, exec: ['ip address add 192.168.1.10/24 dev eth1'] }
    b: { kind: linux, image: 'frr:8.4.4', labels: { routeproof.role: cluster-node } }
    s: { kind: bridge }
  links:
    - endpoints: ['a:eth1', 's:a']
    - endpoints: ['b:eth1', 's:b']
";
        crate::topology::load(&Source::new("/t/t.clab.yml", text)).unwrap()
    }

    #[test]
    fn a_pod_has_a_namespace_and_everybody_a_way_to_it() {
        let mut topology = topology();
        topology.nodes[1]
            .exec
            .push(ip("192.168.1.11".parse().unwrap(), "address add 192.168.1.11/24 dev eth1"));
        let wired = with_pods(&topology, [("10.244.1.10".parse().unwrap(), Some("a".to_string()))]).unwrap();
        let lines = |name: &str| {
            let exec = &wired.node(name).unwrap().exec;
            exec.iter().map(|argv| argv.join(" ")).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(lines("a"), @r"
        ip address add 192.168.1.10/24 dev eth1
        ip -4 address add 169.254.1.1/32 dev pods scope link
        ip -4 route add 10.244.1.10/32 dev pods
        ");
        insta::assert_snapshot!(lines("a-pods"), @r"
        ip -4 address add 10.244.1.10/32 dev eth0
        ip -4 route add 169.254.1.1 dev eth0
        ip -4 route add default via 169.254.1.1 dev eth0
        ");
        insta::assert_snapshot!(lines("b"), @r"
        ip -4 address add 192.168.1.11/24 dev eth1
        ip -4 route add 10.244.1.10/32 via 192.168.1.10
        ");
        assert_eq!(wired.links.len(), 3);
    }

    #[test]
    fn a_pod_needs_a_node() {
        let pod: IpAddr = "10.244.1.10".parse().unwrap();
        let error =
            |node: Option<&str>| with_pods(&topology(), [(pod, node.map(str::to_string))]).unwrap_err();
        insta::assert_snapshot!(error(None), @"an endpoint 10.244.1.10 has no nodeName: the lab has to make its pod on some node");
        insta::assert_snapshot!(error(Some("x")), @"an endpoint runs on `x`, which is no cluster node of the topology (there are: a, b)");
    }
}
