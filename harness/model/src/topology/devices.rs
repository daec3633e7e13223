//! Devices that command lines make and arrange (`exec` lines, and what is declared): VLANs, VRFs and bonds.

use std::collections::BTreeMap;

use super::addresses::simple_commands;

/// Words of `ip link add` that have a value behind them; the others stand alone, or are the name.
const WITH_VALUE: [&str; 12] = [
    "link",
    "txqueuelen",
    "qlen",
    "address",
    "broadcast",
    "mtu",
    "index",
    "numtxqueues",
    "numrxqueues",
    "gso_max_size",
    "netns",
    "master",
];

/// What a node's lines ([`super::Node::lines`]) say of devices, taken together: which of them are made, and what each belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// Name -> `type` of `ip link add`.
    kinds: BTreeMap<String, String>,
    /// Device -> the bond, bridge or VRF that it belongs to.
    masters: BTreeMap<String, String>,
}

impl Devices {
    /// Reads a node's lines; those inside `sh -c '...'`, too.
    pub fn of(lines: &[Vec<String>]) -> Devices {
        let mut devices = Devices::default();
        for command in lines.iter().flat_map(|argv| simple_commands(argv)) {
            devices.read(&command);
        }
        devices
    }

    /// The names of devices that are made, in order.
    pub fn made(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// The VRF that a device belongs to, or is.
    pub fn vrf(&self, device: &str) -> Option<&str> {
        let is_vrf = |name: &&str| self.kinds.get(*name).is_some_and(|kind| kind == "vrf");
        let master = || self.masters.get(device).map(String::as_str);
        Some(device).filter(is_vrf).or_else(|| master().filter(is_vrf)).and_then(|vrf| {
            // The name as the map holds it: it outlives the question.
            self.kinds.get_key_value(vrf).map(|(name, _)| name.as_str())
        })
    }

    fn read(&mut self, command: &[String]) {
        let Some((object, verb, rest)) = ip_command(command) else { return };
        if object.is_empty() || !"link".starts_with(object) {
            return;
        }
        match verb {
            "add" | "a" | "ad" => self.add(&rest),
            "set" | "s" | "se" => self.set(&rest),
            _ => {}
        }
    }

    /// `[link DEV] [name] NAME [...] type KIND`.
    fn add(&mut self, words: &[&str]) {
        let (mut name, mut kind, mut master) = (None, None, None);
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "type" => {
                    kind = words.next();
                    break;
                }
                "name" | "dev" => name = words.next(),
                "master" => master = words.next(),
                word if WITH_VALUE.contains(&word) => drop(words.next()),
                "up" | "down" => {}
                word => name = name.or(Some(word)),
            }
        }
        let Some(name) = name else { return };
        if let Some(kind) = kind {
            self.kinds.insert(name.to_string(), kind.to_string());
        }
        self.belongs(name, master);
    }

    /// `[dev] NAME ... master DEV`; `vrf DEV` says the same.
    fn set(&mut self, words: &[&str]) {
        let named = words.iter().position(|word| *word == "dev").map_or(0, |at| at + 1);
        let Some(name) = words.get(named) else { return };
        let mut masters = words.windows(2).filter(|pair| ["master", "vrf"].contains(&pair[0]));
        self.belongs(name, masters.next_back().map(|pair| pair[1]));
    }

    fn belongs(&mut self, name: &str, master: Option<&str>) {
        if let Some(master) = master {
            self.masters.insert(name.to_string(), master.to_string());
        }
    }
}

/// `ip [OPTIONS] OBJECT VERB ...` in its parts.
fn ip_command(command: &[String]) -> Option<(&str, &str, Vec<&str>)> {
    let (ip, rest) = command.split_first()?;
    if ip.rsplit('/').next() != Some("ip") {
        return None;
    }
    let mut words = rest.iter().map(String::as_str).skip_while(|word| word.starts_with('-'));
    Some((words.next()?, words.next()?, words.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::words;

    fn of(lines: &[&str]) -> Devices {
        Devices::of(&lines.iter().map(|line| words(line).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_made_and_what_it_belongs_to() {
        let devices = of(&[
            "ip link add red type vrf table 100",
            "/sbin/ip -d l add link eth1 name eth1.100 mtu 1500 type vlan id 100",
            "ip link add link eth1 eth1.200 type vlan id 200",
            "sh -c 'ip link add bond0 type bond mode active-backup && ip link set eth2 master bond0'",
            "ip link set eth1.100 master red up",
            "ip link set dev eth3 vrf red",
            "ip link add name d0 master red type dummy",
            "ip address add 10.0.0.1/24 dev eth1.200",
            "echo ip link add no type vrf",
        ]);
        assert_eq!(devices.made().collect::<Vec<_>>(), ["bond0", "d0", "eth1.100", "eth1.200", "red"]);
        for in_red in ["red", "eth1.100", "eth3", "d0"] {
            assert_eq!(devices.vrf(in_red), Some("red"), "{in_red}");
        }
        for in_none in ["eth1.200", "eth2", "bond0", "eth1", "blue"] {
            assert_eq!(devices.vrf(in_none), None, "{in_none}");
        }
    }
}
