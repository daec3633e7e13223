//! What a drawing shows, without places: boxes with ports, and wires between ports.

use std::collections::HashMap;

use super::interfaces::{Interface, Make, interfaces};
use crate::topology::{Lab, LabNode, LinkKind, Outside, Part};

#[derive(Clone, Debug)]
pub struct Drawing {
    pub name: String,
    pub boxes: Vec<NodeBox>,
    pub wires: Vec<Wire>,
    /// The names of all VRFs, in the order of their colours.
    pub vrfs: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct NodeBox {
    pub title: String,
    /// `None` for what lies outside the lab.
    pub part: Option<Part>,
    pub subtitle: String,
    /// What belongs to no port: VRFs, bonds, loopbacks.
    pub notes: Vec<Line>,
    pub ports: Vec<Port>,
}

#[derive(Clone, Debug)]
pub struct Port {
    pub name: String,
    /// Addresses and sub-interfaces.
    pub lines: Vec<Line>,
    /// Index into [`Drawing::vrfs`].
    pub vrf: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub vrf: Option<usize>,
}

/// A link between two ports, each a box and a port of it.
#[derive(Clone, Debug)]
pub struct Wire {
    pub ends: [(usize, usize); 2],
    pub kind: LinkKind,
    /// In bytes.
    pub mtu: Option<u32>,
}

impl Drawing {
    pub fn of(lab: &Lab) -> Drawing {
        let mut drawing =
            Drawing { name: lab.name.clone(), boxes: Vec::new(), wires: Vec::new(), vrfs: Vec::new() };
        let made: Vec<Vec<Interface>> = lab.nodes.iter().map(made_in).collect();
        for interface in made.iter().flatten().filter(|i| matches!(i.make, Make::Vrf(_))) {
            if !drawing.vrfs.contains(&interface.name) {
                drawing.vrfs.push(interface.name.clone());
            }
        }
        let is_shown = |node: &LabNode| node.part != Part::Cluster || members(lab, node) == 0;
        let mut places = HashMap::new();
        for (index, node) in lab.nodes.iter().enumerate().filter(|(_, node)| is_shown(node)) {
            places.insert(index, drawing.boxes.len());
            drawing.boxes.push(NodeBox {
                title: node.name.clone(),
                part: Some(node.part),
                subtitle: subtitle(lab, node),
                notes: Vec::new(),
                ports: Vec::new(),
            });
        }
        drawing.wire(lab, &mut places);
        for (index, interfaces) in made.iter().enumerate() {
            if let Some(place) = places.get(&index) {
                drawing.fill(*place, interfaces);
            }
        }
        drawing
    }

    fn wire(&mut self, lab: &Lab, places: &mut HashMap<usize, usize>) {
        let mut outside: HashMap<String, usize> = HashMap::new();
        for link in &lab.links {
            let mut ends = Vec::new();
            for end in &link.ends {
                // A cluster that has members and a link of its own is shown after all.
                let place = *places.entry(end.index).or_insert_with(|| {
                    let node = &lab.nodes[end.index];
                    self.boxes.push(bare(&node.name, Some(node.part), subtitle(lab, node)));
                    self.boxes.len() - 1
                });
                let mut lines: Vec<String> = Vec::new();
                lines.extend(end.ipv4.map(|net| net.to_string()));
                lines.extend(end.ipv6.map(|net| net.to_string()));
                if link.kind == LinkKind::Dummy {
                    lines.insert(0, "dummy".to_owned());
                }
                ends.push((place, self.port(place, &end.interface, lines)));
            }
            if let Some(leads) = &link.outside {
                let (title, port) = match leads {
                    Outside::Interface(name) => (link.kind.word().to_owned(), name.clone()),
                    Outside::Tunnel { remote, vni } => (format!("vxlan {remote}"), format!("vni {vni}")),
                };
                let place = *outside.entry(title.clone()).or_insert_with(|| {
                    self.boxes.push(bare(&title, None, "outside the lab".to_owned()));
                    self.boxes.len() - 1
                });
                ends.push((place, self.port(place, &port, Vec::new())));
            }
            if let [a, b] = ends[..] {
                self.wires.push(Wire { ends: [a, b], kind: link.kind, mtu: link.mtu });
            }
        }
    }

    fn port(&mut self, place: usize, name: &str, lines: Vec<String>) -> usize {
        let lines = lines.into_iter().map(|text| Line { text, vrf: None }).collect();
        let ports = &mut self.boxes[place].ports;
        ports.push(Port { name: name.to_owned(), lines, vrf: None });
        ports.len() - 1
    }

