//! The containers of one lab: they come up, become its nodes, and go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::{join_all, try_join_all, try_join3};
use ipnet::IpNet;
use routeproof_model::plan::PlannedRun;
use routeproof_model::real::{self, Image, LabName, Member, MemberRole, PlannedCluster, container_image};
use routeproof_model::topology::{self, Role};
use routeproof_model::yaml;
use serde_json::Value;

use super::clab::Clab;
use super::docker::{Docker, Running};
use super::error::ContainerError;
use super::kind::Kind;
use super::processes::{NetNs, Program, started};
use super::settings::Settings;
use crate::lab::{Attached, Command};
use crate::wait::{self, Probe};

/// What the lab calls the node that the API server runs on. No topology can have one of this name.
const CONTROL_PLANE: &str = ".control-plane";

/// Likewise the container in which containerlab leaves the cables of its routers.
const PATCH: &str = ".patch";

/// What a router's container has printed, beside the logs of its node.
const OUTPUT: &str = "container.log";

/// How long a pod's program may take to come up once Kubernetes calls the pod ready.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(200);

/// A lab's containers, by its name.
#[derive(Debug)]
pub(crate) struct Containers {
    docker: Docker,
    lab: LabName,
    settings: Settings,
    /// Routers and clients. Their clean-up is [`Containers::remove`]'s.
    running: Mutex<Vec<Running>>,
    members: Vec<Member>,
    /// Of each node of the cluster, by its name in the topology.
    pids: BTreeMap<String, i32>,
    own_pod_network: bool,
    /// Where containerlab's topology is, once it is asked to make something, and its routers.
    deployed: Option<(PathBuf, Vec<String>)>,
}

/// Agents in what was started.
#[derive(Debug)]
pub(crate) struct Started {
    /// Of the topology's nodes, in its order.
    pub nodes: Vec<Attached>,
    pub patch: Option<Attached>,
}

