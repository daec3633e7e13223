//! The declared interfaces as command lines, for backends that run commands in a node.

use ipnet::IpNet;

use super::types::*;

/// A VRF's last route: without it what its table does not know is looked up in the main table
/// (Documentation/networking/vrf.rst, "Using VRFs" 4).
pub const UNREACHABLE_METRIC: u32 = 4_278_198_272;

/// What makes `interfaces` in a node whose links are there: argv after argv for ip(8), bridge(8) and tc(8). For a node of
/// `kind: bridge`, of that name, where the bridge is.
pub fn commands(bridge: Option<&str>, interfaces: &[Interface]) -> Vec<Vec<String>> {
    let mut lines = Lines::default();
    for interface in interfaces {
        lines.make(interface, interfaces, bridge == Some(&interface.name));
    }
    for interface in interfaces {
        lines.furnish(interface, bridge == Some(&interface.name));
    }
    lines.0
}

#[derive(Default)]
struct Lines(Vec<Vec<String>>);

impl Lines {
    /// Adds a line that is split at spaces; names of interfaces have none.
    fn add(&mut self, line: String) {
        self.0.push(line.split_whitespace().map(str::to_owned).collect());
    }

    /// The device, up and where it belongs.
    fn make(&mut self, interface: &Interface, all: &[Interface], is_there: bool) {
        let name = &interface.name;
        let mtu = interface.mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
        let mac = interface.mac.map(|mac| format!(" address {}", colons(mac))).unwrap_or_default();
        let link = match &interface.kind {
            InterfaceKind::Vlan { parent, .. } | InterfaceKind::Macvlan { parent, .. } => {
                format!("link {parent} name ")
            }
            _ => String::new(),
        };
        let is_bond = |master: &String| {
            all.iter().any(|i| i.name == *master && matches!(i.kind, InterfaceKind::Bond(_)))
        };
        match &interface.kind {
            InterfaceKind::Bridge { vlan_aware } if is_there => {
                if *vlan_aware {
                    self.add(format!(
                        "ip link set dev {name} type bridge vlan_filtering 1 vlan_default_pvid 0"
                    ));
                }
                return;
            }
            InterfaceKind::Existing => {
                if !mtu.is_empty() || !mac.is_empty() {
                    self.add(format!("ip link set dev {name}{mtu}{mac}"));
                }
                if interface.master.as_ref().is_some_and(is_bond) {
                    // A bond takes no interface that is up.
                    self.add(format!("ip link set dev {name} down"));
                }
            }
            kind => self.add(format!("ip link add {link}{name}{mtu}{mac} type {}", arguments(kind))),
        }
        if let Some(master) = &interface.master {
            self.add(format!("ip link set dev {name} master {master}"));
        }
        if name != "lo" && (interface.master.is_some() || interface.kind != InterfaceKind::Existing) {
            self.add(format!("ip link set dev {name} up"));
        }
        if let InterfaceKind::Vrf { table, rules } = &interface.kind {
            for family in ["ip", "ip -6"] {
                self.add(format!(
                    "{family} route add unreachable default metric {UNREACHABLE_METRIC} table {table}"
                ));
            }
            rules.iter().for_each(|rule| self.rule(rule, *table));
        }
    }

    fn rule(&mut self, rule: &VrfRule, table: u32) {
        let prefix =
            |word: &str, net: Option<IpNet>| net.map(|net| format!(" {word} {net}")).unwrap_or_default();
        let iif = rule.iif.as_ref().map(|iif| format!(" iif {iif}")).unwrap_or_default();
        for is_ipv6 in rule.families() {
            let ip = if *is_ipv6 { "ip -6" } else { "ip" };
            let (from, to) = (prefix("from", rule.from), prefix("to", rule.to));
            self.add(format!("{ip} rule add priority {}{from}{to}{iif} table {table}", rule.priority));
        }
    }

    /// What needs all devices to be there.
    fn furnish(&mut self, interface: &Interface, is_there: bool) {
        let name = &interface.name;
        if let InterfaceKind::Bond(Bond { primary: Some(primary), .. }) = &interface.kind {
            self.add(format!("ip link set dev {name} type bond primary {primary}"));
        }
        for net in &interface.addresses {
            let nodad = if net.addr().is_ipv6() { " nodad" } else { "" };
            self.add(format!("ip address add {net} dev {name}{nodad}"));
        }
        let own =
            if is_there || matches!(interface.kind, InterfaceKind::Bridge { .. }) { " self" } else { "" };
        if let Some(vlans) = &interface.vlans {
            for id in &vlans.tagged {
                self.add(format!("bridge vlan add dev {name} vid {id}{own}"));
            }
            if let Some(id) = vlans.untagged {
                self.add(format!("bridge vlan add dev {name} vid {id} pvid untagged{own}"));
            }
        }
        if let Some(netem) = &interface.netem {
            self.add(format!("tc qdisc add dev {name} root netem {}", netem.arguments().join(" ")));
        }
    }
}

/// `KIND [ARGUMENTS]` of `ip link add ... type`.
fn arguments(kind: &InterfaceKind) -> String {
    match kind {
        InterfaceKind::Existing => String::new(),
        InterfaceKind::Vlan { id, .. } => format!("vlan id {id}"),
        InterfaceKind::Vrf { table, .. } => format!("vrf table {table}"),
        InterfaceKind::Bond(bond) => bond_arguments(bond),
        InterfaceKind::Bridge { vlan_aware: false } => "bridge".to_owned(),
        InterfaceKind::Bridge { vlan_aware: true } => {
            "bridge vlan_filtering 1 vlan_default_pvid 0".to_owned()
        }
        InterfaceKind::Dummy => "dummy".to_owned(),
        InterfaceKind::Macvlan { mode, .. } => format!("macvlan mode {}", mode.word()),
        InterfaceKind::Vxlan(vxlan) => {
            let word = if vxlan.remote.is_multicast() { "group" } else { "remote" };
            let dev = vxlan.parent.as_ref().map(|parent| format!(" dev {parent}")).unwrap_or_default();
            let local = vxlan.local.map(|local| format!(" local {local}")).unwrap_or_default();
            format!("vxlan id {} {word} {}{local} dstport {}{dev}", vxlan.id, vxlan.remote, vxlan.port)
        }
    }
}

fn bond_arguments(bond: &Bond) -> String {
    let mut text = format!("bond mode {} miimon {}", bond.mode.word(), bond.miimon_ms);
    if bond.lacp_fast {
        text += " lacp_rate fast";
    }
    if let Some(policy) = bond.hash_policy {
        text += &format!(" xmit_hash_policy {}", policy.word());
    }
    if let Some(count) = bond.min_links {
        text += &format!(" min_links {count}");
    }
    if let Some(system) = bond.system {
        text += &format!(" ad_actor_system {}", colons(system));
    }
    text
}

fn colons(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
