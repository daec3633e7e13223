//! From a planned run to a running lab: roots, links, `exec` lines, monitors, routers, and the cluster nodes' FRR.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{OptionFuture, join_all, try_join_all};
use ipnet::IpNet;
use routeproof_model::check::{self, AddressBook, LostBefore};
use routeproof_model::event::EventKind;
use routeproof_model::fact::KernelEvent;
use routeproof_model::plan::PlannedRun;
use routeproof_model::profile::Router;
use routeproof_model::recording::{HopsWritten, Line, LineRef, Short};
use routeproof_model::topology::{self, Role, Topology};

use super::backing::{Backing, Ground};
use super::cluster::Cluster;
use super::error::RunError;
use super::lab_spec::lab_spec;
use super::node::Node;
use super::perturb;
use super::record::Recorder;
use super::tap::{Tap, Taps};
use super::{exec, gateway, settle};
use crate::cluster::{PLANE, WEBHOOKS};
use crate::event::Events;
use crate::health::Meter;
use crate::lab::{Lab, unless_dead};
use crate::observe::{Monitor, Sockets, now};

/// How long the last questions may take: a daemon that is stopped (SIGSTOP) never answers.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a lab lives and which trees it uses.
#[derive(Debug)]
pub struct BootOptions<'a> {
    /// The run's folder: logs, configurations and observations go there.
    pub folder: &'a Path,
    /// Image name -> root filesystem. Whoever boots sees to it that they stay in the cache.
    pub roots: &'a BTreeMap<String, PathBuf>,
    /// Keep every node's kernel events from before its daemons start, for [`Booted::take_taps`].
    pub tap: bool,
    pub backing: &'a Backing,
}

/// A lab that is up.
#[derive(Debug)]
pub struct Booted {
    pub lab: Lab,
    pub nodes: BTreeMap<String, Node>,
    pub book: AddressBook,
    pub cluster: Cluster,
    pub(super) ground: Ground,
    pub(super) recorder: Recorder,
    pub(super) taps: BTreeMap<String, Tap>,
    /// How the host has been since the boot began.
    pub(super) meter: Meter,
    /// What the nodes' sessions had lost before the last change.
    pub(super) lost_before: BTreeMap<String, LostBefore>,
    /// The lab stays as the steps leave it, for somebody to look at.
    pub(super) leave_faults: bool,
}

impl Booted {
    /// A node by its name or alias.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name).or_else(|| self.nodes.get(self.cluster.name_of(name)?))
    }

    /// Who has which address, with the link-layer addresses of this moment: a new interface has a new one.
    pub fn book_now(&self) -> AddressBook {
        let mut book = self.book.clone();
        for (name, node) in &self.nodes {
            book.set_link_layer(name, link_layer(node));
        }
        book
    }

    /// How often the node's sessions had been lost before the last change.
    pub(super) fn lost_before(&self, node: &str) -> &LostBefore {
        static NEVER: LostBefore = LostBefore::new();
        self.lost_before.get(node).unwrap_or(&NEVER)
    }

    /// Notes how often the sessions of these nodes have been lost, upon a change that `step` is about to make.
    pub(super) async fn note_lost(&mut self, step: usize, nodes: &[String]) {
        for name in nodes {
            // A bgpd that is away by an earlier fault keeps the older note.
            let Some(Ok(sessions)) = OptionFuture::from(self.node(name).map(Node::sessions)).await else {
                continue;
            };
            let lost = sessions.iter().map(|s| (check::counted_as(s), s.connections_dropped));
            let lost: LostBefore = lost.collect();
            self.recorder.write(&Line::LostBefore {
                step,
                node: name.clone(),
                at: now(),
                lost: lost.clone(),
            });
            self.lost_before.insert(name.clone(), lost);
        }
    }

    /// What the kernels of the nodes have done since the boot, if it was asked for. It is collected until it is dropped.
    pub fn take_taps(&mut self) -> BTreeMap<String, Tap> {
        std::mem::take(&mut self.taps)
    }

    /// Collects the logs that are worth keeping, then ends the lab.
    pub async fn shutdown(self) -> Result<(), String> {
        self.cluster.keep_logs(&self.nodes).await;
        for node in self.nodes.values() {
            for (file, kept) in [("/etc/frr/frr.log", "frr.log"), ("/etc/frr/frr.conf", "frr.conf.written")] {
                // Not every node has them; a full disk shows in the report's own error.
                if let Ok(bytes) = node.handle.read(file).await {
                    let _ = std::fs::write(node.folder.join(kept), bytes);
                }
            }
            if let Some(router) = &node.router {
                router.keep_logs(&node.folder).await;
            }
        }
        self.ground.keep_outputs().await;
        let recorded = self.recorder.finish();
        drop(self.nodes);
        self.lab.shutdown().await;
        self.ground.remove().await;
        recorded
    }
}

