//! Real speakers: each (in frr-k8s mode the frr-k8s beside it) writes its node's frr.conf and asks for a reload, which is done as for the
//! rendered cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use routeproof_model::cluster::first_difference;
use routeproof_model::metallb::NodeInfo;
use routeproof_model::topology::Role;
use serde_json::Value;

use super::error::RunError;
use super::node::Node;
use super::population::Population;
use super::reload::gated_reload;
use crate::cluster::{Client, Plane, ProgramSet, Speaker};
use crate::lab::Lab;

/// How long a speaker may take over what we expect of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Beside the nodes' folders in a run's folder.
const FOLDER: &str = "cluster";

/// The control plane and the speakers of a lab.
#[derive(Debug)]
pub(super) struct Speakers {
    plane: Plane,
    members: BTreeMap<String, Member>,
    /// There is no endpoint controller that would make slices.
    pub population: Population,
}

#[derive(Debug)]
struct Member {
    speaker: Speaker,
    /// What we would have rendered last.
    rendered: String,
}

impl Speakers {
    /// Starts the control plane; no speaker runs yet.
    pub async fn start(
        lab: &Lab,
        programs: ProgramSet,
        members: impl IntoIterator<Item = &NodeInfo>,
        folder: &Path,
    ) -> Result<Speakers, RunError> {
        let folder = folder.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(RunError::Record)?;
        let plane = Plane::start(lab, programs, members, &folder).await?;
        Ok(Speakers { plane, members: BTreeMap::new(), population: Population::default() })
    }

    /// Starts the speakers of nodes that have none, and waits until every node has what its speaker makes of the objects. `rendered` is
    /// what we would make of them, which says how long to wait, and no more.
    pub async fn converge(
        &mut self,
        nodes: &mut BTreeMap<String, Node>,
        rendered: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, RunError> {
        let (plane, mut members) = (&self.plane, std::mem::take(&mut self.members));
        plane.check_alive()?;
        let nodes = nodes.values_mut().filter(|n| n.role == Role::ClusterNode);
        let work = nodes.map(|node| {
            let (member, ours) = (members.remove(&node.name), rendered.get(&node.name).cloned());
            async move {
                let ours = ours.unwrap_or_default();
                let (mut member, changes) = match member {
                    Some(member) => {
                        let changes = member.rendered != ours;
                        (Member { rendered: ours, ..member }, changes)
                    }
                    None => {
                        let speaker = Speaker::start(&node.handle, plane, &node.folder).await?;
                        let changes = speaker.begins_with(&ours);
                        (Member { speaker, rendered: ours }, changes)
                    }
                };
                let notes = member.follow(node, changes).await?;
                Ok::<_, RunError>((node.name.clone(), member, notes))
            }
        });
        let mut notes = Vec::new();
        for (name, member, of_node) in try_join_all(work).await? {
            self.members.insert(name, member);
            notes.extend(of_node);
        }
        Ok(notes)
    }

    /// What asks the API server.
    pub fn client(&self) -> &Client {
        &self.plane.client
    }

    /// Applies a user's manifest. That a program has ended says more than that the API server cannot reach it.
    pub async fn apply(&self, documents: Vec<Value>) -> Result<(), RunError> {
        let applied = self.plane.client.apply(documents).await;
        if applied.is_err() {
            self.plane.check_alive()?;
        }
        Ok(applied?)
    }

    /// An error if a program has ended, or a speaker waits for a reload.
    pub fn check(&self) -> Result<(), RunError> {
        self.plane.check_alive()?;
        Ok(self.members.values().try_for_each(|member| member.speaker.check())?)
    }

    /// Restarts the pod that FRR is in on a node: what writes frr.conf, its reloader's view of things, and FRR, which starts empty.
    pub async fn restart(&mut self, node: &mut Node) -> Result<Vec<String>, RunError> {
        let Some(member) = self.members.get_mut(&node.name) else { return Ok(Vec::new()) };
        member.speaker.end().await;
        node.vtys.lock().await.clear();
        if let Some(frr) = &mut node.frr {
            frr.restart().await?;
        }
        member.speaker.again(&self.plane).await?;
        let changes = member.speaker.begins_with(&member.rendered);
        member.follow(node, changes).await
    }
}

impl Member {
    /// Reloads as often as it is asked to, until the file is what we expect, or nothing more is to come.
    async fn follow(&mut self, node: &mut Node, changes: bool) -> Result<Vec<String>, RunError> {
        let mut notes = Vec::new();
        let debounce = self.speaker.debounce();
        let mut until = Instant::now() + if changes { PATIENCE } else { debounce };
        let mut written = false;
        while let Ok(asked) = tokio::time::timeout_at(until.into(), self.speaker.asks()).await {
            asked?;
            let conf = self.speaker.conf().await?;
            let expected = first_difference(&conf, &self.rendered).is_none();
            notes.extend(gated_reload(node, conf).await?);
            self.speaker.tell().await?;
            let more = if expected { self.speaker.repeats() } else { Some(debounce) };
            let Some(more) = more else { return Ok(notes) };
            written = true;
            until = Instant::now() + more;
        }
        self.speaker.check_alive()?;
        let difference = first_difference(node.conf.as_deref().unwrap_or_default(), &self.rendered);
        match difference {
            _ if changes && !written => notes.push(format!(
                "{}: {} wrote nothing within {} s of a change that changes what routeproof renders; see {}",
                node.name,
                self.speaker.writer(),
                PATIENCE.as_secs(),
                self.speaker.logs()
            )),
            Some(difference) => notes.push(format!(
                "{}: {} wrote another frr.conf than routeproof renders: {difference}",
                node.name,
                self.speaker.writer()
            )),
            None => {}
        }
        Ok(notes)
    }
}
