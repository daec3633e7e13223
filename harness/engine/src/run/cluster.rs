//! The Kubernetes side of a lab: objects, MetalLB's rendering for each node (ours, or that of real speakers), and reloads that are
//! gated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures::future::try_join_all;
use routeproof_model::diag::Source;
use routeproof_model::metallb::lint::FrrVersion;
use routeproof_model::metallb::{self, Frontend, Mode, NodeInfo, Objects, Release};
use routeproof_model::plan::PlannedRun;
use routeproof_model::topology::Role;
use routeproof_model::yaml;
use serde_json::Value;

use super::error::RunError;
use super::kind::KindCluster;
use super::load::read;
use super::node::{LastChange, Node};
use super::population::allocate;
use super::proxy::proxy;
use super::rehearse::node_infos;
use super::reload::{cold_load, gated_reload, restart};
use super::speakers::Speakers;
use crate::cluster::{Client, ProgramSet, Programs};
use crate::containers::Containers;
use crate::event::Events;
use crate::frr::{DaemonSpec, Frr};
use crate::lab::Lab;

/// A release, and how it runs FRR.
#[derive(Clone, Copy, Debug)]
struct Installed {
    release: &'static Release,
    mode: Mode,
}

/// The cluster of one lab.
#[derive(Debug)]
pub struct Cluster {
    objects: Objects,
    installed: Installed,
    /// Node name -> what MetalLB knows of it.
    nodes: BTreeMap<String, NodeInfo>,
    aliases: BTreeMap<String, String>,
    /// Node name -> its FRR, where its image's name tells.
    frr: BTreeMap<String, FrrVersion>,
    control: Control,
}

/// Who makes FRR's configurations of the objects.
#[derive(Debug)]
enum Control {
    /// We do.
    Rendered,
    /// MetalLB's programs, as processes of the lab.
    Speakers(Box<Speakers>),
    /// MetalLB on a kind cluster.
    Kind(Box<KindCluster>),
}

impl Cluster {
    pub fn new(run: &PlannedRun) -> Result<Cluster, RunError> {
        let release = Release::find(&run.metallb.version).map_err(|e| RunError::Config {
            node: "(cluster)".to_string(),
            what: e.to_string(),
            hints: Vec::new(),
        })?;
        let aliases = run.topology.nodes.iter().filter_map(|n| Some((n.alias.clone()?, n.name.clone())));
        Ok(Cluster {
            objects: Objects::of(release),
            installed: Installed { release, mode: run.metallb.mode },
            nodes: node_infos(run).map(|info| (info.name.clone(), info)).collect(),
            aliases: aliases.collect(),
            frr: run.images.iter().filter_map(|(n, i)| Some((n.clone(), FrrVersion::parse(i)?))).collect(),
            control: Control::Rendered,
        })
    }

    /// The programs that its release needs.
    ///
    /// # Errors
    /// [`RunError::Missing`].
    pub fn programs(&self, programs: &Programs) -> Result<ProgramSet, RunError> {
        Ok(programs.open(self.installed.release, self.installed.mode)?)
    }

    /// Starts the programs of a real control plane; [`Cluster::load_initial`] starts the speakers.
    pub async fn start_programs(
        &mut self,
        lab: &Lab,
        programs: ProgramSet,
        folder: &Path,
    ) -> Result<(), RunError> {
        let speakers = Speakers::start(lab, programs, self.nodes.values(), folder).await?;
        self.control = Control::Speakers(Box::new(speakers));
        Ok(())
    }

    /// Installs MetalLB on the kind cluster of containers; [`Cluster::load_initial`] starts the speakers.
    pub(super) async fn install(
        &mut self,
        containers: Arc<Containers>,
        run: &PlannedRun,
        folder: &Path,
        events: &Events,
    ) -> Result<(), RunError> {
        let installed = (self.installed.release, self.installed.mode);
        let kind = KindCluster::install(containers, run, installed, folder, events).await?;
        self.control = Control::Kind(Box::new(kind));
        Ok(())
    }

    /// Each address and port of a Service, with the pods behind it, as the manifests so far say.
    pub fn frontends(&self) -> Vec<Frontend> {
        metallb::frontends(&self.objects)
    }

    pub fn name_of(&self, alias: &str) -> Option<&String> {
        self.aliases.get(alias)
    }

