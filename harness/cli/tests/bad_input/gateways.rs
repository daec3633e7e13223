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
    assert_snapshot!(check_after(LEARN, "bird-3", "brid-3"), @"");
    assert_snapshot!(check_after(LEARN, "bird-3", "bird-4"), @"");
}

#[test]
fn a_wrong_intent() {
    assert_snapshot!(check_after(INTENT, "asn: 64512", "asn: 64512\nas: 1"), @"");
    assert_snapshot!(check_after("topologies/any-gateway.clab.yml", "gw1.intent", "gw2.intent"), @"");
}

#[test]
fn a_gateway_without_an_intent() {
    let topology = "topologies/any-gateway.clab.yml";
    let labels = "      labels:\n        routeproof.intent: any-gateway/gw1.intent.yaml\n";
    assert_snapshot!(check_after(topology, labels, ""), @"");
}

#[test]
fn a_profile_of_ones_own() {
    let folder = Folder::empty();
    let profile = folder.path("routers/mine");
    fs::create_dir_all(&profile).unwrap();
    assert_snapshot!(folder.routeproof(&["check", "--profiles", "routers", "routers/mine"]), @"");
    fs::write(profile.join("profile.yaml"), "name: mine\nabout: a router\nsource: [me]\n").unwrap();
    assert_snapshot!(folder.routeproof(&["check", "routers/mine"]), @"");
    assert_snapshot!(folder.routeproof(&["render", "--router", "mine", "--profiles", "routers", "x.yaml"]), @"");
}

#[test]
fn an_acceptance_of_what_is_not_there() {
    let folder = Folder::with(&["gateways-learn"]);
    for file in ["acceptance.yaml", "requirements.yaml"] {
        let from = crate::support::repository().join("scenarios").join(file);
        fs::copy(from, folder.path("scenarios").join(file)).unwrap();
    }
    assert_snapshot!(folder.without_images(&["accept"]), @"");
    assert_snapshot!(folder.without_images(&["accept", "--router", "openbgp"]), @"");
    let deviation = "- id: D1\n  requirement: ORD-1.2\n  versions: '2'\n  reason: r\n  tracker: t\n  owner: o\n  expiry: '2020-01-31'\n";
    fs::write(folder.path("deviations.yaml"), deviation).unwrap();
    assert_snapshot!(folder.without_images(&["accept", "--router", "bird", "--deviations", "deviations.yaml"]), @"");
    fs::write(folder.path("report.json"), "{}").unwrap();
    assert_snapshot!(folder.without_images(&["accept", "compare", "report.json", "report.json"]), @"");
}
