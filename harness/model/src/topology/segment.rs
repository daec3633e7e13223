//! Which VRF an interface is in, or leads to.

use super::devices::Devices;
use super::types::{Link, Node, Role};

/// The VRF of a node's device by what the topology makes in it; of an interface in none the VRF at the other end of its link.
/// Two hosts behind two VRFs are as far apart as the VRFs.
pub(super) fn vrf_of(nodes: &[Node], links: &[Link], node: &str, device: &str) -> Option<String> {
    let index = nodes.iter().position(|n| n.name == node)?;
    let own = |index: usize, device: &str| Devices::of(&nodes[index].lines()).vrf(device).map(str::to_string);
    own(index, device).or_else(|| {
        let ends = far_ends(links, index, device);
        let beyond = ends.iter().flat_map(|(node, interface)| match nodes[*node].role {
            Role::Bridge => ports(links, *node),
            _ => vec![(*node, *interface)],
        });
        beyond.filter(|end| *end != (index, device)).find_map(|(node, interface)| own(node, interface))
    })
}

/// The ends on the other side of the links that end here.
fn far_ends<'a>(links: &'a [Link], node: usize, interface: &str) -> Vec<(usize, &'a str)> {
    let of_link = |link: &'a Link| {
        let [a, b] = &link.endpoints;
        let is_here = |end: &super::Endpoint| end.node == node && end.interface == interface;
        let other = if is_here(a) { Some(b) } else { is_here(b).then_some(a) };
        other.map(|end| (end.node, end.interface.as_str()))
    };
    links.iter().filter_map(of_link).collect()
}

/// What is plugged into a bridge.
fn ports(links: &[Link], bridge: usize) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for Link { endpoints: [a, b], .. } in links {
        let plugged = if a.node == bridge { Some(b) } else { (b.node == bridge).then_some(a) };
        found.extend(plugged.map(|end| (end.node, end.interface.as_str())));
    }
    found
}