    /// Starts the FRR container's daemons on a cluster node, empty as the speaker finds them.
    pub async fn start_frr(&self, node: &mut Node) -> Result<(), RunError> {
        if let Control::Kind(_) = self.control {
            // Its speaker's pod brings it along.
            return Ok(());
        }
        let frr = self.frr.get(&node.name).copied();
        let startup = metallb::startup(self.installed.release, self.installed.mode, frr);
        node.handle.write("/etc/frr/vtysh.conf", 0o644, startup.vtysh_conf.as_bytes()).await?;
        node.handle.write("/etc/frr/frr.conf", 0o640, startup.conf.as_bytes()).await?;
        let available = node.handle.list("/usr/lib/frr").await?;
        let mut specs: Vec<DaemonSpec> = Vec::new();
        // The FRR under test may be newer than the release's own: mgmtd is part of it from FRR 9 on.
        if available.iter().any(|a| a == "mgmtd") {
            specs.push(DaemonSpec { name: "mgmtd".to_string(), args: Vec::new() });
        }
        let listed = startup.daemons.iter().filter(|d| d.name != "mgmtd");
        specs.extend(listed.map(|d| DaemonSpec {
            name: d.name.to_string(),
            args: d.options.iter().map(ToString::to_string).collect(),
        }));
        node.frr = Some(Frr::start(&node.handle, &specs, &node.folder).await?);
        Ok(())
    }

    /// Takes in objects that exist before the speakers start, and loads what results into the fresh daemons at once.
    pub async fn load_initial(
        &mut self,
        nodes: &mut BTreeMap<String, Node>,
        manifests: &[PathBuf],
    ) -> Result<(), RunError> {
        match &self.control {
            Control::Rendered => {}
            // Real FRR containers start empty, too, and get their first file by a reload.
            Control::Speakers(_) => return self.apply(nodes, manifests).await.map(drop),
            Control::Kind(_) => {
                self.take_in(manifests).await?;
                if let Control::Kind(kind) = &mut self.control {
                    kind.start_speakers(nodes).await?;
                }
                return self.converge(nodes).await.map(drop);
            }
        }
        if manifests.is_empty() {
            return Ok(());
        }
        for manifest in manifests {
            self.objects.apply(&read(manifest)?)?;
        }
        let (objects, installed, infos) = (&self.objects, self.installed, &self.nodes);
        let frontends = metallb::frontends(objects);
        let members = nodes.values_mut().filter(|n| n.role == Role::ClusterNode);
        try_join_all(members.map(async |node| {
            let conf = rendered(objects, installed, infos, node)?.conf;
            proxy(node, &frontends).await?;
            cold_load(node, conf).await
        }))
        .await
        .map(|_| ())
    }

    /// Applies manifests and reloads every node whose file changed. Gives what is worth knowing.
    pub async fn apply(
        &mut self,
        nodes: &mut BTreeMap<String, Node>,
        manifests: &[PathBuf],
    ) -> Result<Vec<String>, RunError> {
        let mut notes = self.take_in(manifests).await?;
        notes.extend(self.converge(nodes).await?);
        Ok(notes)
    }

    /// Tells everybody of the objects of manifests.
    async fn take_in(&mut self, manifests: &[PathBuf]) -> Result<Vec<String>, RunError> {
        let mut notes = Vec::new();
        for manifest in manifests {
            let source = read(manifest)?;
            self.objects.apply(&source)?;
            match &self.control {
                Control::Rendered => {}
                Control::Speakers(speakers) => speakers.apply(documents(&source)?).await?,
                Control::Kind(kind) => notes.extend(kind.apply(documents(&source)?).await?),
            }
        }
        Ok(notes)
    }

    /// What asks the API server, where there is one.
    fn client(&self) -> Option<&Client> {
        match &self.control {
            Control::Rendered => None,
            Control::Speakers(speakers) => Some(speakers.client()),
            Control::Kind(kind) => Some(kind.client()),
        }
    }

    /// Deletes manifests' objects, likewise.
    pub async fn delete(
        &mut self,
        nodes: &mut BTreeMap<String, Node>,
        manifests: &[PathBuf],
    ) -> Result<Vec<String>, RunError> {
        for manifest in manifests {
            let source = read(manifest)?;
            self.objects.delete(&source)?;
            if let Some(client) = self.client() {
                client.delete(documents(&source)?).await?;
            }
        }
        self.converge(nodes).await
    }

