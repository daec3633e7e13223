//! The interfaces that a node's `exec` lines make: VLANs, VRFs, bonds, bridges, with who is whose member.

use ipnet::IpNet;

use crate::topology::{added_by, simple_commands};

/// What an interface is made as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Make {
    /// A link's end, or what no line makes (`lo`).
    Plain,
    /// 802.1Q sub-interface, with its VLAN id.
    Vlan(String),
    /// With its table.
    Vrf(String),
    /// With its mode.
    Bond(String),
    /// Another type of `ip link`, with its id for a VXLAN.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub make: Make,
    /// The interface below: a VLAN's trunk.
    pub parent: Option<String>,
    /// The VRF, bond or bridge that it is a member of.
    pub master: Option<String>,
    pub addresses: Vec<IpNet>,
    /// VLANs of a bridge's port (`bridge vlan add`).
    pub vlans: Vec<String>,
    /// What impairs what leaves by it, as tc-netem(8) is told.
    pub netem: Option<String>,
}

/// Every interface that `exec` lines name, in the order of their first mention.
pub fn interfaces(exec: &[Vec<String>]) -> Vec<Interface> {
    let mut known = Known::default();
    for command in exec.iter().flat_map(|argv| simple_commands(argv)) {
        for assigned in added_by(&command) {
            let interface = known.named(assigned.device.as_deref().unwrap_or("?"));
            interface.addresses.push(assigned.net);
        }
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.split_first().map(|(program, rest)| (program.rsplit('/').next(), rest)) {
            Some((Some("ip"), rest)) => known.ip(rest),
            Some((Some("bridge"), rest)) => known.bridge(rest),
            Some((Some("tc"), rest)) => known.tc(rest),
            Some((Some("vconfig"), ["add", trunk, id])) => {
                let vlan = known.named(&format!("{trunk}.{id}"));
                vlan.make = Make::Vlan((*id).to_owned());
                vlan.parent = Some((*trunk).to_owned());
            }
            _ => {}
        }
    }
    known.0
}

#[derive(Default)]
struct Known(Vec<Interface>);

impl Known {
    fn named(&mut self, name: &str) -> &mut Interface {
        let index = self.0.iter().position(|i| i.name == name).unwrap_or_else(|| {
            self.0.push(Interface {
                name: name.to_owned(),
                make: Make::Plain,
                parent: None,
                master: None,
                addresses: Vec::new(),
                vlans: Vec::new(),
                netem: None,
            });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// `ip [OPTIONS] link {add|set} ...`; iproute2 takes any prefix of its words.
    fn ip(&mut self, words: &[&str]) {
        let options = words.iter().take_while(|w| w.starts_with('-')).count();
        let Some((object, verb, rest)) = words[options..].split_first().and_then(|(object, rest)| {
            let (verb, rest) = rest.split_first()?;
            Some((*object, *verb, rest))
        }) else {
            return;
        };
        if !abbreviates(object, "link") {
            return;
        }
        if abbreviates(verb, "add") {
            self.link_add(rest);
        } else if abbreviates(verb, "set") {
            self.link_set(rest);
        }
    }

    fn link_add(&mut self, words: &[&str]) {
        let split = words.iter().position(|w| *w == "type").unwrap_or(words.len());
        let (mut name, mut parent) = (None, None);
        let mut before = words[..split].iter();
        while let Some(word) = before.next() {
            match *word {
                "link" => parent = before.next(),
                "name" | "dev" => name = before.next(),
                "mtu" | "address" | "txqueuelen" | "index" | "numtxqueues" | "numrxqueues" => {
                    _ = before.next()
                }
                "up" => {}
                _ => name = name.or(Some(word)),
            }
        }
        let Some((kind, args)) = words.get(split + 1..).and_then(|rest| rest.split_first()) else { return };
        let value = |key: &str| {
            let at = args.iter().position(|w| *w == key)?;
            args.get(at + 1).map(|v| (*v).to_owned())
        };
        let make = match *kind {
            "vlan" => Make::Vlan(value("id").unwrap_or_default()),
            "vrf" => Make::Vrf(value("table").unwrap_or_default()),
            "bond" => Make::Bond(value("mode").unwrap_or_else(|| "balance-rr".to_owned())),
            "vxlan" => {
                Make::Other(format!("vxlan {}", value("id").or_else(|| value("vni")).unwrap_or_default()))
            }
            other => Make::Other(other.to_owned()),
        };
        if let Some(name) = name {
            let interface = self.named(name);
            interface.make = make;
            interface.parent = parent.map(|p| (*p).to_owned());
        }
    }

    fn link_set(&mut self, words: &[&str]) {
        let mut words = words.iter();
        let name = match words.next() {
            Some(&"dev") => words.next(),
            name => name,
        };
        let Some(name) = name else { return };
        while let Some(word) = words.next() {
            match *word {
                "master" | "vrf" => self.named(name).master = words.next().map(|m| (*m).to_owned()),
                "nomaster" => self.named(name).master = None,
                _ => {}
            }
        }
    }

    /// `tc qdisc add dev DEV root netem ...`
    fn tc(&mut self, words: &[&str]) {
        let device = words.iter().position(|w| *w == "dev").and_then(|at| words.get(at + 1));
        let netem = words.iter().position(|w| *w == "netem").map(|at| words[at..].join(" "));
        if let (Some("qdisc"), Some(device), Some(netem)) = (words.first().copied(), device, netem) {
            self.named(device).netem = Some(netem);
        }
    }

    /// `bridge vlan add dev PORT vid ID ...`
    fn bridge(&mut self, words: &[&str]) {
        let [object, verb, rest @ ..] = words else { return };
        let value = |key: &str| rest.iter().position(|w| *w == key).and_then(|at| rest.get(at + 1));
        if let (true, true, Some(port), Some(vid)) =
            (abbreviates(object, "vlan"), abbreviates(verb, "add"), value("dev"), value("vid"))
        {
            let note = if rest.contains(&"untagged") { " untagged" } else { "" };
            self.named(port).vlans.push(format!("{vid}{note}"));
        }
    }
}

fn abbreviates(word: &str, of: &str) -> bool {
    !word.is_empty() && of.starts_with(word)
}
