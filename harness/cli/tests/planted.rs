//! T1: wrong answers that somebody plants by hand in a node's kernel, beside FRR's right ones. Each is caught and named,
//! IPv4 and IPv6, live and when the recording is judged again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Folder, labs};

struct Plant {
    name: &'static str,
    /// Shell commands in the node, once FRR has installed both prefixes by both gateways.
    commands: &'static str,
    expect: &'static str,
    /// What the verdict says; `None`: nothing is wrong.
    named: Option<&'static str>,
}

const BOTH4: &str = "route: { node: worker, prefix: 172.16.1.0/24, via: [gw1, gw2], proto: bgp }";
const BOTH6: &str = "route: { node: worker, prefix: 'fc00:172:16:1::/64', via: [gw1, gw2], proto: bgp }";
const SPREAD: &str = "ecmp: { node: worker, prefix: 172.16.1.0/24, via: [gw1, gw2] }";
const RIB_FIB: &str = "rib-fib: { node: worker }";

const PLANTS: [Plant; 20] = [
    Plant { name: "nothing-ipv4", commands: ":", expect: BOTH4, named: None },
    Plant { name: "nothing-ipv6", commands: ":", expect: BOTH6, named: None },
    Plant {
        name: "removed-next-hop-ipv4",
        commands: "ip route replace 172.16.1.0/24 proto bgp metric 20 via 192.168.1.5",
        expect: BOTH4,
        named: Some("worker has 172.16.1.0/24, but not via gw2 (via gw1 (192.168.1.5) dev eth1 weight 1)"),
    },
    Plant {
        name: "removed-next-hop-ipv6",
        commands: "ip -6 route replace fc00:172:16:1::/64 proto bgp metric 20 via fd00:192:168:1::6",
        expect: BOTH6,
        named: Some(
            "worker has fc00:172:16:1::/64, but not via gw1 (via gw2 (fd00:192:168:1::6) dev eth1 weight 1)",
        ),
    },
    Plant {
        name: "wrong-device-ipv4",
        commands: "ip link add eth9 type veth peer name far9; ip link set eth9 up; ip link set far9 up; \
                   ip route replace 172.16.1.0/24 proto bgp metric 20 \
                   nexthop via 192.168.1.5 dev eth9 onlink nexthop via 192.168.1.6 dev eth1",
        expect: BOTH4,
        named: Some(
            "worker has 172.16.1.0/24 via gw1 (192.168.1.5) dev eth9, but 192.168.1.5 is on the link of eth1",
        ),
    },
    Plant {
        name: "wrong-device-ipv6",
        commands: "ip link add eth9 type veth peer name far9; ip link set eth9 up; ip link set far9 up; \
                   ip -6 route replace fc00:172:16:1::/64 proto bgp metric 20 dev eth9",
        expect: BOTH6,
        named: Some("worker has fc00:172:16:1::/64, but not via gw1 (dev eth9 weight 1)"),
    },
    Plant {
        name: "other-table-ipv4",
        commands: "ip route add 172.16.77.0/24 proto bgp via 192.168.1.5 table 100",
        expect: "route: { node: worker, prefix: 172.16.77.0/24, via: [gw1] }",
        named: Some(
            "worker has no route to 172.16.77.0/24 in table main; it is in table 100: bgp via gw1 (192.168.1.5) dev eth1 weight 1",
        ),
    },
    Plant {
        name: "other-table-ipv6",
        commands: "ip -6 route add fc00:172:16:77::/64 proto bgp via fd00:192:168:1::5 table 100",
        expect: "route: { node: worker, prefix: 'fc00:172:16:77::/64', via: [gw1] }",
        named: Some(
            "worker has no route to fc00:172:16:77::/64 in table main; it is in table 100: bgp via gw1 (fd00:192:168:1::5) dev eth1 weight 1",
        ),
    },
    Plant {
        name: "stale-neighbour-ipv4",
        commands: "ip neigh replace 192.168.1.5 lladdr 02:00:00:00:00:99 dev eth1 nud permanent",
        expect: BOTH4,
        named: Some(
            "worker has 172.16.1.0/24 via gw1 (192.168.1.5) dev eth1, but the neighbour entry of 192.168.1.5 is 02:00:00:00:00:99 (permanent), which is no link-layer address of gw1",
        ),
    },
    Plant {
        name: "stale-neighbour-ipv6",
        commands: "ip -6 route show fc00:172:16:1::/64 | grep -o 'fe80[^ ]*' | \
                   xargs -I HOP ip neigh replace HOP lladdr 02:00:00:00:00:99 dev eth1 nud permanent",
        expect: BOTH6,
        named: Some("is 02:00:00:00:00:99 (permanent), which is no link-layer address of gw"),
    },
    Plant {
        name: "blackhole-ipv4",
        commands: "ip route add blackhole 172.16.1.0/24",
        expect: BOTH4,
        named: Some("worker has 172.16.1.0/24, but it is a blackhole route of protocol boot"),
    },
    Plant {
        name: "blackhole-ipv6",
        commands: "ip -6 route replace blackhole fc00:172:16:1::/64 proto bgp metric 20",
        expect: BOTH6,
        named: Some("worker has fc00:172:16:1::/64, but it is a blackhole route of protocol bgp"),
    },
    Plant {
        name: "longer-prefix-ipv4",
        commands: "ip route add 172.16.1.128/25 via 192.168.1.5",
        expect: BOTH4,
        named: Some(
            "worker has 172.16.1.0/24 as expected, but 172.16.1.128/25 takes a part of it: boot via gw1 (192.168.1.5) dev eth1 weight 1",
        ),
    },
    Plant {
        name: "longer-prefix-ipv6",
        commands: "ip -6 route add blackhole fc00:172:16:1::7/128",
        expect: BOTH6,
        named: Some(
            "worker has fc00:172:16:1::/64 as expected, but fc00:172:16:1::7/128 takes a part of it: boot blackhole",
        ),
    },
    Plant {
        name: "longer-prefix-ecmp",
        commands: "ip route add 172.16.1.128/25 via 192.168.1.5",
        expect: SPREAD,
        named: Some("but 172.16.1.128/25 takes a part of it: boot via gw1 (192.168.1.5) dev eth1 weight 1"),
    },
    Plant {
        name: "rule-ipv4",
        commands: "ip route add default via 192.168.1.6 table 100; ip rule add to 172.16.1.0/24 lookup 100 pref 900",
        expect: BOTH4,
        named: Some(
            "worker has 172.16.1.0/24 as expected, but rule 900 (to 172.16.1.0/24) looks it up in table 100: boot via gw2 (192.168.1.6) dev eth1 weight 1",
        ),
    },
    Plant {
        name: "rule-ipv6",
        commands: "ip -6 rule add to fc00:172:16::/48 prohibit pref 901",
        expect: BOTH6,
        named: Some(
            "worker has fc00:172:16:1::/64 as expected, but rule 901 (to fc00:172:16::/48) drops it (prohibit)",
        ),
    },
    Plant {
        name: "weights-rib-fib",
        commands: "ip route replace 172.16.1.0/24 proto bgp metric 20 \
                   nexthop via 192.168.1.5 weight 3 nexthop via 192.168.1.6",
        expect: RIB_FIB,
        named: Some(
            "172.16.1.0/24: FRR says via 192.168.1.5 dev eth1 weight 1 and via 192.168.1.6 dev eth1 weight 1, the kernel has via 192.168.1.5 dev eth1 weight 3 and via 192.168.1.6 dev eth1 weight 1",
        ),
    },
    Plant {
        name: "type-rib-fib",
        commands: "ip -6 route replace unreachable fc00:172:16:1::/64 proto bgp metric 20",
        expect: RIB_FIB,
        named: Some("the kernel drops it (unreachable)"),
    },
    Plant {
        name: "left-over-rib-fib",
        commands: "ip route add 172.16.77.0/24 proto bgp via 192.168.1.5 metric 20",
        expect: RIB_FIB,
        named: Some(
            "the kernel's table main has 172.16.77.0/24 (bgp, metric 20), which FRR does not call installed",
        ),
    },
];

