//! MetalLB on a kind cluster: its speakers, or frr-k8s, write their nodes' frr.conf and its reloaders reload FRR. Nothing here reloads; it is
//! told by the files that both leave in the reloader's container when a change has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::future::{join_all, try_join_all};
use routeproof_model::cluster::first_difference;
use routeproof_model::frr::rejections;
use routeproof_model::metallb::{Generation, Mode, Release};
use routeproof_model::plan::PlannedRun;
use routeproof_model::real::{container_image, images_of, metallb, metallb_image};
use routeproof_model::topology::Role;
use serde_json::Value;

use super::error::RunError;
use super::gate::{gate, save};
use super::node::{LastChange, Node};
use super::population::Population;
use crate::cluster::{Client, RealCluster, debounce, read_manifest};
use crate::containers::{Containers, Program};
use crate::event::Events;
use crate::frr::Frr;
use crate::lab::Attached;
use crate::wait;

/// The script of MetalLB's reloader: its container has FRR's sockets, and the files below.
const RELOADER: &str = "frr-reloader.sh";
/// What a speaker or frr-k8s writes, and what the reloader says of it when it is done.
const CONF: &str = "/etc/frr_reloader/frr.conf";
const STATUS: &str = "/etc/frr_reloader/.status";
/// What a reload runs.
const PYTHON: &str = "python3";

/// How long speaker and reloader may take over a change that we expect.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

const LOG_LINES: i64 = 400;

/// MetalLB on the cluster of a lab.
#[derive(Debug)]
pub(super) struct KindCluster {
    containers: Arc<Containers>,
    real: RealCluster,
    pub population: Population,
    pods: BTreeMap<String, Pod>,
    debounce: Duration,
    folder: PathBuf,
}

/// Where a node's FRR is.
#[derive(Debug)]
struct Pod {
    program: Program,
    agent: Attached,
    /// What we would have rendered last.
    rendered: Option<String>,
    /// When the file was written that is known to run.
    applied: Option<SystemTime>,
}

/// How far a change is.
struct Written {
    conf: Option<(SystemTime, String)>,
    status: Option<(SystemTime, String)>,
    busy: bool,
}

impl KindCluster {
    /// Installs MetalLB; no speaker runs yet.
    pub async fn install(
        containers: Arc<Containers>,
        run: &PlannedRun,
        (release, mode): (&Release, Mode),
        folder: &Path,
        events: &Events,
    ) -> Result<KindCluster, RunError> {
        let real = RealCluster::connect(containers.control_plane(folder).await?).await?;
        let documents = manifest(&containers, release.version, mode, events).await?;
        let frr = members(run).next().map(|(node, image)| containers.image(node, image)).transpose()?;
        let registry = containers.settings().registry.clone();
        let image = |written: &str| -> String {
            let Ok(image) = metallb_image(written, release.version, registry.as_deref()) else {
                return written.to_string();
            };
            let image = if image.is_frr() { frr.as_ref().unwrap_or(&image) } else { &image };
            image.to_string()
        };
        let running = metallb(documents.clone(), &image, false);
        let images = images_of(&running);
        let images = images.iter().filter_map(|name| container_image(name, None).ok()).collect::<Vec<_>>();
        let mut cluster = KindCluster {
            containers,
            real,
            population: Population::default(),
            pods: BTreeMap::new(),
            debounce: debounce(mode),
            folder: folder.to_path_buf(),
        };
        let network = async {
            if cluster.containers.needs_pod_network() {
                let ranges = cluster.real.pod_ranges(cluster.containers.members()).await?;
                cluster.containers.pod_network(&ranges, folder).await?;
            }
            Ok::<_, RunError>(cluster.real.nodes_ready(cluster.containers.members()).await?)
        };
        let load = async { Ok(cluster.containers.load(&images, folder).await?) };
        tokio::try_join!(network, load)?;
        cluster.real.install(&metallb(documents, &image, true), &running).await?;
        Ok(cluster)
    }

    pub fn client(&self) -> &Client {
        &self.real.client
    }

    /// Applies a manifest's objects. Gives what is worth knowing.
    pub async fn apply(&self, documents: Vec<Value>) -> Result<Option<String>, RunError> {
        let in_vain = self.real.apply(documents).await?;
        Ok((in_vain > 0)
            .then(|| format!("MetalLB's webhook did not answer at first: tried again {in_vain} times")))
    }

