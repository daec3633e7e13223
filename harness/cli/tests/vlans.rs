//! T2: what goes wrong between VLANs and VRFs, planted by faults: a route that leaks from one VRF into another, VLANs that are
//! swapped on the trunk, a wrong way for replies. Each is caught and named.
//!
//! On the host's kernel if it has VRFs and VLANs, else on a guest's; says so and passes where neither is to be had
//! (`ROUTEPROOF_REQUIRE=uml` makes that a failure).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use routeproof_engine::preflight::skip_test;
use support::{Folder, Said};

/// The gateway's two VLAN devices, made again with each other's tag.
const SWAP: &str = "ip link del eth1.100; ip link del eth1.200; \
                    ip link add link eth1 name eth1.100 type vlan id 200; \
                    ip link add link eth1 name eth1.200 type vlan id 100; \
                    ip link set eth1.100 master red up; ip link set eth1.200 master blue up; \
                    ip address add 10.0.0.1/24 dev eth1.100; ip address add 10.0.0.1/24 dev eth1.200; \
                    ip address add fd00::1/64 dev eth1.100 nodad; ip address add fd00::1/64 dev eth1.200 nodad";

/// The step before which something is planted.
const ISOLATION: &str = "  - expect:\n      isolation:\n        node: worker";

/// Runs the scenario with the command before its first `step`, and gives what is said of the run, which must fail; `None` if
/// it cannot be run here.
fn planted(scenario: &str, step: &str, fault: &str) -> Option<String> {
    // It stays wrong: a second look says no more.
    let shorter = |after: &str| after.replacen("within: 10s", "within: 1s", 1);
    let (said, reason) = ran(scenario, step, &format!("  - fault: {{ exec: {fault} }}\n"), shorter)?;
    assert_eq!(said.code, Some(1), "{reason}\n{said}");
    Some(reason)
}

/// Runs the scenario with `more` before its first `step`, and with what `changed` makes of the rest.
fn ran(scenario: &str, step: &str, more: &str, changed: impl Fn(&str) -> String) -> Option<(Said, String)> {
    let folder = Folder::with(&[scenario]);
    let file = format!("scenarios/{scenario}/scenario.yaml");
    let text = std::fs::read_to_string(folder.path(&file)).unwrap();
    let (before, after) = text.split_once(step).unwrap_or_else(|| panic!("{scenario} has no `{step}`"));
    folder.write(&file, format!("{before}{more}{step}{}", changed(after)));
    let said = folder.routeproof(&["run", scenario, "--only", "frr=8.4.4", "--json"]);
    let json = said.json();
    let run = &json["runs"][0];
    let reason = run["reason"].as_str().unwrap_or_default().to_string();
    if run["outcome"] == "skipped" {
        skip_test("uml", &reason);
        return None;
    }
    Some((said, reason))
}

fn assert_named(reason: Option<String>, parts: &[&str]) {
    let Some(reason) = reason else { return };
    for part in parts {
        assert!(reason.contains(part), "no `{part}` in: {reason}");
    }
}

#[test]
fn a_route_that_leaks_into_another_vrf() {
    let fault = "{ node: worker, command: [ip, route, add, 10.2.8.0/24, table, '100', via, 10.2.0.1, dev, eth1.200] }";
    assert_named(
        planted("vlan-vrf", ISOLATION, fault),
        &[
            "red leaks into blue (ipv4) by table: table 100 of red has 10.2.8.0/24 via gw1 (10.2.0.1) dev eth1.200",
            "by lookup: the kernel of worker sends what comes in by eth1.100 for 10.2.8.",
            "got to gw1 (eth1.200) through worker by eth1.200",
        ],
    );
}

/// FRR's way to leak: the gateway's BGP of VRF blue takes over the routes of VRF red.
const IMPORT: &str = "  - fault: { configure: { node: gw1, lines: [router bgp 64512 vrf blue, address-family ipv4 unicast, import vrf red] } }
  - expect: { route: { node: gw1, prefix: 192.0.2.1/32, vrf: blue, proto: bgp } }
    within: 10s
";
const ISOLATION_OF_GATEWAY: &str = "  - expect:\n      isolation:\n        node: gw1\n";

#[test]
fn routes_that_frr_imports_from_another_vrf() {
    let Some((said, reason)) = ran("vlan-vrf", ISOLATION_OF_GATEWAY, IMPORT, str::to_string) else { return };
    assert_eq!(said.code, Some(1), "{reason}\n{said}");
    assert_named(
        Some(reason),
        &[
            "blue leaks into red (ipv4) by table: table 200 of blue has 192.0.2.1/32 via k8s-worker (10.1.0.10) dev eth1.100 ",
        ],
    );
}

#[test]
fn routes_that_frr_imports_as_declared() {
    let leaks = "        leaks: [{ from: blue, to: red, prefixes: [192.0.2.1/32] }]\n";
    let declared = |after: &str| format!("{leaks}{after}");
    let Some((said, reason)) = ran("vlan-vrf", ISOLATION_OF_GATEWAY, IMPORT, declared) else { return };
    assert_eq!(said.code, Some(0), "{reason}\n{said}");
    let json = said.json();
    assert!(json.to_string().contains("\"standing\":\"declared\""), "{said}");
}

/// The interfaces of every type, with checks by `ip`, `bridge` and `tc` as the topology's `exec` lines: over netlink they come to
/// what these programs would have made.
#[test]
fn interfaces_of_every_type() {
    let folder = Folder::empty();
    folder.write("kinds.clab.yml", include_str!("interfaces/kinds.clab.yml"));
    folder.write("scenario.yaml", include_str!("interfaces/scenario.yaml"));
    let said = folder.routeproof(&["run", "./scenario.yaml", "--json"]);
    let run = &said.json()["runs"][0];
    if run["outcome"] == "skipped" {
        return skip_test("uml", run["reason"].as_str().unwrap_or_default());
    }
    assert_eq!(said.code, Some(0), "{said}");
}

#[test]
fn vlans_that_are_swapped_on_the_trunk() {
    let fault = format!("{{ node: gw1, command: [sh, -c, \"{SWAP}\"] }}");
    assert_named(
        planted("vlan-vrf-overlap", ISOLATION, &fault),
        &[
            "VLANs are swapped or joined: what worker sends to ",
            " arrives at gw1 (eth1.",
            "which is the port of ",
        ],
    );
}

#[test]
fn replies_that_take_the_wrong_vlan() {
    let step = "  - expect: { return-path: { node: worker, client: client, to: one, family: ipv4, via: gw2";
    let fault = "{ node: worker, command: [ip, route, add, 10.30.0.0/24, via, 10.1.0.1, dev, eth1.100, metric, '1'] }";
    assert_named(
        planted("vlan-return", step, fault),
        &["0 of 16 requests were answered; they came in by eth1.200, replies left by eth1.100 to gw1"],
    );
}
