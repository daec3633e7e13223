//! T1: what runs in a node can configure its network and cannot reach the host. Needs namespaces and any tree with a shell:
//! FRR's, which is pulled when it is not cached.

use std::path::Path;

use routeproof_engine::image::{ImageRef, Options, Quiet, Tree};
use routeproof_engine::lab::{Command, Lab, LabSpec, NodeSpec};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::run::store;

async fn lab(folder: &Path, tree: &Tree) -> Option<Lab> {
    let node = NodeSpec {
        name: "node".to_string(),
        hostname: "node".to_string(),
        tree: tree.path.clone(),
        sysctls: vec![("net.ipv4.ip_forward".to_string(), "0".to_string())],
        ..NodeSpec::default()
    };
    let spec = LabSpec { mount_point: folder.join("lab"), nodes: vec![node], ..LabSpec::default() };
    match Lab::boot(spec, &folder.join("lab.log")).await {
        Ok(lab) => Some(lab),
        Err(e) => {
            skip_test("namespaces", &e.to_string());
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_commands_stay_inside() {
    let folder = tempfile::tempdir().unwrap();
    // Not the host's own root: a user namespace may not lay an overlay over what it has mounts below.
    let tree = store(Options::default())
        .unwrap()
        .tree(&ImageRef::parse("frr:8.4.4").unwrap(), &Quiet)
        .await
        .unwrap();
    let Some(lab) = lab(folder.path(), &tree).await else { return };
    let run =
        async |script: &str| lab.nodes[0].output(&Command::new(["/bin/sh", "-c", script])).await.unwrap();
    for refused in [
        "echo x > /proc/sys/kernel/core_pattern",
        "echo h > /proc/sysrq-trigger",
        "mknod /tmp/disk b 8 0",
        "mount -t tmpfs none /mnt",
        "mount -o remount,rw,bind /proc/sys",
        "umount /proc/sys",
    ] {
        let output = run(refused).await;
        assert!(!output.exit.success(), "`{refused}` must fail: {output:?}");
    }
    for allowed in ["echo 1 > /proc/sys/net/ipv4/ip_forward", "echo x > /etc/routeproof-was-here", "hostname"]
    {
        let output = run(allowed).await;
        assert!(output.exit.success(), "`{allowed}` must work: {output:?}");
    }
    assert_eq!(run("cat /proc/sys/net/ipv4/ip_forward").await.stdout, "1\n");
    assert_eq!(run("hostname").await.stdout, "node\n");
    assert!(!Path::new("/etc/routeproof-was-here").exists(), "a node's writes stay in the lab");
    lab.shutdown().await;
    assert!(!folder.path().join("lab").exists());
}
