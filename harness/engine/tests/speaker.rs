//! T1: real speakers with a real control plane, on the scenario whose point is what they write when.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};

use routeproof_engine::cluster::{CAPABILITY, ClusterError, PLANE, Plane, Programs, WEBHOOKS};
use routeproof_engine::image::{ImageRef, Options};
use routeproof_engine::lab::{Lab, LabSpec, NodeSpec};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::run::{Backing, store};
use routeproof_engine::{Ran, RunOptions, Scenario};
use routeproof_model::metallb::{Labels, METALLB_NAMESPACE, Mode, NodeInfo, Release};
use serde_json::{Value, json};

/// The programs of a release in a mode, if they and what else the test needs are here.
fn programs(version: &str, mode: Mode, image: &str) -> Option<Programs> {
    let store = store(Options::default()).unwrap();
    let folder = std::env::var_os("ROUTEPROOF_CLUSTER_PROGRAMS");
    let programs = folder.map_or_else(|| Programs::in_cache(store.cache_dir()), Programs::in_folder);
    let release = Release::find(version).unwrap();
    if let Err(missing) = programs.open(release, mode) {
        skip_test(CAPABILITY, &missing.to_string());
        return None;
    }
    if store.cached(&ImageRef::parse(image).unwrap()).unwrap().is_none() {
        let capability = format!("{image} in the cache");
        skip_test(&capability, &format!("real speakers were not tested; `routeproof images pull {image}`"));
        return None;
    }
    Some(programs)
}

/// A passed run of a scenario's cell with real speakers; `None` where there are no namespaces.
async fn run(name: &str, cell: &[(&str, &str)], programs: Programs, runs: &Path) -> Option<(Ran, PathBuf)> {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name);
    let mut scenario = Scenario::load(scenario).unwrap();
    for (axis, value) in cell {
        scenario = scenario.only(axis, value).unwrap();
    }
    let options = RunOptions {
        backing: Backing::Speakers(programs),
        run_dir: Some(runs.to_path_buf()),
        ..RunOptions::default()
    };
    let ran = scenario.run(&options).await.unwrap();
    if ran.single().outcome == routeproof_model::result::Outcome::Skipped {
        skip_test("namespaces", ran.single().reason.as_deref().unwrap_or_default());
        return None;
    }
    ran.assert_passed();
    let folder = ran.directory.join(ran.single().directory.as_ref().unwrap());
    Some((ran, folder))
}

/// A run of real speakers shows the bug where a rendered one does, and keeps what its programs said and wrote.
#[tokio::test(flavor = "multi_thread")]
async fn real_speakers_show_the_ordering_bug() {
    let Some(programs) = programs("v0.13.10", Mode::Frr, "frr:7.5.1") else { return };
    let runs = tempfile::tempdir().unwrap();
    let cell = [("frr", "7.5.1"), ("order", "after"), ("extras", "permit-all"), ("family", "ipv4")];
    let Some((ran, folder)) = run("frr-ordering", &cell, programs, runs.path()).await else { return };
    let run = ran.single();
    assert_eq!(run.observed["bug"], "present");
    assert_eq!(run.setting.as_ref().unwrap().cluster.as_deref(), Some("speaker"));
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for log in ["cluster/etcd.log", "cluster/kube-apiserver.log", "cluster/controller.log"] {
        assert!(folder.join(log).is_file(), "{log}");
    }
    assert!(text("nodes/k8s-worker/speaker.log").contains("config reloaded"));
    // The speaker's first file has no peer, its last one has the extras at its end.
    assert!(!text("nodes/k8s-worker/frr.conf.01").contains("neighbor 192.168.1.5"));
    assert!(text("nodes/k8s-worker/frr.conf.03").contains("route-map 192.168.1.5-in permit 20"));
}