impl Booted {
    /// Records what every daemon claims now: this is the lab's final state, whatever happens to it afterwards. A daemon
    /// that cannot answer (killed on purpose, or stuck) leaves its last answer.
    pub async fn record_final_state(&self) {
        let ask = async |node: &Node| {
            let _ = node.sessions_in_full(true).await;
            if node.frr.is_some() {
                let _ = node.rib().await;
            }
        };
        let routers = self.nodes.values().filter(|node| node.routes());
        let _ = tokio::time::timeout(PATIENCE, join_all(routers.map(ask))).await;
        self.recorder.write(&Line::FinalState { at: now() });
    }
}

/// Boots the lab of a run. On an error everything that was started is gone.
pub async fn boot(run: &PlannedRun, options: &BootOptions<'_>, events: &Events) -> Result<Booted, RunError> {
    loop {
        // Nobody says stop, so the first answer is a lab or an error.
        if let Some(booted) = boot_unless(std::future::pending(), run, options, events).await? {
            return Ok(booted);
        }
    }
}

/// [`boot`], given up (`None`) when `stop` resolves. Then, too, everything that was started is gone.
pub async fn boot_unless(
    stop: impl Future<Output = ()>,
    run: &PlannedRun,
    options: &BootOptions<'_>,
    events: &Events,
) -> Result<Option<Booted>, RunError> {
    let (start, meter) = (Instant::now(), Meter::start());
    if let Some(programs) = options.backing.programs() {
        Cluster::new(run)?.programs(programs)?;
    }
    let spec = lab_spec(run, options)?;
    let mut ground = Ground::of(options.backing, events)?;
    tokio::pin!(stop);
    let lab = tokio::select! {
        lab = ground.lab(spec, run, options.folder) => lab,
        () = &mut stop => {
            ground.remove().await;
            return Ok(None);
        }
    };
    let lab = match lab {
        Ok(lab) => lab,
        Err(e) => {
            ground.keep_logs(options.folder).await;
            ground.remove().await;
            return Err(e);
        }
    };
    phase(
        events,
        if options.backing.is_containers() { "containers and links" } else { "namespaces, roots and links" },
        start,
    );
    let furnished = tokio::select! {
        furnished = unless_dead(lab.died(), furnish(&lab, &ground, run, options, events)) => {
            furnished.unwrap_or_else(|death| Err(death.into()))
        }
        () = &mut stop => {
            lab.shutdown().await;
            ground.remove().await;
            return Ok(None);
        }
    };
    match furnished {
        Ok(Furnished { nodes, book, cluster, recorder, taps }) => {
            events.send(EventKind::LabReady { duration_us: start.elapsed().as_micros() as u64 });
            Ok(Some(Booted {
                lab,
                nodes,
                book,
                cluster,
                ground,
                recorder,
                taps,
                meter,
                lost_before: BTreeMap::new(),
                leave_faults: false,
            }))
        }
        Err(e) => {
            ground.keep_logs(options.folder).await;
            lab.shutdown().await;
            ground.remove().await;
            Err(e)
        }
    }
}

/// What a lab is filled with once its nodes stand.
struct Furnished {
    nodes: BTreeMap<String, Node>,
    book: AddressBook,
    cluster: Cluster,
    recorder: Recorder,
    taps: BTreeMap<String, Tap>,
}

async fn furnish(
    lab: &Lab,
    ground: &Ground,
    run: &PlannedRun,
    options: &BootOptions<'_>,
    events: &Events,
) -> Result<Furnished, RunError> {
    let topology = &run.topology;
    let since = Instant::now();
    exec::lines(run, lab).await?;
    let since = phase(events, "exec lines", since);
    let recorder = Recorder::create(&options.folder.join("observations.jsonl"))?;
    let mut nodes = monitors(topology, lab, options.folder, &recorder).await?;
    settle::links(&nodes).await;
    let book = address_book(run, &nodes);
    recorder.write(&Line::Addresses { book: book.clone() });
    let taps =
        nodes.iter().filter(|_| options.tap).map(|(name, node)| (name.clone(), node.taps.open())).collect();
    let since = phase(events, "monitors", since);
    let mut cluster = Cluster::new(run)?;
    let since = match (options.backing.programs(), ground.containers()) {
        (Some(programs), _) => {
            let programs = cluster.programs(programs)?;
            cluster.start_programs(lab, programs, options.folder).await?;
            phase(events, "control plane", since)
        }
        (None, Some(containers)) => {
            cluster.install(containers.clone(), run, options.folder, events).await?;
            phase(events, "MetalLB", since)
        }
        (None, None) => since,
    };
    if let Some(perturbation) = &run.perturbation {
        perturb::load(lab, perturbation).await?;
    }
    for stage in perturb::stages(nodes.values_mut(), run.perturbation.as_ref()) {
        try_join_all(stage.into_iter().map(async |node| {
            perturb::late(node, run.perturbation.as_ref()).await;
            match node.role {
                Role::Gateway => gateway::start(node, run).await,
                Role::ClusterNode => cluster.start_frr(node).await,
                Role::Client | Role::Bridge => Ok(()),
            }
        }))
        .await?;
    }
    let since = phase(events, "daemons", since);
    cluster.load_initial(&mut nodes, &run.initial).await?;
    phase(events, "initial manifests", since);
    Ok(Furnished { nodes, book, cluster, recorder, taps })
}