    async fn converge(&mut self, nodes: &mut BTreeMap<String, Node>) -> Result<Vec<String>, RunError> {
        let frontends = metallb::frontends(&self.objects);
        if self.client().is_some() {
            return self.converge_real(nodes, &frontends).await;
        }
        let members = nodes.values_mut().filter(|n| n.role == Role::ClusterNode);
        let notes = try_join_all(members.map(async |node| {
            proxy(node, &frontends).await?;
            let rendered = rendered(&self.objects, self.installed, &self.nodes, node)?;
            // The speaker does not send a configuration that equals the last one.
            match node.conf.as_ref() == Some(&rendered.conf) {
                true => Ok::<_, RunError>(Vec::new()),
                false => gated_reload(node, rendered.conf).await,
            }
        }))
        .await?;
        Ok(notes.into_iter().flatten().collect())
    }

    async fn converge_real(
        &mut self,
        nodes: &mut BTreeMap<String, Node>,
        frontends: &[Frontend],
    ) -> Result<Vec<String>, RunError> {
        let mut ours = BTreeMap::new();
        for node in nodes.values_mut().filter(|n| n.role == Role::ClusterNode) {
            match self.control {
                // kube-proxy does that.
                Control::Kind(_) => node.frontends = frontends.to_vec(),
                Control::Rendered | Control::Speakers(_) => proxy(node, frontends).await?,
            }
            let rendered = rendered(&self.objects, self.installed, &self.nodes, node)?;
            ours.insert(node.name.clone(), rendered.conf);
        }
        let anywhere = self.objects.services_without_slices().cloned().collect();
        let (client, population) = match &mut self.control {
            Control::Rendered => return Ok(Vec::new()),
            Control::Speakers(speakers) => (speakers.client().clone(), &mut speakers.population),
            Control::Kind(kind) => (kind.client().clone(), &mut kind.population),
        };
        population.populate(&client, anywhere, self.nodes.keys()).await?;
        let mut notes = allocate(&client, self.objects.addresses()).await?;
        notes.extend(match &mut self.control {
            Control::Rendered => Vec::new(),
            Control::Speakers(speakers) => speakers.converge(nodes, &ours).await?,
            Control::Kind(kind) => kind.converge(nodes, &ours).await?,
        });
        Ok(notes)
    }

    /// An error if one of its programs has ended.
    pub fn check(&self) -> Result<(), RunError> {
        match &self.control {
            Control::Rendered => Ok(()),
            Control::Speakers(speakers) => speakers.check(),
            Control::Kind(kind) => kind.check(),
        }
    }

    /// Keeps what programs have printed that are no processes of ours.
    pub async fn keep_logs(&self, nodes: &BTreeMap<String, Node>) {
        if let Control::Kind(kind) = &self.control {
            kind.keep_logs(nodes).await;
        }
    }

    pub fn has_extras(&self) -> bool {
        self.objects.extras().is_some()
    }

    /// Deletes the extras and restarts every speaker: what the daemons learnt with them is forgotten, too.
    pub async fn drop_extras(&mut self, nodes: &mut BTreeMap<String, Node>) -> Result<(), RunError> {
        self.objects.drop_extras();
        for node in nodes.values_mut().filter(|n| n.role == Role::ClusterNode) {
            node.conf = Some(rendered(&self.objects, self.installed, &self.nodes, node)?.conf);
            self.restart_speaker(node).await?;
        }
        Ok(())
    }

    /// Restarts a node's speaker pod: its FRR starts empty and gets the whole file by one reload.
    pub async fn restart_speaker(&mut self, node: &mut Node) -> Result<Vec<String>, RunError> {
        let notes = match &mut self.control {
            Control::Rendered => restart(node).await?,
            Control::Speakers(speakers) => speakers.restart(node).await?,
            Control::Kind(kind) => kind.restart(node).await?,
        };
        // The sessions of the new process share nothing with those before, not even their counters.
        node.changed = Some(LastChange { at: Instant::now(), sessions_before: Vec::new() });
        Ok(notes)
    }
}

/// A manifest's documents as the API server gets them.
fn documents(source: &Source) -> Result<Vec<Value>, RunError> {
    let parse = |document: &yaml::Document| Ok(document.parse::<Value>()?);
    yaml::documents(source)?.iter().map(parse).collect()
}

fn rendered(
    objects: &Objects,
    installed: Installed,
    infos: &BTreeMap<String, NodeInfo>,
    node: &Node,
) -> Result<metallb::Rendered, RunError> {
    let failed = |what: String| RunError::Config { node: node.name.clone(), what, hints: Vec::new() };
    let info = infos.get(&node.name).ok_or_else(|| failed("not a node of the cluster".to_string()))?;
    metallb::render(installed.release, installed.mode, objects, info).map_err(|e| failed(e.to_string()))
}
