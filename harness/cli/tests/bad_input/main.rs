//! What users get wrong, and what they are told: one clear error with its place and what to do, and the exit code that
//! scripts rely on (2 bad input, 3 a broken lab, 5 something missing).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod broken_labs;
mod extras;
mod frr_k8s;
mod garbage;
mod gateways;
mod manifests;
mod scenarios;
mod topologies;

use support::Folder;

const SCENARIO: &str = "scenarios/learn-routes/scenario.yaml";
const EXTRAS: &str = "scenarios/learn-routes/manifests/extras.yaml";
const PEERS: &str = "scenarios/learn-routes/manifests/peers.yaml";
const TOPOLOGY: &str = "topologies/one-gateway.clab.yml";

fn folder() -> Folder {
    Folder::with(&["learn-routes"])
}

/// What `check` says of the scenario after one edit of one file.
#[track_caller]
fn check_after(file: &str, from: &str, to: &str) -> String {
    let folder = folder();
    folder.edit(file, from, to);
    folder.without_images(&["check", "learn-routes"]).to_string()
}
