//! The Kubernetes side of an embedded lab: objects, MetalLB's rendering for each node (ours, or that of real speakers), and reloads
//! that are gated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::future::try_join_all;
use routeproof_model::frr::rejections;
use routeproof_model::metallb::lint::FrrVersion;
use routeproof_model::metallb::{self, Frontend, Mode, NodeInfo, Objects, Release};
use routeproof_model::plan::PlannedRun;
use routeproof_model::topology::Role;

use super::error::RunError;
use super::gate::{gate, save};
use super::load::read;
use super::node::{LastChange, Node};
use super::proxy::proxy;
use super::rehearse::node_infos;
use super::speakers::Speakers;
use crate::cluster::{ProgramSet, Programs};
use crate::frr::{DaemonSpec, Frr, load_conf, reload, start_peers};
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
    /// None where we play the speakers.
    speakers: Option<Speakers>,
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
            speakers: None,
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
        self.speakers = Some(Speakers::start(lab, programs, self.nodes.values(), folder).await?);
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
        if self.speakers.is_some() {
            // Real FRR containers start empty, too, and get their first file by a reload.
            return self.apply(nodes, manifests).await.map(drop);
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
        for manifest in manifests {
            let source = read(manifest)?;
            self.objects.apply(&source)?;
            if let Some(speakers) = &self.speakers {
                speakers.apply(&source).await?;
            }
        }
        self.converge(nodes).await
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
            if let Some(speakers) = &self.speakers {
                speakers.delete(&source).await?;
            }
        }
        self.converge(nodes).await
    }

    async fn converge(&mut self, nodes: &mut BTreeMap<String, Node>) -> Result<Vec<String>, RunError> {
        let frontends = metallb::frontends(&self.objects);
        if self.speakers.is_some() {
            return self.converge_speakers(nodes, &frontends).await;
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

    async fn converge_speakers(
        &mut self,
        nodes: &mut BTreeMap<String, Node>,
        frontends: &[Frontend],
    ) -> Result<Vec<String>, RunError> {
        let mut ours = BTreeMap::new();
        for node in nodes.values_mut().filter(|n| n.role == Role::ClusterNode) {
            proxy(node, frontends).await?;
            let rendered = rendered(&self.objects, self.installed, &self.nodes, node)?;
            ours.insert(node.name.clone(), rendered.conf);
        }
        let Some(speakers) = &mut self.speakers else { return Ok(Vec::new()) };
        let anywhere = self.objects.services_without_slices().cloned().collect();
        speakers.populate(anywhere, self.nodes.keys()).await?;
        let mut notes = speakers.allocate(self.objects.addresses()).await?;
        notes.extend(speakers.converge(nodes, &ours).await?);
        Ok(notes)
    }

    /// An error if one of its programs has ended.
    pub fn check(&self) -> Result<(), RunError> {
        self.speakers.as_ref().map_or(Ok(()), Speakers::check)
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
        let notes = match &mut self.speakers {
            Some(speakers) => speakers.restart(node).await?,
            None => restart_rendered(node).await?,
        };
        // The sessions of the new process share nothing with those before, not even their counters.
        node.changed = Some(LastChange { at: Instant::now(), sessions_before: Vec::new() });
        Ok(notes)
    }
}

async fn restart_rendered(node: &mut Node) -> Result<Vec<String>, RunError> {
    node.vtys.lock().await.clear();
    if let Some(frr) = &mut node.frr {
        frr.restart().await?;
    }
    match node.conf.clone() {
        Some(conf) => gated_reload(node, conf).await,
        None => Ok(Vec::new()),
    }
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

/// Loads a whole file into daemons that have no configuration yet. The result is the same as a first reload's: the last
/// spelling of an entry wins.
async fn cold_load(node: &mut Node, conf: String) -> Result<(), RunError> {
    save(node, "frr.conf.initial", &conf);
    let Some(frr) = &node.frr else { return Ok(()) };
    let loaded = Instant::now();
    let refused = load_conf(&node.handle, frr, &conf).await?;
    if refused.is_empty() {
        start_peers(&node.handle, frr, &conf, loaded).await?;
    }
    gate(node, &conf, &refused, false).await?;
    node.conf = Some(conf);
    node.changed = Some(LastChange { at: Instant::now(), sessions_before: Vec::new() });
    Ok(())
}

/// A reload as MetalLB does it, then the gate.
pub(super) async fn gated_reload(node: &mut Node, conf: String) -> Result<Vec<String>, RunError> {
    let sessions_before = node.sessions().await?;
    node.reloads += 1;
    save(node, &format!("frr.conf.{:02}", node.reloads), &conf);
    let report = reload(&node.handle, &conf).await?;
    save(node, &format!("reload.{:02}.log", node.reloads), &report.text());
    node.changed = Some(LastChange { at: Instant::now(), sessions_before });
    if !report.success() {
        let rejected = rejections(&report.text());
        let what = match rejected.first() {
            Some(r) => format!("FRR rejects `{}`: {}", r.line.trim(), r.reason),
            None => format!("frr-reload.py failed; see {}", node.folder.display()),
        };
        return Err(RunError::Config { node: node.name.clone(), what, hints: rejection_hints(&report) });
    }
    let notes = gate(node, &conf, &[], true).await?;
    node.conf = Some(conf);
    Ok(notes)
}

fn rejection_hints(report: &crate::frr::Reload) -> Vec<String> {
    match report.reload {
        None => vec![
            "frr-reload.py --test refused the file, so MetalLB keeps the old configuration: every later change is stuck \
             until the line is mended"
                .to_string(),
        ],
        Some(_) => Vec::new(),
    }
}
