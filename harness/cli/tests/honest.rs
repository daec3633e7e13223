//! T1: results that cannot be had by accident. Each test spoils one thing that a verdict rests on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use support::{Folder, Said, labs};

const SCENARIO: &str = "scenarios/frr-ordering/scenario.yaml";
const EXTRAS: &str = "scenarios/frr-ordering/manifests/extras-permit-all-ipv4.yaml";
const GATEWAY: &str = "topologies/one-gateway/gw1/frr.conf";
const TOPOLOGY: &str = "topologies/one-gateway.clab.yml";

fn ordering() -> Folder {
    Folder::with(&["frr-ordering"])
}

/// The cell of the matrix in which FRR 7.5.1 shows the bug, on some FRR.
#[track_caller]
fn cell(folder: &Folder, frr: &str) -> Cell {
    cell_with(folder, frr, &[])
}

#[track_caller]
fn cell_with(folder: &Folder, frr: &str, more: &[&str]) -> Cell {
    let frr = format!("frr={frr}");
    let only = [&frr[..], "order=after", "extras=permit-all", "family=ipv4"];
    let mut args = vec!["matrix", "frr-ordering", "--json"];
    args.extend(only.iter().flat_map(|axis| ["--only", axis]));
    args.extend(more);
    Cell::of(folder.routeproof(&args))
}

struct Cell {
    said: Said,
    run: Value,
}

