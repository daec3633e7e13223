//! T1: leaks between the segments of a node, planted by hand. Each is caught and named by its kind, IPv4 and IPv6, live
//! and when the recording is judged again; and without its witness nothing passes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Folder, labs};

struct Plant {
    name: &'static str,
    /// A line of the node that is left out.
    without: &'static str,
    /// Lines that the node runs besides.
    more: &'static [&'static str],
    /// The table that the scenario says `red` has.
    table: u32,
    /// What the verdict says, in this order; nothing: it passes.
    named: &'static [&'static str],
    /// What it must not say.
    silent: &'static [&'static str],
}

const NOTHING: Plant = Plant { name: "nothing", without: "", more: &[], table: 101, named: &[], silent: &[] };

const PLANTS: [Plant; 10] = [
    NOTHING,
    Plant {
        name: "route-ipv4",
        more: &["ip route add 10.2.0.0/16 via 10.2.0.1 dev eth2 table 101"],
        named: &[
            "red leaks into blue (ipv4) by table: table 101 of red has 10.2.0.0/16 via gw2 (10.2.0.1) dev eth2",
            "by lookup: the kernel of worker sends what comes in by eth1 for 10.2.0.1 ",
            "(table 101, 10.2.0.0/16)",
            "by probe: a probe of gw1 for 10.2.0.1 got to gw2 (eth1) through worker by eth2",
        ],
        silent: &["by rules", "more)"],
        ..NOTHING
    },
    // Of a part of the segment only, which the gateway's own address is not in.
    Plant {
        name: "route-to-a-part-ipv6",
        more: &["ip -6 route add fd00:1:0:7::/64 via fd00:1::1 dev eth1 table 102"],
        named: &[
            "blue leaks into red (ipv6) by table: table 102 of blue has fd00:1:0:7::/64 via gw1 (fd00:1::1) dev eth1",
            "by lookup: the kernel of worker sends what comes in by eth2 for fd00:1:0:7",
            "by probe: a probe of gw2 for fd00:1:0:7",
            "got to gw1 (eth1) through worker by eth1",
        ],
        silent: &["by rules", "more)"],
        ..NOTHING
    },
    Plant {
        name: "rule-ipv4",
        more: &["ip rule add pref 900 iif eth1 lookup 102"],
        named: &[
            "red leaks into blue (ipv4) by rules: rule 900 (iif eth1) looks into table 102 of blue",
            "by lookup: ",
            "(table 102, 10.2.0.0/24)",
            "by probe: ",
        ],
        silent: &["by table", "more)"],
        ..NOTHING
    },
    Plant {
        name: "rule-ipv6",
        more: &["ip -6 rule add pref 900 from fd00:2::/48 lookup 101"],
        named: &[
            "blue leaks into red (ipv6) by rules: rule 900 (from fd00:2::/48) looks into table 101 of red",
            "by lookup: ",
            "by probe: ",
        ],
        silent: &["by table", "more)"],
        ..NOTHING
    },
    // The main table knows both segments, and forwards.
    Plant {
        name: "missing-rule-ipv4",
        without: "        - ip rule add pref 1011 iif eth1 unreachable\n",
        named: &["red leaks into blue (ipv4) by lookup: ", "(table main, 10.2.0.0/24)", "by probe: "],
        silent: &["by table", "by rules", "more)"],
        ..NOTHING
    },
    Plant {
        name: "missing-rule-ipv6",
        without: "        - ip -6 rule add pref 1021 iif eth2 unreachable\n",
        named: &["blue leaks into red (ipv6) by lookup: ", "(table main, fd00:1::/64)", "by probe: "],
        silent: &["by table", "by rules", "more)"],
        ..NOTHING
    },
    // Neither tables nor rules nor the kernel's answer tell: only packets get the mark.
    Plant {
        name: "mark-ipv4",
        more: &[
            "nft add table inet leak",
            "nft add chain inet leak prerouting '{ type filter hook prerouting priority mangle; }'",
            "nft add rule inet leak prerouting iifname eth1 meta mark set 7",
            "ip rule add pref 900 fwmark 7 lookup 102",
        ],
        named: &["red leaks into blue (ipv4) by probe: a probe of gw1 for 10.2.0.1 got to gw2 (eth1)"],
        silent: &["by table", "by rules", "by lookup", "more)"],
        ..NOTHING
    },
    Plant {
        name: "another-table",
        table: 103,
        named: &[
            "the witness is missing: red (ipv4) by lookup: ",
            "is looked up in table 101, not in table 103",
        ],
        silent: &["leaks"],
        ..NOTHING
    },
    Plant {
        name: "no-forwarding",
        more: &["sh -c 'echo 0 > /proc/sys/net/ipv6/conf/all/forwarding'"],
        named: &[
            "the witness is missing: ",
            "(ipv6) by probe: ",
            "the node does not send it on (does it forward?)",
        ],
        silent: &["leaks"],
        ..NOTHING
    },
];