    /// Writes what `exec` lines make at the ports, and what has no port into the box.
    fn fill(&mut self, place: usize, made: &[Interface]) {
        let vrf_of = |interface: &Interface| {
            let named = |name: &String| self.vrfs.iter().position(|vrf| vrf == name);
            let master = interface.master.as_ref()?;
            named(master).or_else(|| {
                // A member of a bond or bridge that is itself in a VRF.
                named(made.iter().find(|i| i.name == *master)?.master.as_ref()?)
            })
        };
        let describe = |interface: &Interface, depth: usize| -> Vec<Line> {
            let vrf = match interface.make {
                Make::Vrf(_) => self.vrfs.iter().position(|vrf| *vrf == interface.name),
                _ => vrf_of(interface),
            };
            let line = |text: String| Line { text: format!("{}{text}", "  ".repeat(depth)), vrf };
            let mut lines = vec![line(heading(interface, made))];
            lines.extend(interface.addresses.iter().map(|net| line(format!("  {net}"))));
            lines
        };
        let mut ports = self.boxes[place].ports.clone();
        let mut notes = Vec::new();
        for port in &mut ports {
            if let Some(interface) = made.iter().find(|i| i.name == port.name) {
                port.vrf = vrf_of(interface);
                port.lines.iter_mut().for_each(|line| line.vrf = port.vrf);
                let texts = interface.addresses.iter().map(ToString::to_string).chain(membership(interface));
                let texts = texts.chain(interface.netem.clone());
                port.lines.extend(texts.map(|text| Line { text, vrf: port.vrf }));
                if !interface.vlans.is_empty() {
                    port.lines
                        .push(Line { text: format!("vlans {}", interface.vlans.join(", ")), vrf: None });
                }
            }
            for (child, _) in below(made, &port.name) {
                port.lines.extend(describe(child, 0));
            }
        }
        let is_port = |name: &String| ports.iter().any(|port| port.name == *name);
        let is_child = |i: &Interface| {
            i.parent.as_ref().is_some_and(|p| is_port(p) || made.iter().any(|m| m.name == *p))
        };
        for interface in made.iter().filter(|i| !is_port(&i.name) && !is_child(i)) {
            notes.extend(describe(interface, 0));
            for (child, depth) in below(made, &interface.name) {
                notes.extend(describe(child, depth));
            }
        }
        self.boxes[place].ports = ports;
        self.boxes[place].notes = notes;
    }
}

/// The interfaces of a node. Of a bridge's ports nobody needs to be told that they are.
fn made_in(node: &LabNode) -> Vec<Interface> {
    let mut made = interfaces(&node.lines());
    if node.part == Part::Bridge {
        let own = |i: &mut Interface| i.master = i.master.take().filter(|master| *master != node.name);
        made.iter_mut().for_each(own);
        made.retain(|i| i.name != node.name);
    }
    made
}

/// The sub-interfaces of an interface, and theirs, with how deep they lie.
fn below<'m>(made: &'m [Interface], name: &str) -> Vec<(&'m Interface, usize)> {
    let mut found: Vec<(&Interface, usize)> = Vec::new();
    let mut stack = vec![(name.to_owned(), 0)];
    while let Some((parent, depth)) = stack.pop() {
        for child in made.iter().filter(|i| i.parent.as_ref() == Some(&parent)) {
            // Lines that make two interfaces each other's parent are a mistake that ends here.
            if found.iter().all(|(known, _)| known.name != child.name) {
                found.push((child, depth + 1));
                stack.push((child.name.clone(), depth + 1));
            }
        }
    }
    found
}

fn bare(title: &str, part: Option<Part>, subtitle: String) -> NodeBox {
    NodeBox { title: title.to_owned(), part, subtitle, notes: Vec::new(), ports: Vec::new() }
}

/// `eth1.100 vlan 100 in red`, `bond0 802.3ad: eth1 eth2`.
fn heading(interface: &Interface, made: &[Interface]) -> String {
    let name = &interface.name;
    let members = || {
        let members = made.iter().filter(|i| i.master.as_ref() == Some(name));
        members.map(|i| i.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    let own = match &interface.make {
        Make::Plain => name.clone(),
        Make::Vlan(id) => format!("{name} vlan {id}"),
        Make::Vrf(table) => format!("vrf {name} table {table}"),
        Make::Bond(mode) => format!("{name} bond {mode}: {}", members()),
        Make::Other(kind) if kind == "bridge" => format!("{name} bridge: {}", members()),
        Make::Other(kind) => format!("{name} {kind}"),
    };
    let vlans = match interface.vlans.is_empty() {
        true => String::new(),
        false => format!(" vlans {}", interface.vlans.join(", ")),
    };
    let member = membership(interface).map(|m| format!(" {m}")).unwrap_or_default();
    let netem = interface.netem.as_ref().map(|netem| format!(" {netem}")).unwrap_or_default();
    format!("{own}{vlans}{member}{netem}").trim_end_matches([':', ' ']).to_owned()
}

fn membership(interface: &Interface) -> Option<String> {
    interface.master.as_ref().map(|master| format!("in {master}"))
}

fn members(lab: &Lab, cluster: &LabNode) -> usize {
    let prefix = format!("{}-", cluster.name);
    lab.nodes.iter().filter(|n| n.part == Part::ClusterNode && n.name.starts_with(&prefix)).count()
}

/// The part that the node plays, its cluster, and its kind or image where that says more.
fn subtitle(lab: &Lab, node: &LabNode) -> String {
    let of_cluster = |c: &&LabNode| c.part == Part::Cluster && node.name.starts_with(&format!("{}-", c.name));
    let cluster = lab.nodes.iter().filter(of_cluster).max_by_key(|c| c.name.len());
    match (node.part, cluster) {
        (Part::ClusterNode, Some(cluster)) => format!("cluster node of {}", cluster.name),
        (Part::Router, _) => match &node.type_ {
            Some(type_) => format!("{} {type_}", node.kind),
            None => node.kind.clone(),
        },
        (Part::Gateway | Part::Client, _) => match node.image.as_deref() {
            Some(image) => format!("{} {}", node.part, image.rsplit('/').next().unwrap_or(image)),
            None => node.part.to_string(),
        },
        (Part::Bridge, _) if node.kind != "bridge" => node.kind.clone(),
        (part, _) => part.to_string(),
    }
}