/// In frr-k8s mode the file is frr-k8s's, of what the speaker and the user say.
#[tokio::test(flavor = "multi_thread")]
async fn real_frr_k8s_learns_routes() {
    let Some(programs) = programs("v0.15.3", Mode::FrrK8s, "frr:10.3") else { return };
    let runs = tempfile::tempdir().unwrap();
    let cell = [("frr", "10.3"), ("receive", "filtered")];
    let Some((ran, folder)) = run("frr-k8s-learn-routes", &cell, programs, runs.path()).await else { return };
    assert_eq!(ran.single().setting.as_ref().unwrap().cluster.as_deref(), Some("speaker"));
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(text("nodes/k8s-worker/speaker.log").contains("FRRK8sReconciler"));
    assert!(text("nodes/k8s-worker/frr-k8s.log").contains("FRRConfigurationReconciler"));
    assert!(text("cluster/frr-k8s-webhooks.log").contains("webhook"));
    // Nothing of its FRRConfigurations is there when it starts.
    assert!(!text("nodes/k8s-worker/frr.conf.01").contains("neighbor 192.168.1.5"));
    // What it wrote is what is rendered: a difference would be a warning.
    let events = std::fs::read_to_string(ran.directory.join("events.jsonl")).unwrap();
    assert!(!events.contains("wrote another frr.conf"), "{events}");
}

/// Who may say no: the API server's own schema, and the webhooks of two programs.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_refuse_what_does_not_go_together() {
    let Some(programs) = programs("v0.15.3", Mode::FrrK8s, "frr:10.3") else { return };
    let set = programs.open(Release::find("v0.15.3").unwrap(), Mode::FrrK8s).unwrap();
    let (folder, store) = (tempfile::tempdir().unwrap(), store(Options::default()).unwrap());
    let tree = store.cached(&ImageRef::parse("frr:10.3").unwrap()).unwrap().unwrap().path;
    let node = |name: &str| NodeSpec { name: name.to_string(), tree: tree.clone(), ..NodeSpec::default() };
    let nodes = vec![node(PLANE), node(WEBHOOKS)];
    let spec = LabSpec { mount_point: folder.path().join("lab"), nodes, ..LabSpec::default() };
    let lab = match Lab::boot(spec, &folder.path().join("lab.log")).await {
        Ok(lab) => lab,
        Err(e) => return skip_test("namespaces", &e.to_string()),
    };
    let worker = NodeInfo { name: "worker".to_string(), labels: Labels::new() };
    let plane = Plane::start(&lab, set, [&worker], folder.path()).await.unwrap();
    let refusal = async |object: Value| match plane.client.apply(vec![object]).await {
        Ok(()) => String::new(),
        Err(ClusterError::Refused { reason, .. }) => reason,
        Err(e) => panic!("{e}"),
    };
    let learns = |name: &str, asn: u64| {
        json!({"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "FRRConfiguration",
            "metadata": {"name": name, "namespace": METALLB_NAMESPACE},
            "spec": {"bgp": {"routers": [{"asn": 64513, "neighbors": [{"asn": asn, "address": "192.168.1.5"}]}]}}})
    };
    assert_eq!(refusal(learns("one", 64512)).await, "");
    let reason = refusal(learns("two", 64599)).await;
    assert!(reason.contains("frrconfigurationsvalidationwebhook.metallb.io"), "{reason}");
    assert!(reason.contains("multiple asns specified for 192.168.1.5"), "{reason}");
    let peer = json!({"apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer",
        "metadata": {"name": "gw1", "namespace": METALLB_NAMESPACE},
        "spec": {"myASN": 64513, "peerASN": 64512, "peerAddress": "gw1"}});
    let reason = refusal(peer).await;
    assert!(reason.contains("bgppeersvalidationwebhook.metallb.io"), "{reason}");
    let reason = refusal(learns("three", 1 << 32)).await;
    assert!(reason.contains("spec.bgp.routers[0].neighbors[0].asn: Invalid value"), "{reason}");
    lab.shutdown().await;
}
