//! Who owns an address: lets expectations name nodes where the kernel shows addresses, link-local ones included.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Address -> name of the node that has it on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AddressBook {
    owners: BTreeMap<IpAddr, String>,
    /// Alias -> name: `worker` for `k8s-worker`.
    aliases: BTreeMap<String, String>,
}

impl AddressBook {
    pub fn insert(&mut self, address: IpAddr, node: &str) {
        self.owners.insert(address, node.to_string());
    }

    pub fn alias(&mut self, alias: &str, node: &str) {
        self.aliases.insert(alias.to_string(), node.to_string());
    }

    /// Whether `who`, a node's name, its alias or an address, means `address`.
    pub fn is(&self, who: &str, address: IpAddr) -> bool {
        if let Ok(wanted) = who.parse::<IpAddr>() {
            return wanted == address;
        }
        self.owners.get(&address).is_some_and(|owner| *owner == self.name(who))
    }

    /// The node behind a name, an alias or an address.
    pub fn node(&self, who: &str) -> Option<&str> {
        match who.parse::<IpAddr>() {
            Ok(address) => self.owners.get(&address).map(String::as_str),
            Err(_) => self.owners.values().map(String::as_str).find(|owner| *owner == self.name(who)),
        }
    }

    /// The node that has the address.
    pub fn owner(&self, address: IpAddr) -> Option<&str> {
        self.owners.get(&address).map(String::as_str)
    }

    /// Every address of a node, by its name.
    pub fn addresses_of(&self, node: &str) -> Vec<IpAddr> {
        self.owners.iter().filter(|(_, owner)| *owner == node).map(|(address, _)| *address).collect()
    }

    fn name<'a>(&'a self, who: &'a str) -> &'a str {
        self.aliases.get(who).map_or(who, String::as_str)
    }

    /// `gw1 (192.168.1.5)`, or the address alone if nobody in the lab has it.
    pub fn describe(&self, address: IpAddr) -> String {
        match self.owners.get(&address) {
            Some(owner) => format!("{owner} ({address})"),
            None => address.to_string(),
        }
    }
}
