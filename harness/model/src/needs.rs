//! What a run needs of the kernel beyond namespaces, veth pairs and bridges.

use std::collections::BTreeSet;

use crate::pods::host_of;
use crate::scenario::{Fault, Step, Verb};
use crate::topology::{Node, Topology};

/// Kinds of `ip link add ... type KIND` that a kernel may lack, with the capability's name.
const LINK_KINDS: [(&str, &str); 6] = [
    ("vrf", "vrf"),
    ("vlan", "vlan"),
    ("bond", "bond"),
    ("dummy", "dummy"),
    ("macvlan", "macvlan"),
    ("vxlan", "vxlan"),
];

/// What topologies' own `nft` needs.
const NFTABLES: &str = "nftables";
/// What playing kube-proxy needs: nf_tables, or ip_tables.
const SERVICES: &str = "services";

/// The capabilities' names, as `doctor` prints them: by the interfaces that the topology declares, its `exec` lines, the commands and faults of the steps,
/// and the VRFs that the nodes' FRR is told of.
pub fn of(topology: &Topology, steps: &[Step], vrfs: &BTreeSet<String>) -> BTreeSet<String> {
    let faults = || {
        steps.iter().filter_map(|step| match &step.verb {
            Verb::Fault(fault) => Some(fault),
            _ => None,
        })
    };
    let commands = faults().filter_map(|fault| match fault {
        Fault::Exec { command, undo, .. } => Some([command, undo]),
        _ => None,
    });
    let lines = topology.nodes.iter().flat_map(Node::lines).chain(commands.flatten().cloned());
    let mut needs: BTreeSet<&str> = lines.flat_map(|argv| of_command(&argv)).collect();
    let has_pods = |name: &str| topology.node(&host_of(name)).is_some();
    if topology.nodes.iter().any(|node| has_pods(&node.name)) {
        needs.insert(SERVICES);
    }
    if faults().any(|fault| matches!(fault, Fault::Netem { .. })) {
        needs.insert("netem");
    }
    if !vrfs.is_empty() {
        needs.insert("vrf");
    }
    needs.into_iter().map(str::to_string).collect()
}

/// What a command asks of the kernel. A shell's command line (`sh -c "ip ..."`) is read word by word.
fn of_command(argv: &[String]) -> Vec<&'static str> {
    let words: Vec<&str> = argv.iter().flat_map(|word| word.split([' ', '\t', '\n', ';', '&'])).collect();
    let kinds = words.windows(2).filter(|pair| pair[0] == "type");
    let kinds = kinds.filter_map(|pair| LINK_KINDS.iter().find(|(kind, _)| *kind == pair[1]));
    let has = |word: &str| words.iter().any(|w| *w == word || w.rsplit('/').next() == Some(word));
    let of_links = kinds.map(|(_, capability)| *capability).filter(|_| has("ip") || has("bridge"));
    let others = [
        ("netem", has("tc") && has("netem")),
        (NFTABLES, has("nft")),
        ("vlan-filtering", has("ip") && has("vlan_filtering") || has("bridge") && has("vlan")),
    ];
    of_links.chain(others.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::testing;

    #[test]
    fn faults_and_the_vrfs_of_peers_count_too() {
        let steps = "  - fault: { exec: { node: n, command: [ip, link, add, d0, type, dummy], undo: [tc, qdisc, add, dev, d0, root, netem] } }";
        let run = testing::scenario(steps).unwrap().runs.remove(0);
        let needs = |steps: &[Step], vrfs: &[&str]| {
            let vrfs = vrfs.iter().map(|vrf| vrf.to_string()).collect();
            Vec::from_iter(of(&testing::topology("n"), steps, &vrfs))
        };
        assert_eq!(needs(&[], &[]), ["vlan"], "of the topology");
        assert_eq!(needs(&run.steps, &["red"]), ["dummy", "netem", "vlan", "vrf"]);
    }

    #[test]
    fn commands_tell_what_they_need() {
        let of = |line: &str| of_command(&line.split_whitespace().map(str::to_string).collect::<Vec<_>>());
        assert_eq!(of("ip link add red type vrf table 10"), ["vrf"]);
        assert_eq!(of("/sbin/ip link add link eth1 name eth1.100 type vlan id 100"), ["vlan"]);
        assert_eq!(of("tc qdisc add dev eth1 root netem delay 5ms"), ["netem"]);
        assert_eq!(of("ip link add br0 type bridge vlan_filtering 1"), ["vlan-filtering"]);
        assert_eq!(of("bridge vlan add dev p1 vid 100"), ["vlan-filtering"]);
        assert_eq!(of("nft add table inet filter"), ["nftables"]);
        assert_eq!(of("ip route add blackhole 10.0.0.0/8 type vrf-like"), Vec::<&str>::new());
        assert_eq!(of("echo type vrf"), Vec::<&str>::new());
        let shell =
            ["sh", "-c", "ip link add bond0 type bond; ip link add d0 type dummy"].map(str::to_string);
        assert_eq!(of_command(&shell), ["bond", "dummy"]);
    }
}