/// One folder with a topology and a scenario for each plant, so that their labs run side by side.
fn planted() -> Folder {
    let folder = Folder::with(&["segments-isolated"]);
    let topology = std::fs::read_to_string(folder.path("topologies/two-segments.clab.yml")).unwrap();
    let last = "        - ip -6 rule add pref 1020 iif eth2 lookup 102\n";
    for Plant { name, without, more, table, .. } in &PLANTS {
        assert!(topology.contains(last) && topology.contains(without), "{name}");
        let quoted = more.iter().map(|line| format!("        - {}\n", serde_json::to_string(line).unwrap()));
        let lab = topology.replace(last, &format!("{last}{}", quoted.collect::<String>()));
        let lab = if without.is_empty() { lab } else { lab.replace(without, "") };
        folder.write(&format!("topologies/{name}.clab.yml"), lab);
        let segments = format!(
            "          red: {{ interface: eth1, host: gw1, table: {table}, prefixes: [10.1.0.0/16, 'fd00:1::/48'] }}\n\
             \x20         blue: {{ interface: eth2, host: gw2, table: 102, prefixes: [10.2.0.0/16, 'fd00:2::/48'] }}\n"
        );
        folder.write(
            &format!("plants/{name}/scenario.yaml"),
            format!(
                "name: {name}\nabout: a plant\nrequirements: [PLANT-1.1]\ntopology: ../../topologies/{name}.clab.yml\n\
                 metallb: {{ version: v0.13.10, mode: frr }}\naxes: {{ frr: [8.4.4] }}\n\
                 initial: [../../scenarios/segments-isolated/manifests/peers.yaml]\nsteps:\n\
                 \x20 - expect: {{ route: {{ node: worker, prefix: 10.2.8.0/24, via: [gw2], proto: bgp }} }}\n\
                 \x20   within: 20s\n  - expect:\n      isolation:\n        node: worker\n        segments:\n{segments}    within: 2s\n"
            ),
        );
    }
    folder
}

#[test]
fn every_leak_is_caught_and_named() {
    if !labs() {
        return;
    }
    let folder = planted();
    let paths: Vec<String> = PLANTS.iter().map(|plant| format!("plants/{}", plant.name)).collect();
    let args = ["run", "--json"].into_iter().chain(paths.iter().map(String::as_str)).collect::<Vec<_>>();
    let said = folder.routeproof(&args);
    assert_eq!(said.code, Some(1), "{said}");
    let json = said.json();
    let runs: BTreeMap<&str, &Value> =
        json["runs"].as_array().unwrap().iter().map(|run| (run["scenario"].as_str().unwrap(), run)).collect();
    assert_eq!(runs.len(), PLANTS.len(), "{json:#}");
    for Plant { name, named, silent, .. } in &PLANTS {
        let run = runs[name];
        let reason = run["reason"].as_str().unwrap_or_default();
        let shown = format!("{name}: {} {reason}", run["outcome"]);
        let outcome = match named.first() {
            None => "passed",
            Some(first) if first.starts_with("the witness is missing") => "inconclusive",
            Some(_) => "failed",
        };
        assert_eq!(run["outcome"], outcome, "{shown}");
        // Each after the one before.
        let mut rest = reason;
        for part in *named {
            let at = rest.find(part).unwrap_or_else(|| panic!("{shown}\nhas no `{part}` there"));
            rest = &rest[at + part.len()..];
        }
        assert!(silent.iter().all(|word| !reason.contains(word)), "{shown}");
        let evidence = run["steps"][1]["evidence"].as_array().unwrap();
        assert!(evidence.iter().any(|e| e["what"] == "isolation-matrix"), "{shown}");
    }
    let newest = std::fs::read_dir(folder.path("routeproof-runs")).unwrap().flatten();
    let newest = newest.map(|run| run.path().to_string_lossy().into_owned()).max().unwrap();
    let replayed = folder.routeproof(&["replay", &newest]);
    assert_eq!(replayed.code, Some(0), "{replayed}");
    assert!(replayed.stdout.contains("10 runs judged again, 0 differently"), "{replayed}");
}
