//! T1: nodes that are there already, as containers are, become a lab: an agent in each, wired by netlink. Two nodes of another lab stand in
//! for the containers; what enters them is root of the host, which this test must be.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use routeproof_engine::image::{ImageRef, Options, Quiet};
use routeproof_engine::lab::{
    Attached, BridgeSpec, Command, Death, InterfaceSpec, Lab, LabSpec, Laid, LinkEnd, LinkSpec, NodeHandle,
    NodeSpec,
};
use routeproof_engine::preflight::skip_test;
use routeproof_engine::run::store;

/// The lab whose nodes stand in for containers, and what it was made of; `None` where there can be none.
async fn theirs(folder: &Path, names: &[&str], links: Vec<LinkSpec>) -> Option<(Lab, LabSpec)> {
    if !nix::unistd::geteuid().is_root() {
        skip_test("root", "only root of the host may enter the namespaces of others");
        return None;
    }
    let store = store(Options::default()).unwrap();
    let tree = store.tree(&ImageRef::parse("frr:8.4.4").unwrap(), &Quiet).await.unwrap();
    let node = |name: &&str| NodeSpec {
        name: name.to_string(),
        hostname: name.to_string(),
        tree: tree.path.clone(),
        ..NodeSpec::default()
    };
    let spec = LabSpec {
        mount_point: folder.join("theirs"),
        nodes: names.iter().map(node).collect(),
        ..LabSpec::default()
    };
    match Lab::boot(LabSpec { links, ..spec.clone() }, &folder.join("theirs.log")).await {
        Ok(lab) => Some((lab, spec)),
        Err(e) => {
            skip_test("namespaces", &e.to_string());
            None
        }
    }
}

async fn said(node: &NodeHandle, line: &str) -> String {
    let output = node.output(&Command::new(["/bin/sh", "-c", line])).await.unwrap();
    assert!(output.exit.success(), "`{line}`: {output:?}");
    output.stdout
}

/// The first process of a node: of those in its network namespace the one that began first.
async fn pid(node: &NodeHandle) -> i32 {
    let link = said(node, "readlink /proc/self/ns/net").await;
    let inode: u64 = link.trim().trim_start_matches("net:[").trim_end_matches(']').parse().unwrap();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let inside =
        pids.filter(|pid| fs::metadata(format!("/proc/{pid}/ns/net")).is_ok_and(|m| m.ino() == inode));
    inside.min_by_key(|pid| fs::metadata(format!("/proc/{pid}")).map(|m| (m.ctime(), *pid)).ok()).unwrap()
}

fn end(node: usize, address: &str) -> LinkEnd {
    let addresses = vec![address.parse().unwrap()];
    LinkEnd::Node { node, interface: InterfaceSpec { name: "eth1".to_string(), mac: None, addresses } }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_others_are_wired_and_ours_again_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let Some((theirs, spec)) = theirs(folder.path(), &["one", "two"], Vec::new()).await else { return };
    let log = folder.path().join("ours.log");
    let sysctls = [("net.ipv4.ip_forward".to_string(), "1".to_string())];
    let mut attached = Vec::new();
    for node in &theirs.nodes {
        attached.push(Attached::enter(node.name(), pid(node).await, &sysctls, &log).await.unwrap());
    }
    let port = |name: &str| LinkEnd::Bridge { bridge: 0, port: name.to_string() };
    let ours = LabSpec {
        mount_point: folder.path().join("ours"),
        bridges: vec![BridgeSpec { name: "segment".to_string(), interfaces: Vec::new() }],
        links: vec![
            LinkSpec { ends: [end(0, "10.0.0.1/24"), port("one")], mtu: None, laid: Laid::Here },
            LinkSpec { ends: [end(1, "10.0.0.2/24"), port("two")], mtu: None, laid: Laid::Here },
        ],
        ..spec
    };
    let lab = Lab::join(ours, attached, None, &log).await.unwrap();
    let one = lab.node("one").unwrap();
    // The agent is in all of the node's namespaces: its file system, its processes, its name.
    assert_eq!(said(one, "hostname; cat /proc/sys/net/ipv4/ip_forward").await, "one\n1\n");
    one.write("/etc/was-here", 0o644, b"yes").await.unwrap();
    assert_eq!(said(&theirs.nodes[0], "cat /etc/was-here").await, "yes");
    assert_eq!(lab.port_of("two", "eth1"), Some(("segment".to_string(), "two".to_string())));
    said(one, "ping -c 1 -w 5 10.0.0.2").await;
    lab.unplug("segment", "two").unwrap();
    let unplugged = one.output(&Command::new(["ping", "-c", "1", "-w", "1", "10.0.0.2"])).await.unwrap();
    assert!(!unplugged.exit.success());
    lab.plug_in("segment", "two").unwrap();
    said(one, "ping -c 1 -w 5 10.0.0.2").await;

    // The lab's end leaves the nodes, without its cables.
    let index =
        said(&theirs.nodes[0], "cat /sys/class/net/eth1/ifindex 2>/dev/null || ip -o link show eth1").await;
    assert!(index.contains("10000"), "beyond what a container has: {index}");
    lab.shutdown().await;
    // The kernel takes a namespace's links away a moment after the namespace (cleanup_net).
    said(&theirs.nodes[0], "for i in $(seq 100); do ip link show eth1 || exit 0; sleep 0.05; done; exit 1")
        .await;
    said(&theirs.nodes[0], "hostname").await;
    theirs.shutdown().await;
}