    /// Starts the speakers and FRR, and gets hold of the latter.
    pub async fn start_speakers(&mut self, nodes: &mut BTreeMap<String, Node>) -> Result<(), RunError> {
        self.real.start_speakers().await?;
        for node in nodes.values_mut().filter(|node| node.role == Role::ClusterNode) {
            self.enter(node, None).await?;
        }
        Ok(())
    }

    async fn enter(&mut self, node: &mut Node, old: Option<Program>) -> Result<(), RunError> {
        let (program, agent) = self.containers.enter_pod(&node.name, RELOADER, old, &self.folder).await?;
        node.vtys.lock().await.clear();
        node.frr = Some(Frr::attach(&agent.handle).await?);
        self.pods.insert(node.name.clone(), Pod { program, agent, rendered: None, applied: None });
        Ok(())
    }

    /// Waits until every node runs what its speaker makes of the objects. `rendered` is what we would make of them, which says how long to
    /// wait, and no more.
    pub async fn converge(
        &mut self,
        nodes: &mut BTreeMap<String, Node>,
        rendered: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, RunError> {
        let mut pods = std::mem::take(&mut self.pods);
        let this = &*self;
        let work = nodes.values_mut().filter_map(|node| {
            let mut pod = pods.remove(&node.name)?;
            let ours = rendered.get(&node.name).cloned().unwrap_or_default();
            Some(async move {
                let notes = this.follow(node, &mut pod, ours).await?;
                Ok::<_, RunError>((node.name.clone(), pod, notes))
            })
        });
        let mut notes = Vec::new();
        for (name, pod, of_node) in try_join_all(work).await? {
            self.pods.insert(name, pod);
            notes.extend(of_node);
        }
        Ok(notes)
    }

    /// Restarts the pod with a node's FRR, which starts empty: the speaker's or, in mode frr-k8s, frr-k8s's.
    pub async fn restart(&mut self, node: &mut Node) -> Result<Vec<String>, RunError> {
        let Some(Pod { program, rendered, .. }) = self.pods.remove(&node.name) else { return Ok(Vec::new()) };
        self.real.restart_frr(&node.name).await?;
        self.enter(node, Some(program)).await?;
        match (self.pods.remove(&node.name), rendered) {
            (Some(mut pod), Some(ours)) => {
                let notes = self.follow(node, &mut pod, ours).await;
                self.pods.insert(node.name.clone(), pod);
                notes
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn follow(&self, node: &mut Node, pod: &mut Pod, ours: String) -> Result<Vec<String>, RunError> {
        let changes = pod.rendered.as_ref() != Some(&ours);
        let sessions_before = node.sessions().await?;
        let mut due = Instant::now() + if changes { PATIENCE } else { self.debounce };
        let mut seen = pod.applied;
        let last = loop {
            let written = pod.look().await?;
            let expected =
                written.conf.as_ref().is_some_and(|(_, conf)| first_difference(conf, &ours).is_none());
            if (changes && expected && written.is_done()) || Instant::now() >= due {
                break written;
            }
            // Not what we expect, but something: nothing more comes after a debounce.
            let at = written.conf.as_ref().map(|(at, _)| *at).filter(|_| written.is_done());
            if at.is_some() && at != seen {
                (seen, due) = (at, Instant::now() + self.debounce);
            }
            wait::elapse(LOOK).await;
        };
        pod.rendered = Some(ours.clone());
        let Some((at, conf)) = last.conf else {
            return Ok(vec![format!("{}: MetalLB has written no frr.conf", node.name)]);
        };
        if last.status.as_ref().is_some_and(|(_, status)| status.ends_with("failure")) {
            return Err(self.refusal(node, &conf).await);
        }
        let mut notes = Vec::new();
        if pod.applied != Some(at) {
            node.reloads += 1;
            save(node, &format!("frr.conf.{:02}", node.reloads), &conf);
            node.changed = Some(LastChange { at: Instant::now(), sessions_before });
            notes.extend(gate(node, &conf, &[], true).await?);
            pod.applied = Some(at);
            node.conf = Some(conf.clone());
        }
        if let Some(difference) = first_difference(&conf, &ours) {
            notes.push(format!(
                "{}: MetalLB wrote another frr.conf than routeproof renders: {difference}",
                node.name
            ));
        }
        Ok(notes)
    }

    /// Why the reloader has failed, in FRR's words.
    async fn refusal(&self, node: &Node, conf: &str) -> RunError {
        let log = self.real.reloader_log(&node.name, LOG_LINES).await;
        save(node, "frr.conf.refused", conf);
        save(node, "reloader.log", &log);
        let what = match rejections(&log).last() {
            Some(r) => format!("FRR rejects `{}`: {}", r.line.trim(), r.reason),
            None => format!("MetalLB's reloader failed; see {}", node.folder.display()),
        };
        RunError::Config { node: node.name.clone(), what, hints: Vec::new() }
    }

    /// An error if a pod with FRR was restarted by somebody else.
    pub fn check(&self) -> Result<(), RunError> {
        let dead = self.pods.iter().find(|(_, pod)| !pod.program.is_alive());
        match dead {
            None => Ok(()),
            Some((node, _)) => Err(RunError::Observe {
                node: node.clone(),
                why: format!("{RELOADER} of its FRR's pod has ended, which no step asked for"),
            }),
        }
    }

    /// Keeps what MetalLB's containers on the nodes have printed.
    pub async fn keep_logs(&self, nodes: &BTreeMap<String, Node>) {
        let members = nodes.values().filter(|node| self.pods.contains_key(&node.name));
        join_all(members.map(async |node| {
            for (container, log) in self.real.logs(&node.name, LOG_LINES).await {
                save(node, &format!("{container}.log"), &log);
            }
        }))
        .await;
    }
}

impl Pod {
    async fn look(&self) -> Result<Written, RunError> {
        let agent = &self.agent.handle;
        let file = async |path: &str| {
            // The time first: what is written in between shows as older than it is, and is looked at again.
            let at = agent.modified(path).await.ok()?;
            let bytes = agent.read(path).await.ok()?;
            Some((at, String::from_utf8_lossy(&bytes).into_owned()))
        };
        let (conf, status) = (file(CONF).await, file(STATUS).await);
        let mut busy = false;
        for pid in agent.list("/proc").await?.iter().filter(|name| name.parse::<u32>().is_ok()) {
            // One that has just ended cannot be read.
            let comm = agent.read(&format!("/proc/{pid}/comm")).await.unwrap_or_default();
            busy |= comm.starts_with(PYTHON.as_bytes());
        }
        Ok(Written { conf, status, busy })
    }
}

impl Written {
    /// The reloader has spoken of this file, and does nothing more.
    fn is_done(&self) -> bool {
        match (&self.conf, &self.status) {
            (Some((written, _)), Some((told, _))) => told >= written && !self.busy,
            _ => false,
        }
    }
}

/// An error if a run cannot be on a kind cluster, which is known before anything is started.
pub(super) fn check(run: &PlannedRun) -> Result<(), RunError> {
    let missing = |capability: &str, detail: String| {
        Err(RunError::Missing { capability: capability.to_string(), detail })
    };
    if Release::find(&run.metallb.version).is_ok_and(|r| r.generation < Generation::V0_13_0) {
        let why = "its manifest has PodSecurityPolicies, which Kubernetes has no more since v1.25";
        let detail = format!("MetalLB {} cannot be installed on a kind cluster: {why}", run.metallb.version);
        return missing("kind-release", detail);
    }
    let images: BTreeSet<&String> = members(run).map(|(_, image)| image).collect();
    match images.len() {
        0 | 1 => Ok(()),
        _ => {
            let detail = "the nodes of a kind cluster have one FRR, for MetalLB's DaemonSet has one image";
            missing("kind-images", detail.to_string())
        }
    }
}

/// The nodes of the cluster, and the FRR that each is to have.
fn members(run: &PlannedRun) -> impl Iterator<Item = (&str, &String)> {
    let nodes = run.topology.nodes.iter().filter(|node| node.role == Role::ClusterNode);
    nodes.map(|node| (node.name.as_str(), &run.images[&node.name]))
}

/// The release's own manifest: a file that is here, or MetalLB's repository.
async fn manifest(
    containers: &Containers,
    version: &str,
    mode: Mode,
    events: &Events,
) -> Result<Vec<Value>, RunError> {
    let path = containers.settings().manifest(version, mode, &|text| events.warn(text)).await?;
    Ok(read_manifest(&path)?)
}
