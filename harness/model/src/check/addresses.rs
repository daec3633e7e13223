//! Who owns an address: lets expectations name nodes where the kernel shows addresses, link-local ones included.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Address -> name of the node that has it on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AddressBook {
    owners: BTreeMap<IpAddr, String>,
    /// Further nodes that have an address: in two VRFs it may be twice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    others: BTreeMap<IpAddr, BTreeSet<String>>,
    /// Alias -> name: `worker` for `k8s-worker`.
    aliases: BTreeMap<String, String>,
    /// Node -> the link-layer addresses of its interfaces. Empty in recordings of before, which then judge no neighbour.
    #[serde(default)]
    link_layer: BTreeMap<String, BTreeSet<String>>,
    /// Nodes that answer for addresses of others (proxy ARP, RFC 1027; proxy neighbour discovery).
    #[serde(default)]
    proxies: BTreeSet<String>,
    /// Node -> its interface -> the node at the link's other end: whom an unnumbered session is with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<String, BTreeMap<String, String>>,
}

impl AddressBook {
    pub fn insert(&mut self, address: IpAddr, node: &str) {
        match self.owners.get(&address) {
            Some(owner) if owner != node => {
                self.others.entry(address).or_default().insert(node.to_string());
            }
            _ => drop(self.owners.insert(address, node.to_string())),
        }
    }

    pub fn alias(&mut self, alias: &str, node: &str) {
        self.aliases.insert(alias.to_string(), node.to_string());
    }

    /// The link-layer addresses that a node's interfaces have; these and no others.
    pub fn set_link_layer(&mut self, node: &str, addresses: impl IntoIterator<Item = String>) {
        // A loopback device has an address of zeros, which is nobody's.
        let real = addresses.into_iter().filter(|address| address.chars().any(|c| c != '0' && c != ':'));
        let addresses = real.map(|address| address.to_lowercase()).collect();
        self.link_layer.insert(node.to_string(), addresses);
    }

    pub fn has_link_layer(&self) -> bool {
        !self.link_layer.is_empty()
    }

    pub fn proxy(&mut self, node: &str) {
        self.proxies.insert(node.to_string());
    }

    pub fn link(&mut self, node: &str, interface: &str, other: &str) {
        self.links.entry(node.to_string()).or_default().insert(interface.to_string(), other.to_string());
    }

    /// The node that has an address.
    pub fn owner(&self, address: IpAddr) -> Option<&str> {
        self.owners.get(&address).map(String::as_str)
    }

    /// Why packets for an address of `node` go astray when they are sent to `link_layer`: it belongs to another node, or
    /// to none. `None` if they arrive, or if it cannot be known.
    pub fn astray(&self, node: &str, link_layer: &str) -> Option<String> {
        let link_layer = link_layer.to_lowercase();
        if self.link_layer.get(node)?.contains(&link_layer) {
            return None;
        }
        let mut others = self.link_layer.iter().filter(|(_, has)| has.contains(&link_layer)).map(|(n, _)| n);
        match others.next() {
            Some(other) if self.proxies.contains(other) => None,
            Some(other) => Some(format!("which is {other}'s and not {node}'s")),
            None => Some(format!("which is no link-layer address of {node}")),
        }
    }

    /// The node that has an interface of this link-layer address.
    pub fn holder(&self, link_layer: &str) -> Option<&str> {
        let link_layer = link_layer.to_lowercase();
        self.link_layer.iter().find(|(_, has)| has.contains(&link_layer)).map(|(node, _)| node.as_str())
    }

    /// Whether `who`, a node's name, its alias or an address, means `address`.
    pub fn is(&self, who: &str, address: IpAddr) -> bool {
        if let Ok(wanted) = who.parse::<IpAddr>() {
            return wanted == address;
        }
        self.owners_of(address).any(|owner| owner == self.name(who))
    }

    /// Whether a session of `node` with `peer`, an address or the interface of an unnumbered peer, is one with `who`.
    pub fn is_peer(&self, node: &str, who: &str, peer: &str) -> bool {
        match peer.parse() {
            Ok(address) => self.is(who, address),
            Err(_) => {
                let other = self.links.get(self.name(node)).and_then(|links| links.get(peer));
                other.is_some_and(|other| other == self.name(who))
            }
        }
    }

    fn owners_of(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let others = self.others.get(&address).into_iter().flatten();
        self.owners.get(&address).into_iter().chain(others).map(String::as_str)
    }

    /// The node behind a name, an alias or an address.
    pub fn node(&self, who: &str) -> Option<&str> {
        match who.parse::<IpAddr>() {
            Ok(address) => self.owners.get(&address).map(String::as_str),
            Err(_) => {
                let others = self.others.values().flatten();
                let mut all = self.owners.values().chain(others).map(String::as_str);
                all.find(|owner| *owner == self.name(who))
            }
        }
    }

    /// Every address of a node, by its name.
    pub fn addresses_of(&self, node: &str) -> Vec<IpAddr> {
        let has = |address: &&IpAddr| self.owners_of(**address).any(|owner| owner == node);
        self.owners.keys().filter(has).copied().collect()
    }

    fn name<'a>(&'a self, who: &'a str) -> &'a str {
        self.aliases.get(who).map_or(who, String::as_str)
    }

    /// `gw1 (192.168.1.5)`, or the address alone if nobody in the lab has it.
    pub fn describe(&self, address: IpAddr) -> String {
        let owners: Vec<&str> = self.owners_of(address).collect();
        match owners.is_empty() {
            false => format!("{} ({address})", owners.join(" or ")),
            true => address.to_string(),
        }
    }
}