/// As containerlab leaves them: a cable's one end is in the router, the other one in the patch.
#[tokio::test(flavor = "multi_thread")]
async fn cables_of_others_end_where_the_lab_wants_them() {
    let folder = tempfile::tempdir().unwrap();
    let bare = |node: usize, name: String| LinkEnd::Node {
        node,
        interface: InterfaceSpec { name, mac: None, addresses: Vec::new() },
    };
    let cable = |name: &str| LinkSpec {
        ends: [bare(0, format!("e1-{name}")), bare(2, format!("rp-{name}"))],
        mtu: None,
        laid: Laid::Here,
    };
    let names = ["router", "worker", "patch"];
    let Some((theirs, spec)) = theirs(folder.path(), &names, vec![cable("a"), cable("b")]).await else {
        return;
    };
    let log = folder.path().join("ours.log");
    let mut attached = Vec::new();
    for node in &theirs.nodes {
        attached.push(Attached::enter(node.name(), pid(node).await, &[], &log).await.unwrap());
    }
    let patch = attached.pop();
    let far = |name: &str| bare(0, name.to_string());
    let laid = |name: &str, there: usize| Laid::Patched { there, name: name.to_string() };
    let port = |name: &str| LinkEnd::Bridge { bridge: 0, port: name.to_string() };
    let ours = LabSpec {
        mount_point: folder.path().join("ours"),
        bridges: vec![BridgeSpec { name: "segment".to_string(), interfaces: Vec::new() }],
        nodes: spec.nodes[..2].to_vec(),
        links: vec![
            LinkSpec { ends: [far("e1-a"), end(1, "10.0.0.2/24")], mtu: Some(1400), laid: laid("rp-a", 0) },
            LinkSpec { ends: [port("of-router"), far("e1-b")], mtu: None, laid: laid("rp-b", 1) },
        ],
        ..spec
    };
    let lab = Lab::join(ours, attached, patch, &log).await.unwrap();
    assert_eq!(lab.nodes.len(), 2, "the patch is no node");
    let (router, worker) = (lab.node("router").unwrap(), lab.node("worker").unwrap());
    said(router, "ip address add 10.0.0.1/24 dev e1-a").await;
    said(worker, "ping -c 1 -w 5 10.0.0.1").await;
    assert!(said(worker, "ip -o link show eth1").await.contains("mtu 1400"));
    // A port of a segment, known by its index.
    lab.unplug("segment", "of-router").unwrap();
    lab.plug_in("segment", "of-router").unwrap();
    assert_eq!(lab.port_of("router", "e1-b"), Some(("segment".to_string(), "of-router".to_string())));
    said(
        router,
        "for i in $(seq 100); do ip link show e1-b | grep -q LOWER_UP && exit 0; sleep 0.05; done; exit 1",
    )
    .await;
    assert_eq!(
        said(&theirs.nodes[2], "ip -o link | wc -l").await.trim(),
        "1",
        "nothing but lo is in the patch"
    );
    lab.shutdown().await;
    theirs.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_goes_takes_the_lab_along() {
    let folder = tempfile::tempdir().unwrap();
    let Some((theirs, spec)) = theirs(folder.path(), &["one"], Vec::new()).await else { return };
    let log = folder.path().join("ours.log");
    let attached = Attached::enter("one", pid(&theirs.nodes[0]).await, &[], &log).await.unwrap();
    let ours = LabSpec { mount_point: folder.path().join("ours"), ..spec };
    let lab = Lab::join(ours, vec![attached], None, &log).await.unwrap();
    let died = lab.died();
    theirs.shutdown().await;
    let death = tokio::time::timeout(Duration::from_secs(5), died).await.unwrap();
    assert_eq!(death, Death::Node("one".to_string()));
    lab.shutdown().await;

    let gone = Attached::enter("one", i32::MAX, &[], &log).await.unwrap_err().to_string();
    assert!(gone.contains("cannot enter the namespaces of process"), "{gone}");
}
