//! How long a speaker's configuration of a large cluster takes: `render-bench [NODES PEERS SERVICES]` prints samples for
//! `ci/bench`, `row|tool|value`: milliseconds (medians of 5), and KiB in the row about memory.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::time::Instant;

use routeproof_model::diag::Source;
use routeproof_model::metallb::{self, Mode, NodeInfo, Objects, Release};

const ROUNDS: usize = 5;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse().expect("a number")).collect();
    let [nodes, peers, services] = sizes.try_into().unwrap_or([500, 50, 2000]);
    let source = Source::new("cluster.yaml", cluster(nodes, peers, services));
    let mut objects = Objects::new();
    let read = median(|| {
        objects = Objects::new();
        objects.apply(&source).unwrap();
    });
    let cluster = format!("{nodes} nodes, {peers} peers, {services} Services");
    println!("manifests read: {cluster}|routeproof|{read:.1}");
    let node = NodeInfo { name: "node7".into(), ..NodeInfo::default() };
    for version in ["v0.13.10", "v0.14.9", "v0.16.1"] {
        let release = Release::find(version).unwrap();
        let took = median(|| {
            let rendered = metallb::render(release, Mode::Frr, &objects, &node).unwrap();
            // A node of this rack has sessions, and each tells of every Service that has a pod somewhere.
            assert!(rendered.conf.lines().count() > services, "{} lines", rendered.conf.lines().count());
        });
        println!("frr.conf rendered, MetalLB {version}: {cluster}|routeproof|{took:.1}");
    }
    println!("memory of it: {cluster}|routeproof|{}", peak_kib());
}

fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

/// Racks of 25 nodes with gateways of their own, as large clusters have; each Service has three endpoints.
fn cluster(nodes: usize, peers: usize, services: usize) -> String {
    let racks = nodes.div_ceil(25).max(1);
    let mut out = String::new();
    for i in 0..nodes {
        let rack = i % racks;
        let _ = write!(
            out,
            "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: node{i}\n  labels: {{ rack: r{rack}, zone: z{} }}\n",
            i % 3
        );
    }
    for i in 0..peers {
        let rack = i % racks;
        let _ = write!(
            out,
            "---\napiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {{ name: gw{i}, namespace: metallb-system }}\nspec:\n  \
             myASN: 64513\n  peerASN: 64512\n  peerAddress: 192.168.{i}.5\n  nodeSelectors:\n    - matchLabels: {{ rack: r{rack} }}\n"
        );
    }
    for i in 0..20 {
        let _ = write!(
            out,
            "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {{ name: pool{i}, namespace: metallb-system }}\nspec:\n  \
             addresses: [10.{i}.0.0/20, 'fc00:{i}::/112']\n\
             ---\napiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {{ name: adv{i}, namespace: metallb-system }}\nspec:\n  \
             ipAddressPools: [pool{i}]\n  localPref: {}\n  communities: ['64512:{i}', 'large:64512:2:{i}']\n",
            100 + i
        );
    }
    for i in 0..services {
        let policy = if i % 2 == 0 { "Local" } else { "Cluster" };
        let (namespace, pool) = (i % 40, i % 20);
        let _ = write!(
            out,
            "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: svc{i}\n  namespace: team{namespace}\n  annotations: \
             {{ metallb.universe.tf/address-pool: pool{pool} }}\nspec:\n  type: LoadBalancer\n  externalTrafficPolicy: {policy}\n  \
             ipFamilyPolicy: PreferDualStack\n  selector: {{ app: svc{i} }}\n  ports: [{{ port: 80, protocol: TCP }}]\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: svc{i}-a\n  namespace: team{namespace}\n  \
             labels: {{ kubernetes.io/service-name: svc{i} }}\naddressType: IPv4\nports: [{{ port: 80, protocol: TCP }}]\nendpoints:\n"
        );
        for k in 0..3 {
            let _ = writeln!(
                out,
                "  - {{ addresses: [10.200.{}.{}], nodeName: node{}, conditions: {{ ready: true }} }}",
                i / 80,
                i % 80 * 3 + k + 1,
                (i + k * 37) % nodes.max(1)
            );
        }
    }
    out
}

/// `VmHWM` of proc_pid_status(5).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