impl Cell {
    #[track_caller]
    fn of(said: Said) -> Cell {
        let json = said.json();
        let runs = json["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 1, "{json:#}");
        Cell { run: runs[0].clone(), said }
    }

    fn bug(&self) -> Option<&str> {
        self.run["observed"]["bug"].as_str()
    }

    fn outcome(&self) -> &str {
        self.run["outcome"].as_str().unwrap()
    }

    fn reason(&self) -> &str {
        self.run["reason"].as_str().unwrap_or_default()
    }

    #[track_caller]
    fn is(&self, outcome: &str, code: i32) {
        let shown = format!("{} ({:?}): {}", self.outcome(), self.said.code, self.reason());
        assert_eq!((self.outcome(), self.said.code), (outcome, Some(code)), "{shown}");
    }
}

#[test]
fn a_changed_expectation_fails() {
    if !labs() {
        return;
    }
    let folder = ordering();
    folder.edit(SCENARIO, "observed: { bug: present }", "observed: { bug: absent }");
    let cell = cell(&folder, "7.5.1");
    cell.is("failed", 1);
    assert_eq!(cell.bug(), Some("present"), "what was observed is not touched by what was expected");
    assert_eq!(cell.reason(), "expected bug absent, observed bug present");
}

#[test]
fn a_bug_that_is_expected_and_not_there_fails() {
    if !labs() {
        return;
    }
    let folder = ordering();
    folder.edit(SCENARIO, "when: { frr: 7.5.1, order", "when: { frr: 8.4.4, order");
    let cell = cell(&folder, "8.4.4");
    cell.is("failed", 1);
    assert_eq!(cell.bug(), Some("absent"));
}

#[test]
fn extras_that_are_not_there_are_not_the_bug() {
    if !labs() {
        return;
    }
    let folder = ordering();
    folder.edit(EXTRAS, "route-map 192.168.1.5-in permit 20", "! nothing");
    let cell = cell(&folder, "7.5.1");
    cell.is("failed", 1);
    assert_eq!(cell.bug(), None);
    assert!(cell.reason().contains("lets nothing in (deny 20)"), "{}", cell.reason());
}

#[test]
fn extras_for_another_peer_are_not_the_bug() {
    if !labs() {
        return;
    }
    let folder = ordering();
    folder.edit(EXTRAS, "route-map 192.168.1.5-in", "route-map 192.168.1.50-in");
    let cell = cell(&folder, "7.5.1");
    cell.is("failed", 1);
    assert_eq!(cell.bug(), None);
    assert!(cell.said.json()["warnings"].to_string().contains("192.168.1.50-in"), "{}", cell.said.json());
}

/// A gateway that does not know the node.
fn no_neighbor() -> Folder {
    let folder = ordering();
    let conf = std::fs::read_to_string(folder.path(GATEWAY)).unwrap();
    let without = conf.lines().filter(|line| !line.contains("neighbor 192.168.1.10"));
    folder.write(GATEWAY, without.collect::<Vec<_>>().join("\n"));
    folder.edit(SCENARIO, "within: 20s", "within: 4s").edit(SCENARIO, "within: 15s", "within: 4s");
    folder
}

#[test]
fn a_session_that_never_comes_up_is_not_the_bug() {
    if !labs() {
        return;
    }
    let cell = cell(&no_neighbor(), "7.5.1");
    cell.is("inconclusive", 3);
    assert_eq!(cell.bug(), None);
    let reason = cell.reason();
    assert!(reason.starts_with("session worker -> 192.168.1.5 is established: not within"), "{reason}");
    assert!(reason.ends_with("without the session there is nothing to diagnose"), "{reason}");
}

#[test]
fn nor_is_it_when_nobody_asks_for_the_session() {
    if !labs() {
        return;
    }
    let folder = no_neighbor();
    let ask = "  - expect: { session: { node: worker, peer: 192.168.1.5 } }\n    within: 4s\n    when: { family: ipv4 }\n";
    folder.edit(SCENARIO, ask, "");
    let cell = cell(&folder, "7.5.1");
    cell.is("inconclusive", 3);
    assert_eq!(cell.bug(), None);
    assert!(cell.reason().contains("the session is not Established"), "{}", cell.reason());
}

#[test]
fn a_gateway_that_announces_nothing_is_not_the_bug() {
    if !labs() {
        return;
    }
    let folder = ordering();
    folder.edit(GATEWAY, "  network 172.16.1.0/24\n", "");
    let cell = cell(&folder, "7.5.1");
    cell.is("inconclusive", 3);
    assert_eq!(cell.bug(), None);
    assert!(cell.reason().contains("does not advertise"), "{}", cell.reason());
}

/// FRR 8.4.4 would ask again and cannot; on 7.5.1 it is not known what would have happened.
#[test]
fn a_gateway_without_route_refresh_is_a_look_alike() {
    if !labs() {
        return;
    }
    let folder = ordering();
    let negotiates = " neighbor 192.168.1.10 passive\n";
    folder.edit(
        GATEWAY,
        negotiates,
        &format!("{negotiates} neighbor 192.168.1.10 dont-capability-negotiate\n"),
    );
    std::thread::scope(|scope| {
        for frr in ["8.4.4", "7.5.1"] {
            let folder = &folder;
            scope.spawn(move || {
                let cell = cell(folder, frr);
                cell.is("failed", 1);
                assert_eq!(cell.bug(), Some("no-route-refresh"));
                assert!(cell.reason().contains("looks like the ordering bug, but"), "{}", cell.reason());
                assert!(cell.reason().contains("does not offer route refresh"), "{}", cell.reason());
            });
        }
    });
}

/// A scenario without extras, in a lab in which somebody has put a route into the node's kernel by hand.
fn planted(route: &str, expect: &str) -> Cell {
    let folder = Folder::with(&["no-extras"]);
    let exec = "- ip address add 192.168.1.10/24 dev eth1";
    folder.edit(TOPOLOGY, exec, &format!("{exec}\n        - ip route add {route}"));
    let scenario = "scenarios/no-extras/scenario.yaml";
    let text = std::fs::read_to_string(folder.path(scenario)).unwrap();
    let steps = format!(
        "steps:\n  - apply: manifests/peers.yaml\n  - expect: {{ session: {{ node: worker, peer: gw1 }} }}\n  - expect: {{ route: {{ node: worker, prefix: 172.16.1.0/24, {expect} }} }}\n    within: 3s\n"
    );
    folder.write(scenario, format!("{}{steps}", text.split("steps:").next().unwrap()));
    Cell::of(folder.routeproof(&["run", "no-extras", "--only", "frr=8.4.4", "--json"]))
}

#[test]
fn a_planted_route_is_not_a_learnt_one() {
    if !labs() {
        return;
    }
    // A scenario that asks for too little gets what it asks for; this shows that the route does get there.
    planted("172.16.1.0/24 via 192.168.1.5", "via: [gw1]").is("passed", 0);
    planted("172.16.1.0/24 via 192.168.1.5", "via: [gw1], proto: bgp").is("failed", 1);
}

#[test]
fn a_route_by_somebody_else_is_not_one_by_the_gateway() {
    if !labs() {
        return;
    }
    planted("172.16.1.0/24 via 192.168.1.77", "via: [gw1]").is("failed", 1);
    let two = "172.16.1.0/24 nexthop via 192.168.1.5 nexthop via 192.168.1.77";
    planted(two, "via: [gw1]").is("failed", 1);
    planted(two, "via: [gw1, 192.168.1.77]").is("passed", 0);
}

#[test]
fn a_blackhole_is_no_way_to_the_gateway() {
    if !labs() {
        return;
    }
    planted("blackhole 172.16.1.0/24", "via: [gw1]").is("failed", 1);
}

/// What the kernel lacks makes a run skipped, which is no success, and with `--require` a failure of its own.
#[test]
fn a_fault_that_the_kernel_does_not_know_is_skipped() {
    if !labs() {
        return;
    }
    let folder = Folder::with(&["learn-routes"]);
    let scenario = "scenarios/learn-routes/scenario.yaml";
    let text = std::fs::read_to_string(folder.path(scenario)).unwrap();
    let steps = "steps:\n  - fault: { netem: { node: gw1, interface: eth1, delay: 20ms } }\n";
    folder.write(scenario, format!("{}{steps}", text.split("steps:").next().unwrap()));
    let doctor = folder.routeproof(&["doctor", "--json"]).json();
    let netem = doctor.as_array().unwrap().iter().find(|c| c["name"] == "netem").unwrap()["present"] == true;
    let args = ["run", "learn-routes", "--only", "frr=8.4.4", "--kernel", "host", "--json"];
    let cell = Cell::of(folder.routeproof(&args));
    let required = folder.routeproof(&[&args[..], &["--require", "netem"]].concat());
    if netem {
        cell.is("passed", 0);
        assert_eq!(required.code, Some(0), "{required}");
    } else {
        cell.is("skipped", 4);
        assert!(cell.reason().contains("netem is missing: the kernel does not have it"), "{}", cell.reason());
        assert_eq!(required.code, Some(5), "{required}");
    }
}

/// A rendered cluster in place of the real one that was asked for would be a lie.
#[test]
fn real_speakers_without_their_programs_are_skipped() {
    if !labs() {
        return;
    }
    let real = ["--cluster", "speaker", "--cluster-programs", "nowhere"];
    let cell = cell_with(&ordering(), "7.5.1", &real);
    cell.is("skipped", 4);
    assert!(cell.reason().contains("`ci/cluster-programs --releases v0.13.10`"), "{}", cell.reason());
    let said = ordering().routeproof(&["compare", "frr-ordering", "--cluster-programs", "nowhere"]);
    assert_eq!(said.code, Some(5), "{said}");
}
