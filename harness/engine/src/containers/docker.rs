//! The Docker engine: what testcontainers starts, and what its client asks.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use futures::TryStreamExt as _;
use testcontainers::bollard;
use testcontainers::bollard::models::ContainerSummary;
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptionsBuilder, ListNetworksOptions, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder,
};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use routeproof_model::real::{Image, LabName};

use super::error::ContainerError;

/// Labels of our containers; kind labels its own.
const LAB: &str = "routeproof.lab";
const NODE: &str = "routeproof.node";
const KIND: &str = "io.x-k8s.kind.cluster";
/// containerlab its own, too: with its lab's name, and the file of its topology.
const CONTAINERLAB: &str = "containerlab";
const TOPOLOGY: &str = "clab-topo-file";

/// A container that we started. Dropping it removes it, if the process lives long enough; [`Docker::remove`] is sure.
#[derive(Debug)]
pub struct Running {
    container: ContainerAsync<GenericImage>,
    pub pid: i32,
}

impl Running {
    /// Removes it. One that is left is found by its labels.
    pub async fn remove(self) {
        let _ = self.container.rm().await;
    }
}

/// A client of the engine.
#[derive(Clone, Debug)]
pub struct Docker(bollard::Docker);

impl Docker {
    /// The engine that `DOCKER_HOST` names, or this machine's.
    pub fn connect() -> Result<Docker, ContainerError> {
        let client = bollard::Docker::connect_with_defaults();
        client.map(Docker).map_err(|e| ContainerError::Engine(Box::new(e)))
    }

    pub(super) fn client(&self) -> &bollard::Docker {
        &self.0
    }

    /// Starts a container that does nothing, without a network: what runs in it is started by our agent. The image is pulled if the engine
    /// does not have it.
    pub async fn start(&self, lab: &LabName, node: &str, image: &Image) -> Result<Running, ContainerError> {
        let name = format!("{lab}-{node}");
        let request = GenericImage::new(image.name.clone(), image.tag.clone())
            .with_entrypoint("tail")
            .with_cmd(["-f", "/dev/null"])
            .with_container_name(name.clone())
            .with_hostname(node.trim_start_matches('.'))
            .with_network("none")
            .with_privileged(true)
            .with_labels([(LAB, lab.to_string()), (NODE, node.to_string())]);
        let container = request.start().await.map_err(|source| ContainerError::Start {
            name: name.clone(),
            image: image.to_string(),
            source: Box::new(source),
        })?;
        match self.pid(&name).await? {
            Some(pid) => Ok(Running { container, pid }),
            None => Err(ContainerError::Ended { name, image: image.to_string() }),
        }
    }

    /// The first process of a container that runs, in the engine's numbering.
    pub async fn pid(&self, name: &str) -> Result<Option<i32>, ContainerError> {
        let inspected = self.0.inspect_container(name, None::<InspectContainerOptions>).await;
        let state = inspected.map_err(failed(|| format!("inspect container {name}")))?.state;
        Ok(state.and_then(|state| state.pid).and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0))
    }

    /// What a container has printed, as far as it can be had.
    pub async fn output(&self, name: &str) -> Vec<u8> {
        let all = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let parts = self.0.logs(name, Some(all)).try_collect::<Vec<_>>().await;
        parts.into_iter().flatten().flat_map(|part| part.into_bytes()).collect()
    }

    /// Whether the engine has an image.
    pub async fn has(&self, image: &Image) -> Result<bool, ContainerError> {
        match self.0.inspect_image(&image.to_string()).await {
            Ok(_) => Ok(true),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
            Err(e) => Err(failed(|| format!("look for image {image}"))(e)),
        }
    }

    /// The containers of labs, those of their clusters among them, with their names.
    pub async fn containers(&self) -> Result<Vec<(LabName, String)>, ContainerError> {
        let mut found = Vec::new();
        for label in [LAB, KIND, CONTAINERLAB] {
            for container in self.labelled(label).await? {
                let lab = container.labels.as_ref().and_then(|labels| LabName::parse(labels.get(label)?));
                let name = container.names.into_iter().flatten().next();
                if let (Some(lab), Some(name)) = (lab, name) {
                    found.push((lab, name.trim_start_matches('/').to_string()));
                }
            }
        }
        Ok(found)
    }

    /// The topologies of containerlab's part of labs.
    pub async fn deployments(&self) -> Result<BTreeMap<LabName, PathBuf>, ContainerError> {
        let of = |labels: &HashMap<String, String>| {
            Some((LabName::parse(labels.get(CONTAINERLAB)?)?, PathBuf::from(labels.get(TOPOLOGY)?)))
        };
        let all = self.labelled(CONTAINERLAB).await?;
        Ok(all.iter().filter_map(|container| of(container.labels.as_ref()?)).collect())
    }

    async fn labelled(&self, label: &str) -> Result<Vec<ContainerSummary>, ContainerError> {
        let filters = HashMap::from([("label", vec![label])]);
        let all = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.0.list_containers(Some(all)).await.map_err(failed(|| "list containers".to_string()))
    }

    /// The networks of labs: each has its lab's name.
    pub async fn networks(&self) -> Result<Vec<(LabName, String)>, ContainerError> {
        let listed = self.0.list_networks(None::<ListNetworksOptions>).await;
        let listed = listed.map_err(failed(|| "list networks".to_string()))?;
        let names = listed.into_iter().filter_map(|network| network.name);
        Ok(names.filter_map(|name| Some((LabName::parse(&name)?, name))).collect())
    }

    /// Removes every container of a lab, whatever it does, with its volumes, and its network.
    pub async fn remove(&self, lab: &LabName) -> Result<(), ContainerError> {
        for (_, name) in self.containers().await?.into_iter().filter(|(of, _)| of == lab) {
            let at_once = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            match self.0.remove_container(&name, Some(at_once)).await {
                // It has gone meanwhile, or is about to.
                Ok(())
                | Err(bollard::errors::Error::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
                Err(e) => return Err(failed(|| format!("remove container {name}"))(e)),
            }
        }
        for (_, name) in self.networks().await?.into_iter().filter(|(of, _)| of == lab) {
            self.0.remove_network(&name).await.map_err(failed(|| format!("remove network {name}")))?;
        }
        Ok(())
    }
}

fn failed(what: impl FnOnce() -> String) -> impl FnOnce(bollard::errors::Error) -> ContainerError {
    move |source| ContainerError::Ask { what: what(), source: Box::new(source) }
}