/// Says how long a part of the boot took, and starts the next.
fn phase(events: &Events, name: &str, since: Instant) -> Instant {
    let duration_us = since.elapsed().as_micros() as u64;
    events.send(EventKind::LabPhase { phase: name.to_string(), duration_us });
    Instant::now()
}

async fn monitors(
    topology: &Topology,
    lab: &Lab,
    folder: &Path,
    recorder: &Recorder,
) -> Result<BTreeMap<String, Node>, RunError> {
    let start = async |handle: &crate::lab::NodeHandle| {
        let name = handle.name().to_string();
        let role = topology.node(&name).map_or(Role::Client, |n| n.role);
        let folder = folder.join("nodes").join(&name);
        std::fs::create_dir_all(&folder).map_err(RunError::Record)?;
        let (events, dumps) = (handle.netlink().await?, handle.netlink().await?);
        let (sink, sink_name, taps) = (recorder.clone(), name.clone(), Taps::default());
        let feed = taps.clone();
        let written = Mutex::new(HopsWritten::default());
        let sink = Box::new(move |event: &KernelEvent| {
            record(&sink, &sink_name, &mut written.lock().unwrap_or_else(PoisonError::into_inner), event);
            feed.feed(event);
        });
        let monitor = Monitor::start(Sockets::new(events, dumps), sink).await;
        let monitor = monitor.map_err(|e| RunError::Observe { node: name.clone(), why: e.to_string() })?;
        let node = Node {
            name: name.clone(),
            role,
            handle: handle.clone(),
            monitor,
            frr: None,
            router: None,
            folder,
            recorder: recorder.clone(),
            taps,
            conf: None,
            frontends: Vec::new(),
            reloads: 0,
            changed: None,
            vtys: Default::default(),
            last_sessions: Default::default(),
            last_bfd: Default::default(),
            last_rib: Default::default(),
        };
        Ok::<_, RunError>((name, node))
    };
    let of_topology = lab.nodes.iter().filter(|node| ![PLANE, WEBHOOKS].contains(&node.name()));
    Ok(try_join_all(of_topology.map(start)).await?.into_iter().collect())
}

/// Writes an event, and before it its next hops where they are several and new.
fn record(recorder: &Recorder, node: &str, written: &mut HopsWritten, event: &KernelEvent) {
    match written.shorten(event) {
        None => recorder.write(&LineRef::Kernel { node, event }),
        Some(Short { event, hops, new }) => {
            if let Some(set) = new {
                recorder.write(&LineRef::NextHops { node, number: hops, hops: set });
            }
            recorder.write(&LineRef::KernelBy { node, hops, event: &event });
        }
    }
}

/// Every address that some interface has, link-local ones included: the kernel names gateways by them.
fn address_book(run: &PlannedRun, nodes: &BTreeMap<String, Node>) -> AddressBook {
    let topology = &run.topology;
    let mut book = AddressBook::default();
    for node in &topology.nodes {
        if let Some(alias) = &node.alias {
            book.alias(alias, &node.name);
        }
    }
    for link in &topology.links {
        let [a, b] = &link.endpoints;
        for (one, other) in [(a, b), (b, a)] {
            book.link(&topology.nodes[one.node].name, &one.interface, &topology.nodes[other.node].name);
        }
    }
    for (name, node) in nodes {
        let mut addresses: Vec<IpAddr> =
            node.monitor.with_state(|s| s.addresses().map(|a| a.address.addr()).collect());
        // Its kernel may not know of them.
        if run.routers.get(name).is_some_and(Router::configures_addresses) {
            addresses.extend(topology.networks_of(name).iter().map(IpNet::addr));
        }
        for address in addresses.into_iter().filter(|a| !a.is_loopback()) {
            book.insert(address, name);
        }
        book.set_link_layer(name, link_layer(node));
        if topology.node(name).is_some_and(is_proxy) {
            book.proxy(name);
        }
    }
    book
}

fn link_layer(node: &Node) -> Vec<String> {
    node.monitor.with_state(|s| s.links().filter_map(|link| link.mac.clone()).collect())
}

/// Whether the topology has the node answer for addresses of others: by a sysctl (`proxy_arp`, `proxy_ndp`) or an `exec`
/// line (`ip neigh add proxy`).
fn is_proxy(node: &topology::Node) -> bool {
    let by_sysctl = node.sysctls.iter().any(|(key, value)| key.contains("proxy_") && value != "0");
    by_sysctl || node.exec.iter().flatten().any(|word| word.contains("proxy"))
}
