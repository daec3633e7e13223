//! T1: the cached FRR trees, in labs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use routeproof_engine::image::{ImageRef, Options};
use routeproof_engine::lab::{Command, Lab, LabSpec, NodeSpec};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::run::store;

/// A reload in which Python compiles its library first takes twice as long, in every node again.
#[tokio::test(flavor = "multi_thread")]
async fn frr_reload_finds_its_byte_code() {
    let store = store(Options::default()).unwrap();
    for image in ImageRef::defaults() {
        let Some(tree) = store.cached(&image).unwrap() else {
            skip_test(&format!("{image} in the cache"), "its tree was not tested; `routeproof images pull`");
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        let node = NodeSpec {
            name: "node".into(),
            hostname: "node".into(),
            tree: tree.path.clone(),
            sysctls: Vec::new(),
            files: Vec::new(),
            interfaces: Vec::new(),
        };
        let spec =
            LabSpec { mount_point: folder.path().join("lab"), nodes: vec![node], ..LabSpec::default() };
        let lab = match Lab::boot(spec, &folder.path().join("lab.log")).await {
            Ok(lab) => lab,
            Err(error) => {
                skip_test("namespaces", &format!("{error}; the trees were not tested"));
                return;
            }
        };
        // Without daemons the second one ends where it asks the first; by then everything is imported.
        let script = "touch /tmp/start /tmp/conf
            python3 /usr/lib/frr/frr-reload.py --help > /dev/null || exit 1
            python3 /usr/lib/frr/frr-reload.py --test /tmp/conf > /dev/null 2>&1
            echo there $(find /usr -name '*.pyc' | wc -l)
            find /usr -name '*.pyc' -newer /tmp/start";
        let output = lab.nodes[0].output(&Command::new(["/bin/sh", "-c", script])).await.unwrap();
        lab.shutdown().await;
        let (there, written) =
            output.stdout.split_once('\n').unwrap_or_else(|| panic!("{image}: {output:?}"));
        assert_eq!(written, "", "{image}: Python compiled again");
        let there: usize = there.strip_prefix("there ").unwrap().parse().unwrap();
        assert!(there > 20, "{image}: {there} files of byte code");
    }
}
