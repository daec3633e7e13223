//! Mistakes about gateways: routers' names, intents, profiles, deviations.

use std::fs;

use insta::assert_snapshot;

use crate::support::Folder;

const LEARN: &str = "scenarios/gateways-learn/scenario.yaml";
const INTENT: &str = "topologies/any-gateway/gw1.intent.yaml";

#[track_caller]
fn check_after(file: &str, from: &str, to: &str) -> String {
    let folder = Folder::with(&["gateways-learn"]);
    folder.edit(file, from, to);
    folder.without_images(&["check", "gateways-learn"]).to_string()
}

#[test]
fn a_router_that_is_not_there() {
    assert_snapshot!(check_after(LEARN, "bird-3", "brid-3"), @r"
    exit 2
    error: unknown router `brid-3`
     --> scenarios/gateways-learn/scenario.yaml:7:32
      |
    7 |   gateway: [frr-8.4.4, bird-2, brid-3, gobgp, openbgpd, exabgp]
      |                                ^^^^^^
      |
    help: did you mean `bird`?
    help: known: bird, ceos, exabgp, frr, gobgp, junos, openbgpd, sonic, srlinux, vyos, xrd
    ");
    assert_snapshot!(check_after(LEARN, "bird-3", "bird-4"), @r"
    exit 2
    error: bird has no version `4`
     --> scenarios/gateways-learn/scenario.yaml:7:32
      |
    7 |   gateway: [frr-8.4.4, bird-2, bird-4, gobgp, openbgpd, exabgp]
      |                                ^^^^^^
      |
    help: known: 2, 3
    ");
}

#[test]
fn a_wrong_intent() {
    assert_snapshot!(check_after(INTENT, "asn: 64512", "asn: 64512\nas: 1"), @r"
    exit 2
    error: unknown field `as`
     --> topologies/any-gateway/gw1.intent.yaml:3:1
      |
    3 | as: 1
      | ^^
      |
    help: did you mean `asn`?
    help: known here: router-id, asn, prefixes, peers, dynamic-peers, vrfs, vlans, ecmp, graceful-restart,
          route-refresh, timers, bfd
    ");
    assert_snapshot!(check_after("topologies/any-gateway.clab.yml", "gw1.intent", "gw2.intent"), @r"
    exit 2
    error: node `gw1`: topologies/any-gateway/gw2.intent.yaml cannot be read: No such file or directory (os error 2)
      --> topologies/any-gateway.clab.yml:23:28
       |
    23 |         routeproof.intent: any-gateway/gw2.intent.yaml
       |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_gateway_without_an_intent() {
    let topology = "topologies/any-gateway.clab.yml";
    let labels = "      labels:\n        routeproof.intent: any-gateway/gw1.intent.yaml\n";
    assert_snapshot!(check_after(topology, labels, ""), @r"
    exit 2
    error: the gateway `gw1` has no intent, from which bird could be configured
      --> topologies/any-gateway.clab.yml:21:14
       |
    21 |       image: bird:2
       |              ^^^^^^
       |
    help: label it `routeproof.intent: FILE`; docs/gateways.md says what is in the file
    ");
}

#[test]
fn a_profile_of_ones_own() {
    let folder = Folder::empty();
    let profile = folder.path("routers/mine");
    fs::create_dir_all(&profile).unwrap();
    assert_snapshot!(folder.routeproof(&["check", "--profiles", "routers", "routers/mine"]), @r"
    exit 2
    error: no folder in it has a profile.yaml
    --> routers
     |
    help: --profiles names the folder that holds a folder for each router
    ");
    fs::write(profile.join("profile.yaml"), "name: mine\nabout: a router\nsource: [me]\n").unwrap();
    assert_snapshot!(folder.routeproof(&["check", "routers/mine"]), @r"
    exit 2
    error: unknown field `source`
     --> routers/mine/profile.yaml:3:1
      |
    3 | source: [me]
      | ^^^^^^
      |
    help: did you mean `sources`?
    help: known here: name, about, sources, kinds, driver, not-run-here, containerlab, versions, variants,
          can, cannot, known-issues, start, reload, ask
    ");
    assert_snapshot!(folder.routeproof(&["render", "--router", "mine", "--profiles", "routers", "x.yaml"]), @r"
    exit 2
    error: unknown field `source`
     --> routers/mine/profile.yaml:3:1
      |
    3 | source: [me]
      | ^^^^^^
      |
    help: did you mean `sources`?
    help: known here: name, about, sources, kinds, driver, not-run-here, containerlab, versions, variants,
          can, cannot, known-issues, start, reload, ask
    ");
}

#[test]
fn an_acceptance_of_what_is_not_there() {
    let folder = Folder::with(&["gateways-learn"]);
    for file in ["acceptance.yaml", "requirements.yaml"] {
        let from = crate::support::repository().join("scenarios").join(file);
        fs::copy(from, folder.path("scenarios").join(file)).unwrap();
    }
    assert_snapshot!(folder.without_images(&["accept"]), @r"
    exit 2
    error: accept needs --router
    hint: or `accept compare BEFORE AFTER`
    ");
    assert_snapshot!(folder.without_images(&["accept", "--router", "openbgp"]), @r"
    exit 2
    error: --router: unknown router `openbgp`
    hint: did you mean `openbgpd`?
    hint: known: bird, ceos, exabgp, frr, gobgp, junos, openbgpd, sonic, srlinux, vyos, xrd
    ");
    let deviation = "- id: D1\n  requirement: ORD-1.2\n  versions: '2'\n  reason: r\n  tracker: t\n  owner: o\n  expiry: '2020-01-31'\n";
    fs::write(folder.path("deviations.yaml"), deviation).unwrap();
    assert_snapshot!(folder.without_images(&["accept", "--router", "bird", "--deviations", "deviations.yaml"]), @r"
    exit 2
    error: the deviation `D1` has expired (2020-01-31)
     --> deviations.yaml:7:11
      |
    7 |   expiry: '2020-01-31'
      |           ^^^^^^^^^^^^
      |
    help: talk to its owner, o; tracker: t
    ");
    fs::write(folder.path("report.json"), "{}").unwrap();
    assert_snapshot!(folder.without_images(&["accept", "compare", "report.json", "report.json"]), @r"
    exit 2
    error: report.json is no report of `accept`: missing field `schema` at line 1 column 2
    ");
}

/// A configuration without the intent's VRFs or VLANs would have the sessions elsewhere: there is none.
#[test]
fn a_router_that_cannot_be_where_the_intent_says() {
    let folder = Folder::with(&[]);
    let render = |router: &str| {
        let said =
            folder.without_images(&["render", "--router", router, "topologies/any-two-vrfs/gw1.intent.yaml"]);
        assert_eq!(said.stdout.is_empty(), said.code != Some(0), "{said}");
        said.to_string()
    };
    assert_snapshot!(render("gobgp"), @r"
    exit 2
    error: gobgp 3.36 cannot do vrf, which the intent asks for: its VRFs are L3VPN's (RFC 4364), without a kernel table
    hint: nothing is rendered: take `vrfs` out of the intent, or choose another router
    ");
    assert_eq!(render("frr"), "exit 0\n");
    folder.edit(
        "topologies/any-two-vrfs/gw1.intent.yaml",
        "asn: 64512\n",
        "asn: 64512\nvlans: [{ interface: eth1, id: 100 }]\n",
    );
    assert_snapshot!(render("bird"), @r"
    exit 2
    error: bird 2 cannot do vlan, which the intent asks for: the template makes no subinterfaces; in the embedded lab the topology's `exec` lines do
    hint: nothing is rendered: take `vlans` out of the intent, or choose another router
    ");
}