/// One folder with a scenario for each plant, so that their labs run side by side.
fn planted() -> Folder {
    let folder = Folder::with(&[]);
    folder.write("manifests/peers.yaml", manifests());
    for Plant { name, commands, expect, .. } in &PLANTS {
        let commands = serde_json::to_string(commands).unwrap();
        folder.write(
            &format!("scenarios/{name}/scenario.yaml"),
            format!(
                "name: {name}\nabout: a plant\nrequirements: [PLANT-1.1]\ntopology: ../../topologies/two-gateways.clab.yml\n\
                 metallb: {{ version: v0.13.10, mode: frr }}\naxes: {{ frr: [8.4.4] }}\ninitial: [../../manifests/peers.yaml]\n\
                 steps:\n  - expect: {{ {BOTH4} }}\n    within: 20s\n  - expect: {{ {BOTH6} }}\n    within: 20s\n\
                 \x20 - fault: {{ exec: {{ node: worker, command: [sh, -ec, {commands}] }} }}\n\
                 \x20 - expect: {{ {expect} }}\n    within: 1s\n"
            ),
        );
    }
    folder
}

fn manifests() -> String {
    let peer = |address: &str, name: &str| {
        format!(
            "---\napiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {{ name: {name}, namespace: metallb-system }}\n\
             spec: {{ myASN: 64513, peerASN: 64512, peerAddress: '{address}' }}\n"
        )
    };
    let peers = [
        ("192.168.1.5", "gw1"),
        ("192.168.1.6", "gw2"),
        ("fd00:192:168:1::5", "gw1-ipv6"),
        ("fd00:192:168:1::6", "gw2-ipv6"),
    ];
    let maps = peers.map(|(address, _)| format!("    route-map {address}-in permit 10\n")).concat();
    let extras = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bgpextras, namespace: metallb-system }\ndata:\n  extras: |\n";
    format!("{extras}{maps}{}", peers.map(|(address, name)| peer(address, name)).concat())
}

#[test]
fn every_plant_is_caught_and_named() {
    if !labs() {
        return;
    }
    let folder = planted();
    let said = folder.routeproof(&["run", "--json"]);
    assert_eq!(said.code, Some(1), "{said}");
    let json = said.json();
    let runs: BTreeMap<&str, &Value> =
        json["runs"].as_array().unwrap().iter().map(|run| (run["scenario"].as_str().unwrap(), run)).collect();
    assert_eq!(runs.len(), PLANTS.len(), "{json:#}");
    for Plant { name, named, .. } in &PLANTS {
        let run = runs[name];
        let shown = format!("{name}: {} {}", run["outcome"], run["reason"]);
        match named {
            None => assert_eq!(run["outcome"], "passed", "{shown}"),
            Some(named) => {
                assert_eq!(run["outcome"], "failed", "{shown}");
                assert!(run["reason"].as_str().unwrap().contains(named), "{shown}");
            }
        }
    }
    let replayed = folder.routeproof(&["replay", &newest_run(&folder)]);
    assert_eq!(replayed.code, Some(0), "{replayed}");
    assert!(replayed.stdout.contains("20 runs judged again, 0 differently"), "{replayed}");
}

fn newest_run(folder: &Folder) -> String {
    let runs = std::fs::read_dir(folder.path("routeproof-runs")).unwrap().flatten();
    runs.map(|run| run.path().to_string_lossy().into_owned()).max().unwrap()
}
