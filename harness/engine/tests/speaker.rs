//! T1: real speakers with a real control plane, on the scenario whose point is what they write when.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;

use routeproof_engine::cluster::{CAPABILITY, Programs};
use routeproof_engine::image::{ImageRef, Options};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::run::{Backing, store};
use routeproof_engine::{RunOptions, Scenario};
use routeproof_model::metallb::{Mode, Release};

/// The programs, if they and what else the test needs are here.
fn programs() -> Option<Programs> {
    let store = store(Options::default()).unwrap();
    let folder = std::env::var_os("ROUTEPROOF_CLUSTER_PROGRAMS");
    let programs = folder.map_or_else(|| Programs::in_cache(store.cache_dir()), Programs::in_folder);
    let release = Release::find("v0.13.10").unwrap();
    if let Err(missing) = programs.open(release, Mode::Frr) {
        skip_test(CAPABILITY, &missing.to_string());
        return None;
    }
    let image = ImageRef::parse("frr:7.5.1").unwrap();
    if store.cached(&image).unwrap().is_none() {
        skip_test(
            "frr:7.5.1 in the cache",
            "real speakers were not tested; `routeproof images pull frr:7.5.1`",
        );
        return None;
    }
    Some(programs)
}

/// A run of real speakers shows the bug where a rendered one does, and keeps what its programs said and wrote.
#[tokio::test(flavor = "multi_thread")]
async fn real_speakers_show_the_ordering_bug() {
    let Some(programs) = programs() else { return };
    let runs = tempfile::tempdir().unwrap();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/frr-ordering");
    let mut scenario = Scenario::load(scenario).unwrap();
    for (axis, value) in [("frr", "7.5.1"), ("order", "after"), ("extras", "permit-all"), ("family", "ipv4")]
    {
        scenario = scenario.only(axis, value).unwrap();
    }
    let options = RunOptions {
        backing: Backing::Speakers(programs),
        run_dir: Some(runs.path().to_path_buf()),
        ..RunOptions::default()
    };
    let ran = scenario.run(&options).await.unwrap();
    if ran.single().outcome == routeproof_model::result::Outcome::Skipped {
        return skip_test("namespaces", ran.single().reason.as_deref().unwrap_or_default());
    }
    ran.assert_passed();
    let run = ran.single();
    assert_eq!(run.observed["bug"], "present");
    assert_eq!(run.setting.as_ref().unwrap().cluster.as_deref(), Some("speaker"));
    let folder = ran.directory.join(run.directory.as_ref().unwrap());
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for log in ["cluster/etcd.log", "cluster/kube-apiserver.log", "cluster/controller.log"] {
        assert!(folder.join(log).is_file(), "{log}");
    }
    assert!(text("nodes/k8s-worker/speaker.log").contains("config reloaded"));
    // The speaker's first file has no peer, its last one has the extras at its end.
    assert!(!text("nodes/k8s-worker/frr.conf.01").contains("neighbor 192.168.1.5"));
    assert!(text("nodes/k8s-worker/frr.conf.03").contains("route-map 192.168.1.5-in permit 20"));
}