impl Containers {
    /// No container yet.
    pub fn new(settings: &Settings) -> Result<Containers, ContainerError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let pid = std::process::id();
        let lab = LabName {
            pid,
            started: started(pid as i32).unwrap_or_default(),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
        };
        Ok(Containers {
            docker: Docker::connect()?,
            lab,
            settings: settings.clone(),
            running: Mutex::default(),
            members: Vec::new(),
            pids: BTreeMap::new(),
            own_pod_network: false,
            deployed: None,
        })
    }

    /// The image that a container of this lab gets for one of a topology or a manifest.
    pub fn image(&self, node: &str, written: &str) -> Result<Image, ContainerError> {
        container_image(written, self.settings.registry.as_deref())
            .map_err(|source| ContainerError::Image { node: node.to_string(), source })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts the cluster and the routers, side by side. `sysctls` are what each node gets whose programs are ours.
    pub async fn start(
        &mut self,
        run: &PlannedRun,
        sysctls: impl Fn(&topology::Node) -> Vec<(String, String)>,
        folder: &Path,
    ) -> Result<Started, ContainerError> {
        let (config, image) = self.plan_cluster(run)?;
        let theirs: BTreeSet<&str> = real::theirs(run).map(|(node, _)| node).collect();
        let routers = theirs.iter().map(|node| node.to_string()).collect();
        self.deployed = (!theirs.is_empty()).then(|| (folder.to_path_buf(), routers));
        let nodes = || run.topology.nodes.iter().filter(|node| node.role != Role::Bridge);
        let ours = |node: &&topology::Node| !theirs.contains(node.name.as_str());
        let routers = nodes().filter(|node| node.role != Role::ClusterNode).filter(ours);
        let start = async |node: &topology::Node| self.start_one(&node.name, &run.images[&node.name]).await;
        let kind = Kind { lab: self.lab, folder };
        let (started, (), deployed) = try_join3(
            try_join_all(routers.map(start)),
            kind.create(&config, image.as_ref()),
            self.deploy(run, folder),
        )
        .await?;
        let mut pids: BTreeMap<String, i32> = started.into_iter().collect();
        let patch = deployed.map(|(patch, theirs)| {
            pids.extend(theirs);
            patch
        });
        for member in &self.members {
            let gone =
                || ContainerError::Ended { name: member.container.clone(), image: "kind's node".to_string() };
            let pid = self.docker.pid(&member.container).await?.ok_or_else(gone)?;
            NetNs::of(&member.container, pid)?;
            self.pids.insert(member.name.clone(), pid);
        }
        pids.extend(self.pids.clone());
        let log = folder.join("lab.log");
        let nodes = try_join_all(nodes().map(async |node| {
            let pid = pids.get(&node.name).copied().ok_or_else(|| self.no_such_node(&node.name))?;
            let sysctls = if ours(&node) { sysctls(node) } else { Vec::new() };
            Ok::<_, ContainerError>(Attached::enter(&node.name, pid, &sysctls, &log).await?)
        }))
        .await?;
        let patch = match patch {
            Some(pid) => Some(Attached::enter(PATCH, pid, &[], &log).await?),
            None => None,
        };
        Ok(Started { nodes, patch })
    }

    /// Starts a container of an image that a topology names. Gives its first process.
    async fn start_one(&self, node: &str, image: &str) -> Result<(String, i32), ContainerError> {
        let running = self.docker.start(&self.lab, node, &self.image(node, image)?).await?;
        let pid = running.pid;
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        Ok((node.to_string(), pid))
    }

    /// Has containerlab start the routers of its own kinds. Gives the first processes of the patch and of each router.
    async fn deploy(
        &self,
        run: &PlannedRun,
        folder: &Path,
    ) -> Result<Option<(i32, Vec<(String, i32)>)>, ContainerError> {
        let lab = self.lab.of_containerlab();
        let images = real::theirs(run)
            .map(|(node, _)| Ok((node.to_string(), self.image(node, &run.images[node])?.to_string())));
        let images = images.collect::<Result<BTreeMap<_, _>, ContainerError>>()?;
        let patch = format!("{}-{PATCH}", self.lab);
        let Some(deployment) = real::deployment(run, &lab.to_string(), &patch, &images)? else {
            return Ok(None);
        };
        // Any image that is needed anyway will do.
        let member = run.topology.nodes.iter().find(|node| node.role == Role::ClusterNode);
        let image = member.map(|node| run.images[&node.name].as_str()).unwrap_or_default();
        let (_, patch) = self.start_one(PATCH, image).await?;
        Clab { folder }.deploy(&deployment).await?;
        let pids = images.iter().map(async |(node, image)| {
            let name = format!("{lab}-{node}");
            let gone = || ContainerError::Ended { name: name.clone(), image: image.clone() };
            Ok::<_, ContainerError>((node.clone(), self.docker.pid(&name).await?.ok_or_else(gone)?))
        });
        let pids = try_join_all(pids).await?;
        Ok(Some((patch, pids)))
    }

    /// Says what kind is to make, and checks that it has the topology's nodes.
    fn plan_cluster(&mut self, run: &PlannedRun) -> Result<(Value, Option<Image>), ContainerError> {
        let [cluster] = run.topology.clusters.as_slice() else {
            return Err(ContainerError::Clusters(run.topology.clusters.len()));
        };
        let lab = self.lab.to_string();
        let planned = PlannedCluster {
            name: &cluster.name,
            container: &lab,
            written: cluster.startup_config.as_deref().map(document).transpose()?,
            patch: self.settings.kind_patch.as_deref().map(document).transpose()?,
        };
        let (config, members, own_network) = real::config(&planned);
        (self.members, self.own_pod_network) = (members, own_network);
        for node in run.topology.nodes.iter().filter(|node| node.role == Role::ClusterNode) {
            if !self.members.iter().any(|member| member.name == node.name) {
                return Err(self.no_such_node(&node.name));
            }
        }
        let image = self.settings.node_image.as_ref().or(cluster.image.as_ref());
        let image = image.map(|written| match self.settings.node_image {
            // Said for this run: nothing is to be taken from elsewhere.
            Some(_) => self.image_of_user(written),
            None => self.image(&cluster.name, written),
        });
        Ok((config, image.transpose()?))
    }

    fn image_of_user(&self, written: &str) -> Result<Image, ContainerError> {
        container_image(written, None)
            .map_err(|source| ContainerError::Image { node: "(cluster)".to_string(), source })
    }

    fn no_such_node(&self, node: &str) -> ContainerError {
        let made = self.members.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
        ContainerError::NoSuchNode { node: node.to_string(), made }
    }

    /// An agent on the node with the API server.
    pub async fn control_plane(&self, folder: &Path) -> Result<Attached, ContainerError> {
        let member = self.members.iter().find(|m| m.role == MemberRole::ControlPlane);
        let pid = member.and_then(|m| self.pids.get(&m.name)).copied();
        let pid = pid.ok_or_else(|| self.no_such_node("of the control plane"))?;
        Ok(Attached::enter(CONTROL_PLANE, pid, &[], &folder.join("lab.log")).await?)
    }

    /// Copies those of the images into the cluster's nodes that this engine has; its nodes pull the others themselves.
    pub async fn load(&self, images: &[Image], folder: &Path) -> Result<(), ContainerError> {
        let mut here = Vec::new();
        for image in images {
            if self.docker.has(image).await? {
                here.push(image.clone());
            }
        }
        match here.is_empty() {
            true => Ok(()),
            false => Kind { lab: self.lab, folder }.load(&here).await,
        }
    }

    /// Whether pods need a network from us: kind's own is turned off.
    pub fn needs_pod_network(&self) -> bool {
        self.own_pod_network
    }

    /// The names of the cluster's nodes, in Kubernetes.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Lays the network of pods: `ranges` are the addresses of each node's pods, by the node's name.
    pub async fn pod_network(
        &self,
        ranges: &BTreeMap<String, (Vec<IpNet>, Vec<IpAddr>)>,
        folder: &Path,
    ) -> Result<(), ContainerError> {
        try_join_all(self.pids.iter().map(async |(name, pid)| {
            let agent = Attached::enter(name, *pid, &[], &folder.join("lab.log")).await?;
            let others = ranges.iter().filter(|(other, _)| *other != name).map(|(_, range)| range.clone());
            for argv in real::pod_routes(&others.collect::<Vec<_>>()) {
                let command = Command::new(argv);
                let output = agent.handle.output(&command).await?;
                if !output.exit.success() {
                    return Err(ContainerError::Failed {
                        command: command.line(),
                        exit: output.exit.to_string(),
                        said: output.stderr.trim().to_string(),
                        log: name.clone(),
                    });
                }
            }
            let own = ranges.get(name).map(|(ranges, _)| ranges.as_slice()).unwrap_or_default();
            let conflist = format!("{:#}\n", real::conflist(own));
            Ok(agent
                .handle
                .write("/etc/cni/net.d/10-routeproof.conflist", 0o644, conflist.as_bytes())
                .await?)
        }))
        .await
        .map(drop)
    }

    /// The newest process of that name in a node's network namespace, which is not one of `old`, and an agent in its namespaces.
    pub async fn enter_pod(
        &self,
        node: &str,
        comm: &str,
        old: Option<Program>,
        folder: &Path,
    ) -> Result<(Program, Attached), ContainerError> {
        let pid = self.pids.get(node).copied().ok_or_else(|| self.no_such_node(node))?;
        let netns = NetNs::of(node, pid)?;
        let look = || async {
            // The oldest of those that are new: what it starts itself may have its name.
            match Program::all(netns, comm).into_iter().find(|p| old.is_none_or(|old| p.is_newer_than(&old)))
            {
                Some(program) => Probe::Done(program),
                None => Probe::NotYet(format!("there is none on {node}")),
            }
        };
        let what = format!("a process {comm} of a pod on {node}");
        let program = wait::until(&what, PATIENCE, LOOK, look, wait::no_events).await?;
        Ok((program, Attached::enter(node, program.pid, &[], &folder.join("lab.log")).await?))
    }

    /// Keeps what the containers of containerlab's routers have printed.
    pub async fn keep_outputs(&self) {
        let Some((folder, routers)) = &self.deployed else { return };
        join_all(routers.iter().map(async |router| {
            let output = self.docker.output(&format!("{}-{router}", self.lab.of_containerlab())).await;
            let folder = folder.join("nodes").join(router);
            // A full disk shows in the report's own error.
            let _ =
                std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(OUTPUT), output));
        }))
        .await;
    }

    /// What nodes have logged, for people: the lab did not come up.
    pub async fn export_logs(&self, folder: &Path) {
        self.keep_outputs().await;
        Kind { lab: self.lab, folder }.export_logs().await;
    }

    /// Removes everything that has the lab's name.
    pub async fn remove(&self) -> Result<(), ContainerError> {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let destroyed = match &self.deployed {
            Some((folder, _)) => Clab { folder }.destroy().await,
            None => Ok(()),
        };
        join_all(running.into_iter().map(Running::remove)).await;
        if self.deployed.is_some() {
            self.docker.remove(&self.lab.of_containerlab()).await?;
        }
        self.docker.remove(&self.lab).await?;
        destroyed
    }
}

/// The one document of a YAML file of the user's.
fn document(path: &Path) -> Result<Value, ContainerError> {
    let bytes = std::fs::read(path).map_err(|source| ContainerError::read(path, source))?;
    let source = routeproof_model::diag::Source::from_bytes(path, bytes);
    let parsed = source.and_then(|source| yaml::parse::<Value>(&source));
    parsed.map_err(|e| ContainerError::Written { path: path.display().to_string(), why: e.to_string() })
}
